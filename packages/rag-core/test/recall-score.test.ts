import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recallParts, recallScore, recallWeights, recencyHalfLifeMs } from '../src/index.ts';

const facts = fc.record({
  relevance: fc.double({ min: 0, max: 1, noNaN: true }),
  importance: fc.double({ min: 0, max: 1, noNaN: true }),
  idleMs: fc.integer({ min: -1_000, max: 1e12 }),
  accessCount: fc.integer({ min: 0, max: 1e6 }),
});

describe('recallScore', () => {
  it('is the sum of its parts, each from 0 to its weight, and the weights are 1 together', () => {
    expect(Object.values(recallWeights).reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
    fc.assert(
      fc.property(facts, (some) => {
        const parts = recallParts(some);
        for (const name of ['relevance', 'importance', 'recency', 'use'] as const) {
          expect(parts[name]).toBeGreaterThanOrEqual(0);
          expect(parts[name]).toBeLessThanOrEqual(recallWeights[name]);
        }
        expect(recallScore(some)).toBeCloseTo(parts.relevance + parts.importance + parts.recency + parts.use, 12);
      }),
    );
  });

  it('is 1 for what answers best, matters most, was used just now and is used all the time', () => {
    expect(recallScore({ relevance: 1, importance: 1, idleMs: 0, accessCount: 1e9 })).toBeCloseTo(1, 6);
  });

  it('halves recency in a day, and takes a clock that went backwards for now', () => {
    const of = (idleMs: number) => recallParts({ relevance: 0, importance: 0, idleMs, accessCount: 0 }).recency;
    expect(of(0)).toBe(recallWeights.recency);
    expect(of(-5_000)).toBe(recallWeights.recency);
    expect(of(recencyHalfLifeMs)).toBeCloseTo(recallWeights.recency / 2, 12);
    expect(of(3 * recencyHalfLifeMs)).toBeCloseTo(recallWeights.recency / 8, 12);
  });

  it('counts use half after five accesses', () => {
    const of = (accessCount: number) => recallParts({ relevance: 0, importance: 0, idleMs: 0, accessCount }).use;
    expect(of(0)).toBe(0);
    expect(of(5)).toBeCloseTo(recallWeights.use / 2, 12);
  });

  it('grows with every part', () => {
    fc.assert(
      fc.property(facts, (some) => {
        const score = recallScore(some);
        expect(recallScore({ ...some, relevance: 1 })).toBeGreaterThanOrEqual(score);
        expect(recallScore({ ...some, importance: 1 })).toBeGreaterThanOrEqual(score);
        expect(recallScore({ ...some, idleMs: 0 })).toBeGreaterThanOrEqual(score);
        expect(recallScore({ ...some, accessCount: some.accessCount + 1 })).toBeGreaterThanOrEqual(score);
      }),
    );
  });
});
