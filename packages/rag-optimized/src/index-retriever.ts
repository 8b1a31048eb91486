/* oxlint-disable typescript/no-non-null-assertion -- places in lists of this file's own making */
import { join } from 'node:path';
import { isGemmaError } from '@gemma-cli/contracts';
import type {
  DenseQuery,
  LexicalQuery,
  MemoryProblem,
  QueryTerm,
  RecordRow,
  RecordStore,
  Retriever,
  RowSet,
  ScoredRow,
  TermPart,
} from '@gemma-cli/contracts';
import {
  bm25Defaults,
  inverseDocumentFrequency,
  lengthNorm,
  rankingVersion,
  searchedText,
  stopWordScale,
} from '@gemma-cli/rag-core';
import type { Analyzer } from '@gemma-cli/rag-core';
import { createBestRows, emptyBestRows, rowsInOrder } from './best-rows.ts';
import type { BestRows } from './best-rows.ts';
import { createIndexKeeper } from './index-keeper.ts';
import {
  countLive,
  createLiveSegment,
  hasLive,
  isLive,
  liveFrequency,
  normsOf,
  removeNumber,
  removeRow,
} from './live-segment.ts';
import type { LiveSegment } from './live-segment.ts';
import { mergeSegments } from './merge-segments.ts';
import { segmentRowsMax } from './posting-blocks.ts';
import { findTerm, numberOf, rowFrom, rowOf } from './segment.ts';
import { finished } from './segment-writer.ts';
import { searchRows, searchSegment } from './search-segment.ts';
import { addToTail, createTail, removeFromTail, sealTail, searchTail } from './tail.ts';
import type { Tail, WeighedTerm } from './tail.ts';
import { createRowCollector } from './row-collector.ts';
import { kernelTerms } from './search-kernel.ts';
import type { SearchKernel } from './search-kernel.ts';
import { createTermCursor, frequencyAt, openCursor, placeCursor, shareOf, weigh } from './term-cursor.ts';
import type { TermCursor } from './term-cursor.ts';
import { termBytes } from './term-bytes.ts';
import { createVectorIndex, readerOf } from './vector-index.ts';

/** What {@link createIndexRetriever} takes. */
export interface IndexRetrieverParts {
  readonly record: RecordStore;
  /** Makes the terms of rows; queries come as its terms. */
  readonly analyzer: Analyzer;
  /** Whose vectors are compared. `null` = none. */
  readonly embedId: string | null;
  /** Folder of the record: the index is kept in `index/<namespace>` of it. */
  readonly folder: string;
  /** Called with one line per noteworthy event. */
  readonly log: (message: string) => void;
  /** Milliseconds from any point on: bounds slices of work. Default: of the process. */
  readonly clock?: (() => number) | undefined;
  /** Rows that gather before they become a segment. Default 2,048: what a reopened memory analyzes again takes some 40 ms. */
  readonly tailRows?: number | undefined;
}

/** Postings of a piece while everything is built anew, at 16 bytes until it is made: few large pieces, or one, are made faster than many. */
const bulkPostings = 2 ** 22;

/** Rows that are read at once then: what is thrown away soon after costs little. */
const bulkPageRows = 100;

/** Rows that are read from the record at once. */
const pageRows = 1_000;

/** Up to this share of a segment's rows, those that a filter leaves are looked up one by one. */
const fewRowsShare = 1 / 256;

/** Removed rows of a segment, as a share of all, from which it is written anew. */
const removedShareMax = 0.3;

/** Changes since the index was last kept from which it is kept again, though no row was added. */
const staleChanges = 10_000;

/** Rows below which a closing retriever leaves the tail to whoever opens next. */
const closeTailRows = 128;

/** Sealed and merged by a job of several steps. */
interface Job {
  readonly steps: Generator<void>;
}

/**
 * Finds rows by an inverted index: a tail of the newest rows in memory, and sealed segments, which are merged and kept on
 * disk in idle times. Everything in it is derived from the record; `docs/memory-index.md` has the layout and its costs.
 */
