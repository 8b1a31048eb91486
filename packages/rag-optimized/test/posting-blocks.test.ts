import { seededRandom } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import { createByteWriter } from '../src/byte-writer.ts';
import {
  bitsOf,
  blockPostings,
  packNumbers,
  readRest,
  restEnd,
  unpackFrequencies,
  unpackRows,
  writeRest,
} from '../src/posting-blocks.ts';
import { seed } from './seed.ts';

describe('a block of postings', () => {
  it('gives back numbers of any width', () => {
    const random = seededRandom(seed + 6);
    for (let bits = 0; bits <= 24; bits++) {
      const most = 2 ** bits - 1;
      const numbers = Int32Array.from({ length: blockPostings }, () => Math.floor(random() * (most + 1)));
      numbers[0] = most;
      expect(bitsOf(most)).toBe(bits);
      // What lies around it stays as it is.
      const words = new Int32Array(4 * bits + 3);
      packNumbers(numbers, bits, words, 1);
      expect([words[0], words[4 * bits + 1]]).toEqual([0, 0]);
      const frequencies = new Int32Array(blockPostings);
      unpackFrequencies(words, 1, bits, frequencies);
      expect(frequencies, `seed ${seed}, ${bits} bits`).toEqual(numbers.map((number) => number + 1));
      if (bits > 16) continue;
      const rows = new Int32Array(blockPostings);
      unpackRows(words, 1, bits, 9, rows);
      let row = 9;
      expect([...rows], `seed ${seed}, ${bits} bits`).toEqual([...numbers].map((gap) => (row += gap + 1)));
    }
  });
});

describe('a rest of postings', () => {
  it('gives back rows and frequencies, and tells where it ends', () => {
    const random = seededRandom(seed + 7);
    for (let count = 1; count < blockPostings; count++) {
      const gapMax = 2 ** Math.floor(random() * 16);
      const frequencyMax = random() < 0.3 ? 1 : 2 ** Math.floor(random() * 17);
      const before = random() < 0.5 ? -1 : 77;
      let row = before;
      const rows = Int32Array.from({ length: count }, () => (row += 1 + Math.floor(random() * gapMax)));
      const frequencies = Int32Array.from({ length: count }, () => 1 + Math.floor(random() * frequencyMax));
      const writer = createByteWriter(4);
      writer.bytes[writer.length++] = 200;
      writeRest(writer, rows, frequencies, 0, count, before);
      const label = `seed ${seed}, ${count} postings`;
      expect(restEnd(writer.bytes, 1, count), label).toBe(writer.length);
      const readRows = new Int32Array(count);
      const readFrequencies = new Int32Array(count);
      readRest(writer.bytes, 1, count, before, readRows, readFrequencies);
      expect([readRows, readFrequencies], label).toEqual([rows, frequencies]);
    }
  });
});
