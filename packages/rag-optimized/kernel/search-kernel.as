// The search over one segment, in AssemblyScript: src/search-segment.ts says the same in TypeScript, and the tests hold one
// against the other. node packages/rag-optimized/scripts/build-kernel.mjs makes src/kernel-code.ts of it.
//
// The memory is one segment as src/segment.ts lays it out, from 0 on, and behind it what a search works with: places are
// told once by `place` and `work`. Nothing is allocated here. Doubles are computed as TypeScript computes them, operation by
// operation, so that both find the same scores to the last bit.

/** Postings of a block. */
const BLOCK: i32 = 128;
/** Rows of a window: their sums stay in the nearest cache of a core. */
const WINDOW: i32 = 4096;
/** "There is none", among codes of lengths. */
const NO_CODE: i32 = 0xffff;
/** A greatest frequency that is so much or more. */
const TOP_MAX: i32 = 0xffff;
/** Doubles of this size lie 2^-36 apart: `rounded` of rag-core. */
const ANCHOR: f64 = 98304;
/** Scores are multiples of this. */
const STEP: f64 = 1.0 / 68719476736;

// Places of the segment's parts.
let rowsTotal: i32 = 0;
let firstNumber: f64 = 0;
/** 0 = numbers have no holes. */
let numbersAt: usize = 0;
let codesAt: usize = 0;
let lastsAt: usize = 0;
let wordsOfAt: usize = 0;
let bitsAt: usize = 0;
let onceOfAt: usize = 0;
let moreOfAt: usize = 0;
let topOfAt: usize = 0;
let wordsAt: usize = 0;
let dictionaryAt: usize = 0;
let dictionaryEnd: usize = 0;
let groupsTotal: i32 = 0;
/** For each group of terms, where in the dictionary it begins. */
let groupBytesAt: usize = 0;
/** And which block is its first. */
let groupBlocksAt: usize = 0;

// Places of what a search works with.
/** What each code of length weighs. */
let normsAt: usize = 0;
let codesTotal: i32 = 0;
/** For each cursor, what a row weighs that has the term once, by code; 0 = there is no room for that. */
let onceAt: usize = 0;
let cursorsAt: usize = 0;
let orderAt: usize = 0;
/** Sums of a window, a double a row; all 0 between windows. */
let sumsAt: usize = 0;
/** A bit a row of the window: it has a sum. */
let touchedAt: usize = 0;
let nearRowsAt: usize = 0;
let nearScoresAt: usize = 0;
let maskAt: usize = 0;
let bestScoresAt: usize = 0;
let bestNumbersAt: usize = 0;
/** Terms to be looked up, each with a line feed behind it. */
let termsAt: usize = 0;
/** Blocks that the last search unpacked: told so, because a call costs more than a look. */
let toldAt: usize = 0;

// The best rows: a heap whose root is the worst of them.
let limit: i32 = 0;
let size: i32 = 0;
let floor: f64 = 0;
let floorNumber: f64 = 0;

/** Blocks that the present search unpacked. */
let blocksHeld: i32 = 0;

/** Says where the parts of the segment are. */
export function place(
  rows: i32, first: f64, numbers: usize, codes: usize, lasts: usize, wordsOf: usize, bits: usize, once: usize,
  more: usize, top: usize, words: usize, dictionary: usize, dictionaryBytes: usize, groups: i32, groupBytes: usize,
  groupBlocks: usize,
): void {
  rowsTotal = rows;
  firstNumber = first;
  numbersAt = numbers;
  codesAt = codes;
  lastsAt = lasts;
  wordsOfAt = wordsOf;
  bitsAt = bits;
  onceOfAt = once;
  moreOfAt = more;
  topOfAt = top;
  wordsAt = words;
  dictionaryAt = dictionary;
  dictionaryEnd = dictionary + dictionaryBytes;
  groupsTotal = groups;
  groupBytesAt = groupBytes;
  groupBlocksAt = groupBlocks;
}

