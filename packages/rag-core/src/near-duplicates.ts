/** Two texts that say nearly the same. */
export interface NearDuplicate {
  /** Places of the two in the list that was given, the smaller one first. */
  readonly one: number;
  readonly other: number;
  /** Share of their shingles that both have, 0..1: 1 where all are the same. */
  readonly similarity: number;
}

/** From which similarity on two texts are near duplicates: one word of thirty differs, or a fifth was added. */
export const nearDuplicateSimilarity = 0.8;

/** Terms of a shingle: runs of three tell texts with the same words in another order apart. */
const shingleTerms = 3;

/** Most texts that one shingle calls up, the last ones: a phrase that thousands have says little. */
const candidatesMax = 64;

/**
 * Finds texts that say nearly the same, by the Jaccard similarity of their sets of shingles (Broder 1997).
 *
 * Two sets are similar only when they share one of their rarest shingles (prefix filtering: Chaudhuri, Ganti and Kaushik
 * 2006), so that few pairs are compared, exactly. Texts without a term are left out. Of many texts that are alike each
 * is told together with some of the others, not with every one.
 *
 * @param texts - Terms of each, from an analyzer.
 */
export function findNearDuplicates(
  texts: readonly (readonly string[])[],
  similarity: number = nearDuplicateSimilarity,
): readonly NearDuplicate[] {
  const sets = rareFirst(texts);
  const bySize = sets
    .map((_, place) => place)
    .toSorted((one, other) => sizeOf(sets, one) - sizeOf(sets, other) || one - other);
  const postings = new Map<number, number[]>();
  const found: NearDuplicate[] = [];
  for (const place of bySize) {
    const shingles = sets[place] ?? [];
    // A set that shares no shingle of its first ones has too few left to share.
    const prefix = shingles.slice(0, shingles.length - Math.ceil(similarity * shingles.length - 1e-9) + 1);
    const candidates = new Set<number>();
    for (const shingle of prefix) for (const candidate of postings.get(shingle) ?? []) candidates.add(candidate);
    const own = new Set(shingles);
    for (const candidate of candidates) {
      const share = jaccard(own, sets[candidate] ?? []);
      if (share >= similarity)
        found.push({ one: Math.min(place, candidate), other: Math.max(place, candidate), similarity: share });
    }
    for (const shingle of prefix) {
      const list = postings.get(shingle);
      if (list === undefined) postings.set(shingle, [place]);
      else {
        if (list.length === candidatesMax) list.shift();
        list.push(place);
      }
    }
  }
  return found.toSorted((a, b) => a.one - b.one || a.other - b.other);
}

/** The set of shingles of each text as numbers that grow with the number of texts that have them. */
function rareFirst(texts: readonly (readonly string[])[]): readonly (readonly number[])[] {
  const counts = new Map<string, number>();
  const named = texts.map((terms) => {
    const shingles = new Set<string>();
    const last = Math.max(terms.length - shingleTerms, 0);
    if (terms.length > 0) for (let at = 0; at <= last; at++) shingles.add(terms.slice(at, at + shingleTerms).join(' '));
    for (const shingle of shingles) counts.set(shingle, (counts.get(shingle) ?? 0) + 1);
    return [...shingles];
  });
  const ranks = new Map(
    [...counts].toSorted((one, other) => one[1] - other[1]).map(([shingle], rank) => [shingle, rank]),
  );
  return named.map((shingles) =>
    shingles.map((shingle) => ranks.get(shingle) ?? 0).toSorted((one, other) => one - other),
  );
}

function sizeOf(sets: readonly (readonly number[])[], place: number): number {
  return sets[place]?.length ?? 0;
}

function jaccard(one: ReadonlySet<number>, other: readonly number[]): number {
  let shared = 0;
  for (const shingle of other) if (one.has(shingle)) shared++;
  return shared / (one.size + other.length - shared);
}
