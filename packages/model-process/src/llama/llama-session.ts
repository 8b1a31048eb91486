import type { LlamaContext, LlamaContextSequence, LlamaModel, Llama, Token } from 'node-llama-cpp';
import { GemmaError, isGemmaError } from '@gemma-cli/contracts';
import type { LoadedModel, TokenizeInput, WorkerOperations } from '@gemma-cli/contracts/worker-protocol';
import { renderChat } from './chat-template.ts';
import { importLlamaRuntime, notInstalled } from './llama-runtime.ts';
import type { LlamaModule } from './llama-runtime.ts';
import { createPieceDecoder } from './piece-decoder.ts';

/** A loaded model with one context: the primitives that the protocol offers. */
export interface LlamaSession {
  readonly model: LoadedModel;
  tokenize(input: TokenizeInput): readonly number[];
  truncate(params: WorkerOperations['truncate']['params']): Promise<WorkerOperations['truncate']['result']>;
  evaluate(params: WorkerOperations['evaluate']['params']): Promise<WorkerOperations['evaluate']['result']>;
  generate(
    params: WorkerOperations['generate']['params'],
    onPiece: (token: number, text: string) => void,
    signal: AbortSignal,
  ): Promise<WorkerOperations['generate']['result']>;
  setThreads(threads: number): number;
}

/** Tokens of the answer that a repeat penalty looks back on: llama.cpp's own default. */
const repeatWindowTokens = 64;

/** Architectures that give vectors, not text. */
const embeddingArchitectures = new Set(['bert', 'nomic-bert', 'jina-bert-v2', 'gemma-embedding', 't5encoder']);

/**
 * Loads a model with llama.cpp, on the CPU threads asked for, never on the library's default of at least four.
 *
 * @throws GemmaError `RUNTIME_NOT_INSTALLED`, `ENGINE_LOAD_FAILED`.
 */
export async function openLlamaSession(
  { path, contextTokens, sequences: sequenceCount, threads, runtimeFolder }: WorkerOperations['load']['params'],
  log: (level: 'info' | 'warn' | 'error', message: string) => void,
): Promise<LlamaSession> {
  const { module, version } = await importLlamaRuntime(runtimeFolder);
  const llama = await startLlama(module, threads, runtimeFolder, log);
  const { model, context } = await loadModel(llama, path, contextTokens, sequenceCount);
  const sequences = Array.from({ length: sequenceCount }, () => context.getSequence());
  const template = chatTemplate(model);
  const windowTokens = slidingWindowTokens(model);

  function sequenceAt(index: number): LlamaContextSequence {
    const sequence = sequences[index];
    if (sequence === undefined) {
      throw new GemmaError({
        code: 'ENGINE_FAILED',
        message: `Expected a sequence from 0 to ${sequences.length - 1}, got ${index}.`,
        facts: { sequence: index },
      });
    }
    return sequence;
  }

  return {
    model: {
      architecture: model.fileInfo.metadata.general.architecture,
      contextTokens: context.contextSize,
      trainContextTokens: model.trainContextSize,
      runtime: { name: 'llama.cpp', version: `${llama.llamaCppRelease.release} (node-llama-cpp ${version})` },
      capabilities: {
        seed: true,
        stopStrings: true,
        minP: true,
        repeatPenalty: true,
        perRequestSampling: true,
        tokenCounts: true,
        inBandAbort: true,
        schema: false,
        embeddings: embeddingArchitectures.has(model.fileInfo.metadata.general.architecture),
        savedState: false,
        chat: template !== undefined,
      },
    },

    tokenize(input) {
      return input.type === 'text' ? tokenizeText(model, input.text) : tokenizeChat(model, template, input.messages);
    },

    async truncate({ sequence: index, tokens }) {
      const sequence = sequenceAt(index);
      if (tokens >= sequence.nextTokenIndex) return { kept: sequence.nextTokenIndex };
      // A token attends to the window before it. Cells that slid out of the window are gone for good, so a cut further
      // back than what is left of them would compute with a hole. The binding itself does not check this.
      const isWindowWhole = sequence.stateCellsStartIndex <= Math.max(0, tokens - windowTokens);
      if (isWindowWhole) await sequence.adaptStateToTokens(sequence.contextTokens.slice(0, tokens), false);
      else await sequence.clearHistory();
      return { kept: sequence.nextTokenIndex };
    },

    async evaluate({ sequence: index, tokens }) {
      const sequence = sequenceAt(index);
      await sequence.evaluateWithoutGeneratingNewTokens(tokens as Token[]);
      return { length: sequence.nextTokenIndex };
    },

    async generate({ sequence: index, tokens, maxTokens, sampling }, onPiece, signal) {
      const sequence = sequenceAt(index);
      const decoder = createPieceDecoder((pieces, before) =>
        model.detokenize(pieces as Token[], false, before as Token[]),
      );
      const recent: Token[] = [];
      let reason: 'stop' | 'length' | 'aborted' = 'stop';
      let count = 0;
      const sampled = sequence.evaluate(tokens as Token[], {
        temperature: sampling.temperature,
        topK: sampling.topK,
        topP: sampling.topP,
        minP: sampling.minP,
        seed: sampling.seed,
        ...(sampling.repeatPenalty === 1
          ? {}
          : { repeatPenalty: { penalty: sampling.repeatPenalty, punishTokens: () => recent } }),
      });
      for await (const token of sampled) {
        if (signal.aborted) {
          reason = 'aborted';
          break;
        }
        count += 1;
        recent.push(token);
        if (recent.length > repeatWindowTokens) recent.shift();
        onPiece(token, decoder.write(token));
        if (count >= maxTokens) {
          reason = 'length';
          break;
        }
      }
      // A character that our limit cut is left out; one that the model itself left unfinished is shown as U+FFFD.
      const rest = reason === 'stop' ? decoder.end() : decoder.end().replace(/\uFFFD+$/, '');
      if (rest !== '') onPiece(-1, rest);
      return { reason, length: sequence.nextTokenIndex };
    },

    setThreads(count) {
      llama.maxThreads = count;
      return llama.maxThreads;
    },
  };
}

