/** Code points as sorted ranges that neither touch nor overlap, each from first to last. */
export type CharacterSet = readonly (readonly [first: number, last: number])[];

/** The last code point of Unicode. */
export const lastCodePoint = 0x10ffff;

/** Every code point that text can hold: surrogates stand for no character of their own. */
export const anyCharacter: CharacterSet = [
  [0, 0xd7ff],
  [0xe000, lastCodePoint],
];

/** The set of these ranges, which may overlap and come in any order. */
export function characterSet(ranges: readonly (readonly [number, number])[]): CharacterSet {
  const joined: [number, number][] = [];
  for (const [first, last] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const previous = joined.at(-1);
    if (previous !== undefined && first <= previous[1] + 1) previous[1] = Math.max(previous[1], last);
    else joined.push([first, last]);
  }
  return joined;
}

/** The characters of a text. */
export function charactersOf(text: string): CharacterSet {
  return characterSet(
    Array.from(text, (character) => {
      const code = character.codePointAt(0) ?? 0;
      return [code, code] as const;
    }),
  );
}

/** What is not in the set. */
export function complement(set: CharacterSet): CharacterSet {
  const rest: [number, number][] = [];
  let next = 0;
  for (const [first, last] of set) {
    if (first > next) rest.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= lastCodePoint) rest.push([next, lastCodePoint]);
  return rest;
}

/** What is in both sets. */
export function intersection(left: CharacterSet, right: CharacterSet): CharacterSet {
  const both: [number, number][] = [];
  for (const [first, last] of left) {
    for (const [otherFirst, otherLast] of right) {
      const from = Math.max(first, otherFirst);
      const to = Math.min(last, otherLast);
      if (from <= to) both.push([from, to]);
    }
  }
  return both;
}

/** Whether a code point is in the set. */
export function hasCharacter(set: CharacterSet, code: number): boolean {
  return set.some(([first, last]) => first <= code && code <= last);
}