/** Says where there is room to work. */
export function work(
  norms: usize, codes: i32, once: usize, cursors: usize, order: usize, sums: usize, touched: usize, nearRows: usize,
  nearScores: usize, mask: usize, bestScores: usize, bestNumbers: usize, terms: usize, told: usize,
): void {
  normsAt = norms;
  codesTotal = codes;
  onceAt = once;
  cursorsAt = cursors;
  orderAt = order;
  sumsAt = sums;
  touchedAt = touched;
  nearRowsAt = nearRows;
  nearScoresAt = nearScores;
  maskAt = mask;
  bestScoresAt = bestScores;
  bestNumbersAt = bestNumbers;
  termsAt = terms;
  toldAt = told;
}

// A cursor: 128 bytes, then 128 rows and 128 frequencies of the block that is unpacked.
// `find` writes where the postings are, and how many rows have the term; what it weighs is written from outside.
const IDF: usize = 0;
const TIMES: usize = 8;
const FIRST_BLOCK: usize = 16;
const BLOCKS: usize = 20;
const REST_COUNT: usize = 24;
const REST_AT: usize = 28;
const LAST_ROW: usize = 32;
const NOW: usize = 36;
const HELD: usize = 40;
const COUNT: usize = 44;
const AT: usize = 48;
/** Place of the table of shares of rows that have the term once; 0 = there is none. */
const ONCE: usize = 52;
const REST_BOUND: usize = 56;
const BOUND: usize = 64;
/** Rows that have the term, removed ones included; 0 = the segment does not have it. */
const FREQUENCY: usize = 72;
const ROWS: usize = 128;
const FREQUENCIES: usize = 640;
const CURSOR: usize = 1152;

/** Frequency from which a table of shares pays. */
const TABLE_FREQUENCY: i32 = 512;

// @ts-ignore: decorator
@inline
function rounded(score: f64): f64 {
  return score + ANCHOR - ANCHOR;
}

// @ts-ignore: decorator
@inline
function share(times: f64, idf: f64, frequency: f64, norm: f64): f64 {
  return times * rounded((idf * frequency) / (frequency + norm));
}

// @ts-ignore: decorator
@inline
function normOf(code: i32): f64 {
  return load<f64>(normsAt + (<usize>code << 3));
}

// @ts-ignore: decorator
@inline
function codeOf(row: i32): i32 {
  return load<u16>(codesAt + (<usize>row << 1));
}

// @ts-ignore: decorator
@inline
function lastOf(block: i32): i32 {
  return load<i32>(lastsAt + (<usize>block << 2));
}

// @ts-ignore: decorator
@inline
function numberOf(row: i32): f64 {
  return numbersAt == 0 ? firstNumber + <f64>row : <f64>load<u32>(numbersAt + (<usize>row << 2));
}

// What the readers of an entry of the dictionary found.
let prefixLength: i32 = 0;
let suffixLength: i32 = 0;
let suffixAt: usize = 0;
let entryFrequency: i32 = 0;
let entryRestAt: usize = 0;
let entryEnd: usize = 0;
let varintEnd: usize = 0;

function readVarint(start: usize): i32 {
  let at = start;
  let byte: i32 = load<u8>(at++);
  let value = byte & 127;
  for (let shift = 7; byte > 127; shift += 7) {
    byte = load<u8>(at++);
    value |= (byte & 127) << shift;
  }
  varintEnd = at;
  return value;
}

/** Lengths below it are in one byte together; it says that the whole length follows. */
const SHORT_LENGTH: i32 = 15;

function readEntryHead(at: usize): void {
  const lengths: i32 = load<u8>(at);
  prefixLength = lengths & 15;
  suffixLength = lengths >> 4;
  suffixAt = at + 1;
  if (prefixLength == SHORT_LENGTH) {
    prefixLength = readVarint(suffixAt);
    suffixAt = varintEnd;
  }
  if (suffixLength == SHORT_LENGTH) {
    suffixLength = readVarint(suffixAt);
    suffixAt = varintEnd;
  }
}

function readEntryTail(at: usize): void {
  entryFrequency = readVarint(at);
  entryRestAt = varintEnd;
  const count = entryFrequency & 127;
  let end = entryRestAt;
  if (count > 1) {
    const head: i32 = load<u8>(end);
    end += 1 + ((count * ((head & 31) + restFrequencyBits(head >> 5)) + 7) >> 3);
  } else if (count == 1) {
    const isMore = load<u8>(end) & 1;
    while (load<u8>(end++) > 127);
    if (isMore) while (load<u8>(end++) > 127);
  }
  entryEnd = end;
}

