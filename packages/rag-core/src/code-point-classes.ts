/** What a character is to the analyzer: nothing of a word. */
const separatorClass = 0;
/** A letter, number, mark or underscore: part of a word. */
export const wordClass = 1;
/** A hyphen, an apostrophe or something invisible: part of a word where it stands between two characters of words. */
export const joinerClass = 2;
/** A letter of a script that is written without spaces: words are found by a segmenter. */
export const unspacedClass = 3;

/**
 * The class of the character at a place among UTF-16 code units. Classes of units are looked up in a table that is filled
 * as units are met: asking regular expressions takes hundreds of times as long.
 */
export function classAt(units: Uint16Array, at: number): number {
  const unit = units[at] ?? 0;
  const known = unitClasses[unit] ?? unknown;
  if (known < unknown) return known;
  if (!isLead(unit)) return (unitClasses[unit] = classify(unit));
  // Half a pair is nothing.
  return isPair(units, at)
    ? classify(0x1_00_00 + ((unit - 0xd8_00) << 10) + ((units[at + 1] ?? 0) - 0xdc_00))
    : separatorClass;
}

/** Code units of the character at a place: 2 where it is a surrogate pair. */
export function widthAt(units: Uint16Array, at: number): 1 | 2 {
  return isPair(units, at) ? 2 : 1;
}

/** What is left out of words: soft hyphen, joiners of zero width, byte order mark. */
export const invisible = /[\u00ad\u200c-\u200d\u2060\ufeff]/gu;

/** Characters that are written for an apostrophe. */
export const apostrophes = /[\u2018\u2019\u02bc]/gu;

const unknown = 255;

/** Classes of the units that were met; 255 for others, and for those that are half a pair. */
export const unitClasses = new Uint8Array(0x1_00_00).fill(unknown);

function isLead(unit: number): boolean {
  return unit >= 0xd8_00 && unit < 0xdc_00;
}

function isPair(units: Uint16Array, at: number): boolean {
  const trail = units[at + 1] ?? 0;
  return isLead(units[at] ?? 0) && trail >= 0xdc_00 && trail < 0xe0_00;
}

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
