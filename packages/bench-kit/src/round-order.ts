/**
 * The order of the variants in a round: as given in even rounds, reversed in odd ones (AB BA AB BA …), so that whoever
 * runs first on a cold cache, or last on a hot processor, changes from round to round.
 */
export function roundOrder<Item>(items: readonly Item[], round: number): readonly Item[] {
  return round % 2 === 0 ? [...items] : items.toReversed();
}
