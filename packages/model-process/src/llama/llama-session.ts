import { readFileSync, rmSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { GemmaError } from '@gemma-cli/contracts';
import type { LoadedModel, WorkerOperations } from '@gemma-cli/contracts/worker-protocol';
import type { AddonContext, AddonGrammarState } from './addon-types.ts';
import { createBatchScheduler } from './batch-scheduler.ts';
import { loadLlamaAddon } from './llama-addon.ts';
import type { LoadedAddon } from './llama-addon.ts';
import { loadFailed, loadLlamaModel } from './llama-model.ts';
import type { LlamaModel } from './llama-model.ts';
import { createLogprobReader } from './logprobs.ts';
import { createSamplerPool, samplerConfig, startGrammar } from './sampling.ts';
import { evaluateOn, generateOn } from './sequence-jobs.ts';
import type { SampledPiece } from './sequence-jobs.ts';
import { createSequenceStates } from './sequence-state.ts';
import type { SequenceState } from './sequence-state.ts';
import { createDraftModel, createDraftSeat, promptLookup } from './speculation.ts';
import type { Drafter } from './speculation.ts';
import { checkStateFile, invalid, openStateFile, sealStateFile } from './state-file.ts';

type Params<Operation extends keyof WorkerOperations> = WorkerOperations[Operation]['params'];
type Result<Operation extends keyof WorkerOperations> = Promise<WorkerOperations[Operation]['result']>;

/** A loaded model with one context: the primitives that the protocol offers. Calls of one sequence must not overlap. */
export interface LlamaSession {
  readonly model: LoadedModel;
  loadDraft(params: Params<'load-draft'>): Result<'load-draft'>;
  tokenize(params: Params<'tokenize'>): Result<'tokenize'>;
  truncate(params: Params<'truncate'>): Result<'truncate'>;
  checkpoint(params: Params<'checkpoint'>): Result<'checkpoint'>;
  copy(params: Params<'copy'>): Result<'copy'>;
  evaluate(params: Params<'evaluate'>, signal: AbortSignal): Result<'evaluate'>;
  generate(params: Params<'generate'>, onPiece: (piece: SampledPiece) => void, signal: AbortSignal): Result<'generate'>;
  saveState(params: Params<'save-state'>): Result<'save-state'>;
  loadState(params: Params<'load-state'>): Result<'load-state'>;
  embed(params: Params<'embed'>, signal: AbortSignal): Result<'embed'>;
  rank(params: Params<'rank'>, signal: AbortSignal): Result<'rank'>;
  setThreads(threads: number): number;
}

type Log = (level: 'info' | 'warn' | 'error', message: string) => void;

/** Most tokens of one batch: llama.cpp's own default, and enough to read weights once for many tokens. */
const batchTokensMax = 512;

/**
 * Loads a model with llama.cpp, on the CPU threads asked for.
 *
 * @throws GemmaError `RUNTIME_NOT_INSTALLED`, `RUNTIME_UNSUPPORTED`, `ENGINE_LOAD_FAILED`, `MODEL_UNSUPPORTED`.
 */
export async function openLlamaSession(params: Params<'load'>, log: Log): Promise<LlamaSession> {
  const loaded = await loadLlamaAddon({ runtimeFolder: params.runtimeFolder, log });
  const { addon, lastError } = loaded;
  const model = await loadLlamaModel(loaded, params.path, log);
  checkPurpose(params, model);
  const contextTokens = Math.min(params.contextTokens, model.trainContextTokens);
  const isText = params.purpose === 'generate';
  const sequenceCount = isText ? params.sequences : 1;
  // An encoder looks at a whole text at once.
  const batchTokens = isText ? Math.min(batchTokensMax, contextTokens) : contextTokens;
  const context = await openContext(loaded, model, { ...params, contextTokens, sequences: sequenceCount, batchTokens });

  /** Sequences whose copied data llama.cpp moves only with the next batch, and what they hold. */
  let owedCopy: { readonly sequence: number; readonly length: number } | undefined;
  const draftSeat = createDraftSeat(params.threads, (dispose) => scheduler.exclusive(dispose));

  async function decodeBatch(): Promise<void> {
    await context.decodeBatch();
    owedCopy = undefined;
  }

  const scheduler = createBatchScheduler({
    target: {
      initBatch: (size) => context.initBatch(size),
      addToBatch: (sequence, position, tokens, outputs) => context.addToBatch(sequence, position, tokens, outputs),
      decodeBatch,
      discard(sequence, position) {
        // A recurrent state takes nothing back: then nothing of the sequence is known any more.
        if (!context.removeTokenCellsFromSequence(sequence, position, -1)) stateAt(sequence).clear();
      },
      setThreads(threads) {
        context.setThreads(threads);
        draftSeat.setThreads(threads);
      },
    },
    batchTokens,
    threads: params.threads,
    now: () => performance.now(),
  });

  const samplers = createSamplerPool(addon, model.native);
  const logprobs = createLogprobReader(addon, model.native, context, model.tokenBytes);
  const states = createSequenceStates({
    addon,
    context,
    model,
    contextTokens,
    sequences: sequenceCount,
    settleCopies,
    copied(sequence, length) {
      owedCopy = { sequence, length };
    },
  });

  /** llama.cpp moves copied data when a batch comes: a batch of one token, taken away again, makes it do so now. */
  async function settleCopies(): Promise<void> {
    if (owedCopy === undefined) return;
    const { sequence } = owedCopy;
    const length = stateAt(sequence).tokens.length;
    context.initBatch(1);
    context.addToBatch(sequence, length, Uint32Array.of(0), new Uint32Array(0));
    try {
      await decodeBatch();
    } catch (error) {
      // A full sequence has no room for the token; the data has been moved before that was found out.
      if (length < contextTokens) throw error;
      owedCopy = undefined;
    }
    context.removeTokenCellsFromSequence(sequence, length, -1);
  }

  function stateAt(index: number): SequenceState {
    const state = states[index];
    if (state === undefined) {
      throw new GemmaError({
        code: 'ENGINE_FAILED',
        message: `Expected a sequence from 0 to ${states.length - 1}, got ${index}.`,
        facts: { sequence: index },
      });
    }
    return state;
  }

  function checkRoom(state: SequenceState, tokens: number): void {
    const needed = state.tokens.length + tokens;
    if (needed <= contextTokens) return;
    throw new GemmaError({
      code: 'CONTEXT_EXCEEDED',
      message: `Expected at most ${contextTokens} tokens in a sequence, and ${needed} were asked for.`,
      facts: { contextTokens, tokens: needed },
    });
  }

  /** What guesses for one call, and how it is given back after. */
  function drafterFor(
    speculation: Params<'generate'>['speculation'],
    sequence: number,
  ): { readonly drafter: Drafter | null; readonly giveBack: () => void } {
    if (speculation === null) return { drafter: null, giveBack: () => {} };
    if (model.hasRecurrentState) {
      throw new GemmaError({
        code: 'OPTION_UNSUPPORTED',
        message: `Models of the architecture ${model.architecture} cannot take guesses back. Leave out speculation.`,
        facts: { capability: 'speculation', architecture: model.architecture },
      });
    }
    if (speculation === 'prompt-lookup') return { drafter: promptLookup, giveBack: () => {} };
    const lent = draftSeat.lend();
    if (lent === undefined) {
      throw new GemmaError({
        code: 'ENGINE_FAILED',
        message: "Expected 'load-draft' before a call with speculation 'draft'.",
      });
    }
    return { drafter: lent.draft.forSequence(sequence), giveBack: lent.giveBack };
  }

  /** What a saved state belongs to: everything that decides whether its numbers mean the same. */
  const stateOwner = [
    loaded.version,
    loaded.build,
    model.architecture,
    model.native.getTotalSize(),
    contextTokens,
    batchTokens,
    params.compactCache,
  ].join('|');

  /** One text at a time: the addon gives the vector of the first sequence only. */
  async function vectorOf(tokens: readonly number[], signal: AbortSignal, index: number): Promise<Float64Array> {
    if (tokens.length === 0 || tokens.length > contextTokens) {
      throw new GemmaError({
        code: tokens.length === 0 ? 'REQUEST_INVALID' : 'CONTEXT_EXCEEDED',
        message: `Expected 1 to ${contextTokens} tokens to make a vector of, got ${tokens.length}.`,
        facts: { index, contextTokens, tokens: tokens.length },
      });
    }
    return scheduler.exclusive(async () => {
      if (signal.aborted) throw new GemmaError({ code: 'ABORTED', message: 'The call was aborted.' });
      context.initBatch(tokens.length);
      context.addToBatch(0, 0, Uint32Array.from(tokens), Uint32Array.of(tokens.length - 1));
      await context.decodeBatch();
      const vector = context.getEmbedding(tokens.length);
      context.disposeSequence(0);
      return vector;
    });
  }

  return {
    model: describe(params, loaded, model, contextTokens, batchTokens),

    async loadDraft({ path }) {
      const draft = await loadLlamaModel(loaded, path, log);
      const draftContext = await openContext(loaded, draft, {
        ...params,
        path,
        contextTokens,
        sequences: sequenceCount,
        batchTokens,
      });
      try {
        context.ensureDraftContextIsCompatibleForSpeculative(draftContext);
      } catch (cause) {
        await draftContext.dispose();
        await draft.native.dispose();
        throw new GemmaError({
          code: 'MODEL_UNSUPPORTED',
          message: `Expected a draft model with the vocabulary of ${params.path}. ${(cause as Error).message}. Take a smaller model of the same family.`,
          facts: { path },
          cause,
        });
      }
      const greedy = new addon.AddonSampler(draft.native);
      greedy.applyConfig({ temperature: 0 });
      draftSeat.replace(
        createDraftModel({
          architecture: draft.architecture,
          native: draft.native,
          context: draftContext,
          greedy,
          sequences: sequenceCount,
          contextTokens,
          batchTokens,
          windowTokens: draft.windowTokens,
        }),
      );
      return { architecture: draft.architecture };
    },

    async tokenize({ input }) {
      return { tokens: await model.tokenize(input) };
    },

    async truncate({ sequence, tokens }) {
      const state = stateAt(sequence);
      return { kept: await scheduler.exclusive(() => state.truncate(tokens)) };
    },

    async checkpoint({ sequence, keepMax }) {
      const state = stateAt(sequence);
      return { bytes: await scheduler.exclusive(() => state.checkpoint(keepMax)) };
    },

    async copy({ from, to, tokens }) {
      const [source, target] = [stateAt(from), stateAt(to)];
      return { kept: await scheduler.exclusive(() => target.copyFrom(source, tokens)) };
    },

    async evaluate(call, signal) {
      const state = stateAt(call.sequence);
      checkRoom(state, call.tokens.length);
      return evaluateOn(scheduler, state, call, signal);
    },

    async generate(call, onPiece, signal) {
      const state = stateAt(call.sequence);
      if (call.tokens.length === 0 || call.maxTokens < 1) {
        throw new GemmaError({
          code: 'REQUEST_INVALID',
          message: `Expected at least one token to append and one to sample, got ${call.tokens.length} and ${call.maxTokens}.`,
        });
      }
      checkRoom(state, call.tokens.length);
      const grammar: AddonGrammarState | null =
        call.grammar === null ? null : await startGrammar(addon, model.native, call.grammar, lastError);
      const sampler = samplers.take(samplerConfig(call.sampling, { grammar, contextTokens }));
      const top = call.logprobs;
      let giveBack = (): void => {};
      try {
        const guessing = drafterFor(call.speculation, call.sequence);
        giveBack = guessing.giveBack;
        return await generateOn(
          scheduler,
          state,
          {
            tokens: call.tokens,
            maxTokens: call.maxTokens,
            alone: call.alone,
            contextTokens,
            sample: (output) => context.sampleToken(output, sampler),
            isEnd: (token) => model.native.isEogToken(token),
            readLogprobs: top === null ? null : (output, token) => logprobs.read(output, token, top),
            drafter: guessing.drafter,
            discard: (position) => context.removeTokenCellsFromSequence(call.sequence, position, -1),
            tokenBytes: model.tokenBytes,
            onPiece,
          },
          signal,
        );
      } finally {
        giveBack();
        samplers.give(sampler);
      }
    },

    async saveState({ sequence, path }) {
      const state = stateAt(sequence);
      return scheduler.exclusive(async () => {
        await settleCopies();
        openStateFile(path);
        try {
          const written = await context.saveSequenceStateToFile(path, sequence, Uint32Array.from(state.tokens));
          return { bytes: sealStateFile(path, stateOwner, written), tokens: state.tokens.length };
        } catch (cause) {
          rmSync(path, { force: true });
          if (cause instanceof GemmaError) throw cause;
          throw new GemmaError({
            code: (cause as NodeJS.ErrnoException).code === 'ENOSPC' ? 'DISK_FULL' : 'FILE_UNREADABLE',
            message: `The state of a sequence could not be written to ${path}: ${(await lastError()) ?? (cause as Error).message}.`,
            facts: { path },
            cause,
          });
        }
      });
    },

    async loadState({ sequence, path, tokens }) {
      const state = stateAt(sequence);
      return scheduler.exclusive(async () => ({
        kept: await state.restore(async () => {
          checkStateFile(path, stateOwner, tokens);
          try {
            return await context.loadSequenceStateFromFile(path, sequence, contextTokens);
          } catch (cause) {
            throw invalid(path, 'foreign', (await lastError()) ?? (cause as Error).message, cause);
          }
        }),
      }));
    },

    async embed({ inputs }, signal) {
      if (params.purpose !== 'embed') throw wrongPurpose('embed', params.purpose);
      const vectors: string[] = [];
      for (const [index, tokens] of inputs.entries()) {
        const vector = Float32Array.from(await vectorOf(tokens, signal, index));
        vectors.push(Buffer.from(vector.buffer).toString('base64'));
      }
      return { vectors };
    },

    async rank({ query, passages, truncate }, signal) {
      if (params.purpose !== 'rank') throw wrongPurpose('rank', params.purpose);
      const scores: number[] = [];
      for (const [index, passage] of passages.entries()) {
        const tokens = truncate ? fitPair(model, query, passage, contextTokens) : model.tokenizePair(query, passage);
        scores.push((await vectorOf(tokens, signal, index))[0] ?? Number.NaN);
      }
      return { scores };
    },

    setThreads(threads) {
      scheduler.setThreads(threads);
      return threads;
    },
  };
}

/** Memory of this process. Linux tells what is not backed by files; elsewhere it is not known. */
export function processMemory(): WorkerOperations['memory']['result'] {
  return { resident: process.memoryUsage.rss(), anonymous: anonymousBytes() };
}

function anonymousBytes(): number | null {
  let status: string;
  try {
    status = readFileSync('/proc/self/status', 'utf8');
  } catch {
    return null;
  }
  const kilobytes = (key: string): number =>
    Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? Number.NaN);
  const bytes = (kilobytes('RssAnon') + kilobytes('VmSwap')) * 1024;
  return Number.isFinite(bytes) ? bytes : null;
}

