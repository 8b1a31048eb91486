import { bm25Defaults, inverseDocumentFrequency, termScore } from '@gemma-cli/rag-core';
import { seededRandom } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import { createBestRows, rowsInOrder } from '../src/best-rows.ts';
import type { BestRows } from '../src/best-rows.ts';
import { createLiveSegment, isLive, liveFrequency, normsOf, removeRow } from '../src/live-segment.ts';
import type { LiveSegment } from '../src/live-segment.ts';
import { mergeSegments } from '../src/merge-segments.ts';
import { kernelTerms } from '../src/search-kernel.ts';
import { searchSegment } from '../src/search-segment.ts';
import { findTerm, numberOf, openSegment } from '../src/segment.ts';
import { finished } from '../src/segment-writer.ts';
import { addToTail, createTail, sealTail } from '../src/tail.ts';
import { work } from '../src/posting-blocks.ts';
import { createTermCursor, openCursor, weigh } from '../src/term-cursor.ts';
import { termBytes } from '../src/term-bytes.ts';
import { item } from './item.ts';
import { seed } from './seed.ts';

type Texts = ReadonlyMap<number, readonly string[]>;

/** Texts of words whose frequency falls like that of a language's. */
function makeTexts(random: () => number, rows: number, vocabulary: number, firstNumber: number, holes: number): Texts {
  const texts = new Map<number, readonly string[]>();
  let number = firstNumber;
  for (let row = 0; row < rows; row++) {
    const length = 1 + Math.floor(40 * random() ** 2);
    const words = Array.from({ length }, () => `w${Math.floor(vocabulary * random() ** 4)}`);
    // Bursts, as in a document about one thing.
    if (random() < 0.1) words.push(...Array.from({ length: 6 }, () => `w${Math.floor(vocabulary * 0.2 * random())}`));
    texts.set(number, words);
    number += 1 + (random() < holes ? 1 + Math.floor(random() * 3) : 0);
  }
  return texts;
}

function sealed(texts: Texts): LiveSegment {
  const tail = createTail();
  for (const [number, terms] of texts) addToTail(tail, number, terms);
  return createLiveSegment(finished(sealTail(tail)), null);
}

interface Query {
  readonly term: string;
  readonly times: number;
}

/** What the definition of the ranking says, row by row. */
function oracle(texts: Texts, isThere: (number: number) => boolean, query: readonly Query[], limit: number) {
  const rows = [...texts].filter(([number]) => isThere(number));
  const averageLength = rows.reduce((sum, [, terms]) => sum + terms.length, 0) / rows.length;
  const weights = query.map(({ term, times }) => {
    const having = rows.filter(([, terms]) => terms.includes(term)).length;
    return { term, times, idf: inverseDocumentFrequency(having, rows.length) };
  });
  return rows
    .map(([number, terms]) => {
      let score = 0;
      for (const { term, times, idf } of weights) {
        const frequency = terms.filter((each) => each === term).length;
        if (frequency > 0) score += times * termScore(frequency, terms.length, averageLength, idf, bm25Defaults);
      }
      return { number, score };
    })
    .filter(({ score }) => score > 0)
    .toSorted((one, other) => other.score - one.score || one.number - other.number)
    .slice(0, limit);
}

/** By TypeScript, and by WebAssembly where there is any for the segment. */
function found(live: LiveSegment, query: readonly Query[], limit: number) {
  const rows = foundBy(live, query, limit, false);
  if (live.kernel !== null) expect(foundBy(live, query, limit, true), `by the kernel, seed ${seed}`).toEqual(rows);
  return rows;
}

function foundBy(live: LiveSegment, query: readonly Query[], limit: number, isByKernel: boolean) {
  const best = createBestRows(limit);
  if (isByKernel) findByKernel(live, query, best);
  else searchSegment(live.segment, cursorsOf(live, query), best, live.live, false);
  return rowsInOrder(best);
}

function cursorsOf(live: LiveSegment, query: readonly Query[]) {
  const { segment } = live;
  const norms = normsOf(live, live.liveTermsTotal / live.liveRows);
  return query.flatMap(({ term, times }) => {
    const entry = { frequency: 0, firstBlock: 0, restAt: 0 };
    if (!findTerm(segment, termBytes(term), entry)) return [];
    const cursor = createTermCursor(segment);
    openCursor(cursor, segment, entry);
    weigh(cursor, inverseDocumentFrequency(liveFrequency(live, term, entry.frequency), live.liveRows), times, norms);
    return [cursor];
  });
}

