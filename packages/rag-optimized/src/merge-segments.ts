/* oxlint-disable typescript/no-non-null-assertion -- typed arrays: every index is below a length that is kept here */
import type { LiveSegment } from './live-segment.ts';
import type { DictionaryWalk, Segment } from './segment.ts';
import { createDictionaryWalk, nextTerm, numberOf } from './segment.ts';
import { blockPostings } from './posting-blocks.ts';
import { createSegmentWriter } from './segment-writer.ts';
import { compareBytes } from './term-bytes.ts';
import { createTermCursor, hold, openCursor } from './term-cursor.ts';
import type { TermCursor } from './term-cursor.ts';

/** Postings, or rows, that are handled in one step: less than a millisecond. */
const stepPostings = 16_384;

/** Blocks of as many. */
const stepBlocks = stepPostings / blockPostings;

/** A segment that is merged. */
interface Source {
  readonly segment: Segment;
  /** A bit a row: it was there when the merge began. `null` = all were. */
  readonly live: Int32Array | null;
  /** Its rows in the new segment; -1 = removed. */
  readonly rows: Int32Array;
  readonly walk: DictionaryWalk;
  readonly cursor: TermCursor;
  isDone: boolean;
}

/**
 * Makes one segment of several, without the rows that are removed when it begins; what is removed meanwhile is in it all
 * the same. In steps, so that a search between two of them is not held up.
 */
export function* mergeSegments(segments: readonly LiveSegment[]): Generator<void, Segment> {
  const rowsTotal = segments.reduce((sum, { liveRows }) => sum + liveRows, 0);
  const numbers = new Uint32Array(rowsTotal);
  const lengths = new Uint32Array(rowsTotal);
  const sources = segments.map(({ segment, live }) => ({
    segment,
    live: live?.slice() ?? null,
    rows: new Int32Array(segment.rows).fill(-1),
    walk: createDictionaryWalk(),
    cursor: createTermCursor(segment),
    isDone: false,
  }));
  yield* placeRows(sources, numbers, lengths);

  const writer = yield* createSegmentWriter(numbers, lengths, {
    words: sources.reduce((sum, { segment }) => sum + segment.words.length, 0),
    dictionaryBytes: sources.reduce((sum, { segment }) => sum + segment.dictionary.length, 0),
  });
  for (const source of sources) advance(source);
  const rows = new Int32Array(rowsTotal);
  const frequencies = new Int32Array(rowsTotal);
  const having: Source[] = [];
  let handled = 0;
  for (;;) {
    const least = leastTerm(sources);
    if (least === null) break;
    having.length = 0;
    for (const source of sources) if (!source.isDone && isSameTerm(source.walk, least.walk)) having.push(source);
    let count = 0;
    for (const { segment, walk, cursor, rows: placeOf } of having) {
      openCursor(cursor, segment, walk);
      handled += walk.frequency + 64;
      const first = count;
      const blocks = cursor.blocks + (cursor.restCount > 0 ? 1 : 0);
      for (let block = 0; block < blocks; block++) {
        if (cursor.held !== block) hold(cursor, block);
        for (let at = 0; at < cursor.count; at++) {
          const row = placeOf[cursor.rows[at]!]!;
          if (row < 0) continue;
          rows[count] = row;
          frequencies[count] = cursor.frequencies[at]!;
          count++;
        }
        if (block % stepBlocks === stepBlocks - 1) yield;
      }
      if (first > 0 && count > first && rows[first]! < rows[first - 1]!)
        yield* joinRuns(rows, frequencies, first, count);
    }
    if (count > 0) yield* writer.addTerm(least.walk.term, least.walk.termLength, rows, frequencies, 0, count);
    for (const source of having) advance(source);
    if (handled >= stepPostings) {
      handled = 0;
      yield;
    }
  }
  return yield* writer.finish();
}

/** Makes one run of two that ascend: from 0 and from `first` on. The second is put between the first from the end on. */
function* joinRuns(rows: Int32Array, frequencies: Int32Array, first: number, count: number): Generator<void> {
  const laterRows = rows.slice(first, count);
  const laterFrequencies = frequencies.slice(first, count);
  let early = first - 1;
  let late = laterRows.length - 1;
  for (let place = count - 1; late >= 0; place--) {
    if (early >= 0 && rows[early]! > laterRows[late]!) {
      rows[place] = rows[early]!;
      frequencies[place] = frequencies[early]!;
      early--;
    } else {
      rows[place] = laterRows[late]!;
      frequencies[place] = laterFrequencies[late]!;
      late--;
    }
    if (place % stepPostings === 0) yield;
  }
}

/** Finds the place of each row in the order of numbers. No number is live in two segments. */
function* placeRows(sources: readonly Source[], numbers: Uint32Array, lengths: Uint32Array): Generator<void> {
  const next = sources.map((source) => nextLive(source, 0));
  for (let place = 0; place < numbers.length; place++) {
    let least = -1;
    let leastNumber = Infinity;
    for (let index = 0; index < sources.length; index++) {
      const { segment } = sources[index]!;
      const row = next[index]!;
      if (row < segment.rows && numberOf(segment, row) < leastNumber) {
        least = index;
        leastNumber = numberOf(segment, row);
      }
    }
    const source = sources[least]!;
    const row = next[least]!;
    numbers[place] = leastNumber;
    lengths[place] = source.segment.lengths[source.segment.codes[row]!]!;
    source.rows[row] = place;
    next[least] = nextLive(source, row + 1);
    if (place % stepPostings === stepPostings - 1) yield;
  }
}

function nextLive({ segment, live }: Source, from: number): number {
  if (live === null) return from;
  let row = from;
  while (row < segment.rows && ((live[row >>> 5]! >>> (row & 31)) & 1) === 0) row++;
  return row;
}

function advance(source: Source): void {
  source.isDone = !nextTerm(source.segment, source.walk);
}

function leastTerm(sources: readonly Source[]): Source | null {
  let least: Source | null = null;
  for (const source of sources)
    if (
      !source.isDone &&
      (least === null ||
        compareBytes(source.walk.term, source.walk.termLength, least.walk.term, 0, least.walk.termLength) < 0)
    )
      least = source;
  return least;
}

function isSameTerm(one: DictionaryWalk, other: DictionaryWalk): boolean {
  return (
    one === other ||
    (one.termLength === other.termLength &&
      compareBytes(one.term, one.termLength, other.term, 0, other.termLength) === 0)
  );
}
