/** Remembers the terms of words, by the place of a word in a text, so that a known word costs no string. */
export interface WordCache {
  /**
   * The terms of the word that stands at `start` to `end` of the text.
   *
   * @param hash - Of the code units of the word: equal words have equal hashes.
   */
  termsAt(text: string, start: number, end: number, hash: number): readonly string[];
}

interface Entry {
  readonly word: string;
  readonly terms: readonly string[];
}

/** Longest word that is remembered, in code units: longer ones are seldom words. */
const wordUnitsMax = 64;

/**
 * Words are kept in a table of fixed size, two places a hash: `2 · 8 bytes · slots` and the words themselves, about 4 MB
 * when every place is taken. A text of nothing but new words, or of words whose hashes are the same, makes it useless,
 * not slow or large.
 */
export function createWordCache(termsOf: (word: string) => readonly string[], slots = 2 ** 15): WordCache {
  const entries: Entry[] = Array.from({ length: slots }, () => free);
  const mask = slots - 1;

  function isAt(word: string, text: string, start: number, length: number): boolean {
    if (word.length !== length) return false;
    for (let index = 0; index < length; index++)
      if (word.charCodeAt(index) !== text.charCodeAt(start + index)) return false;
    return true;
  }

  return {
    termsAt(text, start, end, hash) {
      const length = end - start;
      const slot = (hash ^ (hash >>> 15)) & mask;
      const known = entries[slot] ?? free;
      if (isAt(known.word, text, start, length)) return known.terms;
      const other = entries[slot ^ 1] ?? free;
      if (isAt(other.word, text, start, length)) return other.terms;
      if (length > wordUnitsMax) return termsOf(text.slice(start, end)).map(ownString);
      const word = ownString(text.slice(start, end));
      const terms = termsOf(word);
      entries[slot ^ 1] = known;
      entries[slot] = { word, terms };
      return terms;
    },
  };
}

/**
 * The same short string, apart from the one it was cut from: a slice keeps the whole of that in memory for as long as it
 * lives itself.
 */
export function ownString(slice: string): string {
  const units: number[] = [];
  for (let at = 0; at < slice.length; at++) units.push(slice.charCodeAt(at));
  return String.fromCharCode(...units);
}

const free: Entry = { word: '', terms: [] };