function findByKernel(live: LiveSegment, query: readonly Query[], best: BestRows): void {
  const { kernel } = live;
  const terms = kernelTerms(query, best.limit);
  if (kernel === null || terms === null) throw new Error('Expected a kernel that takes the query.');
  normsOf(live, live.liveTermsTotal / live.liveRows);
  expect(kernel.find(terms)).toBe(true);
  for (const [place, { term, times }] of query.entries()) {
    const frequency = kernel.frequencyOf(place);
    if (frequency === 0) continue;
    kernel.weigh(place, inverseDocumentFrequency(liveFrequency(live, term, frequency), live.liveRows), times);
  }
  kernel.search(best, live.live, false);
}

function makeQuery(random: () => number, vocabulary: number): readonly Query[] {
  const terms = new Set(
    Array.from({ length: 1 + Math.floor(random() * 7) }, () => `w${Math.floor(vocabulary * random() ** 3)}`),
  );
  return [...terms].map((term) => ({ term, times: random() < 0.8 ? 1 : 2 }));
}

describe('a segment of many windows', () => {
  it('finds what the definition of the ranking says, with removed rows and holes in the numbers', () => {
    const random = seededRandom(seed);
    const texts = makeTexts(random, 11_000, 3_000, 5, 0.02);
    const live = sealed(texts);
    const gone = new Set<number>();
    const isThere = (number: number) => !gone.has(number);
    for (let round = 0; round < 3; round++) {
      for (let count = 0; count < 5; count++) {
        const query = makeQuery(random, 3_000);
        const limit = item([1, 3, 10, 100], Math.floor(random() * 4));
        expect(found(live, query, limit), `seed ${seed}: ${JSON.stringify(query)}`).toEqual(
          oracle(texts, isThere, query, limit),
        );
      }
      for (let row = 0; row < live.segment.rows; row++)
        if (random() < item([0.001, 0.2, 0], round) && isLive(live, row)) {
          removeRow(live, row);
          gone.add(numberOf(live.segment, row));
        }
    }
  });

  it('finds the first of rows that are all the same, and looks at few of them', () => {
    const texts = new Map(Array.from({ length: 20_000 }, (_, index) => [index + 1, ['same', 'words']] as const));
    const live = sealed(texts);
    const before = work.blocks;
    const rows = found(live, [{ term: 'same', times: 1 }], 5);
    expect(rows.map(({ number }) => number)).toEqual([1, 2, 3, 4, 5]);
    expect(work.blocks - before).toBeLessThan(40);
  });

  it('unpacks a part of the blocks of a query that has a rare term', () => {
    const random = seededRandom(seed);
    const texts = new Map(makeTexts(random, 20_000, 2_000, 1, 0));
    const live = sealed(texts);
    const query = [
      { term: 'w0', times: 1 },
      { term: 'w1', times: 1 },
      { term: 'w1900', times: 1 },
    ];
    const entry = { frequency: 0, firstBlock: 0, restAt: 0 };
    const blocks = query.reduce(
      (sum, { term }) => sum + (findTerm(live.segment, termBytes(term), entry) ? entry.frequency / 128 : 0),
      0,
    );
    expect(live.kernel).not.toBeNull();
    for (const isByKernel of [false, true]) {
      const before = work.blocks;
      foundBy(live, query, 3, isByKernel);
      expect(work.blocks - before).toBeGreaterThan(0);
      expect(work.blocks - before).toBeLessThan(blocks * 0.7);
    }
  });
});

