/** Version of the ranking: raised with every change that changes an order. */
export const rankingVersion = 1;

/** How BM25 weighs frequency and length. */
export interface Bm25Parameters {
  /** Where further occurrences of a term stop counting. */
  readonly k1: number;
  /** How much a long text is held against itself. 0..1. */
  readonly b: number;
}

/** Chosen on the development collections: docs/ranking.md. */
export const bm25Defaults: Bm25Parameters = { k1: 1.2, b: 0.75 };

/**
 * Where a query has other terms, rows that have only stop words come after all others: their score is multiplied by this,
 * so that it is far below that of the rarest match.
 */
export const stopWordScale = 1e-9;

/** Inverse document frequency as Lucene computes it: never negative. */
export function inverseDocumentFrequency(documentFrequency: number, rows: number): number {
  return Math.log(1 + (rows - documentFrequency + 0.5) / (documentFrequency + 0.5));
}

/**
 * One term's share of a row's score: `count · idf · tf / (tf + k1 · (1 - b + b · length / averageLength))`, BM25 as
 * Lucene computes it since version 8 (without the constant factor k1 + 1), {@link rounded}.
 *
 * @param frequency - How often the row has the term.
 * @param length - Terms of the row, stop words included.
 */
export function termScore(
  frequency: number,
  length: number,
  averageLength: number,
  idf: number,
  { k1, b }: Bm25Parameters,
): number {
  return rounded((idf * frequency) / (frequency + k1 * (1 - b + (b * length) / averageLength)));
}

/** Doubles of this size lie 2^-36 apart. */
const gridAnchor = 1.5 * 2 ** 16;

/**
 * The nearest multiple of 2^-36 (1.5e-11). Sums of such numbers are exact below 2^17, which no query reaches, and so the
 * same in whatever order a retriever adds its terms: rows that tie in one tie in all.
 */
export function rounded(score: number): number {
  return score + gridAnchor - gridAnchor;
}
