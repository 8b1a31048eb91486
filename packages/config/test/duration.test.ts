import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDurationMs } from '../src/index.ts';

describe('parseDurationMs', () => {
  it.each([
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1.5s', 1500],
    ['250ms', 250],
    ['300', 300_000],
    [300, 300_000],
    ['0', 0],
    [0.25, 250],
    [-1, Number.POSITIVE_INFINITY],
    ['-1', Number.POSITIVE_INFINITY],
    ['-5m', Number.POSITIVE_INFINITY],
    [' 5m ', 300_000],
  ])('reads %j as %d ms', (text, durationMs) => {
    expect(parseDurationMs(text)).toBe(durationMs);
  });

  it.each(['', '5x', 'm', '5 m', '5m!', '--5m', '1e9999h', 'forever', '5mm', 'NaN', 'Infinity'])(
    'refuses %j',
    (text) => {
      expect(parseDurationMs(text)).toBeNull();
    },
  );

  it('refuses a number beyond what can be counted', () => {
    expect(parseDurationMs('9007199254740993')).toBeNull();
    expect(parseDurationMs(Number.NaN)).toBeNull();
  });

  it('reads back what formatDuration writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e12 }), (durationMs) => {
        expect(parseDurationMs(formatDuration(durationMs))).toBe(durationMs);
      }),
    );
    expect(parseDurationMs(formatDuration(Number.POSITIVE_INFINITY))).toBe(Number.POSITIVE_INFINITY);
  });
});
