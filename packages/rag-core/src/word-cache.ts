/* oxlint-disable typescript/no-non-null-assertion -- code units: every place is below an end that the caller keeps */
/** Remembers the terms of words by their code units, so that a word that is known costs no string. */
export interface WordCache {
  /**
   * The terms of the word at `start` to `end`.
   *
   * @param hash - Of its code units: equal words have equal hashes.
   */
  termsAt(units: Uint16Array, start: number, end: number, hash: number): readonly string[];
}

/** Longest word that is remembered, in code units. Longer ones are seldom words, and seldom come twice. */
export const wordUnitsMax = 24;

/** Places among which a word may lie. Two of them, or moving words by one, forget a sixth more on real text. */
const ways = 4;

/**
 * Words lie in a table of fixed size, at any of four places that their hash names; a new one takes the place of the one
 * that was met longest ago:
 *
 *     words  | 24 code units | 24 code units | …      1.5 MB for 32,768 places
 *     length, when it was met last, terms of each     up to about 4 MB
 *
 * A text of nothing but new words, or of words whose hashes are the same, makes the table useless, not slow or large.
 */
export function createWordCache(termsOf: (word: string) => readonly string[], places = 2 ** 15): WordCache {
  const words = new Uint16Array(places * wordUnitsMax);
  const lengths = new Uint8Array(places);
  const met = new Uint32Array(places);
  const terms: (readonly string[])[] = Array.from({ length: places }, () => none);
  const mask = places / ways - 1;
  let time = 0;

  function isAt(place: number, units: Uint16Array, start: number, length: number): boolean {
    if (lengths[place] !== length) return false;
    const first = place * wordUnitsMax;
    for (let index = 0; index < length; index++) if (words[first + index] !== units[start + index]) return false;
    return true;
  }

  /** The place among four that was not met for longest. */
  function oldest(first: number): number {
    let place = first;
    for (let other = first + 1; other < first + ways; other++) if ((met[other] ?? 0) < (met[place] ?? 0)) place = other;
    return place;
  }

  return {
    termsAt(units, start, end, hash) {
      const length = end - start;
      if (length > wordUnitsMax) return termsOf(stringOf(units, start, end));
      const first = ((hash ^ (hash >>> 15)) & mask) * ways;
      for (let place = first; place < first + ways; place++)
        if (isAt(place, units, start, length)) {
          met[place] = ++time;
          return terms[place] ?? none;
        }
      const found = termsOf(stringOf(units, start, end));
      const place = oldest(first);
      words.set(units.subarray(start, end), place * wordUnitsMax);
      lengths[place] = length;
      met[place] = ++time;
      terms[place] = found;
      return found;
    },
  };
}

/** The string of some code units. It is no slice of another one, which would keep that in memory for as long as it lives. */
export function stringOf(units: Uint16Array, start: number, end: number): string {
  let text = '';
  if (end - start <= wordUnitsMax) {
    // Three times as fast as from a list, which is taken apart one by one.
    let at = start;
    for (; at + 4 <= end; at += 4)
      text += String.fromCharCode(units[at]!, units[at + 1]!, units[at + 2]!, units[at + 3]!);
    for (; at < end; at++) text += String.fromCharCode(units[at]!);
    return text;
  }
  for (let at = start; at < end; at += pieceUnits)
    text += String.fromCharCode(...units.subarray(at, Math.min(end, at + pieceUnits)));
  return text;
}

/** What fits on the stack as arguments. */
const pieceUnits = 4_096;

const none: readonly string[] = [];
