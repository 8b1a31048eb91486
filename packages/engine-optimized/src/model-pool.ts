import { stat } from 'node:fs/promises';
import { freemem } from 'node:os';
import { GemmaError, isGemmaError } from '@gemma-cli/contracts';
import type { EngineStatus, ModelFile } from '@gemma-cli/contracts';
import { closedError, createIdleTimer, estimateCacheBytes, untilAborted } from '@gemma-cli/model-process';
import type { EngineSettings, IdleTimer, ModelProcess, Place } from '@gemma-cli/model-process';
import { openWarmModel } from './warm-model.ts';
import type { WarmModel } from './warm-model.ts';

/** Weights need their own size, their context its cache, and batches and the process around them about this much. */
const besidesWeightsBytes = 200 * 1024 ** 2;

/** Weights below this are small enough to answer four requests side by side; larger ones two. */
const smallWeightsBytes = 1024 ** 3;

/** A place in the pool: a model that is, or will be, loaded. */
export interface PoolPlace extends Place {
  readonly key: string;
  readonly file: Required<ModelFile>;
  readonly contextTokens: number;
  /** Size of the weights; 0 when the file cannot be read, which is for the loader to report. */
  readonly weightsBytes: number;
  /** Size of the attention cache of all slots; 0 when the file does not tell. */
  readonly cacheBytes: number;
}

/** Loaded models, each with a process of its own. */
export interface ModelPool {
  place(file: Required<ModelFile>, contextTokens: number): Promise<PoolPlace>;
  /**
   * The model of a place whose seat was taken, loaded if it was not. Everybody who asks while it loads waits for the same
   * load, which is given up only when all of them are gone.
   *
   * @throws GemmaError what loading can throw, `MEMORY_EXCEEDED`, `ABORTED`.
   */
  open(place: PoolPlace, options: OpenOptions): Promise<{ readonly warm: WarmModel; readonly loadMs: number }>;
  processes(): EngineStatus['processes'];
  close(): Promise<void>;
}

interface OpenOptions {
  readonly signal: AbortSignal;
  /** Called before a process is started, or when one that loads already is waited for. */
  readonly onLoadStart: () => void;
}

/** One model of the pool. */
interface Entry {
  readonly place: PoolPlace;
  readonly slots: number;
  /** Seats that are taken; each will ask for a slot, has one, or gives it back. */
  seats: number;
  /** What loads now. */
  loading: Loading | undefined;
  warm: WarmModel | undefined;
  readonly idle: IdleTimer;
  /** Its process grew too much: nobody gets a seat any more, and the last one to leave ends it. */
  isWornOut: boolean;
}

interface Loading {
  readonly done: Promise<{ readonly warm: WarmModel; readonly loadMs: number }>;
  readonly controller: AbortController;
  waiting: number;
  process: ModelProcess | undefined;
}

/** What the pool is made of beside its settings. */
export interface ModelPoolParts {
  /** Bytes of memory that processes may still take. Default: what the system says is available. */
  readonly availableBytes?: () => number;
  /** Makes a meter of the machine's idle cores. */
  readonly createIdleMeter: () => () => number | undefined;
  /** Told whenever a seat may have got free. */
  readonly onRoom: () => void;
}

/**
 * Makes a pool: models stay loaded until they are idle for `keepAliveMs`, or until another one needs their memory; the
 * least recently used goes first.
 */
