import type { MemoryRow, MemoryTier } from '@gemma-cli/contracts';
import { laterExpiry, promotedTier } from '@gemma-cli/rag-core';
import { tagLimits } from './validate-rows.ts';

/** What several memories become. */
export interface MergedMemory {
  readonly kept: MemoryRow;
  readonly others: readonly MemoryRow[];
  readonly tags: readonly string[];
  readonly importance: number;
  readonly expiresAt: number | null;
  /** Of the others together, and when the last of them was. */
  readonly accesses: { readonly count: number; readonly at: number };
}

/**
 * Keeps of memories that say the same the one that was used most, of those the oldest, with what all of them have. `null`
 * where there is nothing to merge, or there would be too many tags.
 */
export function mergeMemories(memories: readonly MemoryRow[]): MergedMemory | null {
  const tags = [...new Set(memories.flatMap((memory) => memory.tags))];
  const [kept, ...others] = memories.toSorted(
    (one, other) => (other.accessCount ?? 0) - (one.accessCount ?? 0) || (one.id < other.id ? -1 : 1),
  );
  if (kept === undefined || others.length === 0 || tags.length > tagLimits.tagsMax) return null;
  return {
    kept,
    others,
    tags,
    importance: Math.max(...memories.map((memory) => memory.importance ?? 0)),
    expiresAt: memories.map((memory) => memory.expiresAt).reduce(laterExpiry),
    accesses: {
      count: others.reduce((sum, { accessCount }) => sum + (accessCount ?? 0), 0),
      at: Math.max(...others.map(({ accessedAt }) => accessedAt ?? 0)),
    },
  };
}

/** Equal for memories that say the same in one tier. What the model repeats stays apart from what its user said. */
export function wordsKey({ tier, title, text, session, writer }: MemoryRow): string {
  return JSON.stringify([tier, title, text, session !== null && writer === 'model']);
}

/** The tier that a memory moves up to; `null` = it stays. */
export function nextTier({ tier, session, writer, importance, accessCount }: MemoryRow): MemoryTier | null {
  if (tier === null) return null;
  return promotedTier({ tier, session, writer, importance: importance ?? 0, accessCount: accessCount ?? 0 });
}
