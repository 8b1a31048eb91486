/** A row and how well it answers, in one list of several. */
export interface Ranked {
  readonly number: number;
  readonly score: number;
}

/** Version of the way in which {@link fuseByScore} is used: raised with every change that changes an order of hybrid search. */
export const fusionVersion = 2;

/** Share of the dense side in hybrid search. Chosen on the development collections: docs/ranking.md. */
export const denseWeight = 0.45;

/**
 * Rows that each side of a hybrid search brings at least. Then both sides score what either has brought: a row that one side
 * brings alone must not be taken for one that the other side finds nothing in.
 */
export const fusionDepth = 100;

/**
 * Joins two lists by their scores, each scaled to 0..1 between its worst and its best (a list whose scores are all equal
 * counts as 1): `(1 - weight) · lexical + weight · dense`. A row that one list lacks has 0 there: it has no word of the
 * question, or no vector. The best first; equal scores by number.
 */
export function fuseByScore(
  lexical: readonly Ranked[],
  dense: readonly Ranked[],
  weight: number = denseWeight,
): readonly Ranked[] {
  const sums = new Map<number, number>();
  for (const [list, share] of [
    [lexical, 1 - weight],
    [dense, weight],
  ] as const)
    for (const [number, value] of scaled(list)) sums.set(number, (sums.get(number) ?? 0) + share * value);
  return inOrder(sums);
}

/** Joins lists by rank: the sum of `1 / (k + rank)`, ranks from 1 (Cormack, Clarke and Büttcher 2009, k = 60). */
export function fuseByRank(lists: readonly (readonly Ranked[])[], k = 60): readonly Ranked[] {
  const sums = new Map<number, number>();
  for (const list of lists)
    for (const [index, { number }] of list.entries()) sums.set(number, (sums.get(number) ?? 0) + 1 / (k + index + 1));
  return inOrder(sums);
}

function scaled(list: readonly Ranked[]): readonly (readonly [number, number])[] {
  const scores = list.map(({ score }) => score);
  const least = Math.min(...scores);
  const range = Math.max(...scores) - least;
  return list.map(({ number, score }) => [number, range === 0 ? 1 : (score - least) / range]);
}

function inOrder(sums: ReadonlyMap<number, number>): readonly Ranked[] {
  return [...sums]
    .map(([number, score]) => ({ number, score }))
    .toSorted((one, other) => other.score - one.score || one.number - other.number);
}
