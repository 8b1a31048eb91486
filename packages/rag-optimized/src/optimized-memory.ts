import { GemmaError, memoryDefaults } from '@gemma-cli/contracts';
import type { MemoryStore, MemoryStoreOptions } from '@gemma-cli/contracts';
import { createAnalyzer } from '@gemma-cli/rag-core';
import { createMemoryStore, openRecord } from '@gemma-cli/record';
import { createGroupCommit } from './group-commit.ts';
import { createIndexRetriever } from './index-retriever.ts';
import { createQueryCache, withCachedQueries } from './query-cache.ts';

/**
 * Opens the memory in a folder: searches go through an index, results are kept while nothing is written, writes of one
 * moment share one commit.
 *
 * @throws GemmaError `REQUEST_INVALID` for an option outside its range, `MEMORY_FORMAT`, `MEMORY_DAMAGED`,
 *   `MEMORY_UNAVAILABLE`, `DISK_FULL`.
 * @throws UnsupportedError where no driver of SQLite works.
 */
export async function create(options: MemoryStoreOptions): Promise<MemoryStore> {
  const { folder, namespace = memoryDefaults.namespace, language, embedder, log = () => undefined } = options;
  const {
    enableQueryCache = memoryDefaults.enableQueryCache,
    cacheMaxSize = memoryDefaults.cacheMaxSize,
    batchSize = memoryDefaults.batchSize,
  } = options;
  checkCount('batchSize', batchSize, batchSizeMax);
  checkCount('cacheMaxSize', cacheMaxSize, cacheSizeMax);
  const analyzer = await createAnalyzer({ language });
  const record = await openRecord({ folder, namespace, tiers: options.tiers, durability: options.durability, log });
  try {
    const retriever = await createIndexRetriever({ record, analyzer, embedId: embedder?.embedId ?? null, folder, log });
    const cached = enableQueryCache && embedder !== undefined ? withCachedQueries(embedder, cacheMaxSize) : embedder;
    log('Using OptimizedEmbeddedVectorStore with indexing and caching');
    return createMemoryStore({
      implementation: 'optimized',
      record,
      retriever,
      analyzer,
      ...createGroupCommit({ record, batchSize }),
      queryCache: enableQueryCache ? createQueryCache(cacheMaxSize) : null,
      options: { ...options, embedder: cached },
    });
  } catch (error) {
    record.close();
    throw error;
  }
}

/** Writes of one transaction that still fit the memory and the patience of others who want to write. */
const batchSizeMax = 10_000;

/** Results of which each takes some kilobytes. */
const cacheSizeMax = 1_000_000;

function checkCount(name: 'batchSize' | 'cacheMaxSize', value: number, most: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= most) return;
  throw new GemmaError({
    code: 'REQUEST_INVALID',
    message: `Expected ${name} of the memory to be a whole number from 1 to ${most}, got ${String(value)}.`,
    facts: { name, value },
  });
}
