/* oxlint-disable typescript/no-non-null-assertion -- typed arrays: every index is below a length that is kept here */
import { offerRow } from './best-rows.ts';
import type { BestRows } from './best-rows.ts';
import { numberOf } from './segment.ts';
import type { Segment } from './segment.ts';
import { addShares, addToNear, begin, boundBlocks, boundWindow, frequencyAt, rewind, shareOf } from './term-cursor.ts';
import type { TermCursor, WindowSums } from './term-cursor.ts';

/** Rows of a window: their sums stay in the nearest cache of a core. */
const windowRows = 4_096;

/** Up to so many rows all postings of all terms are added up: bounds cost more than they save. */
const plainRowsMax = 10_240;

/** Scores are multiples of this (`rounded` of rag-core). */
const scoreStep = 2 ** -36;

/** Sums of a window, and a bit for each row that has one; all 0 between searches. */
const sums: WindowSums = { shares: new Float64Array(plainRowsMax), touched: new Int32Array(plainRowsMax / 32) };

/** Rows of a window that may be among the best, ascending, and their scores as far as they are known. */
const nearRows = new Int32Array(plainRowsMax);
const nearScores = new Float64Array(plainRowsMax);

/**
 * Offers the rows of a segment that have at least one of the terms.
 *
 * @param cursors - Of the terms that the segment has, weighed. They are moved and put in another order.
 * @param mask - A bit a row: it may be found. `null` = all may.
 * @param isSparse - The mask leaves few rows: windows without one are passed over.
 */
export function searchSegment(
  segment: Segment,
  cursors: TermCursor[],
  best: BestRows,
  mask: Int32Array | null,
  isSparse: boolean,
): void {
  for (const cursor of cursors) begin(cursor);
  if (segment.rows <= plainRowsMax) {
    for (const cursor of cursors) addShares(cursor, 0, segment.rows, sums, 0);
    offerSums(segment, cursors, 0, 0, 0, segment.rows, best, mask);
    return;
  }
  for (const cursor of cursors) {
    boundBlocks(cursor);
    rewind(cursor);
  }
  for (let start = 0; start < segment.rows; start += windowRows) {
    const end = Math.min(start + windowRows, segment.rows);
    if (isSparse && mask !== null && isEmpty(mask, start, end)) continue;
    searchWindow(segment, cursors, start, end, best, mask);
  }
}

/**
 * MaxScore over one window. The terms of the lowest bounds, as many as cannot lift a row among the best by themselves, are
 * looked up only in rows that the others brought near.
 */
function searchWindow(
  segment: Segment,
  cursors: TermCursor[],
  start: number,
  end: number,
  best: BestRows,
  mask: Int32Array | null,
): void {
  let boundSum = 0;
  for (const cursor of cursors) {
    boundWindow(cursor, start, end);
    boundSum += cursor.windowBound;
  }
  const least = leastScore(segment, start, best);
  if (boundSum < least) return;
  sortByBound(cursors);
  let optional = 0;
  let optionalSum = 0;
  while (optional < cursors.length && optionalSum + cursors[optional]!.windowBound < least)
    optionalSum += cursors[optional++]!.windowBound;
  for (let index = cursors.length - 1; index >= optional; index--) {
    const cursor = cursors[index]!;
    if (cursor.windowBound > 0)
      addShares(cursor, start, end, sums, best.floor === 0 ? 0 : least - (boundSum - cursor.windowBound));
  }
  offerSums(segment, cursors, optional, optionalSum, start, end, best, mask);
}

/** The lowest score with which a row of the window gets among the best. */
function leastScore(segment: Segment, start: number, best: BestRows): number {
  if (best.floor === 0) return scoreStep;
  return numberOf(segment, start) > best.floorNumber ? best.floor + scoreStep : best.floor;
}

/**
 * Offers rows by their sums, and sets the sums to 0. The other terms are looked up one after the other for all rows that
 * are near: two lists in the order of rows, which is several times faster than one row after the other for all terms.
 */
function offerSums(
  segment: Segment,
  cursors: readonly TermCursor[],
  optional: number,
  optionalSum: number,
  start: number,
  end: number,
  best: BestRows,
  mask: Int32Array | null,
): void {
  const least = leastScore(segment, start, best);
  let count = takeNear(start, end, least - optionalSum, mask);
  let possible = optionalSum;
  for (let index = optional - 1; index >= 0 && count > 0; index--) {
    const cursor = cursors[index]!;
    if (cursor.windowBound === 0) continue;
    addToNear(cursor, nearRows, nearScores, count);
    possible -= cursor.windowBound;
    count = keepNear(count, least - possible);
  }
  for (let index = 0; index < count; index++) {
    const score = nearScores[index]!;
    if (score >= best.floor) offerRow(best, score, numberOf(segment, nearRows[index]!));
  }
}

/** Lists the rows of a window whose sum is not below `leastSum`. Tells how many there are. */
function takeNear(start: number, end: number, leastSum: number, mask: Int32Array | null): number {
  const { shares, touched } = sums;
  const words = (end - start + 31) >>> 5;
  let count = 0;
  for (let word = 0; word < words; word++) {
    let bits = touched[word]!;
    if (bits === 0) continue;
    touched[word] = 0;
    // A window begins at a word of the mask.
    const wanted = mask === null ? -1 : mask[(start >>> 5) + word]!;
    while (bits !== 0) {
      const bit = 31 - Math.clz32(bits & -bits);
      bits &= bits - 1;
      const place = word * 32 + bit;
      const sum = shares[place]!;
      shares[place] = 0;
      if (sum < leastSum || ((wanted >>> bit) & 1) === 0) continue;
      nearRows[count] = start + place;
      nearScores[count] = sum;
      count++;
    }
  }
  return count;
}

/** Leaves out what fell behind. */
function keepNear(count: number, leastScore: number): number {
  let kept = 0;
  for (let index = 0; index < count; index++) {
    const score = nearScores[index]!;
    if (score < leastScore) continue;
    nearRows[kept] = nearRows[index]!;
    nearScores[kept] = score;
    kept++;
  }
  return kept;
}

/** By insertion: the order changes little from window to window. */
function sortByBound(cursors: TermCursor[]): void {
  for (let index = 1; index < cursors.length; index++) {
    const cursor = cursors[index]!;
    let at = index;
    while (at > 0 && cursors[at - 1]!.windowBound > cursor.windowBound) {
      cursors[at] = cursors[at - 1]!;
      at--;
    }
    cursors[at] = cursor;
  }
}

/** Whether no bit of `[start, end)` is set; `start` is a multiple of 32. */
function isEmpty(mask: Int32Array, start: number, end: number): boolean {
  const last = (end + 31) >>> 5;
  for (let word = start >>> 5; word < last; word++) if (mask[word] !== 0) return false;
  return true;
}

/** Offers those of the given rows, ascending, that have at least one of the terms: for filters that leave few. */
export function searchRows(
  segment: Segment,
  cursors: readonly TermCursor[],
  rows: readonly number[],
  best: BestRows,
): void {
  for (const cursor of cursors) begin(cursor);
  for (const row of rows) {
    let score = 0;
    for (const cursor of cursors) {
      const frequency = frequencyAt(cursor, row);
      if (frequency > 0) score += shareOf(cursor.times, cursor.idf, frequency, cursor.norms[segment.codes[row]!]!);
    }
    if (score > 0) offerRow(best, score, numberOf(segment, row));
  }
}
