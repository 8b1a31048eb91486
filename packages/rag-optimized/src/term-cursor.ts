/* oxlint-disable typescript/no-non-null-assertion -- typed arrays: every index is below a length that the format keeps */
import { rounded } from '@gemma-cli/rag-core';
import { blockPostings, readRest, unpackFrequencies, unpackRows, work } from './posting-blocks.ts';
import { noCode } from './segment.ts';
import type { DictionaryEntry, Segment } from './segment.ts';

/** Walks the postings of one term of one segment, forward only, and unpacks a block when something of it is needed. */
export interface TermCursor {
  segment: Segment;
  firstBlock: number;
  /** Whole blocks. The rest, where there is one, counts as one more. */
  blocks: number;
  restCount: number;
  restAt: number;
  /** Last row of all. */
  lastRow: number;
  /** The present block. */
  block: number;
  /** The block that is unpacked; -1 = none. */
  held: number;
  readonly rows: Int32Array;
  readonly frequencies: Int32Array;
  /** Postings of the block that is unpacked. */
  count: number;
  /** Place in the block that is unpacked. */
  at: number;
  /** Inverse document frequency. */
  idf: number;
  /** How often the query has the term. */
  times: number;
  /** By code of length: what the length weighs in the present statistics. */
  norms: Float64Array;
  /** By code of length: the share of a row that has the term once. Empty for rare terms, where it costs more than it saves. */
  once: Float64Array;
  /** Whether `once` is filled. */
  hasOnce: boolean;
  /** No row of the block has a greater share. */
  bounds: Float64Array;
  /** No row of the present window has one. */
  windowBound: number;
}

/** Frequency from which a table of shares pays. */
const tableFrequency = 512;

/** A cursor to be opened. */
export function createTermCursor(segment: Segment): TermCursor {
  return {
    segment,
    firstBlock: 0,
    blocks: 0,
    restCount: 0,
    restAt: 0,
    lastRow: -1,
    block: 0,
    held: -1,
    rows: new Int32Array(blockPostings),
    frequencies: new Int32Array(blockPostings),
    count: 0,
    at: 0,
    idf: 0,
    times: 1,
    norms: empty,
    once: empty,
    hasOnce: false,
    bounds: empty,
    windowBound: 0,
  };
}

const empty = new Float64Array(0);

/** Says which postings it walks. Nothing of them is read before {@link begin}. */
export function placeCursor(
  cursor: TermCursor,
  segment: Segment,
  { frequency, firstBlock, restAt }: DictionaryEntry,
): void {
  cursor.segment = segment;
  cursor.firstBlock = firstBlock;
  cursor.blocks = frequency >>> 7;
  cursor.restCount = frequency & 127;
  cursor.restAt = restAt;
}

/** Stands before the first posting of a term. */
export function openCursor(cursor: TermCursor, segment: Segment, entry: DictionaryEntry): void {
  placeCursor(cursor, segment, entry);
  cursor.hasOnce = false;
  findEnds(cursor);
}

/** Stands before the first posting, ready for a search. */
export function begin(cursor: TermCursor): void {
  findEnds(cursor);
  const { idf, times, norms } = cursor;
  cursor.hasOnce = cursor.blocks * blockPostings + cursor.restCount >= tableFrequency;
  if (!cursor.hasOnce) return;
  if (cursor.once.length < norms.length) cursor.once = new Float64Array(norms.length);
  const { once } = cursor;
  for (let code = 0; code < norms.length; code++) once[code] = shareOf(times, idf, 1, norms[code]!);
}

function findEnds(cursor: TermCursor): void {
  const { segment, firstBlock } = cursor;
  rewind(cursor);
  if (cursor.restCount > 0) {
    hold(cursor, cursor.blocks);
    cursor.lastRow = cursor.rows[cursor.restCount - 1]!;
  } else cursor.lastRow = segment.blockLasts[firstBlock + cursor.blocks - 1]!;
}

