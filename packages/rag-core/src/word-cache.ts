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
const wordUnitsMax = 24;

/**
 * Words lie in a table of fixed size, two places a hash, the one that was met last in the first of them:
 *
 *     units  | 24 code units of place 0 | of place 1 | …        1.5 MB for 32,768 places
 *     terms  | its terms, a list        |            | …        up to about 3 MB
 *
 * A text of nothing but new words, or of words whose hashes are the same, makes the table useless, not slow or large.
 */
export function createWordCache(termsOf: (word: string) => readonly string[], places = 2 ** 15): WordCache {
  const words = new Uint16Array(places * wordUnitsMax);
  const lengths = new Uint8Array(places);
  const terms: (readonly string[])[] = Array.from({ length: places }, () => none);
  const mask = places - 1;

  function isAt(place: number, units: Uint16Array, start: number, length: number): boolean {
    if (lengths[place] !== length) return false;
    const first = place * wordUnitsMax;
    for (let index = 0; index < length; index++) if (words[first + index] !== units[start + index]) return false;
    return true;
  }

  return {
    termsAt(units, start, end, hash) {
      const length = end - start;
      if (length > wordUnitsMax) return termsOf(stringOf(units, start, end));
      const place = (hash ^ (hash >>> 15)) & mask;
      if (isAt(place, units, start, length)) return terms[place] ?? none;
      const second = place ^ 1;
      if (isAt(second, units, start, length)) return terms[second] ?? none;
      const found = termsOf(stringOf(units, start, end));
      words.copyWithin(second * wordUnitsMax, place * wordUnitsMax, (place + 1) * wordUnitsMax);
      lengths[second] = lengths[place] ?? 0;
      terms[second] = terms[place] ?? none;
      words.set(units.subarray(start, end), place * wordUnitsMax);
      lengths[place] = length;
      terms[place] = found;
      return found;
    },
  };
}

/** The string of some code units. It is no slice of another one, which would keep that in memory for as long as it lives. */
export function stringOf(units: Uint16Array, start: number, end: number): string {
  let text = '';
  for (let at = start; at < end; at += pieceUnits)
    text += String.fromCharCode(...units.subarray(at, Math.min(end, at + pieceUnits)));
  return text;
}

/** What fits on the stack as arguments. */
const pieceUnits = 4_096;

const none: readonly string[] = [];
