/* oxlint-disable typescript/no-non-null-assertion -- typed arrays: every index is below a length that is kept here */
import { bm25Defaults, lengthNorm } from '@gemma-cli/rag-core';
import { createSearchKernel } from './search-kernel.ts';
import type { SearchKernel } from './search-kernel.ts';
import { createDictionaryWalk, findTerm, nextTerm, rowOf } from './segment.ts';
import type { DictionaryEntry, DictionaryWalk, Segment } from './segment.ts';
import { compareBytes, termBytes } from './term-bytes.ts';
import { createTermCursor, frequencyAt, hold, openCursor } from './term-cursor.ts';
import type { TermCursor } from './term-cursor.ts';

/** A segment, and what of it is still there. */
export interface LiveSegment {
  readonly segment: Segment;
  /** Searches it faster than `search-segment.ts` does, and finds the same. `null` = there is none for it. */
  readonly kernel: SearchKernel | null;
  /** Name of its file. `null` = it is not kept on disk. */
  file: string | null;
  /** A bit a row: it is still there. `null` = all are. */
  live: Int32Array | null;
  /** Rows that are not, in the order in which they went. */
  readonly removed: number[];
  liveRows: number;
  /** Terms of the live rows together, with repetitions. */
  liveTermsTotal: number;
  /** Live rows that have a term, as far as it was asked, and how many removals that takes into account. */
  readonly frequencies: Map<string, { readonly frequency: number; readonly seen: number }>;
  /** What each code of length weighs where texts are so long on average. */
  readonly norms: Float64Array;
  normsAverage: number;
}

/** Terms whose frequency is kept beside removals: as many as the queries of an hour have. */
const frequenciesMax = 10_000;

/** All of its rows are there. */
export function createLiveSegment(segment: Segment, file: string | null): LiveSegment {
  const kernel = createSearchKernel(segment);
  return {
    segment,
    kernel,
    file,
    live: null,
    removed: [],
    liveRows: segment.rows,
    liveTermsTotal: segment.termsTotal,
    frequencies: new Map(),
    norms: kernel?.norms ?? new Float64Array(segment.lengths.length),
    normsAverage: -1,
  };
}

/** Removes the row of a number. Tells whether it was there. */
export function removeNumber(live: LiveSegment, number: number): boolean {
  const row = rowOf(live.segment, number);
  if (row < 0 || !isLive(live, row)) return false;
  removeRow(live, row);
  return true;
}

/** Removes a row that is there. */
export function removeRow(live: LiveSegment, row: number): void {
  const { segment } = live;
  live.live ??= new Int32Array((segment.rows + 31) >>> 5).fill(-1);
  live.live[row >>> 5] = live.live[row >>> 5]! & ~(1 << (row & 31));
  live.removed.push(row);
  live.liveRows--;
  live.liveTermsTotal -= segment.lengths[segment.codes[row]!]!;
}

export function isLive({ live }: LiveSegment, row: number): boolean {
  return live === null || ((live[row >>> 5]! >>> (row & 31)) & 1) === 1;
}

/** What each code of length weighs: as `termScore` of rag-core computes it. */
export function normsOf(live: LiveSegment, averageLength: number): Float64Array {
  if (live.normsAverage !== averageLength) {
    const { lengths } = live.segment;
    for (let code = 0; code < lengths.length; code++)
      live.norms[code] = lengthNorm(lengths[code]!, averageLength, bm25Defaults);
    live.normsAverage = averageLength;
  }
  return live.norms;
}

const counting = { frequency: 0, firstBlock: 0, restAt: 0 };

/** Live rows that have a term; `frequency` of its dictionary entry counts the removed ones too. */
export function liveFrequency(live: LiveSegment, term: string, frequency: number): number {
  const { segment, removed, frequencies } = live;
  if (removed.length === 0) return frequency;
  const known = frequencies.get(term);
  if (known?.seen === removed.length) return known.frequency;
  let left = known?.frequency ?? frequency;
  const fresh = removed.slice(known?.seen ?? 0);
  if (findTerm(segment, termBytes(term), counting)) {
    const cursor = createTermCursor(segment);
    openCursor(cursor, segment, counting);
    if (fresh.length * 64 > frequency) {
      // As many removals as blocks: cheaper to count all that is left.
      left = countPostings(live, cursor, counting);
    } else {
      for (const row of fresh.toSorted((one, other) => one - other)) if (frequencyAt(cursor, row) > 0) left--;
    }
  }
  if (frequencies.size >= frequenciesMax) frequencies.clear();
  frequencies.set(term, { frequency: left, seen: removed.length });
  return left;
}

/** Whether a live row has a term. */
export function hasLive(segments: readonly LiveSegment[], term: string): boolean {
  const bytes = termBytes(term);
  return segments.some(
    (live) => findTerm(live.segment, bytes, counting) && liveFrequency(live, term, counting.frequency) > 0,
  );
}

/** Different terms of all live rows, and how often a live row has one. Reads all that is there. */
export function countLive(segments: readonly LiveSegment[]): { readonly terms: number; readonly postings: number } {
  const walks = segments.map((live) => {
    const walk = createDictionaryWalk();
    return { live, walk, cursor: createTermCursor(live.segment), isThere: nextTerm(live.segment, walk) };
  });
  let terms = 0;
  let postings = 0;
  for (;;) {
    let least: DictionaryWalk | null = null;
    for (const { walk, isThere } of walks)
      if (isThere && (least === null || compareTerms(walk, least) < 0)) least = walk;
    if (least === null) return { terms, postings };
    const same = walks.filter(({ walk, isThere }) => isThere && compareTerms(walk, least) === 0);
    let count = 0;
    for (const each of same) {
      count += each.live.removed.length === 0 ? each.walk.frequency : countPostings(each.live, each.cursor, each.walk);
    }
    // Only now: the one they are compared with is one of them.
    for (const each of same) each.isThere = nextTerm(each.live.segment, each.walk);
    postings += count;
    if (count > 0) terms++;
  }
}

function compareTerms(one: DictionaryWalk, other: DictionaryWalk): number {
  return one === other ? 0 : compareBytes(one.term, one.termLength, other.term, 0, other.termLength);
}

/** Live rows of a term, counted one by one. */
function countPostings(live: LiveSegment, cursor: TermCursor, entry: DictionaryEntry): number {
  openCursor(cursor, live.segment, entry);
  let count = 0;
  const blocks = cursor.blocks + (cursor.restCount > 0 ? 1 : 0);
  for (let block = 0; block < blocks; block++) {
    hold(cursor, block);
    for (let at = 0; at < cursor.count; at++) if (isLive(live, cursor.rows[at]!)) count++;
  }
  return count;
}
