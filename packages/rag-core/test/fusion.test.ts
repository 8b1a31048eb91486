import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { denseWeight, fuseByRank, fuseByScore, fusionDepth, fusionVersion } from '../src/index.ts';

const list = fc.uniqueArray(
  fc.record({
    number: fc.integer({ min: 1, max: 40 }),
    score: fc.integer({ min: -300, max: 3_000 }).map((value) => value / 64),
  }),
  { selector: ({ number }) => number, maxLength: 30 },
);

describe('fuseByScore', () => {
  it('scales each list to 0..1 and weighs them', () => {
    const lexical = [
      { number: 1, score: 12 },
      { number: 2, score: 7 },
      { number: 3, score: 2 },
    ];
    const dense = [
      { number: 3, score: 0.9 },
      { number: 4, score: 0.5 },
    ];
    expect(fuseByScore(lexical, dense, 0.4)).toEqual([
      { number: 1, score: 0.6 },
      { number: 3, score: 0.4 },
      { number: 2, score: 0.3 },
      { number: 4, score: 0 },
    ]);
  });

  it('counts a list whose scores are all the same as 1', () => {
    expect(fuseByScore([{ number: 7, score: 3 }], [], 0.45)).toEqual([{ number: 7, score: 0.55 }]);
    expect(fuseByScore([], [])).toEqual([]);
  });

  it('holds every row once, the best first, equal scores by number, scores within 0..1', () => {
    fc.assert(
      fc.property(list, list, (lexical, dense) => {
        const fused = fuseByScore(lexical, dense);
        const numbers = new Set([...lexical, ...dense].map(({ number }) => number));
        expect(new Set(fused.map(({ number }) => number))).toEqual(numbers);
        expect(fused).toHaveLength(numbers.size);
        for (const [index, { number, score }] of fused.entries()) {
          expect(score).toBeGreaterThanOrEqual(0);
          expect(score).toBeLessThanOrEqual(1 + 1e-12);
          const before = fused[index - 1];
          if (before !== undefined)
            expect(before.score > score || (before.score === score && before.number < number)).toBe(true);
        }
      }),
    );
  });

  it('keeps the order of a list when the other one has no weight', () => {
    fc.assert(
      fc.property(list, (lexical) => {
        const sorted = lexical.toSorted((one, other) => other.score - one.score || one.number - other.number);
        const scores = new Map(lexical.map(({ number, score }) => [number, score]));
        const fused = fuseByScore(sorted, [], 0).map(({ number }) => scores.get(number));
        expect(fused).toEqual(sorted.map(({ score }) => score));
      }),
    );
  });
});

describe('the version of fusion', () => {
  it('is raised with the numbers that an order of hybrid search hangs on', () => {
    expect({ fusionVersion, denseWeight, fusionDepth }).toEqual({
      fusionVersion: 2,
      denseWeight: 0.45,
      fusionDepth: 100,
    });
  });
});

describe('fuseByRank', () => {
  it('adds one part in 60 plus the rank for each list', () => {
    const fused = fuseByRank([
      [
        { number: 1, score: 9 },
        { number: 2, score: 8 },
      ],
      [{ number: 2, score: 0.3 }],
    ]);
    expect(fused).toEqual([
      { number: 2, score: 1 / 62 + 1 / 61 },
      { number: 1, score: 1 / 61 },
    ]);
  });

  it('ranks equal sums by number', () => {
    expect(fuseByRank([[{ number: 9, score: 1 }], [{ number: 4, score: 1 }]]).map(({ number }) => number)).toEqual([
      4, 9,
    ]);
  });
});
