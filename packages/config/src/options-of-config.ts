import type {
  EngineOptions,
  GenerateRequest,
  MemoryStoreOptions,
  Sampling,
  TierRules,
  TierTable,
} from '@gemma-cli/contracts';
import type { GemmaConfig, LoadedConfig, MemorySection, SamplingSection } from './gemma-config.ts';

/** What the configuration adds to a request. */
export type RequestOptions = Pick<GenerateRequest, 'sampling' | 'maxTokens' | 'contextTokens'>;

/**
 * The part of the configuration that an engine takes. `auto` is left to the engine.
 *
 * @param states - Folder of saved states.
 */
export function engineOptionsOf({ engine, gemma }: GemmaConfig, states: string): EngineOptions {
  const { threads, contextTokens: _, slots, memoryBytesMax, stateCacheBytesMax, ...same } = engine;
  return {
    ...same,
    ...(threads === 'auto' ? {} : { threads }),
    ...(slots === 'auto' ? {} : { slots }),
    ...(memoryBytesMax === 'auto' ? {} : { memoryBytesMax }),
    ...(stateCacheBytesMax === 0 ? {} : { stateCache: { folder: states, bytesMax: stateCacheBytesMax } }),
    ...(gemma.executablePath === null ? {} : { gemmaExecutable: gemma.executablePath }),
  };
}

/**
 * The part of the configuration that a memory store takes.
 *
 * @param folder - Folder of the record: `memory` of the home layout.
 */
export function memoryOptionsOf({ performance, memory }: GemmaConfig, folder: string): MemoryStoreOptions {
  const { enableQueryCache, cacheMaxSize, batchSize } = performance;
  const cache =
    enableQueryCache && cacheMaxSize > 0 ? { enableQueryCache: true, cacheMaxSize } : { enableQueryCache: false };
  const { language, consolidateEveryMs, durability } = memory;
  return { folder, language, ...cache, batchSize, consolidateEveryMs, durability, tiers: tiersOf(memory) };
}

function tiersOf(memory: MemorySection): TierTable {
  const rules = (ttlMs: number, capacity: number): TierRules => ({ ttlMs: ttlMs === 0 ? null : ttlMs, capacity });
  return {
    working: rules(memory.workingTtlMs, memory.workingCapacity),
    short_term: rules(memory.shortTermTtlMs, memory.shortTermCapacity),
    episodic: rules(memory.episodicTtlMs, memory.episodicCapacity),
    long_term: rules(memory.longTermTtlMs, memory.longTermCapacity),
    semantic: rules(memory.semanticTtlMs, memory.semanticCapacity),
  };
}

/**
 * What the user chose for requests. Built-in values are left out: the engine has the same, and a runtime that cannot
 * honour an option must refuse it only when somebody asked for it.
 */
export function requestOptionsOf({ config, origins }: LoadedConfig): RequestOptions {
  const chosen = (key: string): boolean => origins[key]?.source !== 'default';
  const { contextTokens } = config.engine;
  const sampling: Sampling = Object.fromEntries(
    Object.entries(samplingKeys)
      .filter(([, key]) => chosen(key))
      .map(([name]) => [name, config.sampling[name as keyof SamplingSection]]),
  );
  return {
    ...(Object.keys(sampling).length === 0 ? {} : { sampling }),
    ...(chosen('sampling.max_tokens') ? { maxTokens: config.sampling.maxTokens } : {}),
    ...(contextTokens === 'auto' ? {} : { contextTokens }),
  };
}

const samplingKeys = {
  temperature: 'sampling.temperature',
  topK: 'sampling.top_k',
  topP: 'sampling.top_p',
  minP: 'sampling.min_p',
  repeatPenalty: 'sampling.repeat_penalty',
  repeatLastTokens: 'sampling.repeat_last_tokens',
  frequencyPenalty: 'sampling.frequency_penalty',
  presencePenalty: 'sampling.presence_penalty',
  dryMultiplier: 'sampling.dry_multiplier',
  dryBase: 'sampling.dry_base',
  dryAllowedLength: 'sampling.dry_allowed_length',
  xtcProbability: 'sampling.xtc_probability',
  xtcThreshold: 'sampling.xtc_threshold',
} as const satisfies Readonly<Partial<Record<keyof SamplingSection, string>>>;