/** Stands before the first posting again. */
export function rewind(cursor: TermCursor): void {
  cursor.block = 0;
  cursor.held = -1;
  cursor.at = 0;
}

/** Unpacks a block. */
export function hold(cursor: TermCursor, block: number): void {
  const { segment, firstBlock, rows, frequencies } = cursor;
  work.blocks++;
  const place = firstBlock + block;
  const before = block === 0 ? -1 : segment.blockLasts[place - 1]!;
  if (block === cursor.blocks) {
    readRest(segment.dictionary, cursor.restAt, cursor.restCount, before, rows, frequencies);
    cursor.count = cursor.restCount;
  } else {
    const bits = segment.blockBits[place]!;
    const gapBits = bits & 255;
    const word = segment.blockWords[place]!;
    unpackRows(segment.words, word, gapBits, before, rows);
    unpackFrequencies(segment.words, word + 4 * gapBits, bits >>> 8, frequencies);
    cursor.count = blockPostings;
  }
  cursor.held = block;
  cursor.at = 0;
}

/** The share of one term in a row's score, as `termScore` of rag-core computes it. */
export function shareOf(times: number, idf: number, frequency: number, norm: number): number {
  return times * rounded((idf * frequency) / (frequency + norm));
}

/** Says how the term weighs now. */
export function weigh(cursor: TermCursor, idf: number, times: number, norms: Float64Array): void {
  cursor.idf = idf;
  cursor.times = times;
  cursor.norms = norms;
}

/** Computes what no share of each block is above. The shortest row bounds all others, whatever the average length is. */
export function boundBlocks(cursor: TermCursor): void {
  const { segment, firstBlock, blocks, idf, times, norms } = cursor;
  if (cursor.bounds.length <= blocks) cursor.bounds = new Float64Array(blocks + 16);
  const { bounds } = cursor;
  for (let block = 0; block < blocks; block++) {
    const place = firstBlock + block;
    const once = segment.blockOnce[place]!;
    const more = segment.blockMore[place]!;
    let bound = once === noCode ? 0 : shareOf(times, idf, 1, norms[once]!);
    if (more !== noCode) {
      const top = segment.blockTop[place]!;
      const share = top === 0xff_ff ? times * rounded(idf) : shareOf(times, idf, top, norms[more]!);
      if (share > bound) bound = share;
    }
    bounds[block] = bound;
  }
  if (cursor.restCount === 0) return;
  if (cursor.held !== blocks) hold(cursor, blocks);
  let bound = 0;
  for (let index = 0; index < cursor.restCount; index++) {
    const share = shareOf(times, idf, cursor.frequencies[index]!, norms[segment.codes[cursor.rows[index]!]!]!);
    if (share > bound) bound = share;
  }
  bounds[blocks] = bound;
}

/** Goes to the first block that may have a row or one after it. Tells whether there is one. */
function seekBlock(cursor: TermCursor, row: number): boolean {
  if (row > cursor.lastRow) return false;
  const { blockLasts } = cursor.segment;
  const { firstBlock, blocks } = cursor;
  let { block } = cursor;
  while (block < blocks && blockLasts[firstBlock + block]! < row) block++;
  cursor.block = block;
  return true;
}

/** Greatest share of the rows from the present block on that are before `end`. */
export function boundWindow(cursor: TermCursor, start: number, end: number): void {
  cursor.windowBound = 0;
  if (!seekBlock(cursor, start)) return;
  const { firstBlock, blocks, bounds, restCount } = cursor;
  const { blockLasts } = cursor.segment;
  // A block that is unpacked and begins behind the window has nothing in it.
  if (cursor.held === cursor.block && cursor.at < cursor.count && cursor.rows[cursor.at]! >= end) return;
  let bound = 0;
  let { block } = cursor;
  let before = block === 0 ? -1 : blockLasts[firstBlock + block - 1]!;
  for (; block < blocks && before + 1 < end; block++) {
    if (bounds[block]! > bound) bound = bounds[block]!;
    before = blockLasts[firstBlock + block]!;
  }
  if (restCount > 0 && before + 1 < end && bounds[blocks]! > bound) bound = bounds[blocks]!;
  cursor.windowBound = bound;
}