export async function createIndexRetriever(parts: IndexRetrieverParts): Promise<Retriever> {
  // Asynchronous by its contract: an implementation may have to load what it compares vectors with.
  return createRetriever(parts);
}

function createRetriever({
  record,
  analyzer,
  embedId,
  folder,
  log,
  clock = () => performance.now(),
  tailRows = 2_048,
}: IndexRetrieverParts): Retriever {
  const keeper = createIndexKeeper({
    folder: join(folder, 'index', record.namespace),
    analyzer: `${analyzer.fingerprint} ranking ${rankingVersion}`,
    record,
    log,
    clock,
  });
  const newVectors = () => (embedId === null ? null : createVectorIndex({ read: readerOf(record, embedId) }));
  let vectors = newVectors();
  let segments: LiveSegment[] = [];
  let tail = createTail();
  /** A full tail that becomes a segment. */
  let sealing: { readonly tail: Tail; readonly seq: number } | null = null;
  let job: Job | null = null;
  /** Position of the last change that is taken over; -1 = nothing is. */
  let seq = -1;
  /** Reads the record anew: nothing can be found before it is done. */
  let building: Generator<void> | null = null;
  /** Changes up to here are in segments. */
  let sealedSeq = 0;
  let vectorSeq = 0;
  /** Of all rows that ever came. */
  let numberMax = 0;
  /** What {@link countAll} told, and of what. */
  let counted: { readonly of: readonly unknown[]; readonly counts: IndexCounts } | null = null;
  /** Segments that have words of rows that were forgotten: they are written anew. */
  const forgotten = new WeakSet<LiveSegment>();
  /** Rows that were forgotten since the job began: what it makes may have them. */
  const forgottenMeanwhile = new Set<number>();

  const stored = keeper.read([]);
  if (stored !== null) adopt(stored.segments, stored.seq);

  function adopt(from: LiveSegment[], position: number): void {
    segments = from;
    tail = createTail();
    sealing = null;
    counted = null;
    job = null;
    seq = position;
    sealedSeq = position;
    for (const { segment } of segments)
      if (segment.rows > 0) numberMax = Math.max(numberMax, numberOf(segment, segment.rows - 1));
  }

  // --- taking over what was written ---

  function put({ number, row }: RecordRow): void {
    if (number <= numberMax) remove(number);
    else numberMax = number;
    addToTail(tail, number, analyzer.analyze(searchedText(row)));
  }

  /** A row was forgotten: its words must leave the disk, those of a former state of it too. */
  function forget(number: number): void {
    for (const live of segments) if (rowOf(live.segment, number) >= 0) forgotten.add(live);
    if (job !== null) forgottenMeanwhile.add(number);
  }

  function remove(number: number): void {
    if (removeFromTail(tail, number) || (sealing !== null && removeFromTail(sealing.tail, number))) return;
    for (const live of segments) if (removeNumber(live, number)) return;
  }

  /**
   * Reads every row of the record, in steps: where there is no index, or none that fits. What is written meanwhile comes
   * with the changes after that.
   */
  function* buildSteps(): Generator<void> {
    seq = -1;
    segments = [];
    tail = createTail();
    sealing = null;
    counted = null;
    job = null;
    numberMax = 0;
    // Which rows went meanwhile is not known: what belongs to rows is read anew too.
    vectors = newVectors();
    vectorSeq = 0;
    const position = record.seq();
    const pieces: LiveSegment[] = [];
    let collector = createRowCollector(analyzer);
    for (let isLast = false; !isLast;) {
      const page = record.texts(numberMax, bulkPageRows);
      isLast = page.length === 0;
      for (const [index, words] of page.entries()) {
        collector.add(words.number, searchedText(words));
        numberMax = words.number;
        if (index % sliceChanges === 0) yield;
      }
      // What fits a tail is kept there, as if it had just been written.
      if (isLast && pieces.length === 0 && collector.rows < tailRows) {
        for (const { number, terms } of collector.told()) {
          addToTail(tail, number, terms);
          if (tail.numbers.length % sliceChanges === 0) yield;
        }
      } else if (collector.postings >= bulkPostings || (isLast && collector.rows > 0)) {
        pieces.push(createLiveSegment(yield* collector.seal(), null));
        collector = createRowCollector(analyzer);
      }
    }
    const rows = pieces.reduce((sum, { liveRows }) => sum + liveRows, 0);
    segments =
      pieces.length > 1 && rows <= segmentRowsMax ? [createLiveSegment(yield* mergeSegments(pieces), null)] : pieces;
    seq = position;
    sealedSeq = tail.numbers.length === 0 ? position : 0;
  }

  /** Goes on with building anew; tells whether it is done. */
  function buildAnew(deadline: number): boolean {
    const steps = (building ??= buildSteps());
    do {
      if (steps.next().done === true) {
        building = null;
        return true;
      }
    } while (clock() < deadline);
    return false;
  }

  function sealNow(): void {
    if (tail.rowOf.size > 0) segments.push(createLiveSegment(finished(sealTail(tail)), null));
    tail = createTail();
  }

  /** Takes over changes; as many as there is time for. Tells whether none is left. */
  function takeChanges(deadline: number): boolean {
    for (;;) {
      if ((seq < 0 || building !== null) && !buildAnew(deadline)) return false;
      if (record.seq() === seq) return true;
      let changes;
      try {
        // Whoever has little time reads few: what there is no time for would be read again.
        changes = record.changes(seq, deadline === Infinity ? pageRows : sliceChanges);
      } catch (error) {
        // The log of changes begins later, or is that of another record.
        if (!isGemmaError(error) || error.code !== 'MEMORY_CHANGES_GONE') throw error;
        seq = -1;
        continue;
      }
      if (changes.length === 0) return true;
      // Some at a time, so that the deadline is met: rows take some ten microseconds each.
      for (let start = 0; start < changes.length; start += sliceChanges) {
        const slice = changes.slice(start, start + sliceChanges);
        for (const { number, reason } of slice) if (reason === 'forgotten') forget(number);
        takeSlice(slice.map(({ number }) => number));
        seq = slice.at(-1)!.seq;
        if (clock() >= deadline) return false;
      }
    }
  }

  function takeSlice(changed: readonly number[]): void {
    const numbers = [...new Set(changed)];
    const rows = record.byNumber(numbers);
    for (const [index, number] of numbers.entries()) {
      const row = rows[index];
      if (row === undefined) {
        remove(number);
        vectors?.remove(number);
      } else {
        put(row);
        dropStaleVector(number);
      }
    }
  }

  /** A row whose text changed has lost its vector. */
  function dropStaleVector(number: number): void {
    if (vectors === null || embedId === null) return;
    const position = vectors.seqOf(number);
    if (position !== undefined && record.vectors(embedId, position - 1, 1)[0]?.seq !== position) vectors.remove(number);
  }

  function takeVectors(): void {
    if (vectors === null || embedId === null) return;
    for (;;) {
      const page = record.vectors(embedId, vectorSeq, pageRows);
      // Vectors of texts that were written meanwhile: the texts come first.
      if (record.seq() !== seq) takeChanges(Infinity);
      else {
        for (const { number, vector, seq: position } of page) vectors.put(number, vector, position);
        vectorSeq = page.at(-1)?.seq ?? vectorSeq;
        if (page.length < pageRows) return;
      }
    }
  }

  // --- searching ---

  function rowsTotal(): number {
    let sum = tail.rowOf.size + (sealing?.tail.rowOf.size ?? 0);
    for (const live of segments) sum += live.liveRows;
    return sum;
  }

  function termsTotal(): number {
    let sum = tail.termsTotal + (sealing?.tail.termsTotal ?? 0);
    for (const live of segments) sum += live.liveTermsTotal;
    return sum;
  }

  function search(
    terms: readonly QueryTerm[],
    best: BestRows,
    allowed: RowSet | null,
    isHidden: (number: number) => boolean,
    hidden: readonly number[],
  ): readonly WeighedQueryTerm[] {
    const rows = rowsTotal();
    const averageLength = rows === 0 ? 0 : termsTotal() / rows;
    const lookups = lookUp(terms, best.limit, allowed);
    const weighed = weighTerms(terms, lookups, rows, averageLength);
    for (const lookup of lookups) if (lookup.live.liveRows > 0) searchLive(lookup, best, hidden);
    const tails = sealing === null ? [tail] : [sealing.tail, tail];
    if (tails.every(({ rowOf: { size } }) => size === 0)) return weighed;
    const norm = (length: number) => lengthNorm(length, averageLength, bm25Defaults);
    const mayFind = (number: number) => allowed?.has(number) !== false && !isHidden(number);
    for (const each of tails) searchTail(each, weighed, norm, mayFind, best);
    return weighed;
  }

  /** Looks all terms up in kernels; in other segments they are looked up when they are weighed. */
  function lookUp(terms: readonly QueryTerm[], limit: number, allowed: RowSet | null): readonly SegmentLookup[] {
    const forKernels = kernelTerms(terms, limit);
    return segments.map((live) => {
      const among = allowed === null ? null : rowsOf(live, allowed);
      const isFew = among !== null && among.length <= live.segment.rows * fewRowsShare;
      const isByKernel = forKernels !== null && !isFew && live.kernel?.find(forKernels) === true;
      return { live, kernel: isByKernel ? live.kernel : null, cursors: [], among, isFew };
    });
  }

  /** Weighs terms by how many rows have them. */
  function weighTerms(
    terms: readonly QueryTerm[],
    lookups: readonly SegmentLookup[],
    rows: number,
    averageLength: number,
  ): readonly WeighedQueryTerm[] {
    for (const { live } of lookups) normsOf(live, averageLength);
    return terms.map(({ term, count }, place): WeighedQueryTerm => {
      let documentFrequency = (tail.terms.get(term)?.live ?? 0) + (sealing?.tail.terms.get(term)?.live ?? 0);
      const placed: TermCursor[] = [];
      for (const { live, kernel, cursors } of lookups) {
        let frequency = 0;
        if (kernel !== null) frequency = kernel.frequencyOf(place);
        else if (findTerm(live.segment, termBytes(term), entry)) {
          ({ frequency } = entry);
          const cursor = takeCursor(live.segment);
          placeCursor(cursor, live.segment, entry);
          cursor.norms = live.norms;
          cursors.push(cursor);
          placed.push(cursor);
        }
        if (frequency > 0) documentFrequency += liveFrequency(live, term, frequency);
      }
      const idf = inverseDocumentFrequency(documentFrequency, rows);
      for (const { kernel } of lookups) kernel?.weigh(place, idf, count);
      for (const cursor of placed) weigh(cursor, idf, count, cursor.norms);
      return { term, times: count, documentFrequency, idf };
    });
  }

  const entry = { frequency: 0, firstBlock: 0, restAt: 0 };
  const pool: TermCursor[] = [];
  let taken = 0;

  function takeCursor(segment: LiveSegment['segment']): TermCursor {
    let cursor = pool[taken];
    if (cursor === undefined) {
      cursor = createTermCursor(segment);
      if (pool.length < poolMax) pool.push(cursor);
    }
    taken++;
    return cursor;
  }

  let spare: BestRows | null = null;

  /** Of as many rows as the search before wanted, they are the same. */
  function bestRowsFor(limit: number): BestRows {
    if (spare?.limit !== limit) spare = createBestRows(limit);
    emptyBestRows(spare);
    return spare;
  }

  function lexical({ terms, limit, allowed, hidden, explain }: LexicalQuery): readonly ScoredRow[] {
    const content = terms.filter(({ isStopWord }) => !isStopWord);
    const stopWords = terms.filter(({ isStopWord }) => isStopWord);
    const hiddenNumbers = hidden?.numbers() ?? [];
    const main = content.length > 0 ? content : stopWords;
    const best = bestRowsFor(limit);
    taken = 0;
    const isHidden = (number: number) => hidden?.has(number) === true;
    const mainTerms = search(main, best, allowed, isHidden, hiddenNumbers);
    const found = rowsInOrder(best);
    const mainRows = explain ? found.map((row) => explained(row, mainTerms, 1)) : found;
    if (content.length === 0 || stopWords.length === 0 || found.length === limit) return mainRows;
    // All rows that have one of the other terms are found. Room is left for those that have only stop words.
    const others = createBestRows(limit - found.length);
    const known = new Set(found.map(({ number }) => number));
    taken = 0;
    const stopTerms = search(
      stopWords,
      others,
      allowed,
      (number) => known.has(number) || isHidden(number),
      [...hiddenNumbers, ...known].toSorted((one, other) => one - other),
    );
    const more = rowsInOrder(others).map(({ number, score }) => ({ number, score: score * stopWordScale }));
    return [...mainRows, ...(explain ? more.map((row) => explained(row, stopTerms, stopWordScale)) : more)];
  }

  /** With the share of each term, in the order of the query. */
  function explained({ number, score }: ScoredRow, terms: readonly WeighedQueryTerm[], scale: number): ScoredRow {
    const averageLength = termsTotal() / rowsTotal();
    const place = placeOf(number);
    const parts = terms.flatMap(({ term, times, documentFrequency, idf }): readonly TermPart[] => {
      const frequency = place.frequencyOf(term);
      if (frequency === 0) return [];
      const share = shareOf(times, idf, frequency, lengthNorm(place.length, averageLength, bm25Defaults));
      return [{ term, frequency, documentFrequency, score: scale * share }];
    });
    return { number, score, parts: { lexical: { score, terms: parts } } };
  }

  function placeOf(number: number): { readonly length: number; readonly frequencyOf: (term: string) => number } {
    for (const each of [tail, sealing?.tail]) {
      const row = each?.rowOf.get(number);
      if (each === undefined || row === undefined) continue;
      return {
        length: each.lengths[row]!,
        frequencyOf(term) {
          const entry = each.terms.get(term);
          const at = entry?.rows.indexOf(row) ?? -1;
          return at < 0 ? 0 : entry!.frequencies[at]!;
        },
      };
    }
    for (const live of segments) {
      const { segment } = live;
      const row = rowOf(segment, number);
      if (row < 0 || !isLive(live, row)) continue;
      return {
        length: segment.lengths[segment.codes[row]!]!,
        frequencyOf(term) {
          const entry = { frequency: 0, firstBlock: 0, restAt: 0 };
          if (!findTerm(segment, termBytes(term), entry)) return 0;
          const cursor = createTermCursor(segment);
          openCursor(cursor, segment, entry);
          return frequencyAt(cursor, row);
        },
      };
    }
    return { length: 0, frequencyOf: () => 0 };
  }

  // --- idle work ---

  /** Makes segments of a full tail, few segments of many, and files of segments: one step after the other. */
  function nextJob(): Job | null {
    const isKeeper = keeper.mayBuild();
    if (keeper.isReplaced()) {
      const fresh = keeper.read(segments);
      // What others kept is taken over where it goes as far as what is here, or where it is about to be replaced.
      if (fresh !== null && (fresh.seq >= sealedSeq || isKeeper)) adopt(fresh.segments, fresh.seq);
    }
    const full = isKeeper ? tailRows : tailRows * 8;
    if (tail.numbers.length >= full) return { steps: sealTailStep() };
    const toMerge = segmentsToMerge(segments);
    if (isKeeper && toMerge.length > 0) return { steps: mergeStep(toMerge) };
    const tainted = segments.find((live) => forgotten.has(live));
    if (isKeeper && tainted !== undefined) return { steps: mergeStep([tainted]) };
    if (tail.rowOf.size === 0) sealedSeq = seq;
    if (isKeeper && isUnkept()) return { steps: keeper.keep(segments, sealedSeq) };
    return null;
  }

  function isUnkept(): boolean {
    return (
      keeper.keptFiles() !== segments.map(({ file }) => file ?? '').join(' ') ||
      segments.some(({ file }) => file === null) ||
      sealedSeq - keeper.keptSeq() >= staleChanges
    );
  }

  function* sealTailStep(): Generator<void> {
    sealing = { tail, seq };
    tail = createTail();
    const { tail: full, seq: position } = sealing;
    const segment = yield* sealTail(full);
    const live = createLiveSegment(segment, null);
    for (let row = 0; row < segment.rows; row++) if (!full.rowOf.has(numberOf(segment, row))) removeRow(live, row);
    markForgotten(live);
    sealing = null;
    counted = null;
    if (live.liveRows > 0) segments = [...segments, live];
    sealedSeq = position;
  }

  function* mergeStep(merged: readonly LiveSegment[]): Generator<void> {
    const seen = merged.map(({ removed }) => removed.length);
    const live = createLiveSegment(yield* mergeSegments(merged), null);
    for (const [index, { segment, removed }] of merged.entries())
      for (const row of removed.slice(seen[index])) removeNumber(live, numberOf(segment, row));
    markForgotten(live);
    counted = null;
    segments = segments.filter((each) => !merged.includes(each));
    if (live.liveRows > 0) segments = [live, ...segments];
  }

  function markForgotten(live: LiveSegment): void {
    for (const number of forgottenMeanwhile) if (rowOf(live.segment, number) >= 0) forgotten.add(live);
    forgottenMeanwhile.clear();
  }

  /** Whether segments have words of rows that were forgotten, or may have: of which nobody has taken notice yet. */
  function hasForgotten(): boolean {
    if (segments.some((live) => forgotten.has(live))) return true;
    if (segments.length === 0) return false;
    try {
      for (let position = seq; ;) {
        const changes = record.changes(position, pageRows);
        if (changes.some(({ reason }) => reason === 'forgotten')) return true;
        if (changes.length < pageRows) return false;
        position = changes.at(-1)!.seq;
      }
    } catch (error) {
      // So far behind that whoever opens next builds everything anew.
      if (!isGemmaError(error) || error.code !== 'MEMORY_CHANGES_GONE') throw error;
      return false;
    }
  }

  /** Writes the segments anew that have words of forgotten rows. Tells whether there were any. */
  function dropForgotten(): boolean {
    const tainted = segments.filter((live) => forgotten.has(live));
    for (const live of tainted) finished(mergeStep([live]));
    return tainted.length > 0;
  }

  return {
    implementation: 'optimized',
    exact: true,

    sync() {
      takeChanges(Infinity);
      takeVectors();
      // Both only grow, so that their sum stays the same only where both do.
      return seq + vectorSeq;
    },

    lexical,
    dense: (query: DenseQuery) => vectors?.search(query) ?? [],

    stats() {
      let memoryBytes = vectors?.memoryBytes ?? 0;
      for (const live of segments) {
        const { bytes, memory } = live.segment;
        memoryBytes += (memory?.buffer.byteLength ?? bytes.byteLength) + (live.live?.byteLength ?? 0);
        // Those of the kernel lie in its memory.
        if (live.kernel === null) memoryBytes += live.norms.byteLength;
      }
      memoryBytes += tailBytesPerPosting * (tail.postings + (sealing?.tail.postings ?? 0));
      const pieces = segments.length + (tail.rowOf.size > 0 ? 1 : 0) + (sealing === null ? 0 : 1);
      return {
        index: { ...counts(), segments: pieces, vectors: vectors?.size ?? 0, memoryBytes },
        indexBytes: keeper.fileBytes(),
      };
    },

    verify() {
      takeChanges(Infinity);
      const problems: MemoryProblem[] = [];
      const problem = (what: string) => {
        problems.push({ where: 'index', what, id: null, action: 'rebuilt' });
      };
      const damage = keeper.check();
      if (damage !== null) problem(`The index of the memory is damaged: ${damage}.`);
      const missing = rowsThatDiffer();
      if (missing > 0) problem(`The index of the memory differs from its record in ${missing} rows.`);
      if (problems.length > 0) {
        keeper.discard();
        seq = -1;
        takeChanges(Infinity);
        if (keeper.mayBuild()) keepNow();
      }
      return problems;
    },

    work(msMax) {
      const deadline = clock() + msMax;
      if (!takeChanges(deadline)) return true;
      do {
        job ??= nextJob();
        if (job === null) return false;
        // A job that was thrown away by a rebuild is not gone on with.
        const present: Job = job;
        if (present.steps.next().done === true && job === present) job = null;
      } while (clock() < deadline);
      return true;
    },

    close() {
      // A tail that is half sealed is sealed: without it, whoever opens next would analyze all of its rows again.
      if (seq >= 0 && sealing !== null && job !== null && keeper.mayBuild() && !keeper.isReplaced())
        finished(job.steps);
      // Half of another job is left: what it works on is still whole in memory and on disk.
      job = null;
      let isCleaned = false;
      if (seq >= 0 && sealing === null && hasForgotten() && keeper.mayBuild() && !keeper.isReplaced()) {
        takeChanges(Infinity);
        isCleaned = dropForgotten();
      }
      if (
        seq >= 0 &&
        tail.rowOf.size >= closeTailRows &&
        sealing === null &&
        keeper.mayBuild() &&
        !keeper.isReplaced()
      ) {
        const position = seq;
        sealNow();
        sealedSeq = position;
      }
      if (
        seq >= 0 &&
        sealing === null &&
        (isCleaned || segments.some(({ file }) => file === null)) &&
        keeper.mayBuild() &&
        !keeper.isReplaced()
      )
        keepNow();
      keeper.close();
      segments = [];
      tail = createTail();
      sealing = null;
      counted = null;
    },
  };

  function keepNow(): void {
    if (tail.rowOf.size === 0) sealedSeq = seq;
    finished(keeper.keep(segments, sealedSeq));
  }

  /**
   * Terms and postings of the rows that are there, counted again when something has changed. What they were counted of is
   * let go where segments are replaced.
   */
  function counts(): IndexCounts {
    const removed = segments.reduce((sum, live) => sum + live.removed.length, 0);
    const present = [seq, removed, tail, sealing, ...segments];
    if (counted?.of.length !== present.length || counted.of.some((each, index) => each !== present[index]))
      counted = { of: present, counts: countAll() };
    return counted.counts;
  }

  /** Walks the dictionaries where there are several, or rows have gone: for figures, not for searches. */
  function countAll(): IndexCounts {
    const [only] = segments;
    if (segments.length === 1 && only?.removed.length === 0 && sealing === null && tail.rowOf.size === 0)
      return { terms: only.segment.terms, postings: only.segment.postings };
    const tails = sealing === null ? [tail] : [tail, sealing.tail];
    const sealed = countLive(segments);
    let { terms, postings } = sealed;
    const known = new Set<string>();
    for (const each of tails)
      for (const [term, { live }] of each.terms) {
        if (live === 0) continue;
        postings += live;
        if (!known.has(term) && !hasLive(segments, term)) terms++;
        known.add(term);
      }
    return { terms, postings };
  }

  function rowsThatDiffer(): number {
    let missing = 0;
    let seen = 0;
    for (let last = 0; ;) {
      const page = record.scan(last, pageRows);
      for (const { number } of page)
        if (placeOf(number).length === 0 && !hasNumber(number)) missing++;
        else seen++;
      if (page.length < pageRows) break;
      last = page.at(-1)!.number;
    }
    return missing + Math.max(0, rowsTotal() - seen);
  }

  function hasNumber(number: number): boolean {
    if (tail.rowOf.has(number) || sealing?.tail.rowOf.has(number) === true) return true;
    return segments.some((live) => {
      const row = rowOf(live.segment, number);
      return row >= 0 && isLive(live, row);
    });
  }
}