interface ContextWishes {
  readonly path: string;
  readonly contextTokens: number;
  readonly sequences: number;
  readonly batchTokens: number;
  readonly threads: number;
  readonly purpose: 'generate' | 'embed' | 'rank';
  readonly compactCache: boolean;
}

async function openContext(
  { addon, lastError }: LoadedAddon,
  model: LlamaModel,
  wishes: ContextWishes,
): Promise<AddonContext> {
  const { contextTokens, sequences, batchTokens, threads, purpose, compactCache, path } = wishes;
  const eightBits = compactCache ? addon.getGgmlType('Q8_0') : undefined;
  const isText = purpose === 'generate';
  const context = new addon.AddonContext(model.native, {
    // Each sequence has cells of its own; llama.cpp divides them evenly, in steps of 256.
    contextSize: Math.ceil(contextTokens / 256) * 256 * sequences,
    batchSize: batchTokens,
    sequences,
    // llama.cpp turns it off by itself where the device or the model cannot.
    flashAttention: 'auto',
    threads,
    embeddings: !isText,
    ranking: purpose === 'rank',
    ...(eightBits === undefined ? {} : { kvCacheKeyType: eightBits, kvCacheValueType: eightBits }),
  });
  let cause: unknown;
  let isOpen = false;
  try {
    isOpen = await context.init();
  } catch (error) {
    cause = error;
  }
  if (isOpen) return context;
  const reason = (cause as Error | undefined)?.message ?? (await lastError()) ?? 'llama.cpp gave no reason';
  throw loadFailed(
    path,
    `a context of ${sequences} × ${contextTokens} tokens could not be made (${reason}); fewer tokens or sequences need less memory`,
    cause,
  );
}

