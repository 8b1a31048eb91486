/* oxlint-disable typescript/no-non-null-assertion -- places that this file gave out itself */
import type { BestRows } from './best-rows.ts';
import { offerRow } from './best-rows.ts';
import type { Segment } from './segment.ts';
import { createSegmentWriter } from './segment-writer.ts';
import { shareOf } from './term-cursor.ts';
import { writeTerm } from './term-bytes.ts';

/** The newest rows, in a form that takes more of them: postings by term, rows in the order in which they came. */
export interface Tail {
  readonly terms: Map<string, TailTerm>;
  readonly numbers: number[];
  /** Terms of each row, with repetitions. */
  readonly lengths: number[];
  /** The different terms of each row; `null` once it is removed. */
  readonly rowTerms: (readonly TailTerm[] | null)[];
  /** Row of each number that is not removed. */
  readonly rowOf: Map<number, number>;
  postings: number;
  /** Lengths of the rows that are not removed. */
  termsTotal: number;
}

/** Postings of a term. */
export interface TailTerm {
  readonly rows: number[];
  readonly frequencies: number[];
  /** Rows that have it and are not removed. */
  live: number;
}

/** An empty one. */
export function createTail(): Tail {
  return { terms: new Map(), numbers: [], lengths: [], rowTerms: [], rowOf: new Map(), postings: 0, termsTotal: 0 };
}

/** Adds a row that is not there. */
export function addToTail(tail: Tail, number: number, terms: readonly string[]): void {
  const row = tail.numbers.length;
  const different: TailTerm[] = [];
  for (const term of terms) {
    let entry = tail.terms.get(term);
    if (entry === undefined) {
      entry = { rows: [], frequencies: [], live: 0 };
      tail.terms.set(term, entry);
    }
    const last = entry.rows.length - 1;
    if (last >= 0 && entry.rows[last] === row) entry.frequencies[last]!++;
    else {
      entry.rows.push(row);
      entry.frequencies.push(1);
      entry.live++;
      different.push(entry);
    }
  }
  tail.numbers.push(number);
  tail.lengths.push(terms.length);
  tail.rowTerms.push(different);
  tail.rowOf.set(number, row);
  tail.postings += different.length;
  tail.termsTotal += terms.length;
}

/** Removes a row. Tells whether it was there. */
export function removeFromTail(tail: Tail, number: number): boolean {
  const row = tail.rowOf.get(number);
  if (row === undefined) return false;
  for (const term of tail.rowTerms[row]!) term.live--;
  tail.rowTerms[row] = null;
  tail.rowOf.delete(number);
  tail.termsTotal -= tail.lengths[row]!;
  return true;
}

/** A term of a query and how it weighs. */
export interface WeighedTerm {
  readonly term: string;
  /** Inverse document frequency. */
  readonly idf: number;
  /** How often the query has it. */
  readonly times: number;
}

/** Sums of rows; all 0 between searches. */
let sums = new Float64Array(0);

/** Offers the rows that have at least one of the terms. `normOf` tells what a length weighs. */
export function searchTail(
  tail: Tail,
  terms: readonly WeighedTerm[],
  normOf: (length: number) => number,
  mayFind: (number: number) => boolean,
  best: BestRows,
): void {
  const rowsTotal = tail.numbers.length;
  if (sums.length < rowsTotal) sums = new Float64Array(rowsTotal * 2);
  for (const { term, idf, times } of terms) {
    const entry = tail.terms.get(term);
    if (entry === undefined) continue;
    const { rows, frequencies } = entry;
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index]!;
      sums[row]! += shareOf(times, idf, frequencies[index]!, normOf(tail.lengths[row]!));
    }
  }
  for (let row = 0; row < rowsTotal; row++) {
    const score = sums[row]!;
    if (score < best.floor || score === 0 || tail.rowTerms[row] === null) continue;
    const number = tail.numbers[row]!;
    if (mayFind(number)) offerRow(best, score, number);
  }
  sums.fill(0, 0, rowsTotal);
}

/** Terms that are written in one step. */
const stepTerms = 128;

/** Makes a segment of the rows that are there when it begins; what is removed meanwhile is in it all the same. */
export function* sealTail(tail: Tail): Generator<void, Segment> {
  const order = [...tail.rowOf.values()].toSorted((one, other) => tail.numbers[one]! - tail.numbers[other]!);
  const sealed = new Int32Array(tail.numbers.length).fill(-1);
  for (let row = 0; row < order.length; row++) sealed[order[row]!] = row;
  const writer = yield* createSegmentWriter(
    Uint32Array.from(order, (row) => tail.numbers[row]!),
    Uint32Array.from(order, (row) => tail.lengths[row]!),
  );
  yield;
  // By code units, as the bytes of terms are ordered.
  const terms = [...tail.terms.keys()].toSorted();
  yield;
  const rows = new Int32Array(order.length);
  const frequencies = new Int32Array(order.length);
  let bytes = new Uint8Array(256);
  for (let index = 0; index < terms.length; index++) {
    const term = terms[index]!;
    const entry = tail.terms.get(term)!;
    let count = 0;
    let isAscending = true;
    for (let place = 0; place < entry.rows.length; place++) {
      const row = sealed[entry.rows[place]!]!;
      if (row < 0) continue;
      if (count > 0 && rows[count - 1]! > row) isAscending = false;
      rows[count] = row;
      frequencies[count] = entry.frequencies[place]!;
      count++;
    }
    if (!isAscending) sortPostings(rows, frequencies, count);
    if (term.length * 3 > bytes.length) bytes = new Uint8Array(term.length * 3);
    if (count > 0) yield* writer.addTerm(bytes, writeTerm(term, bytes, 0), rows, frequencies, 0, count);
    if (index % stepTerms === stepTerms - 1) yield;
  }
  return yield* writer.finish();
}

/** Puts postings in the order of their rows. */
function sortPostings(rows: Int32Array, frequencies: Int32Array, count: number): void {
  // Both numbers in one double: below 2^24 rows, and no text has 2^24 terms.
  const keys = new Float64Array(count);
  for (let index = 0; index < count; index++) keys[index] = rows[index]! * 2 ** 24 + frequencies[index]!;
  keys.sort();
  for (let index = 0; index < count; index++) {
    const key = keys[index]!;
    const row = Math.floor(key / 2 ** 24);
    rows[index] = row;
    frequencies[index] = key - row * 2 ** 24;
  }
}
