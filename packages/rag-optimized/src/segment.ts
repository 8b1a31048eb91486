/* oxlint-disable typescript/no-non-null-assertion -- typed arrays: every index is below a length that the format keeps */
import { reserveBytes, writeVarint } from './byte-writer.ts';
import type { ByteWriter } from './byte-writer.ts';
import { restEnd } from './posting-blocks.ts';
import { createRoom, growForKernel } from './kernel-room.ts';
import type { SegmentRoom, WasmMemory } from './kernel-room.ts';
import { compareBytes } from './term-bytes.ts';

/**
 * A sealed piece of the index: some rows and their postings in one piece of memory that is never changed. Inside, rows count from
 * 0 in the order of their numbers.
 *
 *   head        16 words: mark, version, counts
 *   numbers     a word a row; none where they have no holes
 *   lengths     the different lengths of rows, ascending: a word each
 *   codes       for each row which of these: two bytes
 *   groups      of 16 terms: where in the dictionary, which block is its first: two words
 *   blocks      last row, first word: two words; bits, and what bounds its scores: four times two bytes
 *   words       packed postings
 *   dictionary  terms in order, each without what it shares with the one before, its frequency and its rest
 */
export interface Segment {
  /** All of it. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The memory of WebAssembly that it lies in, with room for a search behind it. `null` = it lies elsewhere. */
  readonly memory: WasmMemory | null;
  readonly rows: number;
  readonly terms: number;
  readonly postings: number;
  /** Terms of all rows together, with repetitions. */
  readonly termsTotal: number;
  /** Number of the first row. */
  readonly firstNumber: number;
  /** Of each row, ascending; `null` where it is the first number and the place of the row. */
  readonly numbers: Uint32Array | null;
  readonly lengths: Uint32Array;
  readonly codes: Uint16Array;
  readonly groupBytes: Uint32Array;
  readonly groupBlocks: Uint32Array;
  readonly blockLasts: Int32Array;
  readonly blockWords: Uint32Array;
  /** Bits of a gap, and 256 times the bits of a frequency. */
  readonly blockBits: Uint16Array;
  /** Code of the shortest row that has the term once; 65,535 = there is none. */
  readonly blockOnce: Uint16Array;
  /** Code of the shortest row that has it more often; 65,535 = there is none. */
  readonly blockMore: Uint16Array;
  /** The greatest frequency; 65,535 = so much or more. */
  readonly blockTop: Uint16Array;
  readonly words: Int32Array;
  readonly dictionary: Uint8Array;
}

/** `GMSG`. */
const mark = 0x47_53_4d_47;

/** Raised when the layout changes. */
export const segmentVersion = 2;

/** Words of the head. */
const headWords = 16;

/** Terms of a group of the dictionary: the first is written whole. */
export const groupTerms = 16;

/** "There is none", among codes of lengths. */
export const noCode = 0xff_ff;

/** How much a segment has of everything. */
export interface SegmentCounts {
  readonly rows: number;
  readonly terms: number;
  readonly postings: number;
  readonly termsTotal: number;
  readonly firstNumber: number;
  readonly hasHoles: boolean;
  readonly lengths: number;
  readonly groups: number;
  readonly blocks: number;
  readonly words: number;
  readonly dictionaryBytes: number;
}

/** A segment whose parts are to be filled in. */
export function createSegment(counts: SegmentCounts): Segment {
  const room = createRoom(bytesOf(counts));
  const head = new Uint32Array(room.bytes.buffer, 0, headWords);
  head.set([
    mark,
    segmentVersion,
    counts.rows,
    counts.terms,
    counts.postings,
    counts.termsTotal % 2 ** 32,
    Math.floor(counts.termsTotal / 2 ** 32),
    counts.firstNumber,
    counts.hasHoles ? 1 : 0,
    counts.lengths,
    counts.groups,
    counts.blocks,
    counts.words,
    counts.dictionaryBytes,
  ]);
  return partsOf(room, counts);
}

/**
 * The segment that fills a room; `null` where it is none, or of another version. That its bytes are those that were written is
 * for the caller to know: checksums are kept with the file.
 */
