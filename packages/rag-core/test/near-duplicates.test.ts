import { seededRandom } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import { createAnalyzer, findNearDuplicates, nearDuplicateSimilarity } from '../src/index.ts';

describe('findNearDuplicates', () => {
  it('finds texts that say the same in nearly the same words, and tells how alike they are', async () => {
    const { analyze } = await createAnalyzer();
    const texts = [
      'The keeper of the lighthouse wrote down the wind, the rain and the ships that passed every single evening of the year.',
      'Bread rises without yeast, too, when the dough is left to stand for a day.',
      'The keeper of the lighthouse wrote down the wind, the rain and the ships that passed every single evening of the years!',
      'The keeper of the lighthouse wrote down the wind, the rain and the ships that passed every single morning.',
      '',
      '…',
    ].map((text) => analyze(text));
    expect(findNearDuplicates(texts)).toEqual([{ one: 0, other: 2, similarity: 1 }]);
    const less = findNearDuplicates(texts, 0.5);
    expect(less.map(({ one, other }) => [one, other])).toEqual([
      [0, 2],
      [0, 3],
      [2, 3],
    ]);
    expect(less[1]?.similarity).toBeGreaterThan(0.5);
    expect(less[1]?.similarity).toBeLessThan(nearDuplicateSimilarity);
  });

  it('tells texts with the same words in another order apart', () => {
    const words = 'one two three four five six seven eight nine ten'.split(' ');
    expect(findNearDuplicates([words, words.toReversed()])).toEqual([]);
  });

  it('finds what a comparison of all pairs finds', () => {
    const seed = 20_261_123;
    const random = seededRandom(seed);
    const word = () => `w${Math.floor(random() * 30)}`;
    const texts: string[][] = [];
    for (let index = 0; index < 60; index++) {
      const copied = texts[Math.floor(random() * texts.length)];
      if (copied === undefined || random() < 0.5) texts.push(Array.from({ length: Math.floor(random() * 25) }, word));
      else texts.push(copied.map((term) => (random() < 0.06 ? word() : term)));
    }
    for (const similarity of [0.3, 0.6, 0.75, 0.9, 1]) {
      const all = texts.flatMap((one, first) =>
        texts.slice(first + 1).flatMap((other, offset) => {
          const share = shareOf(one, other);
          return share >= similarity ? [{ one: first, other: first + 1 + offset, similarity: share }] : [];
        }),
      );
      expect(findNearDuplicates(texts, similarity), `seed ${seed}, similarity ${similarity}`).toEqual(all);
    }
  });

  it('compares each of thousands of equal texts with few others', () => {
    const same = Array.from({ length: 3_000 }, () => ['always', 'the', 'same', 'words']);
    const found = findNearDuplicates(same);
    expect(found.length).toBeLessThan(3_000 * 130);
    const linked = new Set(found.flatMap(({ one, other }) => [one, other]));
    expect(linked.size).toBe(3_000);
  });
});

function shareOf(one: readonly string[], other: readonly string[]): number {
  const [first, second] = [shinglesOf(one), shinglesOf(other)];
  const shared = [...first].filter((shingle) => second.has(shingle)).length;
  const all = first.size + second.size - shared;
  return all === 0 || first.size === 0 || second.size === 0 ? 0 : shared / all;
}

function shinglesOf(terms: readonly string[]): ReadonlySet<string> {
  if (terms.length === 0) return new Set();
  if (terms.length < 3) return new Set([terms.join(' ')]);
  return new Set(terms.slice(2).map((_, at) => terms.slice(at, at + 3).join(' ')));
}
