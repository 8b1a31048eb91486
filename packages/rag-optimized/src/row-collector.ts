/* oxlint-disable typescript/no-non-null-assertion -- typed arrays: every index is below a length that is kept here */
import { createSegmentWriter } from './segment-writer.ts';
import type { Segment } from './segment.ts';
import { writeTerm } from './term-bytes.ts';

/**
 * Takes many rows at once and makes a segment of them: what a tail does, without being searched meanwhile. Postings lie one
 * after the other as they come, in three lists of numbers, and are put in the order of their terms once, at the end.
 */
export interface RowCollector {
  /** Rows that were added. */
  readonly rows: number;
  /** Adds a row whose number is above those of all before. */
  add(number: number, terms: readonly string[]): void;
  /** The segment of all rows, in steps. Nothing is added after that. */
  seal(): Generator<void, Segment>;
}

/** Terms that are written in one step: about a millisecond. */
const stepTerms = 512;

/** An empty one. */
export function createRowCollector(): RowCollector {
  const idOf = new Map<string, number>();
  const names: string[] = [];
  const numbers: number[] = [];
  const lengths: number[] = [];
  let postings = 0;
  let terms = new Int32Array(2 ** 16);
  let rows = new Int32Array(2 ** 16);
  let frequencies = new Int32Array(2 ** 16);
  /** Place of the last posting of each term. */
  let lastOf = new Int32Array(2 ** 14);
  let having = new Int32Array(2 ** 14);

  return {
    get rows() {
      return numbers.length;
    },
    add(number, found) {
      const row = numbers.length;
      if (postings + found.length > terms.length) {
        const capacity = Math.max(terms.length * 2, postings + found.length);
        terms = grown(terms, capacity);
        rows = grown(rows, capacity);
        frequencies = grown(frequencies, capacity);
      }
      for (const term of found) {
        let id = idOf.get(term);
        if (id === undefined) {
          id = names.length;
          idOf.set(term, id);
          names.push(term);
          if (id >= having.length) {
            lastOf = grown(lastOf, id * 2);
            having = grown(having, id * 2);
          }
        } else {
          const last = lastOf[id]!;
          if (rows[last] === row) {
            frequencies[last]!++;
            continue;
          }
        }
        lastOf[id] = postings;
        having[id]!++;
        terms[postings] = id;
        rows[postings] = row;
        frequencies[postings] = 1;
        postings++;
      }
      numbers.push(number);
      lengths.push(found.length);
    },

    *seal() {
      const writer = createSegmentWriter(Uint32Array.from(numbers), Uint32Array.from(lengths));
      yield;
      // By code units, as the bytes of terms are ordered.
      const sorted = names.toSorted();
      yield;
      // Where the postings of each term begin.
      const startOf = new Int32Array(names.length);
      const order = new Int32Array(names.length);
      for (let index = 0, at = 0; index < sorted.length; index++) {
        const id = idOf.get(sorted[index]!)!;
        order[index] = id;
        startOf[id] = at;
        at += having[id]!;
      }
      yield;
      const rowsInOrder = new Int32Array(postings);
      const frequenciesInOrder = new Int32Array(postings);
      for (let at = 0; at < postings; at++) {
        const place = startOf[terms[at]!]!++;
        rowsInOrder[place] = rows[at]!;
        frequenciesInOrder[place] = frequencies[at]!;
      }
      yield;
      let bytes = new Uint8Array(256);
      let termRows = new Int32Array(0);
      let termFrequencies = new Int32Array(0);
      for (let index = 0, at = 0; index < sorted.length; index++) {
        const term = sorted[index]!;
        const count = having[order[index]!]!;
        if (count > termRows.length) {
          termRows = new Int32Array(count * 2);
          termFrequencies = new Int32Array(count * 2);
        }
        for (let place = 0; place < count; place++) {
          termRows[place] = rowsInOrder[at + place]!;
          termFrequencies[place] = frequenciesInOrder[at + place]!;
        }
        at += count;
        if (term.length * 3 > bytes.length) bytes = new Uint8Array(term.length * 3);
        writer.addTerm(bytes, writeTerm(term, bytes, 0), termRows, termFrequencies, count);
        if (index % stepTerms === stepTerms - 1) yield;
      }
      return yield* writer.finish();
    },
  };
}

function grown(from: Int32Array<ArrayBuffer>, capacity: number): Int32Array<ArrayBuffer> {
  const to = new Int32Array(capacity);
  to.set(from);
  return to;
}
