/* oxlint-disable typescript/no-non-null-assertion -- typed arrays: every index is below a length that is kept here */
import { stringOf, wordUnitsMax } from './word-cache.ts';

/** Where the words of a text go as they are found. */
export interface WordSink {
  /**
   * A word at `start` to `end`.
   *
   * @param hash - Of its code units: equal words have equal hashes.
   */
  word(units: Uint16Array, start: number, end: number, hash: number): void;
  /** A term as it is: of a script without spaces. */
  term(term: string): void;
}

/** Numbers in a list that has room for more. */
export interface FoundNumbers {
  /** The first `count` of it. */
  numbers: Int32Array;
  count: number;
}

/** Gathers the numbers of the terms of words. */
export interface WordNumbers extends WordSink {
  /** Terms by number. */
  readonly terms: readonly string[];
  /** The number of a term that was met. */
  numberOf(term: string): number | undefined;
  /** What was gathered since it was cleared. */
  readonly found: FoundNumbers;
  clear(): void;
}

/** Words of a place: hash, and where the word lies in the list of words. */
const placeWords = 2;

/** Places that a word may lie behind the one that its hash names. */
const stepsMax = 32;

/** Code units before those of a word: how many there are, and the two halves of the number of its term. */
const headUnits = 3;

/**
 * Words lie one after the other in a list, and where they lie in a table that is never more than half full, so that a word
 * that was met before costs no string:
 *
 *     table  | hash | where | hash | where | …
 *     list   | length | number of its term | code units | …
 *
 * One that finds no place near the one that its hash names has none, and its terms are found each time: words whose hashes
 * are the same make the table useless, not slow.
 */
export function createWordNumbers(termsOf: (word: string) => readonly string[]): WordNumbers {
  const terms: string[] = [];
  const numberOf = new Map<string, number>();
  let table = new Int32Array(2 ** 13 * placeWords);
  let mask = 2 ** 13 - 1;
  let words = 0;
  let list = new Uint16Array(2 ** 15);
  /** Behind the first, since 0 in the table says that a place is free. */
  let listEnd = 1;
  /** How many terms a word has and their numbers, for words that have not exactly one: these name the place in it, less than 0. */
  const several: number[] = [];
  const found: FoundNumbers = { numbers: new Int32Array(1_024), count: 0 };

  function isAt(where: number, units: Uint16Array, start: number, length: number): boolean {
    if (list[where] !== length) return false;
    const first = where + headUnits;
    for (let index = 0; index < length; index++) if (list[first + index] !== units[start + index]) return false;
    return true;
  }

  /** Where a place for the hash is free; -1 = nowhere near. */
  function freePlace(hash: number): number {
    for (let step = 0; step < stepsMax; step++) {
      const at = ((placeOf(hash) + step) & mask) * placeWords;
      if (table[at + 1] === 0) return at;
    }
    return -1;
  }

  /** Tells whether there was a place. */
  function put(hash: number, where: number): boolean {
    const at = freePlace(hash);
    if (at < 0) return false;
    table[at] = hash;
    table[at + 1] = where;
    words++;
    return true;
  }

  function grow(): void {
    const old = table;
    table = new Int32Array(old.length * 2);
    mask = table.length / placeWords - 1;
    words = 0;
    for (let from = 0; from < old.length; from += placeWords) if (old[from + 1] !== 0) put(old[from]!, old[from + 1]!);
  }

  function keep(units: Uint16Array, start: number, end: number, hash: number, numbers: readonly number[]): void {
    if ((words + 1) * placeWords * 2 > table.length) grow();
    if (!put(hash, listEnd)) return;
    if (listEnd + headUnits + end - start > list.length) {
      const grown = new Uint16Array(list.length * 2);
      grown.set(list);
      list = grown;
    }
    let [value] = numbers;
    if (value === undefined || numbers.length > 1) {
      value = -1 - several.length;
      several.push(numbers.length, ...numbers);
    }
    list[listEnd] = end - start;
    list[listEnd + 1] = value;
    list[listEnd + 2] = value >>> 16;
    listEnd += headUnits;
    for (let from = start; from < end; from++) list[listEnd++] = units[from]!;
  }

  function numbered(term: string): number {
    let number = numberOf.get(term);
    if (number === undefined) {
      number = terms.length;
      terms.push(term);
      numberOf.set(term, number);
    }
    return number;
  }

  function take(number: number): void {
    if (found.count === found.numbers.length) {
      const grown = new Int32Array(found.count * 2);
      grown.set(found.numbers);
      found.numbers = grown;
    }
    found.numbers[found.count++] = number;
  }

  /** A word that is not in the table. */
  function newWord(units: Uint16Array, start: number, end: number, hash: number): void {
    const numbers = termsOf(stringOf(units, start, end)).map(numbered);
    for (const number of numbers) take(number);
    if (end - start <= wordUnitsMax) keep(units, start, end, hash, numbers);
  }

  return {
    terms,
    numberOf: (term) => numberOf.get(term),
    found,
    clear() {
      found.count = 0;
    },
    term: (term) => {
      take(numbered(term));
    },
    word(units, start, end, hash) {
      const length = end - start;
      const first = placeOf(hash);
      for (let step = 0; step < stepsMax; step++) {
        const at = ((first + step) & mask) * placeWords;
        const where = table[at + 1]!;
        if (where === 0) break;
        if (table[at] !== hash || !isAt(where, units, start, length)) continue;
        const value = list[where + 1]! | (list[where + 2]! << 16);
        if (value >= 0) take(value);
        else {
          const place = -1 - value;
          for (let index = 1; index <= several[place]!; index++) take(several[place + index]!);
        }
        return;
      }
      newWord(units, start, end, hash);
    },
  };
}

/** Mixes the upper half of a hash into the lower one, by which places are named. */
function placeOf(hash: number): number {
  return hash ^ (hash >>> 15);
}
