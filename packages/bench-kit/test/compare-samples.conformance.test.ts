import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareSamples } from '../src/index.ts';
import { seededRandom } from '../src/seeded-random.ts';

const lower = { better: 'lower', seed: 1 } as const;

/** Samples around `center` as timings lie: a floor, and a tail to the right. */
function timings(random: () => number, n: number, center: number): number[] {
  return Array.from({ length: n }, () => center * (1 - 0.1 * Math.log(1 - random())));
}

describe('compareSamples', () => {
  test('a variant that always takes twice as long is slower by exactly 2', () => {
    const baseline = [10, 11, 12, 10.5, 11.5, 10.2];
    const comparison = compareSamples(
      baseline,
      baseline.map((value) => value * 2),
      lower,
    );
    expect(comparison).toMatchObject({ pairs: 6, ratio: { value: 2, low: 2, high: 2 }, verdict: 'slower' });
    expect(comparison.difference?.value).toBeCloseTo(10.75, 10);
  });

  test('the same samples twice are no difference', () => {
    expect(compareSamples([5, 6, 7, 5, 6, 7], [5, 6, 7, 5, 6, 7], lower)).toMatchObject({
      ratio: { value: 1, low: 1, high: 1 },
      difference: { value: 0, low: 0, high: 0 },
      verdict: 'no difference seen',
    });
  });

  test('more is faster when higher is better', () => {
    const tokensPerSecond = [20, 21, 20, 22, 21];
    const twice = tokensPerSecond.map((value) => value * 2);
    expect(compareSamples(tokensPerSecond, twice, { ...lower, better: 'higher' }).verdict).toBe('faster');
    expect(compareSamples(twice, tokensPerSecond, { ...lower, better: 'higher' }).verdict).toBe('slower');
  });

  test('a steady difference below the least share earns no verdict, and its interval is still told', () => {
    const baseline = [100, 101, 102, 100, 101, 102];
    const comparison = compareSamples(
      baseline,
      baseline.map((value) => value * 1.01),
      lower,
    );
    expect(comparison.verdict).toBe('no difference seen');
    expect(comparison.ratio?.low).toBeCloseTo(1.01, 10);
    expect(
      compareSamples(
        baseline,
        baseline.map((value) => value * 1.01),
        { ...lower, differenceShareMin: 0.005 },
      ).verdict,
    ).toBe('slower');
  });

  test('four rounds are too few for a verdict', () => {
    expect(compareSamples([1, 1, 1, 1], [9, 9, 9, 9], lower).verdict).toBe('too few rounds');
    expect(compareSamples([], [], lower)).toEqual({
      pairs: 0,
      ratio: null,
      difference: null,
      verdict: 'too few rounds',
    });
  });

  test('pairs the samples of the same round and leaves out rounds in which one is unknown', () => {
    const comparison = compareSamples([1, null, 1, 1, 1, 1, 1], [2, 99, null, 2, 2, 2, 2], lower);
    expect(comparison).toMatchObject({ pairs: 5, ratio: { value: 2 }, verdict: 'slower' });
  });

  test('a disturbance that hits both variants of a round cancels', () => {
    const disturbed = [100, 300, 100, 700, 100, 500, 100, 900];
    const comparison = compareSamples(
      disturbed,
      disturbed.map((value) => value * 1.2),
      lower,
    );
    expect(comparison.ratio?.low).toBeCloseTo(1.2, 10);
    expect(comparison.verdict).toBe('slower');
  });

  test('a metric that is not judged, or not positive, has no verdict but a difference', () => {
    const tokens = [0, 0, 0, 0, 0];
    expect(compareSamples(tokens, [5, 5, 5, 5, 5], lower)).toMatchObject({
      ratio: null,
      difference: { value: 5 },
      verdict: 'not compared',
    });
    expect(compareSamples([1, 1, 1, 1, 1], [5, 5, 5, 5, 5], { ...lower, better: 'neither' }).verdict).toBe(
      'not compared',
    );
  });

  test('the same seed gives the same interval, another seed another one', () => {
    const random = seededRandom(7);
    const [a, b] = [timings(random, 15, 100), timings(random, 15, 105)];
    expect(compareSamples(a, b, lower)).toEqual(compareSamples(a, b, lower));
    expect(compareSamples(a, b, lower).ratio?.low).not.toBe(compareSamples(a, b, { ...lower, seed: 2 }).ratio?.low);
  });

  test('does not depend on the unit of the samples', () => {
    const positive = fc.array(
      fc.tuple(fc.double({ min: 1, max: 1000, noNaN: true }), fc.double({ min: 1, max: 1000, noNaN: true })),
      {
        minLength: 5,
        maxLength: 12,
      },
    );
    fc.assert(
      fc.property(positive, (rounds) => {
        const baseline = rounds.map(([left]) => left);
        const candidate = rounds.map(([, right]) => right);
        const scaled = compareSamples(
          baseline.map((value) => value * 1024),
          candidate.map((value) => value * 1024),
          { ...lower, resamples: 200 },
        );
        const plain = compareSamples(baseline, candidate, { ...lower, resamples: 200 });
        expect(scaled.ratio).toEqual(plain.ratio);
        expect(scaled.verdict).toBe(plain.verdict);
      }),
      { numRuns: 50 },
    );
  });

  test('calls variants of the same speed different in at most one comparison of ten', () => {
    const random = seededRandom(20_261_122);
    let seen = 0;
    for (let trial = 0; trial < 200; trial += 1) {
      const { verdict } = compareSamples(timings(random, 20, 100), timings(random, 20, 100), {
        ...lower,
        resamples: 500,
      });
      if (verdict !== 'no difference seen') seen += 1;
    }
    // A 95 % interval promises one of twenty; the bootstrap of a median is a little narrow with 20 samples.
    expect(seen).toBeLessThanOrEqual(20);
  });

  test('sees a slowdown of 20 % in at least nine comparisons of ten', () => {
    const random = seededRandom(42);
    let seen = 0;
    for (let trial = 0; trial < 200; trial += 1) {
      const { verdict } = compareSamples(timings(random, 20, 100), timings(random, 20, 120), {
        ...lower,
        resamples: 500,
      });
      if (verdict === 'slower') seen += 1;
    }
    expect(seen).toBeGreaterThanOrEqual(180);
  });

  test('its interval holds the true ratio about as often as it promises', () => {
    const random = seededRandom(99);
    let held = 0;
    for (let trial = 0; trial < 200; trial += 1) {
      const { ratio } = compareSamples(timings(random, 20, 100), timings(random, 20, 150), {
        ...lower,
        resamples: 500,
      });
      if (ratio !== null && ratio.low <= 1.5 && ratio.high >= 1.5) held += 1;
    }
    expect(held).toBeGreaterThanOrEqual(180);
    expect(held).toBeLessThan(200);
  });
});
