/** What a memory's worth depends on. */
export interface RecallFacts {
  /** 0..1: how well it answers, 1 for the best of its list. 0 where nothing was asked. */
  readonly relevance: number;
  /** 0..1. */
  readonly importance: number;
  /** Since it was last accessed. */
  readonly idleMs: number;
  readonly accessCount: number;
}

/** Greatest share of each part; together 1. */
export const recallWeights = { relevance: 0.6, importance: 0.2, recency: 0.15, use: 0.05 } as const;

/** After so long without an access, recency counts half. */
export const recencyHalfLifeMs = 24 * 60 * 60 * 1000;

/** After so many accesses, use counts half. */
const useHalf = 5;

/** What each part adds; their sum is the recall score, 0..1. */
export function recallParts({ relevance, importance, idleMs, accessCount }: RecallFacts): {
  readonly relevance: number;
  readonly importance: number;
  readonly recency: number;
  readonly use: number;
} {
  return {
    relevance: recallWeights.relevance * relevance,
    importance: recallWeights.importance * importance,
    recency: recallWeights.recency * 2 ** (-Math.max(0, idleMs) / recencyHalfLifeMs),
    use: recallWeights.use * (accessCount / (accessCount + useHalf)),
  };
}

/** How much a memory is worth: what a recall is ordered by, and, without a question, what is evicted last. */
export function recallScore(facts: RecallFacts): number {
  const { relevance, importance, recency, use } = recallParts(facts);
  return relevance + importance + recency + use;
}
