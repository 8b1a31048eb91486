/** What a character is to the analyzer: nothing of a word. */
export const separatorClass = 0;
/** A letter, number, mark or underscore: part of a word. */
export const wordClass = 1;
/** A hyphen, an apostrophe or something invisible: part of a word where it stands between two characters of words. */
export const joinerClass = 2;
/** A letter of a script that is written without spaces: words are found by a segmenter. */
export const unspacedClass = 3;

/**
 * The class of a UTF-16 code unit, or of a code point beyond the first 65,536. Classes of units are looked up in a table
 * that is filled as units are met: asking regular expressions takes hundreds of times as long.
 */
export function codePointClass(codePoint: number): number {
  if (codePoint >= table.length) return classify(codePoint);
  const known = table[codePoint] ?? unknown;
  if (known !== unknown) return known;
  return (table[codePoint] = classify(codePoint));
}

/** What is left out of words: soft hyphen, joiners of zero width, byte order mark. */
export const invisible = /[\u00ad\u200c-\u200d\u2060\ufeff]/gu;

/** Characters that are written for an apostrophe. */
export const apostrophes = /[\u2018\u2019\u02bc]/gu;

const unknown = 255;
const table = new Uint8Array(0x1_00_00).fill(unknown);

/** By what the character becomes when it is normalized: `㎏` is letters, `㍿` is Han. */
function classify(codePoint: number): number {
  const character = String.fromCodePoint(codePoint).normalize('NFKC');
  if (unspaced.test(character)) return unspacedClass;
  if (joiner.test(character)) return joinerClass;
  return inWord.test(character) ? wordClass : separatorClass;
}

// The marks that make kana voiced, and the one that makes them long, belong to no script of their own.
const unspaced =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\u3099\u309a\u30fc]/u;
const joiner = /^['\-\u2018\u2019\u02bc\u2010\u00ad\u200c-\u200d\u2060\ufeff]$/u;
const inWord = /[\p{L}\p{N}\p{M}_]/u;
