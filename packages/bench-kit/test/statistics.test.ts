import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { median, quantile, summarize } from '../src/index.ts';

const samples = fc.array(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 60 });

describe('quantile', () => {
  test('interpolates between neighbours as the type 7 definition does', () => {
    expect(quantile([1, 2, 3, 4], 0.25)).toBe(1.75);
    expect(quantile([4, 1, 3, 2], 0.95)).toBeCloseTo(3.85, 12);
    expect(quantile([10], 0.95)).toBe(10);
  });

  test('gives the extremes at 0 and 1', () => {
    expect(quantile([3, 1, 2], 0)).toBe(1);
    expect(quantile([3, 1, 2], 1)).toBe(3);
  });

  test('refuses no samples and a share outside 0..1', () => {
    expect(() => quantile([], 0.5)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
    expect(() => quantile([1], 1.01)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
    expect(() => quantile([1], Number.NaN)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
  });

  test('does not touch the samples it is given', () => {
    const given = [3, 1, 2];
    quantile(given, 0.5);
    expect(given).toEqual([3, 1, 2]);
  });

  test('never falls as the share grows, and stays within the samples', () => {
    fc.assert(
      fc.property(
        samples,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (values, a, b) => {
          const low = quantile(values, Math.min(a, b));
          const high = quantile(values, Math.max(a, b));
          return low <= high && low >= Math.min(...values) && high <= Math.max(...values);
        },
      ),
    );
  });
});

describe('median', () => {
  test('is the middle sample, or the mean of the two in the middle', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([1, 2, 10, 100])).toBe(6);
  });

  test('does not depend on the order of the samples', () => {
    fc.assert(fc.property(samples, (values) => median(values) === median(values.toReversed())));
  });
});

describe('summarize', () => {
  test('gives n, min, median, p95, max and mean of known values', () => {
    const oneToTwenty = Array.from({ length: 20 }, (_, index) => index + 1);
    expect(summarize(oneToTwenty)).toEqual({ n: 20, min: 1, median: 10.5, p95: 19.05, max: 20, mean: 10.5 });
  });

  test('counts only the samples that are known, and is null when none is', () => {
    expect(summarize([null, 4, null, 2])).toMatchObject({ n: 2, min: 2, max: 4 });
    expect(summarize([null, null])).toBeNull();
    expect(summarize([])).toBeNull();
  });

  test('does not sort numbers as text', () => {
    expect(summarize([100, 9, 20])).toMatchObject({ min: 9, median: 20, max: 100 });
  });
});