/** Refuses a model that cannot do what it is loaded for. */
function checkPurpose({ purpose, path }: Params<'load'>, model: LlamaModel): void {
  const isVectorModel = model.pooling !== null || model.isReranker;
  const fits = { generate: !isVectorModel, embed: model.pooling !== null, rank: model.isReranker }[purpose];
  if (fits) return;
  const what = { generate: 'a model that writes text', embed: 'an embedding model', rank: 'a reranking model' }[
    purpose
  ];
  throw new GemmaError({
    code: 'MODEL_UNSUPPORTED',
    message: `Expected ${what}, and ${path} is ${model.isReranker ? 'a reranking model' : isVectorModel ? 'an embedding model' : 'a model that writes text'} (${model.architecture}).`,
    facts: { path, purpose, architecture: model.architecture },
  });
}

function describe(
  { purpose }: Params<'load'>,
  loaded: LoadedAddon,
  model: LlamaModel,
  contextTokens: number,
  batchTokens: number,
): LoadedModel {
  const isText = purpose === 'generate';
  return {
    architecture: model.architecture,
    contextTokens,
    trainContextTokens: model.trainContextTokens,
    batchTokens,
    runtime: { name: 'llama.cpp', version: loaded.version, build: loaded.build },
    capabilities: {
      seed: true,
      stopStrings: true,
      topP: true,
      minP: true,
      repeatPenalty: true,
      extendedSampling: true,
      perRequestSampling: true,
      tokenCounts: true,
      inBandAbort: true,
      schema: isText,
      logprobs: isText,
      speculation: isText && !model.hasRecurrentState,
      embeddings: model.pooling !== null,
      ranking: model.isReranker,
      savedState: isText,
      chat: isText && model.hasChatTemplate,
    },
    embedding:
      model.pooling === null ? null : { dimensions: model.native.getEmbeddingVectorSize(), pooling: model.pooling },
  };
}

/** Shortens the passage until the pair fits. */
function fitPair(model: LlamaModel, query: string, passage: string, tokensMax: number): number[] {
  let text = passage;
  for (;;) {
    const tokens = model.tokenizePair(query, text);
    if (tokens.length <= tokensMax || text === '') return tokens;
    // Characters go in proportion to the tokens that are too many, and at least one each time.
    const keep = Math.min(text.length - 1, Math.floor((text.length * tokensMax) / tokens.length));
    text = text.slice(0, Math.max(0, keep));
  }
}

function wrongPurpose(operation: string, purpose: string): GemmaError {
  return new GemmaError({
    code: 'ENGINE_FAILED',
    message: `'${operation}' needs a model loaded for it; this one was loaded for '${purpose}'.`,
    facts: { operation, purpose },
  });
}