/** Whether a term is before the one that the present entry, the first of its group, has whole. */
function isBefore(term: usize, length: i32): bool {
  const common = min(length, suffixLength);
  for (let index = 0; index < common; index++) {
    const one: i32 = load<u8>(term + <usize>index);
    const other: i32 = load<u8>(suffixAt + <usize>index);
    if (one != other) return one < other;
  }
  return length < suffixLength;
}

/** Looks a term up for a cursor. */
function findTerm(term: usize, length: i32, cursor: usize): void {
  store<i32>(cursor, 0, FREQUENCY);
  // The last group whose first term is not behind the one wanted.
  let low = 0;
  let high = groupsTotal;
  while (low < high) {
    const middle = (low + high) >>> 1;
    readEntryHead(dictionaryAt + <usize>load<u32>(groupBytesAt + (<usize>middle << 2)));
    if (isBefore(term, length)) high = middle;
    else low = middle + 1;
  }
  if (low == 0) return;
  const group = <usize>(low - 1);
  let at = dictionaryAt + <usize>load<u32>(groupBytesAt + (group << 2));
  let block = load<i32>(groupBlocksAt + (group << 2));
  const end = low < groupsTotal ? dictionaryAt + <usize>load<u32>(groupBytesAt + (<usize>low << 2)) : dictionaryEnd;
  let matched = 0;
  while (at < end) {
    readEntryHead(at);
    if (prefixLength < matched) return;
    let isEqual = false;
    if (prefixLength == matched) {
      let index = 0;
      while (
        index < suffixLength &&
        matched < length &&
        load<u8>(suffixAt + <usize>index) == load<u8>(term + <usize>matched)
      ) {
        index++;
        matched++;
      }
      if (index == suffixLength) isEqual = matched == length;
      else if (matched == length || load<u8>(suffixAt + <usize>index) > load<u8>(term + <usize>matched)) return;
    }
    readEntryTail(suffixAt + <usize>suffixLength);
    if (isEqual) {
      store<i32>(cursor, entryFrequency, FREQUENCY);
      store<i32>(cursor, block, FIRST_BLOCK);
      store<i32>(cursor, entryFrequency >> 7, BLOCKS);
      store<i32>(cursor, entryFrequency & 127, REST_COUNT);
      store<i32>(cursor, <i32>(entryRestAt - dictionaryAt), REST_AT);
      return;
    }
    block += entryFrequency >> 7;
    at = entryEnd;
  }
}

/**
 * Looks up the terms that were written, each for the cursor of its place. How often a row may have it is in its cursor then.
 *
 * @returns Bytes that were read.
 */
export function find(terms: i32): i32 {
  let at = termsAt;
  for (let index = 0; index < terms; index++) {
    const start = at;
    while (load<u8>(at) != 10) at++;
    findTerm(start, <i32>(at - start), cursorsAt + <usize>index * CURSOR);
    at++;
  }
  return <i32>(at - termsAt);
}

/** Stands before the first posting. */
function open(cursor: usize, index: i32): void {
  const first = load<i32>(cursor, FIRST_BLOCK);
  const blocks = load<i32>(cursor, BLOCKS);
  const restCount = load<i32>(cursor, REST_COUNT);
  const idf = load<f64>(cursor, IDF);
  const times = load<f64>(cursor, TIMES);
  store<i32>(cursor, 0, NOW);
  store<i32>(cursor, -1, HELD);
  store<i32>(cursor, 0, AT);
  store<i32>(cursor, 0, COUNT);
  store<i32>(cursor, 0, ONCE);
  store<f64>(cursor, 0, REST_BOUND);
  if (onceAt != 0 && (blocks << 7) + restCount >= TABLE_FREQUENCY) {
    const table = onceAt + <usize>index * (<usize>codesTotal << 3);
    store<i32>(cursor, <i32>table, ONCE);
    for (let code = 0; code < codesTotal; code++)
      store<f64>(table + (<usize>code << 3), share(times, idf, 1, normOf(code)));
  }
  if (restCount == 0) {
    store<i32>(cursor, lastOf(first + blocks - 1), LAST_ROW);
    return;
  }
  hold(cursor, blocks);
  let bound: f64 = 0;
  for (let at = 0; at < restCount; at++) {
    const row = load<i32>(cursor + (<usize>at << 2), ROWS);
    const frequency = load<i32>(cursor + (<usize>at << 2), FREQUENCIES);
    bound = max(bound, share(times, idf, <f64>frequency, normOf(codeOf(row))));
  }
  store<f64>(cursor, bound, REST_BOUND);
  store<i32>(cursor, load<i32>(cursor + (<usize>(restCount - 1) << 2), ROWS), LAST_ROW);
}

