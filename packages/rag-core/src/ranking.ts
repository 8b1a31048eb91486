/** Version of the ranking: raised with every change that changes an order. */
export const rankingVersion = 1;

/** How BM25 weighs frequency and length. */
export interface Bm25Parameters {
  /** Where further occurrences of a term stop counting. */
  readonly k1: number;
  /** How much a long text is held against itself. 0..1. */
  readonly b: number;
  /**
   * Terms that are added to every length and to their average. Among texts of a few words one word more says little, and
   * with this it counts little; texts of hundreds of words do not notice it.
   */
  readonly lengthPadding: number;
}

/** Chosen on the development collections: docs/ranking.md. */
export const bm25Defaults: Bm25Parameters = { k1: 1.2, b: 0.75, lengthPadding: 20 };

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
 * One term's share of a row's score, for each time that the query has it:
 * `idf · tf / (tf + k1 · (1 - b + b · (length + padding) / (averageLength + padding)))`, {@link rounded}. That is BM25
 * (Robertson and others 1994) as Lucene computes it since version 8, without the constant factor k1 + 1; the padding is ours.
 * Never falls when the frequency grows, never rises when the length does, and is at most `rounded(idf)`: an index may skip by
 * that.
 *
 * @param frequency - How often the row has the term.
 * @param length - Terms of the row, stop words included.
 * @param averageLength - Of all rows.
 */
export function termScore(
  frequency: number,
  length: number,
  averageLength: number,
  idf: number,
  parameters: Bm25Parameters,
): number {
  return rounded((idf * frequency) / (frequency + lengthNorm(length, averageLength, parameters)));
}

/**
 * What a row's length adds below the line of {@link termScore}: all that an index has to keep of it for the average length
 * of the moment.
 */
export function lengthNorm(length: number, averageLength: number, { k1, b, lengthPadding }: Bm25Parameters): number {
  const relativeLength = (length + lengthPadding) / (averageLength + lengthPadding);
  return k1 * (1 - b + b * relativeLength);
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
