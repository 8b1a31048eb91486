/* oxlint-disable typescript/no-non-null-assertion -- typed arrays: every index is below a length that is kept here */
import { createByteWriter, writeBytes, writeVarint } from './byte-writer.ts';
import { bitsOf, blockPostings, packNumbers, writeRest } from './posting-blocks.ts';
import { createSegment, groupTerms, noCode, writeLengths } from './segment.ts';
import type { Segment } from './segment.ts';

/** Takes terms in the order of their bytes and makes a segment of them. */
export interface SegmentWriter {
  /** Adds a term: rows from `start` to `end`, ascending, and how often each has it; in steps, for those that many rows have. */
  addTerm(
    term: Uint8Array,
    termLength: number,
    rows: Int32Array,
    frequencies: Int32Array,
    start: number,
    end: number,
  ): Generator<void>;
  /** The segment, after the last term; in steps, because a large one takes a while to put together. */
  finish(): Generator<void, Segment>;
}

/** Bytes that are copied in one step: less than a millisecond. */
const stepBytes = 2 ** 20;

/** Rows, postings or blocks that are handled in one step. */
const stepCount = 16_384;

/** About what the segment will have, so that little is copied as it grows. */
export interface SegmentSize {
  readonly words: number;
  readonly dictionaryBytes: number;
}

/**
 * In steps.
 *
 * @param numbers - Of the rows, ascending.
 * @param lengths - Terms of each row.
 */
export function* createSegmentWriter(
  numbers: Uint32Array,
  lengths: Uint32Array,
  size: SegmentSize = { words: 16_384, dictionaryBytes: 65_536 },
): Generator<void, SegmentWriter> {
  const rowsTotal = numbers.length;
  const { different, codes } = yield* codesOf(lengths);

  const dictionary = createByteWriter(size.dictionaryBytes);
  const groupBytes: number[] = [];
  const groupBlocks: number[] = [];
  const words = createGrowing(size.words);
  // Six numbers a block: last row, first word, bits, once, more, top.
  const blocks = createGrowing(6 * 512);
  let last = new Uint8Array(256);
  let lastLength = 0;
  let terms = 0;
  let postings = 0;
  let blockCount = 0;
  const gaps = new Int32Array(blockPostings);
  const lessOne = new Int32Array(blockPostings);

  function addBlock(rows: Int32Array, frequencies: Int32Array, start: number, before: number): void {
    let previous = before;
    let gapMax = 0;
    let frequencyMax = 1;
    let once = noCode;
    let more = noCode;
    for (let index = 0; index < blockPostings; index++) {
      const row = rows[start + index]!;
      const frequency = frequencies[start + index]!;
      const gap = row - previous - 1;
      previous = row;
      gaps[index] = gap;
      lessOne[index] = frequency - 1;
      gapMax |= gap;
      const code = codes[row]!;
      if (frequency === 1) {
        if (code < once) once = code;
      } else {
        if (frequency > frequencyMax) frequencyMax = frequency;
        if (code < more) more = code;
      }
    }
    const gapBits = bitsOf(gapMax);
    const frequencyBits = bitsOf(frequencyMax - 1);
    const wordAt = words.length;
    grow(words, 4 * (gapBits + frequencyBits));
    words.length += 4 * (gapBits + frequencyBits);
    packNumbers(gaps, gapBits, words.array, wordAt);
    packNumbers(lessOne, frequencyBits, words.array, wordAt + 4 * gapBits);
    grow(blocks, 6);
    blocks.array.set(
      [previous, wordAt, gapBits + frequencyBits * 256, once, more, Math.min(frequencyMax, 0xff_ff)],
      blocks.length,
    );
    blocks.length += 6;
    blockCount++;
  }

  return {
    *addTerm(term, termLength, rows, frequencies, start, end) {
      const count = end - start;
      let shared = 0;
      if (terms % groupTerms === 0) {
        groupBytes.push(dictionary.length);
        groupBlocks.push(blockCount);
      } else {
        const most = Math.min(termLength, lastLength);
        while (shared < most && term[shared] === last[shared]) shared++;
      }
      writeLengths(dictionary, shared, termLength - shared);
      writeBytes(dictionary, term, shared, termLength);
      if (termLength > last.length) last = new Uint8Array(termLength * 2);
      for (let index = 0; index < termLength; index++) last[index] = term[index]!;
      lastLength = termLength;
      terms++;
      postings += count;

      writeVarint(dictionary, count);
      const rest = end - (count % blockPostings);
      let before = -1;
      for (let block = start; block < rest; block += blockPostings) {
        addBlock(rows, frequencies, block, before);
        before = rows[block + blockPostings - 1]!;
        if ((block - start) % stepCount === stepCount - blockPostings) yield;
      }
      if (rest < end) writeRest(dictionary, rows, frequencies, rest, end, before);
    },
    *finish() {
      let termsTotal = 0;
      for (let row = 0; row < rowsTotal; row++) termsTotal += lengths[row]!;
      const firstNumber = rowsTotal === 0 ? 0 : numbers[0]!;
      const hasHoles = rowsTotal > 0 && numbers[rowsTotal - 1]! - firstNumber !== rowsTotal - 1;
      const segment = createSegment({
        rows: rowsTotal,
        terms,
        postings,
        termsTotal,
        firstNumber,
        hasHoles,
        lengths: different.length,
        groups: groupBytes.length,
        blocks: blockCount,
        // Four to spare: unpacking looks four words ahead.
        words: words.length + 4,
        dictionaryBytes: dictionary.length,
      });
      yield;
      segment.numbers?.set(numbers);
      segment.lengths.set(different);
      segment.codes.set(codes);
      segment.groupBytes.set(groupBytes);
      segment.groupBlocks.set(groupBlocks);
      yield;
      for (let block = 0; block < blockCount; block++) {
        const at = block * 6;
        segment.blockLasts[block] = blocks.array[at]!;
        segment.blockWords[block] = blocks.array[at + 1]!;
        segment.blockBits[block] = blocks.array[at + 2]!;
        segment.blockOnce[block] = blocks.array[at + 3]!;
        segment.blockMore[block] = blocks.array[at + 4]!;
        segment.blockTop[block] = blocks.array[at + 5]!;
        if (block % stepCount === stepCount - 1) yield;
      }
      yield;
      yield* copy(
        new Uint8Array(words.array.buffer, 0, words.length * 4),
        new Uint8Array(segment.words.buffer, segment.words.byteOffset),
      );
      yield* copy(dictionary.bytes.subarray(0, dictionary.length), segment.dictionary);
      return segment;
    },
  };
}

