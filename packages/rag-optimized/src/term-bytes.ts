/** Most bytes that a code unit takes. */
const unitBytesMax = 3;

/**
 * Writes each code unit of a term as UTF-8 writes a code point. So any string comes back as it was, half surrogate pairs
 * included, and the order of bytes is that of JavaScript's `<`.
 *
 * @returns Where it ends.
 */
export function writeTerm(term: string, bytes: Uint8Array, start: number): number {
  let at = start;
  for (let index = 0; index < term.length; index++) {
    const unit = term.charCodeAt(index);
    if (unit < 0x80) bytes[at++] = unit;
    else if (unit < 0x8_00) {
      bytes[at++] = 0xc0 | (unit >> 6);
      bytes[at++] = 0x80 | (unit & 0x3f);
    } else {
      bytes[at++] = 0xe0 | (unit >> 12);
      bytes[at++] = 0x80 | ((unit >> 6) & 0x3f);
      bytes[at++] = 0x80 | (unit & 0x3f);
    }
  }
  return at;
}

/** The bytes of a term. */
export function termBytes(term: string): Uint8Array {
  const bytes = new Uint8Array(term.length * unitBytesMax);
  return bytes.subarray(0, writeTerm(term, bytes, 0));
}

/** Less than 0, 0, or more than 0, as the first is before, equal to or after the second. */
export function compareBytes(
  one: Uint8Array,
  oneEnd: number,
  other: Uint8Array,
  otherStart: number,
  otherEnd: number,
): number {
  const length = Math.min(oneEnd, otherEnd - otherStart);
  for (let at = 0; at < length; at++) {
    const difference = (one[at] as number) - (other[otherStart + at] as number);
    if (difference !== 0) return difference;
  }
  return oneEnd - (otherEnd - otherStart);
}