/** Unpacks a block. */
function hold(cursor: usize, block: i32): void {
  blocksHeld++;
  const first = load<i32>(cursor, FIRST_BLOCK);
  const index = first + block;
  const before = block == 0 ? -1 : lastOf(index - 1);
  if (block == load<i32>(cursor, BLOCKS)) {
    const count = load<i32>(cursor, REST_COUNT);
    readRest(cursor, dictionaryAt + <usize>load<i32>(cursor, REST_AT), count, before);
    store<i32>(cursor, count, COUNT);
  } else {
    const bits = <i32>load<u16>(bitsAt + (<usize>index << 1));
    const gapBits = bits & 255;
    const words = wordsAt + (<usize>load<u32>(wordsOfAt + (<usize>index << 2)) << 2);
    unpackRows(cursor + ROWS, words, gapBits, before);
    unpackFrequencies(cursor + FREQUENCIES, words + (<usize>gapBits << 4), bits >> 8);
    store<i32>(cursor, BLOCK, COUNT);
  }
  store<i32>(cursor, block, HELD);
  store<i32>(cursor, 0, AT);
}

function unpackRows(to: usize, from: usize, bits: i32, before: i32): void {
  let row = i32x4.splat(before);
  const one = i32x4.splat(1);
  const mask = i32x4.splat(<i32>((1 << bits) - 1));
  let shift = 0;
  let current = bits == 0 ? i32x4.splat(0) : v128.load(from);
  for (let index = 0; index < BLOCK; index += 4) {
    let value = i32x4.shr_u(current, shift);
    shift += bits;
    if (shift >= 32) {
      shift -= 32;
      from += 16;
      // Behind the last word of all there are four to spare.
      current = v128.load(from);
      if (shift > 0) value = v128.or(value, i32x4.shl(current, bits - shift));
    }
    let gap = i32x4.add(v128.and(value, mask), one);
    // The sum of all before, in each lane.
    gap = i32x4.add(gap, v128.shuffle<i32>(gap, i32x4.splat(0), 4, 0, 1, 2));
    gap = i32x4.add(gap, v128.shuffle<i32>(gap, i32x4.splat(0), 4, 4, 0, 1));
    row = i32x4.add(gap, v128.shuffle<i32>(row, row, 3, 3, 3, 3));
    v128.store(to, row);
    to += 16;
  }
}

function unpackFrequencies(to: usize, from: usize, bits: i32): void {
  const one = i32x4.splat(1);
  if (bits == 0) {
    for (let index = 0; index < BLOCK; index += 4) v128.store(to + (<usize>index << 2), one);
    return;
  }
  const mask = i32x4.splat(<i32>((1 << bits) - 1));
  let shift = 0;
  let current = v128.load(from);
  for (let index = 0; index < BLOCK; index += 4) {
    let value = i32x4.shr_u(current, shift);
    shift += bits;
    if (shift >= 32) {
      shift -= 32;
      from += 16;
      current = v128.load(from);
      if (shift > 0) value = v128.or(value, i32x4.shl(current, bits - shift));
    }
    v128.store(to, i32x4.add(v128.and(value, mask), one));
    to += 16;
  }
}

/** Bits of a frequency in a rest, by the three bits of its head. */
// @ts-ignore: decorator
@inline
function restFrequencyBits(code: i32): i32 {
  return code < 5 ? code : code == 5 ? 6 : code == 6 ? 10 : 24;
}

