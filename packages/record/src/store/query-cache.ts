import type { MemoryStats, ScoredRow } from '@gemma-cli/contracts';

/** What was found before: numbers and scores, never texts. */
export interface CachedSearch {
  /** The best first. */
  readonly rows: readonly ScoredRow[];
}

/**
 * Keeps results of searches. The key names everything that a result depends on: the position that the retriever stands at,
 * which rows have expired, namespace, mode, query, filter, limit, explanation. A result under an older position is never
 * asked for again, and falls out in its time.
 */
export interface QueryCache {
  get(key: string): CachedSearch | undefined;
  /**
   * @param tookMs - What the search took: what a hit saves.
   */
  set(key: string, value: CachedSearch, tookMs: number): void;
  stats(): MemoryStats['cache'];
}
