import type { RowSet } from '@gemma-cli/contracts';

/** A set of rows out of their numbers, which ascend: one bit for each number up to the greatest. */
export function createRowSet(numbers: readonly number[]): RowSet {
  const bits = new Uint32Array(Math.floor((numbers.at(-1) ?? 0) / 32) + 1);
  for (const number of numbers) bits[number >>> 5] = (bits[number >>> 5] ?? 0) | (1 << (number & 31));
  return {
    has: (number) => ((bits[number >>> 5] ?? 0) & (1 << (number & 31))) !== 0,
    size: numbers.length,
    numbers: () => numbers,
  };
}
