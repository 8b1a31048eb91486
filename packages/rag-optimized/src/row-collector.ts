/* oxlint-disable typescript/no-non-null-assertion -- typed arrays: every index is below a length that is kept here */
import type { Analyzer } from '@gemma-cli/rag-core';
import { createSegmentWriter } from './segment-writer.ts';
import type { Segment } from './segment.ts';
import { writeTerm } from './term-bytes.ts';

/**
 * Takes many rows at once and makes a segment of them: what a tail does, without being searched meanwhile. Postings lie one
 * after the other as they come, in two lists of numbers, and are put in the order of their terms once, at the end.
 */
export interface RowCollector {
  /** Rows that were added. */
  readonly rows: number;
  /** Different terms of each row, together. */
  readonly postings: number;
  /** Adds a row whose number is above those of all before. */
  add(number: number, text: string): void;
  /** Each row as it was added, its terms in any order. */
  told(): Generator<{ readonly number: number; readonly terms: readonly string[] }>;
  /** The segment of all rows, in steps. Nothing is added after that. */
  seal(): Generator<void, Segment>;
}

/** Postings that are put in order, or written, in one step: less than a millisecond. */
const stepPostings = 16_384;

/** Terms that are sorted in one step. */
const stepTerms = 2_048;

/** What is kept of a term while rows come: last row, where that posting is, how many there are. */
const termWords = 4;

/** An empty one. */
export function createRowCollector(analyzer: Analyzer): RowCollector {
  const numbering = analyzer.numbering();
  const numbers: number[] = [];
  const lengths: number[] = [];
  let postings = 0;
  let terms = new Int32Array(2 ** 16);
  /** Where the postings of each row begin. */
  const starts: number[] = [];
  let frequencies = new Int32Array(2 ** 16);
  let ofTerm = new Int32Array(2 ** 14 * termWords);

  return {
    get rows() {
      return numbers.length;
    },
    get postings() {
      return postings;
    },
    add(number, text) {
      const row = numbers.length + 1;
      const { numbers: found, count } = numbering.analyze(text);
      if (postings + count > terms.length) {
        const capacity = Math.max(terms.length * 2, postings + count);
        terms = grown(terms, capacity);
        frequencies = grown(frequencies, capacity);
      }
      if (numbering.terms.length * termWords > ofTerm.length)
        ofTerm = grown(ofTerm, Math.max(ofTerm.length * 2, numbering.terms.length * termWords));
      starts.push(postings);
      for (let index = 0; index < count; index++) {
        const term = found[index]!;
        const at = term * termWords;
        if (ofTerm[at] === row) frequencies[ofTerm[at + 1]!]!++;
        else {
          ofTerm[at] = row;
          ofTerm[at + 1] = postings;
          ofTerm[at + 2]!++;
          terms[postings] = term;
          frequencies[postings] = 1;
          postings++;
        }
      }
      numbers.push(number);
      lengths.push(count);
    },

    *told() {
      for (let row = 0; row < numbers.length; row++) {
        const found: string[] = [];
        const end = starts[row + 1] ?? postings;
        for (let at = starts[row]!; at < end; at++)
          for (let times = frequencies[at]!; times > 0; times--) found.push(numbering.terms[terms[at]!]!);
        yield { number: numbers[row]!, terms: found };
      }
    },

    *seal() {
      const writer = yield* createSegmentWriter(new Uint32Array(numbers), new Uint32Array(lengths));
      const sorted: string[] = [];
      yield* sortInto(sorted, numbering.terms, 0);
      const order = new Int32Array(sorted.length);
      // Where the postings of each term begin.
      const placeOf = new Int32Array(sorted.length);
      for (let index = 0, at = 0; index < sorted.length; index++) {
        const term = numbering.numberOf(sorted[index]!)!;
        order[index] = term;
        placeOf[term] = at;
        at += ofTerm[term * termWords + 2]!;
        if (index % stepTerms === stepTerms - 1) yield;
      }
      yield;
      const rowsInOrder = new Int32Array(postings);
      const frequenciesInOrder = new Int32Array(postings);
      for (let row = 0, at = 0; row < numbers.length; row++) {
        const end = starts[row + 1] ?? postings;
        for (; at < end; at++) {
          const place = placeOf[terms[at]!]!++;
          rowsInOrder[place] = row;
          frequenciesInOrder[place] = frequencies[at]!;
        }
        if (row % 512 === 511) yield;
      }
      let bytes = new Uint8Array(256);
      let handled = 0;
      for (let index = 0, at = 0; index < sorted.length; index++) {
        const term = sorted[index]!;
        const end = placeOf[order[index]!]!;
        if (term.length * 3 > bytes.length) bytes = new Uint8Array(term.length * 3);
        yield* writer.addTerm(bytes, writeTerm(term, bytes, 0), rowsInOrder, frequenciesInOrder, at, end);
        handled += end - at + 64;
        at = end;
        if (handled < stepPostings) continue;
        handled = 0;
        yield;
      }
      return yield* writer.finish();
    },
  };
}

/** Appends strings, which are all different, in the order of their code units, as the bytes of terms are ordered. */
function* sortInto(sorted: string[], terms: readonly string[], depth: number): Generator<void> {
  if (terms.length <= stepTerms) {
    for (const term of terms.toSorted()) sorted.push(term);
    yield;
    return;
  }
  const byUnit = new Map<number, string[]>();
  for (const term of terms) {
    const unit = depth < term.length ? term.charCodeAt(depth) : -1;
    const same = byUnit.get(unit);
    if (same === undefined) byUnit.set(unit, [term]);
    else same.push(term);
  }
  yield;
  for (const unit of [...byUnit.keys()].toSorted((one, other) => one - other))
    yield* sortInto(sorted, byUnit.get(unit)!, depth + 1);
}

function grown(from: Int32Array<ArrayBuffer>, capacity: number): Int32Array<ArrayBuffer> {
  const to = new Int32Array(capacity);
  to.set(from);
  return to;
}
