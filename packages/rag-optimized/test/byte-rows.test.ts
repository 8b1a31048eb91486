import { seededRandom } from '@gemma-cli/testkit';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createByteRows, productRows } from '../src/byte-rows.ts';
import { seed } from './seed.ts';

afterEach(() => {
  vi.unstubAllGlobals();
});

describe.each([{ by: 'WebAssembly' }, { by: 'TypeScript' }])('products of rows of bytes, by $by', ({ by }) => {
  it('are those of whole numbers, for any length and the greatest numbers there are', () => {
    if (by === 'TypeScript') vi.stubGlobal('WebAssembly', undefined);
    const random = seededRandom(seed + 5);
    for (const dimensions of [1, 15, 16, 17, 384, 1_024, 4_096]) {
      const rows = createByteRows(dimensions);
      const { stride, queryMax } = rows;
      expect(stride % 16).toBe(0);
      const query = new Int16Array(stride);
      for (let index = 0; index < dimensions; index++)
        query[index] = random() < 0.3 ? queryMax : Math.round((random() * 2 - 1) * queryMax);
      const expected: number[] = [];
      // Room grows between two rows, as it does when vectors come.
      for (let row = 0; row < 40; row++) {
        if (row % 13 === 0) rows.reserve(row + 13);
        let sum = 0;
        for (let index = 0; index < dimensions; index++) {
          const byte = row === 0 ? 127 : row === 1 ? -127 : Math.round(random() * 254) - 127;
          rows.bytes[row * stride + index] = byte;
          sum += byte * (query[index] ?? 0);
        }
        expected.push(sum);
      }
      // The memory of WebAssembly comes in pages: without its kernel the rows would lie elsewhere.
      if (by === 'WebAssembly') expect(rows.bytes.buffer.byteLength % 65_536).toBe(0);
      expect([...rows.products(query, 0, 40)].slice(0, 40), `seed ${seed}, ${dimensions}`).toEqual(expected);
      expect([...rows.products(query, 7, 3)].slice(0, 3)).toEqual(expected.slice(7, 10));
      const greatest = new Int16Array(stride).fill(queryMax);
      rows.bytes.fill(-127, 0, stride);
      expect(rows.products(greatest, 0, 1)[0]).toBe(-127 * queryMax * stride);
      expect(productRows).toBeGreaterThanOrEqual(40);
    }
  });
});