async function startLlama(
  module: LlamaModule,
  threads: number,
  runtimeFolder: string | null,
  log: (level: 'info' | 'warn' | 'error', message: string) => void,
): Promise<Llama> {
  try {
    return await module.getLlama({
      gpu: 'auto',
      build: 'never',
      skipDownload: true,
      progressLogs: false,
      maxThreads: threads,
      logLevel: module.LlamaLogLevel.warn,
      logger: (level, message) => {
        const isError = level === module.LlamaLogLevel.error || level === module.LlamaLogLevel.fatal;
        log(isError ? 'error' : 'warn', message.trim());
      },
    });
  } catch (cause) {
    if ((cause as Error).name === 'NoBinaryFoundError') {
      throw notInstalled('has no binary for this machine', runtimeFolder, cause);
    }
    throw loadFailed('the llama.cpp library', cause);
  }
}

async function loadModel(
  llama: Llama,
  path: string,
  contextTokens: number,
  sequences: number,
): Promise<{ readonly model: LlamaModel; readonly context: LlamaContext }> {
  try {
    // Without mmap: a file that is cut short under a running model would end the process with SIGBUS.
    const model = await llama.loadModel({ modelPath: path, useMmap: false });
    const context = await model.createContext({
      contextSize: Math.min(contextTokens, model.trainContextSize),
      sequences,
      // 0 = as many as llama.maxThreads says at the moment, so that `set-threads` works in both directions.
      threads: { ideal: 0, min: 1 },
    });
    return { model, context };
  } catch (cause) {
    if (isGemmaError(cause)) throw cause;
    throw loadFailed(path, cause);
  }
}

function loadFailed(what: string, cause: unknown): GemmaError {
  return new GemmaError({
    code: 'ENGINE_LOAD_FAILED',
    message: `Loading ${what} failed: ${(cause as Error).message}. \`gemma doctor\` checks the file, the memory and the runtime.`,
    facts: { path: what },
    cause,
  });
}

function chatTemplate(model: LlamaModel): string | undefined {
  const template = model.fileInfo.metadata.tokenizer?.chat_template;
  return typeof template === 'string' && template !== '' ? template : undefined;
}

/** Tokens that the sliding layers look back; without such layers every cell is kept and 0 is enough. */
function slidingWindowTokens(model: LlamaModel): number {
  const { metadata } = model.fileInfo;
  const architecture = (metadata as unknown as Record<string, unknown>)[metadata.general.architecture] as
    | { readonly attention?: { readonly sliding_window?: number | bigint } }
    | undefined;
  return Number(architecture?.attention?.sliding_window ?? 0);
}

function tokenizeText(model: LlamaModel, text: string): Token[] {
  const tokens = model.tokenize(text, false);
  const { bos, shouldPrependBosToken } = model.tokens;
  return shouldPrependBosToken && bos !== null ? [bos, ...tokens] : tokens;
}

function tokenizeChat(
  model: LlamaModel,
  template: string | undefined,
  messages: Extract<TokenizeInput, { type: 'chat' }>['messages'],
): Token[] {
  if (template === undefined) {
    throw new GemmaError({
      code: 'OPTION_UNSUPPORTED',
      message:
        'A conversation needs a chat template, and this model file has none: it is a base model. Send a completion.',
      facts: { capability: 'chat' },
    });
  }
  const { bos, bosString, eosString, shouldPrependBosToken } = model.tokens;
  const segments = renderChat(template, messages, { bos: bosString ?? '', eos: eosString ?? '' });
  const tokens = segments.flatMap(({ text, fromTemplate }, index) =>
    model.tokenize(text, fromTemplate, index === 0 ? undefined : 'trimLeadingSpace'),
  );
  return shouldPrependBosToken && bos !== null && tokens[0] !== bos ? [bos, ...tokens] : tokens;
}
