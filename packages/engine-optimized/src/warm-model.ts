import type { EngineEvent, EngineStatus, ModelFile } from '@gemma-cli/contracts';
import type { LoadedModel } from '@gemma-cli/contracts/worker-protocol';
import { openModel } from '@gemma-cli/model-process';
import type { BatchFacts, EngineSettings, ModelProcess } from '@gemma-cli/model-process';
import { createChunkPolicy } from './chunk-policy.ts';
import type { ChunkPolicy } from './chunk-policy.ts';
import { createSlots } from './slot.ts';
import type { Slot } from './slot.ts';
import { createIdleMeter } from './idle-cores.ts';
import { createThreadController } from './thread-controller.ts';

/** A loaded model that stays. */
export interface WarmModel {
  readonly file: Required<ModelFile>;
  readonly process: ModelProcess;
  readonly model: LoadedModel;
  readonly slots: readonly Slot[];
  readonly chunks: ChunkPolicy;
  /** Threads that compute now. */
  readonly threads: number;
  /** Milliseconds that a token of a prompt cost lately. */
  readonly msPerPromptToken: number;
  /** Most bytes of checkpoints a slot keeps, as a number of checkpoints; `0` = the model needs none. `null` = not known yet. */
  checkpointsMax: number | null;
  /** Hears of every batch once: what it cost decides over threads and chunks. */
  observe(kind: 'decode' | 'evaluate', batch: BatchFacts): void;
  /** Joins the answers that are told of changed threads. Gives how to leave. */
  listen(emit: (event: EngineEvent) => void): () => void;
  /** Asks the process for a sign of life: less than a millisecond, and tells one that died a moment ago from a living one. */
  ping(signal: AbortSignal): Promise<void>;
  /** Loads the model that guesses ahead, once. */
  loadDraft(path: string, signal: AbortSignal): Promise<void>;
  /** Bytes of anonymous memory that the process grew since it was loaded; `null` = the system does not tell. */
  grownBytes(): Promise<number | null>;
  status(): Pick<
    EngineStatus['processes'][number],
    'threads' | 'threadsReason' | 'contextTokens' | 'cachedTokens' | 'memoryBytes'
  >;
  close(): Promise<void>;
}

/** Which model to open, and how. */
export interface OpenWarmModelOptions {
  readonly file: Required<ModelFile>;
  readonly contextTokens: number;
  readonly slots: number;
  readonly settings: EngineSettings;
  readonly signal: AbortSignal;
  /** Throws when the model must not be loaded. */
  readonly beforeLoad: () => Promise<void>;
  readonly onSpawn: (process: ModelProcess) => void;
}

/** Loads a model that stays, with the state of its slots, threads and chunks. */
export async function openWarmModel({
  file,
  contextTokens,
  slots: slotCount,
  settings,
  signal,
  beforeLoad,
  onSpawn,
}: OpenWarmModelOptions): Promise<{ readonly warm: WarmModel; readonly loadMs: number }> {
  await beforeLoad();
  const { process, model, loadMs } = await openModel({
    path: file.path,
    contextTokens,
    sequences: slotCount,
    settings,
    signal,
    onSpawn,
  });
  const slots = createSlots(slotCount);
  const listeners = new Set<(event: EngineEvent) => void>();
  const chunks = createChunkPolicy({ chunkMsMax: settings.chunkMsMax, batchTokens: model.batchTokens });
  const controller = createThreadController({
    threadsMax: settings.threads,
    threadsMin: settings.adaptThreads ? 1 : settings.threads,
    idleCores: createIdleMeter(),
  });
  /** The batch that was under way when the threads were changed ran on the old number. */
  let batchesToSkip = 0;
  let msPerPromptToken = 5;
  let loadedBytes: number | null = null;
  let memoryBytes: number | null = null;
  let draft: { readonly path: string; readonly loaded: Promise<unknown> } | undefined;

  async function measureMemory(): Promise<number | null> {
    const { resident, anonymous } = await process.call('memory', {});
    memoryBytes = resident;
    return anonymous;
  }

  loadedBytes = await measureMemory();
  const warm: WarmModel = {
    file,
    process,
    model,
    slots,
    chunks,
    checkpointsMax: null,
    get threads() {
      return controller.threads;
    },
    get msPerPromptToken() {
      return msPerPromptToken;
    },
    observe(kind, { ms, batchTokens }) {
      if (batchesToSkip > 0) {
        batchesToSkip -= 1;
        return;
      }
      const sequences = kind === 'decode' ? batchTokens : 1;
      if (kind === 'evaluate') {
        chunks.observe({ tokens: batchTokens, ms, threads: controller.threads });
        msPerPromptToken = ms / batchTokens;
      }
      const step = controller.observe({ kind, tokens: batchTokens, sequences, ms });
      if (step === undefined) return;
      const { from, to, reason } = step;
      settings.log(`${file.name}: ${from} → ${to} threads (${reason})`);
      for (const emit of listeners) emit({ type: 'threads-changed', from, to, reason });
      if (kind === 'decode') batchesToSkip = 1;
      // A process that is gone says so to whoever waits for its answer.
      process.call('set-threads', { threads: to }).catch(() => {});
    },
    listen(emit) {
      listeners.add(emit);
      return () => {
        listeners.delete(emit);
      };
    },
    async ping(stop) {
      await process.call('set-threads', { threads: controller.threads }, { signal: stop });
    },
    async loadDraft(path, stop) {
      if (draft?.path !== path) draft = { path, loaded: process.call('load-draft', { path }, { signal: stop }) };
      try {
        await draft.loaded;
      } catch (error) {
        draft = undefined;
        throw error;
      }
    },
    async grownBytes() {
      if (process.ended) return null;
      // A process that ended meanwhile has nothing to be recycled.
      const anonymous = await measureMemory().catch(() => null);
      return anonymous === null || loadedBytes === null ? null : anonymous - loadedBytes;
    },
    status: () => ({
      threads: controller.threads,
      threadsReason: controller.reason,
      contextTokens: model.contextTokens,
      cachedTokens: slots.reduce((sum, { ledger }) => sum + ledger.tokens.length, 0),
      memoryBytes,
    }),
    close: () => process.close(),
  };
  return { warm, loadMs };
}