export function openSegment(room: SegmentRoom): Segment | null {
  if (room.bytes.byteLength < headWords * 4) return null;
  const head = new Uint32Array(room.bytes.buffer, 0, headWords);
  if (head[0] !== mark || head[1] !== segmentVersion) return null;
  const counts: SegmentCounts = {
    rows: head[2]!,
    terms: head[3]!,
    postings: head[4]!,
    termsTotal: head[5]! + head[6]! * 2 ** 32,
    firstNumber: head[7]!,
    hasHoles: head[8] === 1,
    lengths: head[9]!,
    groups: head[10]!,
    blocks: head[11]!,
    words: head[12]!,
    dictionaryBytes: head[13]!,
  };
  return bytesOf(counts) === room.bytes.byteLength ? partsOf(room, counts) : null;
}

function bytesOf({ rows, hasHoles, lengths, groups, blocks, words, dictionaryBytes }: SegmentCounts): number {
  const wordsBefore = headWords + (hasHoles ? rows : 0) + lengths + groups * 2 + blocks * 2 + words;
  return wordsBefore * 4 + evenRows(rows) * 2 + blocks * 8 + dictionaryBytes;
}

/** Codes of an odd number of rows are followed by one to spare, so that words stay at words. */
function evenRows(rows: number): number {
  return rows + (rows % 2);
}

function partsOf(room: SegmentRoom, counts: SegmentCounts): Segment {
  const { rows, groups, blocks } = counts;
  const size = room.bytes.byteLength;
  // Before there are views: what grows may move.
  const memory = room.memory !== null && growForKernel(room.memory, size, rows, counts.lengths) ? room.memory : null;
  const buffer = room.memory?.buffer ?? room.bytes.buffer;
  let at = headWords * 4;
  const take = (bytes: number) => {
    const start = at;
    at += bytes;
    return start;
  };
  return {
    bytes: new Uint8Array(buffer, 0, size),
    memory,
    rows,
    terms: counts.terms,
    postings: counts.postings,
    termsTotal: counts.termsTotal,
    firstNumber: counts.firstNumber,
    numbers: counts.hasHoles ? new Uint32Array(buffer, take(rows * 4), rows) : null,
    lengths: new Uint32Array(buffer, take(counts.lengths * 4), counts.lengths),
    codes: new Uint16Array(buffer, take(evenRows(rows) * 2), rows),
    groupBytes: new Uint32Array(buffer, take(groups * 4), groups),
    groupBlocks: new Uint32Array(buffer, take(groups * 4), groups),
    blockLasts: new Int32Array(buffer, take(blocks * 4), blocks),
    blockWords: new Uint32Array(buffer, take(blocks * 4), blocks),
    blockBits: new Uint16Array(buffer, take(blocks * 2), blocks),
    blockOnce: new Uint16Array(buffer, take(blocks * 2), blocks),
    blockMore: new Uint16Array(buffer, take(blocks * 2), blocks),
    blockTop: new Uint16Array(buffer, take(blocks * 2), blocks),
    words: new Int32Array(buffer, take(counts.words * 4), counts.words),
    dictionary: new Uint8Array(buffer, take(counts.dictionaryBytes), counts.dictionaryBytes),
  };
}

/** Number of a row. */
export function numberOf(segment: Segment, row: number): number {
  return segment.numbers === null ? segment.firstNumber + row : segment.numbers[row]!;
}

/** The row of a number; -1 = it is not here. */
export function rowOf(segment: Segment, number: number): number {
  const row = rowFrom(segment, number, 0);
  return row < segment.rows && numberOf(segment, row) === number ? row : -1;
}

/** The first row, from one on, whose number is not below; the count of rows where there is none. */
export function rowFrom(segment: Segment, number: number, from: number): number {
  const { numbers, rows, firstNumber } = segment;
  if (numbers === null) return Math.min(rows, Math.max(from, number - firstNumber));
  let low = from;
  let high = rows;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbers[middle]! < number) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** A place in the dictionary: a term and where its postings are. */
export interface DictionaryEntry {
  /** Rows that have it, removed ones included. */
  frequency: number;
  firstBlock: number;
  /** Where its rest begins in the dictionary. */
  restAt: number;
}