function readRest(cursor: usize, start: usize, count: i32, before: i32): void {
  let at = start;
  if (count == 1) {
    let byte: i32 = load<u8>(at++);
    let head = byte & 127;
    for (let shift = 7; byte > 127; shift += 7) {
      byte = load<u8>(at++);
      head |= (byte & 127) << shift;
    }
    store<i32>(cursor, before + (head >>> 1) + 1, ROWS);
    store<i32>(cursor, 1, FREQUENCIES);
    if ((head & 1) == 0) return;
    byte = load<u8>(at++);
    let frequency = byte & 127;
    for (let shift = 7; byte > 127; shift += 7) {
      byte = load<u8>(at++);
      frequency |= (byte & 127) << shift;
    }
    store<i32>(cursor, frequency + 2, FREQUENCIES);
    return;
  }
  const head: i32 = load<u8>(at++);
  const gapBits = head & 31;
  const frequencyBits = restFrequencyBits(head >> 5);
  const gapMask: i32 = (1 << gapBits) - 1;
  const frequencyMask: i32 = (1 << frequencyBits) - 1;
  let held: i32 = 0;
  let heldBits = 0;
  let row = before;
  for (let index = 0; index < count; index++) {
    while (heldBits < gapBits) {
      held |= <i32>load<u8>(at++) << heldBits;
      heldBits += 8;
    }
    row += (held & gapMask) + 1;
    held = held >>> gapBits;
    heldBits -= gapBits;
    store<i32>(cursor + (<usize>index << 2), row, ROWS);
  }
  for (let index = 0; index < count; index++) {
    while (heldBits < frequencyBits) {
      held |= <i32>load<u8>(at++) << heldBits;
      heldBits += 8;
    }
    store<i32>(cursor + (<usize>index << 2), (held & frequencyMask) + 1, FREQUENCIES);
    held = held >>> frequencyBits;
    heldBits -= frequencyBits;
  }
}

/** No row of a block has a greater share: the shortest row bounds all others, whatever the average length is. */
// @ts-ignore: decorator
@inline
function boundOf(cursor: usize, block: i32): f64 {
  if (block == load<i32>(cursor, BLOCKS)) return load<f64>(cursor, REST_BOUND);
  const index = <usize>(load<i32>(cursor, FIRST_BLOCK) + block) << 1;
  const idf = load<f64>(cursor, IDF);
  const times = load<f64>(cursor, TIMES);
  const once: i32 = load<u16>(onceOfAt + index);
  const more: i32 = load<u16>(moreOfAt + index);
  let bound: f64 = 0;
  if (once != NO_CODE) {
    const table = <usize>load<i32>(cursor, ONCE);
    bound = table == 0 ? share(times, idf, 1, normOf(once)) : load<f64>(table + (<usize>once << 3));
  }
  if (more != NO_CODE) {
    const top: i32 = load<u16>(topOfAt + index);
    bound = max(bound, top == TOP_MAX ? times * rounded(idf) : share(times, idf, <f64>top, normOf(more)));
  }
  return bound;
}

/** Goes to the first block that may have a row or one after it. Tells whether there is one. */
// @ts-ignore: decorator
@inline
function seekBlock(cursor: usize, row: i32): bool {
  if (row > load<i32>(cursor, LAST_ROW)) return false;
  const blocks = load<i32>(cursor, BLOCKS);
  const first = load<i32>(cursor, FIRST_BLOCK);
  let block = load<i32>(cursor, NOW);
  while (block < blocks && lastOf(first + block) < row) block++;
  store<i32>(cursor, block, NOW);
  return true;
}

/** Greatest share of the rows from `start` on that are before `end`. */
function boundWindow(cursor: usize, start: i32, end: i32): f64 {
  store<f64>(cursor, 0, BOUND);
  if (!seekBlock(cursor, start)) return 0;
  let block = load<i32>(cursor, NOW);
  if (load<i32>(cursor, HELD) == block) {
    // A block that is unpacked and begins behind the window has nothing in it.
    const at = load<i32>(cursor, AT);
    if (at < load<i32>(cursor, COUNT) && load<i32>(cursor + (<usize>at << 2), ROWS) >= end) return 0;
  }
  const first = load<i32>(cursor, FIRST_BLOCK);
  const blocks = load<i32>(cursor, BLOCKS);
  let bound: f64 = 0;
  let before = block == 0 ? -1 : lastOf(first + block - 1);
  for (; block < blocks && before + 1 < end; block++) {
    bound = max(bound, boundOf(cursor, block));
    before = lastOf(first + block);
  }
  if (block == blocks && load<i32>(cursor, REST_COUNT) > 0 && before + 1 < end) bound = max(bound, load<f64>(cursor, REST_BOUND));
  store<f64>(cursor, bound, BOUND);
  return bound;
}

