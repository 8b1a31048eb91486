import { inverseDocumentFrequency } from '@gemma-cli/rag-core';

/**
 * The gate of `--rag auto`, calibrated on `test/labelled` so that at most 5 % of prompts that have nothing to do with the
 * documents pass it. docs/memory.md has the figures.
 */
export const relevanceGate = {
  /** Least share of the question's weight that the best passage must have, each word weighed by its rarity. */
  shareMin: 0.45,
  /** Least number of different words of the question in it, where the question has so many. */
  termsMin: 3,
  /** Least share, of that of the best passage, that another passage must have to stand beside it. */
  beside: 0.6,
} as const;

/**
 * The gate for what a user stated in another chat: one sentence mostly, so that fewer words must meet, and more of the
 * question's weight. Chosen on `test/labelled/chats.json`.
 */
export const statementGate = { ...relevanceGate, shareMin: 0.6, termsMin: 2 } as const;

/**
 * The gate for the best passage by words where that is also among those nearest to the question in meaning: what two measures
 * find, each for itself, needs less of either. Chosen on `test/labelled`.
 */
export const agreedGate = { ...relevanceGate, shareMin: 0.35, termsMin: 2 } as const;

/**
 * How many rows are nearest to a question: by their order, since no cosine means the same for two embedding models. In a small
 * memory none are: there, every row is near.
 *
 * @param vectors - Rows that have a vector.
 */
export function nearestRows(vectors: number): number {
  return Math.min(5, Math.floor(vectors / 100));
}

/** A term of a question: how many rows have it. */
export interface WeighedTerm {
  readonly term: string;
  readonly documentFrequency: number;
}

/** How much of a question a passage has. */
export interface Relevance {
  /** Of the question's weight, 0..1. */
  readonly share: number;
  /** Different terms of the question in the passage. */
  readonly terms: number;
}

/**
 * How much of a question each passage has: the share of the summed inverse document frequency of its terms, stop words left
 * out. A word that nothing here has counts most: it is what the question is about, and the documents are not.
 *
 * @param question - Terms without stop words.
 * @param passages - The terms of the question that each passage has.
 * @param rows - Rows of the memory.
 */
export function measureRelevance(
  question: readonly WeighedTerm[],
  passages: readonly ReadonlySet<string>[],
  rows: number,
): readonly Relevance[] {
  const weights = question.map(({ term, documentFrequency }) => ({
    term,
    weight: inverseDocumentFrequency(documentFrequency, rows),
  }));
  const total = weights.reduce((sum, { weight }) => sum + weight, 0);
  return passages.map((passage) => {
    const matched = weights.filter(({ term }) => passage.has(term));
    const share = total === 0 ? 0 : matched.reduce((sum, { weight }) => sum + weight, 0) / total;
    return { share, terms: matched.length };
  });
}

/**
 * Which passages pass: `false` for all of them where the best one does not.
 *
 * @param gate - Default: {@link relevanceGate}.
 */
export function passGate(
  relevances: readonly Relevance[],
  questionTerms: number,
  { shareMin, termsMin, beside }: Readonly<Record<keyof typeof relevanceGate, number>> = relevanceGate,
): readonly boolean[] {
  const needed = Math.min(termsMin, questionTerms);
  const isAbove = ({ share, terms }: Relevance): boolean => share >= shareMin && terms >= needed && terms > 0;
  const best = Math.max(0, ...relevances.filter(isAbove).map(({ share }) => share));
  return relevances.map(({ share }) => best > 0 && share >= best * beside);
}
