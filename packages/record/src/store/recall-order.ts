import type { MemoryRow, SearchHit } from '@gemma-cli/contracts';
import { recallParts } from '@gemma-cli/rag-core';

/** Memories that each recall weighs, or as many as are wanted: what is not among the best of its words stays away. */
export const recallDepth = 100;

/** Weighs hits, which are memories, by importance, recency and use. The best first; equal scores by id. */
export function recallOrder(hits: readonly SearchHit[], now: number, explain: boolean): readonly SearchHit[] {
  const best = Math.max(...hits.map(({ score }) => score));
  return hits
    .map(({ row, score, parts }) => {
      const recall = recallParts({ ...recallFacts(row, now), relevance: best > 0 ? Math.max(0, score) / best : 0 });
      const sum = recall.relevance + recall.importance + recall.recency + recall.use;
      return { row, score: sum, ...(explain ? { parts: { ...parts, recall } } : {}) };
    })
    .toSorted((one, other) => other.score - one.score || (one.row.id < other.row.id ? -1 : 1));
}

function recallFacts({ importance, accessedAt, createdAt, accessCount }: MemoryRow, now: number) {
  return { importance: importance ?? 0, idleMs: now - (accessedAt ?? createdAt), accessCount: accessCount ?? 0 };
}