/** Sums of the rows of a window. */
export interface WindowSums {
  readonly shares: Float64Array;
  /** A bit a row: it has a sum. */
  readonly touched: Int32Array;
}

/**
 * Adds the shares of the rows of a window to their sums.
 *
 * @param least - A block whose bound is below it is passed over: its rows cannot be among the best.
 */
export function addShares(cursor: TermCursor, start: number, end: number, sums: WindowSums, least: number): void {
  if (!seekBlock(cursor, start)) return;
  const { shares, touched } = sums;
  const { segment, firstBlock, blocks, bounds, rows, frequencies, times, idf, norms, once } = cursor;
  const { blockLasts, codes } = segment;
  const lastBlock = cursor.restCount > 0 ? blocks : blocks - 1;
  while (cursor.block <= lastBlock) {
    const { block } = cursor;
    const before = block === 0 ? -1 : blockLasts[firstBlock + block - 1]!;
    if (before + 1 >= end) return;
    if (least > 0 && bounds[block]! < least) {
      if (block === blocks || blockLasts[firstBlock + block]! >= end) return;
      cursor.block++;
      continue;
    }
    if (cursor.held !== block) hold(cursor, block);
    const { count } = cursor;
    let { at } = cursor;
    while (at < count && rows[at]! < start) at++;
    if (cursor.hasOnce)
      for (; at < count; at++) {
        const row = rows[at]!;
        if (row >= end) break;
        const frequency = frequencies[at]!;
        const code = codes[row]!;
        const place = row - start;
        shares[place]! += frequency === 1 ? once[code]! : shareOf(times, idf, frequency, norms[code]!);
        touched[place >>> 5]! |= 1 << (place & 31);
      }
    else
      for (; at < count; at++) {
        const row = rows[at]!;
        if (row >= end) break;
        const place = row - start;
        shares[place]! += shareOf(times, idf, frequencies[at]!, norms[codes[row]!]!);
        touched[place >>> 5]! |= 1 << (place & 31);
      }
    cursor.at = at;
    if (at < count) return;
    cursor.block++;
  }
}

/** Adds the shares of rows, which ascend, to their scores. */
export function addToNear(cursor: TermCursor, nearRows: Int32Array, nearScores: Float64Array, count: number): void {
  const { segment, firstBlock, blocks, lastRow, rows, frequencies, times, idf, norms, once } = cursor;
  const { blockLasts, codes } = segment;
  let { block, at } = cursor;
  if (cursor.held !== block) at = 0;
  for (let index = 0; index < count; index++) {
    const row = nearRows[index]!;
    if (row > lastRow) break;
    if (block < blocks && blockLasts[firstBlock + block]! < row) {
      do block++;
      while (block < blocks && blockLasts[firstBlock + block]! < row);
      at = 0;
    }
    if (cursor.held !== block) hold(cursor, block);
    // There is one: the last row of the block is not before it.
    while (rows[at]! < row) at++;
    if (rows[at] !== row) continue;
    const frequency = frequencies[at]!;
    const code = codes[row]!;
    nearScores[index]! +=
      frequency === 1 && cursor.hasOnce ? once[code]! : shareOf(times, idf, frequency, norms[code]!);
  }
  cursor.block = block;
  cursor.at = at;
}

/** How often a row has the term; rows are asked for in ascending order. */
export function frequencyAt(cursor: TermCursor, row: number): number {
  if (!seekBlock(cursor, row)) return 0;
  if (cursor.held !== cursor.block) hold(cursor, cursor.block);
  const { rows } = cursor;
  let low = cursor.at;
  let high = cursor.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (rows[middle]! < row) low = middle + 1;
    else high = middle;
  }
  cursor.at = low;
  return low < cursor.count && rows[low] === row ? cursor.frequencies[low]! : 0;
}