/** Adds the shares of the rows of a window to their sums, but for blocks whose bound is below `least`. */
function addShares(cursor: usize, start: i32, end: i32, least: f64): void {
  if (!seekBlock(cursor, start)) return;
  const first = load<i32>(cursor, FIRST_BLOCK);
  const blocks = load<i32>(cursor, BLOCKS);
  const lastBlock = load<i32>(cursor, REST_COUNT) > 0 ? blocks : blocks - 1;
  const table = <usize>load<i32>(cursor, ONCE);
  const idf = load<f64>(cursor, IDF);
  const times = load<f64>(cursor, TIMES);
  let block = load<i32>(cursor, NOW);
  while (block <= lastBlock) {
    const before = block == 0 ? -1 : lastOf(first + block - 1);
    if (before + 1 >= end) break;
    if (least > 0 && boundOf(cursor, block) < least) {
      if (block == blocks || lastOf(first + block) >= end) break;
      block++;
      continue;
    }
    if (load<i32>(cursor, HELD) != block) hold(cursor, block);
    let from = cursor + (<usize>load<i32>(cursor, AT) << 2);
    const stop = cursor + (<usize>load<i32>(cursor, COUNT) << 2);
    while (from < stop && load<i32>(from, ROWS) < start) from += 4;
    for (; from < stop; from += 4) {
      const row = load<i32>(from, ROWS);
      if (row >= end) break;
      const frequency = load<i32>(from, FREQUENCIES);
      const code = codeOf(row);
      const index = row - start;
      const sum = sumsAt + (<usize>index << 3);
      const added =
        table != 0 && frequency == 1
          ? load<f64>(table + (<usize>code << 3))
          : share(times, idf, <f64>frequency, normOf(code));
      store<f64>(sum, load<f64>(sum) + added);
      const word = touchedAt + (<usize>(index >> 5) << 2);
      store<u32>(word, load<u32>(word) | (1 << (index & 31)));
    }
    store<i32>(cursor, <i32>((from - cursor) >> 2), AT);
    if (from < stop) break;
    block++;
  }
  store<i32>(cursor, block, NOW);
}

/** Adds the shares of rows, which ascend, to their scores. */
function addToNear(cursor: usize, count: i32): void {
  const first = load<i32>(cursor, FIRST_BLOCK);
  const blocks = load<i32>(cursor, BLOCKS);
  const lastRow = load<i32>(cursor, LAST_ROW);
  const table = <usize>load<i32>(cursor, ONCE);
  const idf = load<f64>(cursor, IDF);
  const times = load<f64>(cursor, TIMES);
  let block = load<i32>(cursor, NOW);
  if (load<i32>(cursor, HELD) != block) store<i32>(cursor, 0, AT);
  let at = load<i32>(cursor, AT);
  for (let index = 0; index < count; index++) {
    const row = load<i32>(nearRowsAt + (<usize>index << 2));
    if (row > lastRow) break;
    if (block < blocks && lastOf(first + block) < row) {
      do block++;
      while (block < blocks && lastOf(first + block) < row);
      at = 0;
    }
    if (load<i32>(cursor, HELD) != block) {
      hold(cursor, block);
      at = 0;
    }
    // There is one: the last row of the block is not before it.
    let from = cursor + (<usize>at << 2);
    while (load<i32>(from, ROWS) < row) from += 4;
    at = <i32>((from - cursor) >> 2);
    if (load<i32>(from, ROWS) != row) continue;
    const frequency = load<i32>(from, FREQUENCIES);
    const code = codeOf(row);
    const score = nearScoresAt + (<usize>index << 3);
    const added =
      table != 0 && frequency == 1
        ? load<f64>(table + (<usize>code << 3))
        : share(times, idf, <f64>frequency, normOf(code));
    store<f64>(score, load<f64>(score) + added);
  }
  store<i32>(cursor, block, NOW);
  store<i32>(cursor, at, AT);
}

