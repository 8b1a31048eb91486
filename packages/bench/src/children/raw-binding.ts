import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import type * as NodeLlamaCpp from 'node-llama-cpp';

type Binding = typeof NodeLlamaCpp;

/** What came of one prompt. Times are of `performance.now()`. */
export interface RawAnswer {
  readonly startedAt: number;
  readonly tokensAt: readonly number[];
  /** Tokens of the prompt that were computed. */
  readonly evaluatedTokens: number;
}

/** The public interface of node-llama-cpp with its own evaluate loop: what one would write without an engine. */
export interface RawBinding {
  /** Threads that compute. */
  readonly threads: number;
  /** Greedy. Stops early when `onToken` says so. */
  ask(text: string, maxTokens: number, onToken?: (at: number) => boolean): Promise<RawAnswer>;
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

/** Loads a model. @param threads - Default: the library's. */
export async function openRawBinding(
  modelPath: string,
  { threads, contextTokens }: { readonly threads: number | undefined; readonly contextTokens: number },
): Promise<RawBinding> {
  const entry = createRequire(import.meta.url).resolve('node-llama-cpp');
  const { getLlama, LlamaLogLevel } = (await import(pathToFileURL(entry).href)) as Binding;
  const llama = await getLlama({
    gpu: 'auto',
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    logLevel: LlamaLogLevel.error,
    ...(threads === undefined ? {} : { maxThreads: threads }),
  });
  const model = await llama.loadModel({ modelPath });
  const context = await model.createContext({
    contextSize: contextTokens,
    ...(threads === undefined ? {} : { threads }),
  });
  const sequence = context.getSequence();
  return {
    threads: llama.maxThreads,
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
      return { startedAt, tokensAt, evaluatedTokens: fresh.length };
    },
    async close() {
      await llama.dispose();
    },
  };
}
