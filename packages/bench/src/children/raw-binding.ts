import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type * as NodeLlamaCpp from 'node-llama-cpp';
import { anonBytesOf } from './process-memory.ts';
import type { PeerAnswer } from './measure-peer.ts';

type Binding = typeof NodeLlamaCpp;

/** The public interface of node-llama-cpp with its own evaluate loop: what one would write without an engine. */
export interface RawBinding {
  /** Threads that compute. */
  readonly threads: number;
  /** Anonymous memory that making the context took, in bytes. `null` where the system does not tell. */
  readonly contextBytes: number | null;
  /** Greedy. Stops early when `onToken` says so. */
  ask(text: string, maxTokens: number, onToken?: (at: number) => boolean): Promise<PeerAnswer>;
  close(): Promise<void>;
}

/** Whether node-llama-cpp can be found from here. */
export function hasRawBinding(): boolean {
  try {
    createRequire(import.meta.url).resolve('node-llama-cpp');
    return true;
  } catch {
    // Not installed beside this package: measured without it, and said so.
    return false;
  }
}

/** How the binding opens a model. */
export interface RawBindingSettings {
  /** Default: the library's. */
  readonly threads?: number | undefined;
  readonly contextTokens: number;
  /** All cells in place of Gemma's sliding window. Default: the library's, which is the window. */
  readonly swaFullCache?: boolean;
}

/** Loads a model, for the processor. */
export async function openRawBinding(
  modelPath: string,
  { threads, contextTokens, swaFullCache }: RawBindingSettings,
): Promise<RawBinding> {
  const entry = createRequire(import.meta.url).resolve('node-llama-cpp');
  const { getLlama, LlamaLogLevel } = (await import(pathToFileURL(entry).href)) as Binding;
  const llama = await getLlama({
    // By itself it would take a graphics card that it finds, which the engines beside it do not.
    gpu: false,
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    logLevel: LlamaLogLevel.error,
    ...(threads === undefined ? {} : { maxThreads: threads }),
  });
  const model = await llama.loadModel({ modelPath });
  const anonBytesBefore = anonBytesOf(process.pid);
  const context = await model.createContext({
    contextSize: contextTokens,
    ...(threads === undefined ? {} : { threads }),
    ...(swaFullCache === undefined ? {} : { swaFullCache }),
  });
  const anonBytesAfter = anonBytesOf(process.pid);
  const sequence = context.getSequence();
  return {
    threads: llama.maxThreads,
    contextBytes: anonBytesBefore === null || anonBytesAfter === null ? null : anonBytesAfter - anonBytesBefore,
    async ask(text, maxTokens, onToken = () => true) {
      const startedAt = performance.now();
      const { bos } = model.tokens;
      const tokens = [...(bos === null ? [] : [bos]), ...model.tokenize(text, false)];
      await sequence.adaptStateToTokens(tokens.slice(0, -1), false);
      const fresh = tokens.slice(sequence.nextTokenIndex);
      const tokensAt: number[] = [];
      for await (const token of sequence.evaluate(fresh, { temperature: 0 })) {
        // As text, which a caller wants of it too.
        model.detokenize([token]);
        const at = performance.now();
        tokensAt.push(at);
        if (!onToken(at) || tokensAt.length >= maxTokens) break;
      }
      return { startedAt, tokensAt, outputTokens: tokensAt.length, evaluatedTokens: fresh.length };
    },
    async close() {
      await llama.dispose();
    },
  };
}