/** Looks a term up. Tells whether it is there; `entry` is filled then. */
export function findTerm(segment: Segment, term: Uint8Array, entry: DictionaryEntry): boolean {
  const { groupBytes, dictionary } = segment;
  // The last group whose first term is not behind the one wanted.
  let low = 0;
  let high = groupBytes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    readEntryHead(dictionary, groupBytes[middle]!);
    if (compareBytes(term, term.length, dictionary, suffixAt, suffixAt + suffixLength) < 0) high = middle;
    else low = middle + 1;
  }
  if (low === 0) return false;
  const group = low - 1;
  let at = groupBytes[group]!;
  let block = segment.groupBlocks[group]!;
  let matched = 0;
  const end = group + 1 < groupBytes.length ? groupBytes[group + 1]! : dictionary.length;
  while (at < end) {
    readEntryHead(dictionary, at);
    if (prefixLength < matched) return false;
    let isEqual = false;
    if (prefixLength === matched) {
      let index = 0;
      while (index < suffixLength && matched < term.length && dictionary[suffixAt + index] === term[matched]) {
        index++;
        matched++;
      }
      if (index === suffixLength) isEqual = matched === term.length;
      else if (matched === term.length || dictionary[suffixAt + index]! > term[matched]!) return false;
    }
    readEntryTail(dictionary, suffixAt + suffixLength);
    if (isEqual) {
      entry.frequency = entryFrequency;
      entry.firstBlock = block;
      entry.restAt = entryRestAt;
      return true;
    }
    block += entryFrequency >>> 7;
    at = entryEnd;
  }
  return false;
}

// What the two readers below found. Not an object: nothing is allocated for a term that is passed over.
let prefixLength = 0;
let suffixLength = 0;
let suffixAt = 0;
let entryFrequency = 0;
let entryRestAt = 0;
let entryEnd = 0;
let varintEnd = 0;

function readVarint(bytes: Uint8Array, start: number): number {
  let at = start;
  let byte = bytes[at++]!;
  let value = byte & 127;
  for (let shift = 7; byte > 127; shift += 7) {
    byte = bytes[at++]!;
    value |= (byte & 127) << shift;
  }
  varintEnd = at;
  return value >>> 0;
}

/** Lengths of nearly all terms are below it: both are in one byte then. 15 says that the whole length follows. */
const shortLength = 15;

/** Appends how much a term shares with the one before, and how much follows. */
export function writeLengths(writer: ByteWriter, shared: number, rest: number): void {
  reserveBytes(writer, 1);
  writer.bytes[writer.length++] = Math.min(shared, shortLength) | (Math.min(rest, shortLength) << 4);
  if (shared >= shortLength) writeVarint(writer, shared);
  if (rest >= shortLength) writeVarint(writer, rest);
}

function readEntryHead(dictionary: Uint8Array, at: number): void {
  const lengths = dictionary[at]!;
  prefixLength = lengths & 15;
  suffixLength = lengths >>> 4;
  suffixAt = at + 1;
  if (prefixLength === shortLength) {
    prefixLength = readVarint(dictionary, suffixAt);
    suffixAt = varintEnd;
  }
  if (suffixLength === shortLength) {
    suffixLength = readVarint(dictionary, suffixAt);
    suffixAt = varintEnd;
  }
}

function readEntryTail(dictionary: Uint8Array, at: number): void {
  entryFrequency = readVarint(dictionary, at);
  entryRestAt = varintEnd;
  const restCount = entryFrequency & 127;
  entryEnd = restCount === 0 ? entryRestAt : restEnd(dictionary, entryRestAt, restCount);
}

/** Walks a dictionary from its first term to its last. */
export interface DictionaryWalk extends DictionaryEntry {
  /** The present term, in its first bytes. */
  term: Uint8Array;
  termLength: number;
  /** Where the next entry begins. */
  next: number;
  nextBlock: number;
}

/** A walk that stands before the first term. */
export function createDictionaryWalk(): DictionaryWalk {
  return { frequency: 0, firstBlock: 0, restAt: 0, term: new Uint8Array(256), termLength: 0, next: 0, nextBlock: 0 };
}

/** Goes to the next term; `false` behind the last. */
export function nextTerm(segment: Segment, walk: DictionaryWalk): boolean {
  const { dictionary } = segment;
  if (walk.next >= dictionary.length) return false;
  readEntryHead(dictionary, walk.next);
  const length = prefixLength + suffixLength;
  if (length > walk.term.length) {
    const grown = new Uint8Array(length * 2);
    grown.set(walk.term);
    walk.term = grown;
  }
  for (let index = 0; index < suffixLength; index++) walk.term[prefixLength + index] = dictionary[suffixAt + index]!;
  walk.termLength = length;
  readEntryTail(dictionary, suffixAt + suffixLength);
  walk.frequency = entryFrequency;
  walk.firstBlock = walk.nextBlock;
  walk.restAt = entryRestAt;
  walk.next = entryEnd;
  walk.nextBlock += entryFrequency >>> 7;
  return true;
}
