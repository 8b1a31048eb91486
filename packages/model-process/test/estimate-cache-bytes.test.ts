import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withTemporaryFolder } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import { estimateCacheBytes } from '../src/llama/estimate-cache-bytes.ts';

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const u64 = (value: number): Buffer => Buffer.concat([u32(value), u32(0)]);
const text = (value: string): Buffer => Buffer.concat([u64(value.length), Buffer.from(value)]);

/** The beginning of a GGUF file, cut off inside its vocabulary. */
function head(architecture: string, facts: Readonly<Record<string, number | readonly number[]>>): Buffer {
  const values = Object.entries(facts).map(([key, value]) =>
    Buffer.concat([
      text(`${architecture}.${key}`),
      ...(typeof value === 'number' ? [u32(4), u32(value)] : [u32(9), u32(4), u64(value.length), ...value.map(u32)]),
    ]),
  );
  const vocabulary = [text('tokenizer.ggml.tokens'), u32(9), u32(8), u64(1_000_000), text('cut of')];
  return Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(0),
    u64(values.length + 2),
    text('general.architecture'),
    u32(8),
    text(architecture),
    ...values,
    ...vocabulary,
  ]);
}

/** Gemma 3 270M, as its file says. */
const gemma = {
  context_length: 32_768,
  embedding_length: 640,
  block_count: 18,
  'attention.head_count': 4,
  'attention.head_count_kv': 1,
  'attention.key_length': 256,
  'attention.value_length': 256,
  'attention.sliding_window': 512,
};

describe('estimateCacheBytes', () => {
  const estimate = (content: Buffer | string, contextTokens = 8_192, sequences = 4, compactCache = false) =>
    withTemporaryFolder(async (folder) => {
      const path = join(folder, 'a.gguf');
      await writeFile(path, content);
      return estimateCacheBytes(path, { contextTokens, sequences, compactCache });
    });

  it('counts whole layers at the context and sliding ones at their window and a batch', async () => {
    // A kibibyte for each cell: 3 layers of 8,192 cells and 15 of 1,024, four times.
    expect(await estimate(head('gemma3', gemma))).toBe(4 * (3 * 8_192 + 15 * 1_024) * 1_024);
    expect(await estimate(head('gemma3', gemma), 8_192, 1)).toBe((3 * 8_192 + 15 * 1_024) * 1_024);
    expect(await estimate(head('gemma3', gemma), 8_192, 4, true)).toBe(
      (4 * (3 * 8_192 + 15 * 1_024) * 1_024 * 17) / 32,
    );
    // No more than the model was trained for.
    expect(await estimate(head('gemma3', gemma), 1_000_000, 1)).toBe((3 * 32_768 + 15 * 1_024) * 1_024);
  });

  it('takes the size of a head from the width where the file does not say it', async () => {
    const llama = { embedding_length: 576, block_count: 30, 'attention.head_count': 9, 'attention.head_count_kv': 3 };
    expect(await estimate(head('llama', llama), 2_048, 1)).toBe(30 * 2_048 * 3 * (64 + 64) * 2);
  });

  it('is 0 where it cannot be known', async () => {
    expect(await estimate('no model')).toBe(0);
    expect(await estimate('GGUF')).toBe(0);
    expect(await estimate(head('gemma3', { ...gemma, 'attention.head_count_kv': [1, 1, 2] }))).toBe(0);
    expect(await estimate(head('gemma9', gemma))).toBe(0);
    expect(await estimateCacheBytes('/nowhere/at.all', { contextTokens: 1, sequences: 1, compactCache: false })).toBe(
      0,
    );
  });
});