/** The lowest score with which a row of the window gets among the best. */
function leastScore(start: i32): f64 {
  if (floor == 0) return STEP;
  return numberOf(start) > floorNumber ? floor + STEP : floor;
}

/** Lists the rows of a window whose sum is not below `least`, and sets all sums to 0. */
function takeNear(start: i32, end: i32, least: f64, hasMask: bool): i32 {
  const words = (end - start + 31) >> 5;
  let count = 0;
  for (let word = 0; word < words; word++) {
    const place = touchedAt + (<usize>word << 2);
    let bits = load<u32>(place);
    if (bits == 0) continue;
    store<u32>(place, 0);
    // A window begins at a word of the mask.
    const wanted: u32 = hasMask ? load<u32>(maskAt + (<usize>((start >> 5) + word) << 2)) : 0xffffffff;
    while (bits != 0) {
      const bit = <i32>ctz(bits);
      bits &= bits - 1;
      const index = (word << 5) + bit;
      const at = sumsAt + (<usize>index << 3);
      const sum = load<f64>(at);
      store<f64>(at, 0);
      // Written in any case, and counted where it stays: which of them do, no processor can foretell.
      store<i32>(nearRowsAt + (<usize>count << 2), start + index);
      store<f64>(nearScoresAt + (<usize>count << 3), sum);
      count += i32(sum >= least) & ((wanted >>> bit) & 1);
    }
  }
  return count;
}

/** Leaves out what fell behind. */
function keepNear(count: i32, least: f64): i32 {
  let kept = 0;
  for (let index = 0; index < count; index++) {
    const score = load<f64>(nearScoresAt + (<usize>index << 3));
    store<i32>(nearRowsAt + (<usize>kept << 2), load<i32>(nearRowsAt + (<usize>index << 2)));
    store<f64>(nearScoresAt + (<usize>kept << 3), score);
    kept += i32(score >= least);
  }
  return kept;
}

// @ts-ignore: decorator
@inline
function cursorAt(index: i32): usize {
  return <usize>load<u32>(orderAt + (<usize>index << 2));
}

/** By insertion: the order changes little from window to window. */
function sortByBound(cursors: i32): void {
  for (let index = 1; index < cursors; index++) {
    const cursor = cursorAt(index);
    const bound = load<f64>(cursor, BOUND);
    let at = index;
    while (at > 0 && load<f64>(cursorAt(at - 1), BOUND) > bound) {
      store<u32>(orderAt + (<usize>at << 2), <u32>cursorAt(at - 1));
      at--;
    }
    store<u32>(orderAt + (<usize>at << 2), <u32>cursor);
  }
}

// @ts-ignore: decorator
@inline
function scoreAt(index: i32): f64 {
  return load<f64>(bestScoresAt + (<usize>index << 3));
}

// @ts-ignore: decorator
@inline
function numberAt(index: i32): f64 {
  return load<f64>(bestNumbersAt + (<usize>index << 3));
}

// @ts-ignore: decorator
@inline
function putBest(index: i32, score: f64, number: f64): void {
  store<f64>(bestScoresAt + (<usize>index << 3), score);
  store<f64>(bestNumbersAt + (<usize>index << 3), number);
}

/** Takes a row in, if it is among the best: as src/best-rows.ts does. */
function offer(score: f64, number: f64): void {
  if (size < limit) {
    let at = size++;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const other = scoreAt(parent);
      if (other < score || (other == score && numberAt(parent) > number)) break;
      putBest(at, other, numberAt(parent));
      at = parent;
    }
    putBest(at, score, number);
    if (size < limit) return;
  } else {
    if (score < floor || (score == floor && number > floorNumber)) return;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= size) break;
      const right = child + 1;
      if (
        right < size &&
        (scoreAt(right) < scoreAt(child) || (scoreAt(right) == scoreAt(child) && numberAt(right) > numberAt(child)))
      )
        child = right;
      if (scoreAt(child) > score || (scoreAt(child) == score && numberAt(child) < number)) break;
      putBest(at, scoreAt(child), numberAt(child));
      at = child;
    }
    putBest(at, score, number);
  }
  floor = scoreAt(0);
  floorNumber = numberAt(0);
}

