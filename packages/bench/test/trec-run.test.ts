import { describe, expect, test } from 'vitest';
import { formatTrecRun, parseTrecRun } from '../src/index.ts';

describe('formatTrecRun', () => {
  test('writes query, Q0, entry, rank from 1, score and tag', () => {
    const run = new Map([
      [
        'q1',
        [
          { id: 'b', score: 2.5 },
          { id: 'a', score: 1 },
        ],
      ],
      ['q2', []],
      ['q3', [{ id: 'c', score: 0.125 }]],
    ]);
    expect(formatTrecRun(run, 'tag')).toBe('q1 Q0 b 1 2.5 tag\nq1 Q0 a 2 1 tag\nq3 Q0 c 1 0.125 tag\n');
  });

  test('scores decrease strictly in 32 bits, whatever ties there were, so that trec_eval keeps the order', () => {
    const scores = [3, 3, 3 - 1e-12, 1e-9, 1e-9, 0, 0, -2, -2, -2];
    const ids = ['m', 'z', 'a', 'k', 'y', 'b', 'x', 'c', 'w', 'd'];
    const run = new Map([['q', scores.map((score, index) => ({ id: ids[index] ?? '', score }))]]);
    const text = formatTrecRun(run, 'tag');
    const written = text
      .trim()
      .split('\n')
      .map((line) => Math.fround(Number(line.split(' ')[4])));
    for (const [index, score] of written.slice(1).entries()) expect(score).toBeLessThan(written[index] ?? 0);
    expect(
      parseTrecRun(text)
        .get('q')
        ?.map(({ id }) => id),
    ).toEqual(ids);
    for (const [index, score] of written.entries()) expect(score).toBeCloseTo(scores[index] ?? Number.NaN, 5);
  });
});

describe('parseTrecRun', () => {
  test('orders by score, equal ones by id from the end of the alphabet, as trec_eval does', () => {
    const run = parseTrecRun('q Q0 a 1 1.0 t\nq Q0 b 2 1.0 t\nq Q0 c 3 7 t\n\nother Q0 a 1 0 t\n');
    expect([...run].map(([query, entries]) => [query, entries.map(({ id }) => id)])).toEqual([
      ['q', ['c', 'b', 'a']],
      ['other', ['a']],
    ]);
  });

  test.each(['q Q0 a 1', 'q Q0 a 1 high tag'])('refuses "%s" with its line', (line) => {
    expect(() => parseTrecRun(`q Q0 z 1 2 t\n${line}\n`)).toThrow(/in line 2 of a run/);
  });
});
