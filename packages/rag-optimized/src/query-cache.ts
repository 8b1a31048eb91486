import type { Embedder } from '@gemma-cli/contracts';
import type { CachedSearch, QueryCache } from '@gemma-cli/record';
import { LRUCache } from 'lru-cache';

/** Keeps the results of so many searches, the least recently used going first, and counts what that saves. */
export function createQueryCache(entriesMax: number): QueryCache {
  const entries = new LRUCache<string, { readonly value: CachedSearch; readonly tookMs: number }>({ max: entriesMax });
  let hits = 0;
  let misses = 0;
  let savedMs = 0;
  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) {
        misses++;
        return undefined;
      }
      hits++;
      savedMs += entry.tookMs;
      return entry.value;
    },
    set(key, value, tookMs) {
      entries.set(key, { value, tookMs });
    },
    stats: () => ({ entries: entries.size, hits, misses, savedMs }),
  };
}

/** An embedder that keeps the vectors of so many queries: the same question is asked again when the memory has changed. */
export function withCachedQueries(embedder: Embedder, entriesMax: number): Embedder {
  const entries = new LRUCache<string, Float32Array>({ max: entriesMax });
  const close = () => embedder.close();
  return {
    embedId: embedder.embedId,
    dimensions: embedder.dimensions,
    async embed(texts, options) {
      const [query] = texts;
      if (options?.kind !== 'query' || texts.length !== 1 || query === undefined) return embedder.embed(texts, options);
      const key = `${options.truncate === true ? 't' : 'w'}${query}`;
      const known = entries.get(key);
      if (known !== undefined) return [known];
      const vectors = await embedder.embed(texts, options);
      const [vector] = vectors;
      if (vector !== undefined) entries.set(key, vector);
      return vectors;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}
