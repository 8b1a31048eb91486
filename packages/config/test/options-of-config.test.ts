import { memoryDefaults, memoryTiers, type EngineOptions } from '@gemma-cli/contracts';
import { describe, expect, it } from 'vitest';
import { configKeys, engineOptionsOf, loadConfig, memoryOptionsOf, requestOptionsOf } from '../src/index.ts';
import type { RequestOptions } from '../src/index.ts';

/** What a value that nobody has by default becomes. */
type Reached =
  | { readonly engine: Omit<EngineOptions, 'env'>; readonly request?: never }
  | { readonly request: RequestOptions };

const rows: Readonly<Record<string, readonly [value: string | number | boolean, reached: Reached]>> = {
  'engine.threads': [3, { engine: { threads: 3 } }],
  'engine.context_tokens': [512, { request: { contextTokens: 512 } }],
  'engine.load_timeout': ['3m', { engine: { loadMsMax: 180_000 } }],
  'engine.silence_timeout': ['2m', { engine: { silenceMsMax: 120_000 } }],
  'engine.queue_max': [5, { engine: { queueMax: 5 } }],
  'engine.prompt_chars_max': [600, { engine: { promptCharsMax: 600 } }],
  'engine.response_bytes_max': [700, { engine: { responseBytesMax: 700 } }],
  'engine.keep_alive': ['-1s', { engine: { keepAliveMs: Number.POSITIVE_INFINITY } }],
  'engine.adapt_threads': [false, { engine: { adaptThreads: false } }],
  'engine.slots': [7, { engine: { slots: 7 } }],
  'engine.chunk_time': ['90ms', { engine: { chunkMsMax: 90 } }],
  'engine.state_cache_bytes_max': [800, { engine: { stateCache: { folder: '/states', bytesMax: 800 } } }],
  'engine.memory_bytes_max': [900, { engine: { memoryBytesMax: 900 } }],
  'engine.growth_bytes_max': [1_048_577, { engine: { growthBytesMax: 1_048_577 } }],
  'engine.compact_cache': [true, { engine: { compactCache: true } }],
  'sampling.temperature': [0.25, { request: { sampling: { temperature: 0.25 } } }],
  'sampling.top_k': [41, { request: { sampling: { topK: 41 } } }],
  'sampling.top_p': [0.5, { request: { sampling: { topP: 0.5 } } }],
  'sampling.min_p': [0.125, { request: { sampling: { minP: 0.125 } } }],
  'sampling.repeat_penalty': [1.5, { request: { sampling: { repeatPenalty: 1.5 } } }],
  'sampling.repeat_last_tokens': [65, { request: { sampling: { repeatLastTokens: 65 } } }],
  'sampling.frequency_penalty': [-0.5, { request: { sampling: { frequencyPenalty: -0.5 } } }],
  'sampling.presence_penalty': [0.75, { request: { sampling: { presencePenalty: 0.75 } } }],
  'sampling.dry_multiplier': [0.8, { request: { sampling: { dryMultiplier: 0.8 } } }],
  'sampling.dry_base': [2.5, { request: { sampling: { dryBase: 2.5 } } }],
  'sampling.dry_allowed_length': [3, { request: { sampling: { dryAllowedLength: 3 } } }],
  'sampling.xtc_probability': [0.0625, { request: { sampling: { xtcProbability: 0.0625 } } }],
  'sampling.xtc_threshold': [0.2, { request: { sampling: { xtcThreshold: 0.2 } } }],
  'sampling.max_tokens': [99, { request: { maxTokens: 99 } }],
};

describe('every key of [engine] and [sampling]', () => {
  const of = async (flags: Readonly<Record<string, unknown>>) => {
    const loaded = await loadConfig({ home: '/nowhere', cwd: '/nowhere', env: {}, flags });
    return { engine: engineOptionsOf(loaded.config, '/states'), request: requestOptionsOf(loaded) };
  };

  it('has a row here', () => {
    const keys = configKeys.map(({ key }) => key).filter((key) => /^(?:engine|sampling)\./.test(key));
    expect(Object.keys(rows)).toEqual(keys);
  });

  it.each(Object.entries(rows))('%s reaches the engine or the request, and nothing else changes', async (key, row) => {
    const [value, { engine, request }] = row as readonly [
      unknown,
      { engine?: EngineOptions; request?: RequestOptions },
    ];
    const before = await of({});
    const after = await of({ [key]: value });
    expect(after).not.toEqual(before);
    expect(after).toEqual({ engine: { ...before.engine, ...engine }, request: request ?? {} });
  });

  it('reaches it beside all others', async () => {
    const { engine, request } = await of(
      Object.fromEntries(Object.entries(rows).map(([key, [value]]) => [key, value])),
    );
    const reached = Object.values(rows).map(([, each]) => each);
    expect(engine).toEqual(Object.assign({}, ...reached.map((each) => ('engine' in each ? each.engine : {}))));
    const requests = reached.flatMap((each) => (each.request === undefined ? [] : [each.request]));
    expect(request).toEqual({
      ...(Object.assign({}, ...requests) as RequestOptions),
      sampling: Object.assign({}, ...requests.map(({ sampling }) => sampling)),
    });
  });
});

describe('the memory', () => {
  const of = async (flags: Readonly<Record<string, unknown>>) =>
    memoryOptionsOf((await loadConfig({ home: '/nowhere', cwd: '/nowhere', env: {}, flags })).config, '/memory');

  it.each([
    ['performance.enable_query_cache', false, { enableQueryCache: false, cacheMaxSize: undefined }],
    ['performance.batch_size', 7, { batchSize: 7 }],
    ['performance.cache_max_size', 8, { cacheMaxSize: 8 }],
    ['performance.cache_max_size', 0, { enableQueryCache: false, cacheMaxSize: undefined }],
    ['memory.language', 'de', { language: 'de' }],
    ['memory.consolidate_every', '1m', { consolidateEveryMs: 60_000 }],
    ['memory.consolidate_every', 0, { consolidateEveryMs: 0 }],
    ['memory.durability', 'relaxed', { durability: 'relaxed' }],
    ...memoryTiers.flatMap((tier): [string, string | number, object][] => {
      const rules = memoryDefaults.tiers[tier];
      const tiers = (changed: object) => ({ tiers: { ...memoryDefaults.tiers, [tier]: { ...rules, ...changed } } });
      return [
        [`memory.${tier}_ttl`, '7s', tiers({ ttlMs: 7_000 })],
        [`memory.${tier}_ttl`, 0, tiers({ ttlMs: null })],
        [`memory.${tier}_capacity`, 9, tiers({ capacity: 9 })],
      ];
    }),
  ])('%s reaches the store, and nothing else changes', async (key, value, reached) => {
    expect(await of({ [key]: value })).toEqual({ ...(await of({})), ...reached });
  });

  it('has the defaults that a store has', async () => {
    expect(await of({})).toEqual({
      folder: '/memory',
      language: memoryDefaults.language,
      enableQueryCache: memoryDefaults.enableQueryCache,
      cacheMaxSize: memoryDefaults.cacheMaxSize,
      batchSize: memoryDefaults.batchSize,
      durability: memoryDefaults.durability,
      tiers: memoryDefaults.tiers,
      // A library does nothing by itself; the command does.
      consolidateEveryMs: 300_000,
    });
  });
});