interface IndexCounts {
  readonly terms: number;
  readonly postings: number;
}

/** Cursors that are kept for the next search. */
const poolMax = 256;

/** Changes between two looks at the clock. */
const sliceChanges = 16;

/** About what a posting of a tail takes, beside its share of the terms: place and frequency in lists of small integers. */
const tailBytesPerPosting = 40;

interface WeighedQueryTerm extends WeighedTerm {
  readonly documentFrequency: number;
}

/**
 * Which segments become one: so many of the smallest that each that stays has at least twice the rows of all smaller ones
 * together. So there are at most log3(rows / rows of a tail) of them, and a row is merged about as often.
 */
function segmentsToMerge(segments: readonly LiveSegment[]): readonly LiveSegment[] {
  const bySize = segments.toSorted((one, other) => other.liveRows - one.liveRows);
  let smaller = bySize.reduce((sum, { liveRows }) => sum + liveRows, 0);
  for (const [index, live] of bySize.entries()) {
    smaller -= live.liveRows;
    const isFull = live.liveRows + smaller > segmentRowsMax;
    if (index < bySize.length - 1 && !isFull && live.liveRows < smaller * 2) return bySize.slice(index);
  }
  return segments.filter(({ removed, segment }) => removed.length > segment.rows * removedShareMax).slice(0, 1);
}