export function createModelPool(
  settings: EngineSettings,
  { availableBytes = systemAvailableBytes, onRoom, createIdleMeter }: ModelPoolParts,
): ModelPool {
  /** In order of last use, the most recent last. */
  const entries = new Map<string, Entry>();
  /** Processes on their way out; their memory is not free before they are gone. */
  const leaving = new Set<Promise<void>>();
  let closed = false;

  async function discard(entry: Entry): Promise<void> {
    entry.idle.stop();
    if (entries.get(entry.place.key) === entry) entries.delete(entry.place.key);
    const gone = entry.warm?.close() ?? Promise.resolve();
    leaving.add(gone);
    await gone;
    leaving.delete(gone);
    onRoom();
  }

  function take(place: PoolPlace): (() => void) | undefined {
    const entry = entries.get(place.key) ?? (makeRoom(place) ? newEntry(place) : undefined);
    if (entry === undefined || entry.seats >= entry.slots || entry.isWornOut) return undefined;
    entry.seats += 1;
    entry.idle.stop();
    entries.delete(place.key);
    entries.set(place.key, entry);
    return () => {
      entry.seats -= 1;
      if (entry.seats === 0) rest(entry);
      else if (entry.warm !== undefined) void recycleIfGrown(entry, entry.warm);
    };
  }

  function newEntry(place: PoolPlace): Entry {
    const entry: Entry = {
      place,
      slots: slotsFor(place.weightsBytes),
      seats: 0,
      loading: undefined,
      warm: undefined,
      idle: createIdleTimer(settings.keepAliveMs),
      isWornOut: false,
    };
    entries.set(place.key, entry);
    return entry;
  }

  /**
   * Unloads idle models until another one fits, and tells whether it may be loaded now: with busy ones in the way it
   * waits for them; alone it always may, and the loader says what is missing.
   */
  function makeRoom(place: PoolPlace): boolean {
    // A file that was replaced is another model; nobody asks for the old one again.
    for (const entry of entries.values()) {
      const isReplaced = entry.place.file.path === place.file.path && entry.place.contextTokens === place.contextTokens;
      if (isReplaced && entry.seats === 0) void discard(entry);
    }
    const need = neededBytes(place);
    for (const entry of entries.values()) {
      if (usedBytes() + need <= budgetBytes()) break;
      if (entry.seats > 0) continue;
      settings.log(`${entry.place.file.name} makes room for ${place.file.name}.`);
      void discard(entry);
    }
    return entries.size === 0 || usedBytes() + need <= budgetBytes();
  }

  function slotsFor(weightsBytes: number): number {
    return settings.slots ?? (weightsBytes < smallWeightsBytes ? 4 : 2);
  }

  function usedBytes(): number {
    return [...entries.values()].reduce((sum, { place }) => sum + neededBytes(place), 0);
  }

  function budgetBytes(): number {
    return settings.memoryBytesMax ?? 0.75 * (availableBytes() + usedBytes());
  }

  function checkMemory(place: PoolPlace): void {
    const neededByModel = neededBytes(place);
    const isExplicit = settings.memoryBytesMax !== null;
    const limit = settings.memoryBytesMax ?? availableBytes();
    if (neededByModel <= limit) return;
    throw new GemmaError({
      code: 'MEMORY_EXCEEDED',
      message: `Expected ${place.file.name} to fit into ${mebibytes(limit)} of ${isExplicit ? 'allowed' : 'available'} memory; it needs about ${mebibytes(neededByModel)}. Choose a smaller model${isExplicit ? ', or raise engine.memory_bytes_max' : ', or end other programs'}.`,
      facts: { model: place.file.name, neededBytes: neededByModel, limitBytes: limit },
    });
  }

  function rest(entry: Entry): void {
    const { warm, isWornOut } = entry;
    if (warm === undefined || warm.process.ended || settings.keepAliveMs === 0 || isWornOut) {
      void discard(entry);
      return;
    }
    void recycleIfGrown(entry, warm);
    entry.idle.start(() => {
      settings.log(`${entry.place.file.name} was idle for ${settings.keepAliveMs} ms and is unloaded.`);
      void discard(entry);
    });
  }

  /** Native runtimes leak; a process that grew too much is replaced when nobody uses it, and gets no new requests before. */
  async function recycleIfGrown(entry: Entry, warm: WarmModel): Promise<void> {
    const grownBytes = await warm.grownBytes();
    if (grownBytes === null || grownBytes <= settings.growthBytesMax || entry.isWornOut || entry.warm !== warm) return;
    entry.isWornOut = true;
    settings.log(
      `The process of ${entry.place.file.name} grew by ${mebibytes(grownBytes)} since it was loaded and is replaced.`,
    );
    if (entry.seats === 0) await discard(entry);
  }

  /** The model of an entry, if its process is there and answers. */
  async function wake(entry: Entry, signal: AbortSignal): Promise<WarmModel | undefined> {
    const { warm } = entry;
    if (warm === undefined) return undefined;
    try {
      await warm.ping(signal);
      return warm;
    } catch (error) {
      if (!isGemmaError(error) || error.code === 'ABORTED' || error.code === 'ENGINE_CLOSED') throw error;
      settings.log(`The idle process of ${entry.place.file.name} is gone (${error.code}); a fresh one is started.`);
      if (entry.warm === warm) entry.warm = undefined;
      await warm.close();
      return undefined;
    }
  }

  function load(entry: Entry): Loading {
    const controller = new AbortController();
    const { place, slots } = entry;
    const loading: Loading = {
      controller,
      waiting: 0,
      process: undefined,
      done: openWarmModel({
        file: place.file,
        contextTokens: place.contextTokens,
        slots,
        settings,
        signal: controller.signal,
        beforeLoad: async () => {
          await Promise.all(leaving);
          checkMemory(place);
        },
        createIdleMeter,
        onSpawn: (process) => {
          loading.process = process;
        },
      })
        .then(async ({ warm, loadMs }) => {
          // Too late: nobody waits, and another load may have begun.
          if (controller.signal.aborted) {
            await warm.close();
            throw closedError();
          }
          entry.warm = warm;
          void warm.process.exited.then(async () => {
            if (entry.warm === warm) entry.warm = undefined;
            if (entry.seats === 0) await discard(entry);
          });
          return { warm, loadMs };
        })
        .finally(() => {
          if (entry.loading === loading) entry.loading = undefined;
        }),
    };
    // Whoever waits hears of a failure; when nobody waits any more there is nobody to tell.
    loading.done.catch(() => {});
    return loading;
  }

  /** Nobody waits for a load any more: it ends, and whoever comes next begins another one. */
  function giveUp(entry: Entry, loading: Loading): void {
    loading.controller.abort();
    if (entry.loading !== loading) return;
    entry.loading = undefined;
    const gone = loading.done.then(
      () => {},
      () => {},
    );
    leaving.add(gone);
    void gone.finally(() => leaving.delete(gone));
  }

  function cacheBytesOf(path: string, contextTokens: number, weightsBytes: number): Promise<number> {
    const { compactCache } = settings;
    return estimateCacheBytes(path, { contextTokens, sequences: slotsFor(weightsBytes), compactCache });
  }

  return {
    async place(file, contextTokens) {
      const facts = await stat(file.path).catch(() => undefined);
      const key = JSON.stringify([file.path, contextTokens, facts?.size, facts?.mtimeMs, facts?.ino]);
      const weightsBytes = facts?.size ?? 0;
      const known = entries.get(key)?.place.cacheBytes;
      const cacheBytes = known ?? (await cacheBytesOf(file.path, contextTokens, weightsBytes));
      const place: PoolPlace = {
        key,
        file,
        contextTokens,
        weightsBytes,
        cacheBytes,
        take: () => take(place),
      };
      return place;
    },

    async open(place, { signal, onLoadStart }) {
      const entry = entries.get(place.key);
      if (entry === undefined || closed) throw closedError();
      const warm = await wake(entry, signal);
      if (warm !== undefined) return { warm, loadMs: 0 };
      onLoadStart();
      entry.loading ??= load(entry);
      const { loading } = entry;
      loading.waiting += 1;
      try {
        return await untilAborted(loading.done, signal, 'The request was aborted while its model was loaded.');
      } finally {
        loading.waiting -= 1;
        if (loading.waiting === 0) giveUp(entry, loading);
        // An abort ends the process before the seat is left: nothing of it outlives the request.
        if (signal.aborted && loading.waiting === 0) await loading.done.catch(() => {});
      }
    },

    processes() {
      return [...entries.values()].flatMap((entry): EngineStatus['processes'] => {
        const { place, slots, seats, idle } = entry;
        const common = { model: place.file.name, runtime: 'llama.cpp', slots, busySlots: seats, until: idle.until };
        const { warm, loading } = entry;
        if (warm !== undefined)
          return [{ ...common, pid: warm.process.pid, state: seats > 0 ? 'busy' : 'idle', ...warm.status() }];
        if (loading?.process === undefined) return [];
        return [
          {
            ...common,
            pid: loading.process.pid,
            state: 'loading',
            threads: settings.threads,
            threadsReason: 'loading',
            contextTokens: place.contextTokens,
            cachedTokens: 0,
            memoryBytes: null,
          },
        ];
      });
    },

    async close() {
      closed = true;
      await Promise.all(
        [...entries.values()].map(async (entry) => {
          entry.loading?.controller.abort();
          await entry.loading?.done.catch(() => {});
          await discard(entry);
        }),
      );
      await Promise.all(leaving);
    },
  };
}

function neededBytes({ weightsBytes, cacheBytes }: PoolPlace): number {
  return weightsBytes + cacheBytes + besidesWeightsBytes;
}

/** Memory that the system can still give, limits of a container included. */
function systemAvailableBytes(): number {
  return typeof process.availableMemory === 'function' ? process.availableMemory() : freemem();
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024 ** 2).toLocaleString('en')} MiB`;
}
