import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bm25Defaults,
  inverseDocumentFrequency,
  lengthNorm,
  rankingVersion,
  rounded,
  stopWordScale,
  termScore,
} from '../src/index.ts';

const frequencies = fc.integer({ min: 1, max: 1_000 });
const lengths = fc.integer({ min: 1, max: 100_000 });
const idfs = fc.double({ min: 1e-6, max: 20, noNaN: true });

describe('ranking', () => {
  it('is version 1, with the values that docs/ranking.md explains', () => {
    expect(rankingVersion).toBe(1);
    expect(bm25Defaults).toEqual({ k1: 1.2, b: 0.75, lengthPadding: 20 });
  });

  it("weighs a term by Lucene's inverse document frequency, which is never negative", () => {
    expect(inverseDocumentFrequency(1, 1)).toBeCloseTo(Math.log(4 / 3), 12);
    expect(inverseDocumentFrequency(1, 1_000)).toBeCloseTo(Math.log(1 + 999.5 / 1.5), 12);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 0, max: 1e6 }), (frequency, more) => {
        const idf = inverseDocumentFrequency(frequency, frequency + more);
        expect(idf).toBeGreaterThan(0);
        expect(inverseDocumentFrequency(frequency, frequency + more + 1)).toBeGreaterThan(idf);
      }),
    );
  });

  it('is BM25 where lengths are not padded', () => {
    const score = termScore(3, 120, 80, 2.5, { k1: 1.2, b: 0.75, lengthPadding: 0 });
    expect(score).toBeCloseTo((2.5 * 3) / (3 + 1.2 * (0.25 + (0.75 * 120) / 80)), 10);
  });

  it('holds length against a text of a few words less than BM25 does, and against long texts nearly as much', () => {
    const plain = { ...bm25Defaults, lengthPadding: 0 };
    const fall = (parameters: typeof plain, average: number) =>
      termScore(1, average, average, 1, parameters) / termScore(1, 2 * average, average, 1, parameters);
    expect(fall(bm25Defaults, 5)).toBeLessThan(fall(plain, 5) - 0.2);
    expect(fall(bm25Defaults, 2_000)).toBeGreaterThan(fall(plain, 2_000) - 0.01);
  });

  it('never falls when the frequency grows, never rises when the length does, and stays within idf', () => {
    fc.assert(
      fc.property(frequencies, lengths, lengths, idfs, (frequency, length, average, idf) => {
        const score = termScore(frequency, length, average, idf, bm25Defaults);
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(rounded(idf));
        expect(termScore(frequency + 1, length, average, idf, bm25Defaults)).toBeGreaterThanOrEqual(score);
        expect(termScore(frequency, length + 1, average, idf, bm25Defaults)).toBeLessThanOrEqual(score);
      }),
    );
  });

  it('can be computed from the norm of a length', () => {
    fc.assert(
      fc.property(frequencies, lengths, lengths, idfs, (frequency, length, average, idf) => {
        const norm = lengthNorm(length, average, bm25Defaults);
        expect(rounded((idf * frequency) / (frequency + norm))).toBe(
          termScore(frequency, length, average, idf, bm25Defaults),
        );
      }),
    );
  });

  it('gives shares whose sum does not depend on their order', () => {
    const shares = fc.array(
      fc
        .tuple(fc.integer({ min: 1, max: 9 }), frequencies, lengths, idfs)
        .map(([count, frequency, length, idf]) => count * termScore(frequency, length, 100, idf, bm25Defaults)),
      { minLength: 2, maxLength: 50 },
    );
    fc.assert(
      fc.property(shares, (list) => {
        const sum = list.reduce((total, share) => total + share, 0);
        expect(list.toReversed().reduce((total, share) => total + share, 0)).toBe(sum);
        expect(list.toSorted((one, other) => one - other).reduce((total, share) => total + share, 0)).toBe(sum);
      }),
    );
  });

  it('puts a row of nothing but stop words below the poorest match of a word', () => {
    const poorest = termScore(1, 100_000, 30, inverseDocumentFrequency(999_999, 1_000_000), bm25Defaults);
    const manyStopWords = 100 * stopWordScale * inverseDocumentFrequency(1, 1_000_000);
    // One match in a text three thousand times as long as the others, of a word that a million rows have.
    expect(poorest).toBeGreaterThan(0);
    expect(termScore(1, 3_000, 30, inverseDocumentFrequency(9_000, 10_000), bm25Defaults)).toBeGreaterThan(
      manyStopWords,
    );
  });
});
