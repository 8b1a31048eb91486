import { GemmaError, requestDefaults } from '@gemma-cli/contracts';
import type { EngineOptions, WorkerSpec } from '@gemma-cli/contracts';
import { availableCores } from './available-cores.ts';

/** Engine options with every default filled in. */
export type EngineSettings = {
  readonly [Option in Exclude<keyof EngineOptions, OptionWithoutDefault>]-?: Exclude<EngineOptions[Option], undefined>;
} & {
  /** Whether somebody chose `threads`, so that a runtime without such a choice has to say so. */
  readonly areThreadsGiven: boolean;
  /** Folder of the native runtime; `null` = where the worker itself is installed. */
  readonly runtimeFolder: string | null;
  /** `null` = by the size of the weights. */
  readonly slots: number | null;
  /** `null` = states are kept nowhere. */
  readonly stateCache: { readonly folder: string; readonly bytesMax: number } | null;
  /** `null` = by the memory that is free. */
  readonly memoryBytesMax: number | null;
  /** `null` = looked for in `searchPath`. */
  readonly gemmaExecutable: string | null;
};

type OptionWithoutDefault = 'runtimeFolder' | 'slots' | 'stateCache' | 'memoryBytesMax' | 'gemmaExecutable';

/** The llama.cpp model process: node-llama-cpp behind the protocol. */
export const llamaWorker: WorkerSpec = { module: new URL('./llama/worker.js', import.meta.url).href };

/** Defaults of an engine, each with its reason. */
export const engineDefaults = {
  /** More waiting requests than a person or a small team sends; each costs a few hundred bytes. */
  queueMax: 64,
  /** A 4B model from a slow disk takes half a minute; damaged files can load forever. */
  loadMsMax: 120_000,
  /** A chunk of 64 tokens takes seconds on the slowest machine; silence for a minute is a hang. */
  silenceMsMax: 60_000,
  /** A token or a chunk normally ends within 0.7 s. */
  abortMsMax: 2_000,
  /** Five minutes, as daily users of other local runners know it. */
  keepAliveMs: 300_000,
  /** Half of the 500 ms in which an abort is to be honoured: the other half is for a machine that slows down meanwhile. */
  chunkMsMax: 480,
  /** About a hundred system prompts or documents of a thousand tokens for a 270M model, a dozen for a 4B one. */
  stateCacheBytesMax: 1024 ** 3,
  /** Native leaks of some MiB a request were seen in other runners; checkpoints and draft models are not counted. */
  growthBytesMax: 1024 ** 3,
} as const;

/**
 * Checks engine options and fills in their defaults.
 *
 * @throws GemmaError `REQUEST_INVALID`.
 */
export function resolveEngineOptions(options: EngineOptions): EngineSettings {
  return {
    worker: options.worker ?? llamaWorker,
    runtimeFolder: options.runtimeFolder ?? null,
    env: options.env ?? {},
    checkModel: options.checkModel ?? (() => Promise.resolve()),
    threads: positive('threads', options.threads ?? availableCores().cores, 1024, true),
    areThreadsGiven: options.threads !== undefined,
    queueMax: positive('queueMax', options.queueMax ?? engineDefaults.queueMax, 1_000_000, true),
    loadMsMax: positive('loadMsMax', options.loadMsMax ?? engineDefaults.loadMsMax, 2 ** 31 - 1),
    silenceMsMax: positive('silenceMsMax', options.silenceMsMax ?? engineDefaults.silenceMsMax, 2 ** 31 - 1),
    abortMsMax: positive('abortMsMax', options.abortMsMax ?? engineDefaults.abortMsMax, 2 ** 31 - 1),
    promptCharsMax: positive('promptCharsMax', options.promptCharsMax ?? requestDefaults.promptCharsMax, 2 ** 31, true),
    responseBytesMax: positive(
      'responseBytesMax',
      options.responseBytesMax ?? requestDefaults.responseBytesMax,
      2 ** 31,
      true,
    ),
    keepAliveMs: keepAlive(options.keepAliveMs ?? engineDefaults.keepAliveMs),
    adaptThreads: options.adaptThreads ?? true,
    slots: options.slots === undefined ? null : positive('slots', options.slots, 16, true),
    chunkMsMax: positive('chunkMsMax', options.chunkMsMax ?? engineDefaults.chunkMsMax, 60_000),
    stateCache:
      options.stateCache === undefined
        ? null
        : {
            folder: options.stateCache.folder,
            bytesMax: positive(
              'stateCache.bytesMax',
              options.stateCache.bytesMax ?? engineDefaults.stateCacheBytesMax,
              2 ** 50,
              true,
            ),
          },
    memoryBytesMax:
      options.memoryBytesMax === undefined ? null : positive('memoryBytesMax', options.memoryBytesMax, 2 ** 50),
    growthBytesMax: positive('growthBytesMax', options.growthBytesMax ?? engineDefaults.growthBytesMax, 2 ** 50),
    compactCache: options.compactCache ?? false,
    gemmaExecutable: options.gemmaExecutable ?? null,
    searchPath: options.searchPath ?? '',
    log: options.log ?? (() => {}),
  };
}

function positive(name: string, value: number, max: number, whole = false): number {
  const sound = value > 0 && value <= max && (!whole || Number.isInteger(value));
  if (!sound) throw invalid(name, `a ${whole ? 'whole ' : ''}number above 0 and at most ${max}`, value);
  return value;
}

function keepAlive(value: number): number {
  if (!(value >= 0)) throw invalid('keepAliveMs', '0, a number of milliseconds, or Infinity', value);
  return value;
}

function invalid(option: string, expected: string, got: number): GemmaError {
  return new GemmaError({
    code: 'REQUEST_INVALID',
    message: `Expected the engine option ${option} to be ${expected}, got ${got}.`,
    facts: { option, expected, got },
  });
}