function* copy(from: Uint8Array, to: Uint8Array): Generator<void> {
  for (let at = 0; at < from.length; at += stepBytes) {
    to.set(from.subarray(at, at + stepBytes), at);
    yield;
  }
}

/** Runs a job to its end. */
export function finished<Result>(job: Generator<void, Result>): Result {
  for (;;) {
    const step = job.next();
    if (step.done === true) return step.value;
  }
}

/**
 * The different lengths, ascending, and which of them each row has. There are never more than a code can name: rows of
 * 65,535 different lengths would have two thousand million terms, which is more than one segment holds.
 */
function* codesOf(
  lengths: Uint32Array,
): Generator<void, { readonly different: Uint32Array; readonly codes: Uint16Array }> {
  const codeOf = new Map<number, number>();
  for (let row = 0; row < lengths.length; row++) {
    codeOf.set(lengths[row]!, 0);
    if (row % stepCount === stepCount - 1) yield;
  }
  const different = Uint32Array.from(codeOf.keys()).toSorted();
  for (let code = 0; code < different.length; code++) codeOf.set(different[code]!, code);
  const codes = new Uint16Array(lengths.length);
  for (let row = 0; row < lengths.length; row++) {
    codes[row] = codeOf.get(lengths[row]!)!;
    if (row % stepCount === stepCount - 1) yield;
  }
  return { different, codes };
}

interface Growing {
  array: Int32Array;
  length: number;
}

function createGrowing(capacity: number): Growing {
  return { array: new Int32Array(capacity), length: 0 };
}

function grow(growing: Growing, more: number): void {
  const needed = growing.length + more;
  if (needed <= growing.array.length) return;
  const grown = new Int32Array(Math.max(needed, growing.array.length * 2));
  grown.set(growing.array);
  growing.array = grown;
}
