import { describe, expect, test } from 'vitest';
import { comparePaired, evaluateRun, figuresOf } from '../src/index.ts';

const judged = new Map([
  ['a', 2],
  ['b', 1],
  ['c', 0],
  ['d', -1],
]);

describe('figuresOf', () => {
  test('the ideal order has 1 of everything', () => {
    expect(figuresOf(['a', 'b', 'x'], judged)).toEqual({ ndcg10: 1, recall100: 1, mrr10: 1 });
  });

  test('grades count as they are, discounted by log2(rank + 1)', () => {
    // b at 2 and a at 3, against the ideal a, b.
    const gain = 1 / Math.log2(3) + 2 / Math.log2(4);
    const ideal = 2 + 1 / Math.log2(3);
    const { ndcg10, mrr10 } = figuresOf(['x', 'b', 'a'], judged);
    expect(ndcg10).toBeCloseTo(gain / ideal, 12);
    expect(mrr10).toBe(0.5);
  });

  test('what is judged 0 or less, or not at all, is not relevant', () => {
    expect(figuresOf(['c', 'd', 'x'], judged)).toEqual({ ndcg10: 0, recall100: 0, mrr10: 0 });
    expect(figuresOf(['c'], new Map([['c', 0]]))).toEqual({ ndcg10: 0, recall100: 0, mrr10: 0 });
  });

  test('nDCG and MRR see 10 ranks, recall sees 100', () => {
    const others = (count: number) => Array.from({ length: count }, (_, index) => `other-${index}`);
    expect(figuresOf([...others(10), 'a'], judged)).toEqual({ ndcg10: 0, recall100: 0.5, mrr10: 0 });
    expect(figuresOf([...others(9), 'a'], judged)).toMatchObject({ recall100: 0.5, mrr10: 0.1 });
    expect(figuresOf([...others(100), 'a'], judged).recall100).toBe(0);
  });

  test('the ideal has 10 ranks too: more relevant entries than that can still be ranked ideally', () => {
    const many = new Map(Array.from({ length: 30 }, (_, index) => [`r${index}`, 1]));
    const { ndcg10, recall100 } = figuresOf([...many.keys()].slice(0, 10), many);
    expect(ndcg10).toBe(1);
    expect(recall100).toBeCloseTo(1 / 3, 12);
  });
});

describe('evaluateRun', () => {
  test('a judged query that the run lacks counts with 0, a query without judgements not at all', () => {
    const run = new Map([
      ['q1', [{ id: 'a', score: 2 }]],
      ['unjudged', [{ id: 'a', score: 2 }]],
    ]);
    const { mean, byQuery } = evaluateRun(
      run,
      new Map([
        ['q1', new Map([['a', 1]])],
        ['q2', judged],
      ]),
    );
    expect([...byQuery.keys()]).toEqual(['q1', 'q2']);
    expect(mean).toEqual({ ndcg10: 0.5, recall100: 0.5, mrr10: 0.5 });
  });
});

describe('comparePaired', () => {
  test('equal runs do not differ', () => {
    expect(comparePaired([0.1, 0.5, 1], [0.1, 0.5, 1])).toEqual({ difference: 0, smallestReal: 0, p: 1 });
  });

  test('a gain on every query is real, the same gain and loss is not', () => {
    const base = Array.from({ length: 40 }, (_, index) => (index % 7) / 10);
    const better = comparePaired(
      base.map((value) => value + 0.1),
      base,
    );
    expect(better.difference).toBeCloseTo(0.1, 12);
    expect(better.p).toBeLessThan(0.001);
    const mixed = comparePaired(
      base.map((value, index) => value + (index % 2 === 0 ? 0.1 : -0.1)),
      base,
    );
    expect(mixed.difference).toBeCloseTo(0, 12);
    expect(mixed.p).toBeGreaterThan(0.9);
  });

  test('of four queries that all gain, one swap in eight looks as large', () => {
    // All four swapped or none: 2 of 16.
    const { p } = comparePaired([1, 1, 1, 1], [0, 0, 0, 0], { rounds: 20_000 });
    expect(p).toBeGreaterThan(0.115);
    expect(p).toBeLessThan(0.135);
  });

  test('the smallest real difference is 1.96 standard errors of the paired difference', () => {
    // Differences 0, 0.2, 0.4: standard deviation 0.2.
    expect(comparePaired([0, 0.2, 0.4], [0, 0, 0]).smallestReal).toBeCloseTo((1.96 * 0.2) / Math.sqrt(3), 12);
  });
});