/** A segment, and where it has the terms of a query. */
interface SegmentLookup {
  readonly live: LiveSegment;
  /** What has looked them up. `null` = the cursors are placed at them. */
  readonly kernel: SearchKernel | null;
  readonly cursors: TermCursor[];
  /** Its rows that a filter leaves. `null` = there is no filter. */
  readonly among: readonly number[] | null;
  /** They are so few that they are looked up one by one. */
  readonly isFew: boolean;
}

/** Offers what of a segment may be found. */
function searchLive(
  { live, kernel, cursors, among, isFew }: SegmentLookup,
  best: BestRows,
  hidden: readonly number[],
): void {
  const { segment } = live;
  if (among?.length === 0 || (kernel === null && cursors.length === 0)) return;
  let mask = live.live;
  if (among === null) {
    if (hidden.length > 0) mask = withoutHidden(live, hidden);
  } else {
    const gone = new Set(hidden.length === 0 ? [] : rowsOfNumbers(live, hidden));
    const rows = gone.size === 0 ? among : among.filter((row) => !gone.has(row));
    if (isFew) {
      searchRows(segment, cursors, rows, best);
      return;
    }
    mask = new Int32Array((segment.rows + 31) >>> 5);
    for (const row of rows) mask[row >>> 5] = mask[row >>> 5]! | (1 << (row & 31));
  }
  if (kernel === null) searchSegment(segment, cursors, best, mask, among !== null);
  else kernel.search(best, mask, among !== null);
}

function withoutHidden(live: LiveSegment, hidden: readonly number[]): Int32Array | null {
  const rows = rowsOfNumbers(live, hidden);
  if (rows.length === 0) return live.live;
  const mask = live.live?.slice() ?? new Int32Array((live.segment.rows + 31) >>> 5).fill(-1);
  for (const row of rows) mask[row >>> 5] = mask[row >>> 5]! & ~(1 << (row & 31));
  return mask;
}

function rowsOf(live: LiveSegment, { numbers }: RowSet): readonly number[] {
  return rowsOfNumbers(live, numbers());
}

/** Live rows of numbers, which ascend. */
function rowsOfNumbers(live: LiveSegment, numbers: readonly number[]): readonly number[] {
  const { segment } = live;
  const rows: number[] = [];
  let row = 0;
  for (const number of numbers) {
    row = rowFrom(segment, number, row);
    if (row >= segment.rows) break;
    if (numberOf(segment, row) === number && isLive(live, row)) rows.push(row);
  }
  return rows;
}