describe('merged segments', () => {
  it('are byte for byte the segment that is made of all their rows at once', () => {
    const random = seededRandom(seed + 1);
    const parts = [
      makeTexts(random, 700, 500, 1, 0),
      makeTexts(random, 1_500, 500, 10_000, 0.3),
      makeTexts(random, 40, 900, 3_000, 0),
    ];
    const lives = parts.map(sealed);
    const rest = new Map(parts.flatMap((texts) => [...texts]).toSorted(([one], [other]) => one - other));
    for (const live of lives)
      for (let row = 0; row < live.segment.rows; row++)
        if (random() < 0.1) {
          removeRow(live, row);
          rest.delete(numberOf(live.segment, row));
        }
    const merged = finished(mergeSegments(lives));
    expect(Buffer.compare(merged.bytes, sealed(rest).segment.bytes)).toBe(0);
  });

  it('keep rows apart whose numbers lie between each other', () => {
    const even = new Map(Array.from({ length: 300 }, (_, index) => [index * 2 + 2, ['even', 'both']] as const));
    const odd = new Map(Array.from({ length: 300 }, (_, index) => [index * 2 + 1, ['odd', 'both', 'both']] as const));
    const merged = createLiveSegment(finished(mergeSegments([sealed(even), sealed(odd)])), null);
    expect(found(merged, [{ term: 'even', times: 1 }], 3).map(({ number }) => number)).toEqual([2, 4, 6]);
    expect(found(merged, [{ term: 'both', times: 1 }], 2).map(({ number }) => number)).toEqual([1, 3]);
  });
});

describe('a segment', () => {
  it('finds every term and no other, whatever characters it has', () => {
    const random = seededRandom(seed + 2);
    const alphabet = ['a', 'b', 'é', '語', '\ud83d', '\ude00', '\u0000', '\uffff'];
    const words = new Set(
      Array.from({ length: 800 }, () =>
        Array.from({ length: 1 + Math.floor(random() * 6) }, () =>
          item(alphabet, Math.floor(random() * alphabet.length)),
        ).join(''),
      ),
    );
    words.add('x'.repeat(5_000));
    // Long enough for a kernel.
    for (let index = 0; index < 20_000; index++) words.add(`word${index}`);
    const live = sealed(new Map([...words].map((word, index) => [index + 1, [word]] as const)));
    const { segment } = live;
    const reopened = openSegment(segment) ?? segment;
    const entry = { frequency: 0, firstBlock: 0, restAt: 0 };
    for (const word of words) expect(findTerm(reopened, termBytes(word), entry), JSON.stringify(word)).toBe(true);
    for (const word of words)
      for (const other of [`${word}a`, word.slice(0, -1), `${word}\uffff`])
        expect(findTerm(reopened, termBytes(other), entry), JSON.stringify(other)).toBe(words.has(other));
    let byKernel = 0;
    for (const word of words) {
      const asked = [word, `${word}a`, word.slice(0, -1), `${word}\uffff`, 'w', ''].map((term) => ({ term }));
      const terms = kernelTerms(asked, 10);
      if (terms === null) continue;
      expect(live.kernel?.find(terms)).toBe(true);
      for (const [place, { term }] of asked.entries()) {
        const frequency = findTerm(segment, termBytes(term), entry) ? entry.frequency : 0;
        expect(live.kernel?.frequencyOf(place), JSON.stringify(term)).toBe(frequency);
      }
      byKernel++;
    }
    expect(byKernel).toBeGreaterThan(10_000);
  });

  it('leaves terms to TypeScript that are too many, too long or not of its alphabet', () => {
    const terms = (count: number, term: string) => Array.from({ length: count }, () => ({ term }));
    expect(kernelTerms(terms(64, 'word'), 10)).not.toBeNull();
    expect(kernelTerms(terms(65, 'word'), 10)).toBeNull();
    expect(kernelTerms(terms(1, 'word'), 1_025)).toBeNull();
    expect(kernelTerms(terms(1, 'x'.repeat(5_000)), 10)).toBeNull();
    expect(kernelTerms(terms(1, '\ud83d'), 10)).toBeNull();
    expect(kernelTerms(terms(1, '\ud83d\ude00'), 10)).toBeNull();
    const live = sealed(new Map(Array.from({ length: 20_000 }, (_, index) => [index + 1, [`word${index}`]] as const)));
    const broken = kernelTerms([{ term: 'word1\nword2' }, { term: 'word3' }], 10);
    expect(broken === null ? null : live.kernel?.find(broken)).toBe(false);
  });

  it('of another version, or cut short, is none', () => {
    const { segment } = sealed(new Map([[1, ['word']]]));
    const open = (bytes: Uint8Array) => openSegment({ bytes: new Uint8Array(bytes), memory: null });
    expect(open(segment.bytes)).not.toBeNull();
    expect(open(segment.bytes.subarray(0, -1))).toBeNull();
    expect(open(new Uint8Array(8))).toBeNull();
    const other = segment.bytes.slice();
    new Uint32Array(other.buffer, 0, 2)[1] = 99;
    expect(open(other)).toBeNull();
  });
});
