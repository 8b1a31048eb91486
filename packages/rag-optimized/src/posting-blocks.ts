/* oxlint-disable typescript/no-non-null-assertion -- typed arrays: every index is below a length that its caller keeps */
import { reserveBytes, writeVarint } from './byte-writer.ts';
import type { ByteWriter } from './byte-writer.ts';

/**
 * Postings of a block. A term's postings are whole blocks of so many, each packed into words with as many bits a number
 * as its widest needs, and a rest of fewer is packed into bytes, beside the term in the dictionary:
 *
 *   block   128 gaps of g bits │ 128 frequencies of f bits      4·g + 4·f words, in four lanes
 *   rest    bits of a gap, code of those of a frequency │ gaps │ frequencies
 *   of one  gap · 2 + [frequency > 1], [frequency - 2]          variable-length bytes
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

/** Blocks that were unpacked since the process began: tests and figures count work by it, not by time. */
export const work = { blocks: 0 };

/** Numbers that a processor unpacks side by side: number i lies in lane i % 4, and words of the lanes take turns. */
const lanes = 4;

/** Packs 128 numbers of so many bits. `words` has room for `4 · bits` at `at`, all zero. */
export function packNumbers(numbers: Int32Array, bits: number, words: Int32Array, at: number): void {
  if (bits === 0) return;
  let word = at;
  let shift = 0;
  for (let first = 0; first < blockPostings; first += lanes) {
    for (let lane = 0; lane < lanes; lane++)
      words[word + lane] = words[word + lane]! | (numbers[first + lane]! << shift);
    shift += bits;
    if (shift >= 32) {
      shift -= 32;
      word += lanes;
      if (shift > 0)
        for (let lane = 0; lane < lanes; lane++) words[word + lane] = numbers[first + lane]! >>> (bits - shift);
    }
  }
}

/** Unpacks 128 gaps into rows that follow `before`. */
export function unpackRows(words: Int32Array, at: number, bits: number, before: number, rows: Int32Array): void {
  unpackNumbers(words, at, bits, rows);
  let row = before;
  for (let index = 0; index < blockPostings; index++) {
    row += rows[index]!;
    rows[index] = row;
  }
}

/** Unpacks 128 frequencies. */
export function unpackFrequencies(words: Int32Array, at: number, bits: number, frequencies: Int32Array): void {
  unpackNumbers(words, at, bits, frequencies);
}

/** Unpacks 128 numbers and adds 1 to each. */
function unpackNumbers(words: Int32Array, at: number, bits: number, numbers: Int32Array): void {
  if (bits === 0) {
    numbers.fill(1, 0, blockPostings);
    return;
  }
  const mask = (1 << bits) - 1;
  for (let lane = 0; lane < lanes; lane++) {
    let word = at + lane;
    let current = words[word]!;
    let shift = 0;
    for (let index = lane; index < blockPostings; index += lanes) {
      let value = current >>> shift;
      shift += bits;
      if (shift >= 32) {
        shift -= 32;
        word += lanes;
        // The words behind the last block are there: words end with four to spare.
        current = words[word]!;
        if (shift > 0) value |= current << (bits - shift);
      }
      numbers[index] = (value & mask) + 1;
    }
  }
}

/** Bits of a frequency in a rest, by the three bits that its head has for it: a text has at most 100,000 words. */
const restFrequencyBits = [0, 1, 2, 3, 4, 6, 10, 24];

/** Appends a rest: `rows[start..end)` that follow `before`. */
export function writeRest(
  writer: ByteWriter,
  rows: Int32Array,
  frequencies: Int32Array,
  start: number,
  end: number,
  before: number,
): void {
  if (end - start === 1) {
    const frequency = frequencies[start]!;
    writeVarint(writer, (rows[start]! - before - 1) * 2 + (frequency > 1 ? 1 : 0));
    if (frequency > 1) writeVarint(writer, frequency - 2);
    return;
  }
  let gaps = 0;
  let lessOne = 0;
  for (let index = start, last = before; index < end; index++) {
    gaps |= rows[index]! - last - 1;
    last = rows[index]!;
    lessOne |= frequencies[index]! - 1;
  }
  const gapBits = bitsOf(gaps);
  const code = restFrequencyBits.findIndex((bits) => bits >= bitsOf(lessOne));
  const frequencyBits = restFrequencyBits[code]!;
  reserveBytes(writer, restBytes(end - start, gapBits, frequencyBits) + 4);
  writer.bytes[writer.length++] = gapBits | (code << 5);
  let held = 0;
  let heldBits = 0;
  // Never more than 7 + 24 bits at once.
  const append = (value: number, bits: number) => {
    held |= value << heldBits;
    heldBits += bits;
    while (heldBits >= 8) {
      writer.bytes[writer.length++] = held & 255;
      held >>>= 8;
      heldBits -= 8;
    }
  };
  for (let index = start, last = before; index < end; index++) {
    append(rows[index]! - last - 1, gapBits);
    last = rows[index]!;
  }
  for (let index = start; index < end; index++) append(frequencies[index]! - 1, frequencyBits);
  if (heldBits > 0) writer.bytes[writer.length++] = held & 255;
}

/** Bytes of a packed rest behind its head. */
function restBytes(count: number, gapBits: number, frequencyBits: number): number {
  return (count * (gapBits + frequencyBits) + 7) >>> 3;
}

/** Where a rest of `count` postings ends. */
export function restEnd(bytes: Uint8Array, start: number, count: number): number {
  if (count > 1) {
    const head = bytes[start]!;
    return start + 1 + restBytes(count, head & 31, restFrequencyBits[head >>> 5]!);
  }
  let at = start;
  const isMore = (bytes[at]! & 1) === 1;
  while (bytes[at++]! > 127);
  if (isMore) while (bytes[at++]! > 127);
  return at;
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
  if (count === 1) {
    readOne(bytes, start, before, rows, frequencies);
    return;
  }
  const head = bytes[start]!;
  const gapBits = head & 31;
  const frequencyBits = restFrequencyBits[head >>> 5]!;
  const gapMask = (1 << gapBits) - 1;
  const frequencyMask = (1 << frequencyBits) - 1;
  let at = start + 1;
  let held = 0;
  let heldBits = 0;
  let row = before;
  for (let index = 0; index < count; index++) {
    while (heldBits < gapBits) {
      held |= bytes[at++]! << heldBits;
      heldBits += 8;
    }
    row += (held & gapMask) + 1;
    held >>>= gapBits;
    heldBits -= gapBits;
    rows[index] = row;
  }
  if (frequencyBits === 0) {
    frequencies.fill(1, 0, count);
    return;
  }
  for (let index = 0; index < count; index++) {
    while (heldBits < frequencyBits) {
      held |= bytes[at++]! << heldBits;
      heldBits += 8;
    }
    frequencies[index] = (held & frequencyMask) + 1;
    held >>>= frequencyBits;
    heldBits -= frequencyBits;
  }
}

function readOne(bytes: Uint8Array, start: number, before: number, rows: Int32Array, frequencies: Int32Array): void {
  let at = start;
  let byte = bytes[at++]!;
  let head = byte & 127;
  for (let shift = 7; byte > 127; shift += 7) {
    byte = bytes[at++]!;
    head |= (byte & 127) << shift;
  }
  rows[0] = before + (head >>> 1) + 1;
  frequencies[0] = 1;
  if ((head & 1) === 0) return;
  byte = bytes[at++]!;
  let frequency = byte & 127;
  for (let shift = 7; byte > 127; shift += 7) {
    byte = bytes[at++]!;
    frequency |= (byte & 127) << shift;
  }
  frequencies[0] = frequency + 2;
}