/**
 * MaxScore over one window. The terms of the lowest bounds, as many as cannot lift a row among the best by themselves, are
 * looked up only in rows that the others brought near.
 */
function searchWindow(cursors: i32, start: i32, end: i32, hasMask: bool): void {
  let boundSum: f64 = 0;
  for (let index = 0; index < cursors; index++) boundSum += boundWindow(cursorAt(index), start, end);
  const least = leastScore(start);
  if (boundSum < least) return;
  sortByBound(cursors);
  let optional = 0;
  let optionalSum: f64 = 0;
  while (optional < cursors && optionalSum + load<f64>(cursorAt(optional), BOUND) < least)
    optionalSum += load<f64>(cursorAt(optional++), BOUND);
  for (let index = cursors - 1; index >= optional; index--) {
    const cursor = cursorAt(index);
    const bound = load<f64>(cursor, BOUND);
    if (bound > 0) addShares(cursor, start, end, floor == 0 ? 0 : least - (boundSum - bound));
  }
  let count = takeNear(start, end, least - optionalSum, hasMask);
  let possible = optionalSum;
  for (let index = optional - 1; index >= 0 && count > 0; index--) {
    const cursor = cursorAt(index);
    const bound = load<f64>(cursor, BOUND);
    if (bound == 0) continue;
    addToNear(cursor, count);
    possible -= bound;
    count = keepNear(count, least - possible);
  }
  for (let index = 0; index < count; index++) {
    const score = load<f64>(nearScoresAt + (<usize>index << 3));
    if (score >= floor) offer(score, numberOf(load<i32>(nearRowsAt + (<usize>index << 2))));
  }
}

/** Whether no bit of `[start, end)` is set; `start` is a multiple of 32. */
function isEmpty(start: i32, end: i32): bool {
  const last = (end + 31) >> 5;
  for (let word = start >> 5; word < last; word++) if (load<u32>(maskAt + (<usize>word << 2)) != 0) return false;
  return true;
}

/**
 * Offers the rows that have at least one of the terms that were looked up and weighed to the best rows, which were written too.
 *
 * @returns How many rows the best are now.
 */
export function search(
  terms: i32, bestLimit: i32, bestSize: i32, bestFloor: f64, bestFloorNumber: f64, hasMask: bool, isSparse: bool,
): i32 {
  limit = bestLimit;
  size = bestSize;
  floor = bestFloor;
  floorNumber = bestFloorNumber;
  blocksHeld = 0;
  let cursors = 0;
  for (let index = 0; index < terms; index++) {
    const cursor = cursorsAt + <usize>index * CURSOR;
    if (load<i32>(cursor, FREQUENCY) == 0) continue;
    store<u32>(orderAt + (<usize>cursors << 2), <u32>cursor);
    open(cursor, index);
    cursors++;
  }
  for (let start = 0; start < rowsTotal; start += WINDOW) {
    const end = min(start + WINDOW, rowsTotal);
    if (isSparse && isEmpty(start, end)) continue;
    searchWindow(cursors, start, end, hasMask);
  }
  store<i32>(toldAt, blocksHeld);
  return size;
}

/**
 * Products of a query of two bytes a dimension with rows of one byte a dimension, both with a multiple of sixteen of them.
 * Whoever calls sees to it that no sum is beyond 32 bits.
 */
export function products(query: usize, dimensions: i32, rows: usize, count: i32, to: usize): void {
  for (let row = 0; row < count; row++) {
    let even = i32x4.splat(0);
    let odd = i32x4.splat(0);
    const end = query + (<usize>dimensions << 1);
    for (let at = query; at < end; at += 32) {
      even = i32x4.add(even, i32x4.dot_i16x8_s(v128.load(at), v128.load_ext<i8>(rows)));
      odd = i32x4.add(odd, i32x4.dot_i16x8_s(v128.load(at, 16), v128.load_ext<i8>(rows, 8)));
      rows += 16;
    }
    const sum = i32x4.add(even, odd);
    store<i32>(
      to,
      i32x4.extract_lane(sum, 0) +
        i32x4.extract_lane(sum, 1) +
        i32x4.extract_lane(sum, 2) +
        i32x4.extract_lane(sum, 3),
    );
    to += 4;
  }
}
