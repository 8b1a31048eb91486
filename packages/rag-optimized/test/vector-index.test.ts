import { seededRandom } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import { createVectorIndex } from '../src/vector-index.ts';
import { seed } from './seed.ts';

const dimensions = 32;

/** A direction near one of a few others, so that many rows are nearly equally far from a query. */
function nearVector(random: () => number, centres: readonly Float32Array[]): Float32Array {
  const centre = centres[Math.floor(random() * centres.length)];
  return unit(Float32Array.from({ length: dimensions }, (_, index) => (centre?.[index] ?? 0) + (random() - 0.5) * 0.3));
}

function unit(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

function cosine(one: Float32Array, other: Float32Array): number {
  let sum = 0;
  for (const [index, value] of one.entries()) sum += value * (other[index] ?? 0);
  return sum;
}

describe('vectors of a byte a dimension', () => {
  it('find exactly what a comparison with all vectors finds, and read few of them', () => {
    const random = seededRandom(seed + 4);
    const centres = Array.from({ length: 12 }, () =>
      unit(Float32Array.from({ length: dimensions }, () => random() - 0.5)),
    );
    const stored = new Map<number, { readonly number: number; readonly vector: Float32Array }>();
    let reads = 0;
    const index = createVectorIndex({
      flatMax: 100,
      read(seq) {
        reads++;
        return stored.get(seq)?.vector ?? null;
      },
    });
    const rows = 3_000;
    for (let seq = 1; seq <= rows; seq++) {
      // Every tenth is the same as the one before: equal scores, told apart by number.
      const vector = seq % 10 === 0 ? (stored.get(seq - 1)?.vector ?? centres[0]) : nearVector(random, centres);
      if (vector === undefined) throw new Error('there are no centres');
      const number = seq * 7;
      stored.set(seq, { number, vector });
      index.put(number, vector, seq);
    }
    for (let seq = 5; seq <= rows; seq += 50) {
      index.remove(seq * 7);
      stored.delete(seq);
    }
    expect(index.size).toBe(stored.size);
    for (let count = 0; count < 20; count++) {
      const vector = nearVector(random, centres);
      const limit = [1, 10, 100][count % 3] ?? 10;
      const hidden = new Set([...stored.values()].map(({ number }) => number).filter(() => random() < 0.1));
      const hiddenSet = { has: (number: number) => hidden.has(number), size: hidden.size, numbers: () => [...hidden] };
      reads = 0;
      const found = index.search({ vector, limit, allowed: null, hidden: hiddenSet });
      const wanted = [...stored.values()]
        .filter(({ number }) => !hidden.has(number))
        .map(({ number, vector: other }) => ({ number, score: cosine(vector, other) }))
        .toSorted((one, other) => other.score - one.score || one.number - other.number)
        .slice(0, limit);
      expect(found, `seed ${seed}, query ${count}`).toEqual(wanted);
      expect(reads).toBeLessThan(rows / 3);
    }
  });

  it('and vectors as they are find the same', () => {
    const random = seededRandom(seed + 5);
    const vectors = Array.from({ length: 1_500 }, () => nearVector(random, [new Float32Array(dimensions)]));
    const read = (seq: number) => vectors[seq - 1] ?? null;
    const flat = createVectorIndex({ read });
    const coded = createVectorIndex({ read, flatMax: 10 });
    for (const [place, vector] of vectors.entries())
      for (const index of [flat, coded]) index.put(place + 1, vector, place + 1);
    for (const vector of vectors.slice(0, 10)) {
      const query = { vector, limit: 12, allowed: null, hidden: null };
      expect(coded.search(query)).toEqual(flat.search(query));
    }
    expect(coded.memoryBytes).toBeLessThan(flat.memoryBytes);
  });
});
