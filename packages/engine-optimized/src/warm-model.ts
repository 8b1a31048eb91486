import { stat } from 'node:fs/promises';
import type { EngineEvent, EngineStatus, ModelFile } from '@gemma-cli/contracts';
import type { LoadedModel } from '@gemma-cli/contracts/worker-protocol';
import { loadDraft, openModel, untilAborted } from '@gemma-cli/model-process';
import type { BatchFacts, EngineSettings, ModelProcess } from '@gemma-cli/model-process';
import { createChunkPolicy } from './chunk-policy.ts';
import type { ChunkPolicy } from './chunk-policy.ts';
import { createSlots } from './slot.ts';
import type { Slot } from './slot.ts';
import { createThreadController } from './thread-controller.ts';
import type { ThreadStep } from './thread-controller.ts';

/** A loaded model that stays. */
export interface WarmModel {
  readonly file: Required<ModelFile>;
  /** Of the file that was loaded; `undefined` when it was replaced meanwhile, so that nobody knows which one was. */
  readonly fileFacts: { readonly size: number; readonly mtimeMs: number; readonly ino: number } | undefined;
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
  /** Bytes of one checkpoint; 0 = not known yet, or none are needed. */
  checkpointBytes: number;
  /** Hears of every batch once: what it cost decides over threads and chunks. */
  observe(kind: 'decode' | 'evaluate', batch: BatchFacts): void;
  /** Looks at the idle cores before the first batch after a time without any. `ownCores`: what the process itself used in it. */
  resume(ownCores: number): void;
  /** Joins the answers that are told of changed threads. Gives how to leave. */
  listen(emit: (event: EngineEvent) => void): () => void;
  /** Asks the process for a sign of life: less than a millisecond, and tells one that died a moment ago from a living one. */
  ping(signal: AbortSignal): Promise<void>;
  /** Loads the model that guesses ahead, once for each file that is there. */
  loadDraft(path: string, signal: AbortSignal): Promise<void>;
  /**
   * Bytes of anonymous memory that the process grew since it was loaded, without draft models and checkpoints, which are
   * meant to be there; `null` = the system does not tell.
   */
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
  /** Makes a meter of the machine's idle cores. */
  readonly createIdleMeter: () => () => number | undefined;
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
  createIdleMeter,
}: OpenWarmModelOptions): Promise<{ readonly warm: WarmModel; readonly loadMs: number }> {
  await beforeLoad();
  const factsBefore = await factsOf(file.path);
  const idleCores = createIdleMeter();
  // The first reading is where it counts from: the load is the time that it tells about.
  idleCores();
  const { process, model, loadMs } = await openModel({
    path: file.path,
    contextTokens,
    sequences: slotCount,
    settings,
    signal,
    onSpawn,
  });
  const factsAfter = await factsOf(file.path);
  const fileFacts = JSON.stringify(factsAfter) === JSON.stringify(factsBefore) ? factsBefore : undefined;
  const slots = createSlots(slotCount);
  const listeners = new Set<(event: EngineEvent) => void>();
  const chunks = createChunkPolicy({ chunkMsMax: settings.chunkMsMax, batchTokens: model.batchTokens });
  const controller = createThreadController({
    threadsMax: settings.threads,
    threadsMin: settings.adaptThreads ? 1 : settings.threads,
    idleCores,
  });
  /** Steps that the process has not confirmed: until then nobody knows on which number a batch ran. */
  let stepsUnderWay = 0;
  /** The batch that was under way when the process took a step ran on the old number. */
  let batchesToSkip = 0;
  let msPerPromptToken = 5;
  let loadedBytes: number | null = null;
  let memoryBytes: number | null = null;
  let draft: { readonly key: string; readonly loaded: Promise<unknown> } | undefined;

  async function measureMemory(): Promise<number | null> {
    const { resident, anonymous } = await process.call('memory', {});
    memoryBytes = resident;
    return anonymous;
  }

  /** Changes the threads. What the process says before it confirms was computed on the old number, and `underWay` batches after. */
  function take({ from, to, reason }: ThreadStep, underWay: number): void {
    settings.log(`${file.name}: ${from} → ${to} threads (${reason})`);
    for (const emit of listeners) emit({ type: 'threads-changed', from, to, reason });
    stepsUnderWay += 1;
    process
      .call('set-threads', { threads: to })
      .then(() => {
        batchesToSkip = underWay;
      })
      // A process that is gone says so to whoever waits for its answer.
      .catch(() => {})
      .finally(() => {
        stepsUnderWay -= 1;
      });
  }

  /** Loads a draft model; the memory that it takes is not growth. */
  async function startDraft(path: string): Promise<void> {
    const before = await measureMemory();
    await loadDraft({ process, model, path, settings });
    const after = await measureMemory();
    if (loadedBytes !== null && before !== null && after !== null) loadedBytes += Math.max(0, after - before);
  }

  try {
    loadedBytes = await measureMemory();
  } catch (error) {
    await process.close();
    throw error;
  }
  const warm: WarmModel = {
    file,
    fileFacts,
    process,
    model,
    slots,
    chunks,
    checkpointsMax: null,
    checkpointBytes: 0,
    get threads() {
      return controller.threads;
    },
    get msPerPromptToken() {
      return msPerPromptToken;
    },
    observe(kind, { ms, batchTokens }) {
      if (stepsUnderWay > 0) return;
      if (batchesToSkip > 0) {
        batchesToSkip -= 1;
        return;
      }
      if (kind === 'evaluate') {
        chunks.observe({ tokens: batchTokens, ms, threads: controller.threads });
        msPerPromptToken = ms / batchTokens;
      }
      const step = controller.observe({ kind, tokens: batchTokens, ms });
      if (step !== undefined) take(step, kind === 'decode' ? 1 : 0);
    },
    resume(ownCores) {
      const step = controller.resume({ ownCores });
      if (step !== undefined) take(step, 0);
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
      const key = await fileKey(path);
      // Without anybody's signal: others may wait for the same load.
      if (draft?.key !== key) draft = { key, loaded: startDraft(path) };
      const mine = draft;
      // Once for all who wait, and for nobody where they have left.
      mine.loaded.catch(() => {
        if (draft === mine) draft = undefined;
      });
      await untilAborted(mine.loaded, stop, 'The request was aborted while its draft model was loaded.');
    },
    async grownBytes() {
      if (process.ended) return null;
      // A process that ended meanwhile has nothing to be recycled.
      const anonymous = await measureMemory().catch(() => null);
      if (anonymous === null || loadedBytes === null) return null;
      const checkpoints = slots.reduce((sum, slot) => sum + slot.checkpoints, 0);
      return anonymous - loadedBytes - checkpoints * warm.checkpointBytes;
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

/** Names what a file holds: it changes when the file is replaced. */
async function fileKey(path: string): Promise<string> {
  return JSON.stringify([path, await factsOf(path)]);
}

/** What tells a file from one that replaced it. A file that is not there is for the loader to report. */
async function factsOf(path: string): Promise<WarmModel['fileFacts']> {
  const facts = await stat(path).catch(() => undefined);
  return facts && { size: facts.size, mtimeMs: facts.mtimeMs, ino: facts.ino };
}
