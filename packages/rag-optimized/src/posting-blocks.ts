/* oxlint-disable typescript/no-non-null-assertion -- typed arrays: every index is below a length that its caller keeps */
import { writeVarint } from './byte-writer.ts';
import type { ByteWriter } from './byte-writer.ts';

/**
 * Postings of a block. A term's postings are whole blocks of so many, each packed into words with as many bits a number
 * as its widest needs, and a rest of fewer as variable-length bytes:
 *
 *   block   128 gaps of g bits │ 128 frequencies of f bits      4·g + 4·f words, begins at a word
 *   rest    (gap · 2 + [frequency > 1]) [frequency - 2] …       bytes, with the term in the dictionary
 *
 * A gap is the distance to the posting before, less one; a packed frequency is the frequency less one, so that f is 0
 * where every row has the term once.
 */
export const blockPostings = 128;

/** Most rows of a segment: a gap, doubled, and a packed number stay small integers. */
export const segmentRowsMax = 2 ** 24;

/** Bits that a number needs. */
export function bitsOf(value: number): number {
  return 32 - Math.clz32(value);
}

/** Packs 128 numbers of so many bits. `words` has room for `4 · bits` at `at`, all zero. */
export function packNumbers(numbers: Int32Array, bits: number, words: Int32Array, at: number): void {
  if (bits === 0) return;
  let word = at;
  let shift = 0;
  for (let index = 0; index < blockPostings; index++) {
    const value = numbers[index]!;
    words[word] = words[word]! | (value << shift);
    shift += bits;
    if (shift >= 32) {
      shift -= 32;
      word++;
      if (shift > 0) words[word] = value >>> (bits - shift);
    }
  }
}

/** Unpacks 128 gaps into rows that follow `before`. */
export function unpackRows(words: Int32Array, at: number, bits: number, before: number, rows: Int32Array): void {
  let row = before;
  if (bits === 0) {
    for (let index = 0; index < blockPostings; index++) rows[index] = ++row;
    return;
  }
  const mask = (1 << bits) - 1;
  let word = at;
  let current = words[word]!;
  let shift = 0;
  for (let index = 0; index < blockPostings; index++) {
    let value = current >>> shift;
    shift += bits;
    if (shift >= 32) {
      shift -= 32;
      // The word behind the last block is there: words end with one to spare.
      current = words[++word]!;
      if (shift > 0) value |= current << (bits - shift);
    }
    row += (value & mask) + 1;
    rows[index] = row;
  }
}

/** Unpacks 128 frequencies. */
export function unpackFrequencies(words: Int32Array, at: number, bits: number, frequencies: Int32Array): void {
  if (bits === 0) {
    frequencies.fill(1, 0, blockPostings);
    return;
  }
  const mask = (1 << bits) - 1;
  let word = at;
  let current = words[word]!;
  let shift = 0;
  for (let index = 0; index < blockPostings; index++) {
    let value = current >>> shift;
    shift += bits;
    if (shift >= 32) {
      shift -= 32;
      current = words[++word]!;
      if (shift > 0) value |= current << (bits - shift);
    }
    frequencies[index] = (value & mask) + 1;
  }
}

/** Appends a rest: `rows[start..end)` that follow `before`. */
export function writeRest(
  writer: ByteWriter,
  rows: Int32Array,
  frequencies: Int32Array,
  start: number,
  end: number,
  before: number,
): void {
  let last = before;
  for (let index = start; index < end; index++) {
    const row = rows[index]!;
    const frequency = frequencies[index]!;
    writeVarint(writer, (row - last - 1) * 2 + (frequency > 1 ? 1 : 0));
    if (frequency > 1) writeVarint(writer, frequency - 2);
    last = row;
  }
}

/** Reads a rest of `count` postings that follow `before`. */
export function readRest(
  bytes: Uint8Array,
  start: number,
  count: number,
  before: number,
  rows: Int32Array,
  frequencies: Int32Array,
): void {
  let at = start;
  let row = before;
  for (let index = 0; index < count; index++) {
    let byte = bytes[at++]!;
    let head = byte & 127;
    for (let shift = 7; byte > 127; shift += 7) {
      byte = bytes[at++]!;
      head |= (byte & 127) << shift;
    }
    row += (head >>> 1) + 1;
    rows[index] = row;
    let frequency = 1;
    if ((head & 1) === 1) {
      byte = bytes[at++]!;
      frequency = byte & 127;
      for (let shift = 7; byte > 127; shift += 7) {
        byte = bytes[at++]!;
        frequency |= (byte & 127) << shift;
      }
      frequency += 2;
    }
    frequencies[index] = frequency;
  }
}
