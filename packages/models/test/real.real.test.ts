import { open } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { isGemmaError } from '@gemma-cli/contracts';
import { catalog, createModelStore, findInCatalog, inspectModelFile } from '../src/index.ts';
import type { InstalledModel } from '../src/index.ts';
import { readModelHeader } from '../src/inspect-model-file.ts';

/** The store of real models that all tests of this machine share. */
const folder =
  process.env['GEMMA_TEST_MODELS'] ??
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'gemma-cli-test', 'models');
const store = createModelStore({ folder, env: process.env });

async function have(name: string): Promise<InstalledModel> {
  for await (const event of store.pull(name)) if (event.type === 'pulled') return event.model;
  throw new Error(`the pull of ${name} ended without a model`);
}

describe('the real base model', () => {
  let model: InstalledModel;
  beforeAll(async () => {
    model = await have('gemma3:270m-base');
  });

  test('is the file that the catalog describes', async () => {
    const entry = findInCatalog('gemma3:270m-base');
    const header = await inspectModelFile(model.path);
    expect(header).toMatchObject({
      sizeBytes: 253_113_024,
      architecture: 'gemma3',
      quantization: 'Q4_K_M',
      trainContextTokens: 32_768,
      vocabularyTokens: 262_144,
      tensorCount: 236,
      chat: false,
      embedding: false,
    });
    expect(entry).toMatchObject({
      sizeBytes: header.sizeBytes,
      quantization: header.quantization,
      contextTokens: header.trainContextTokens,
      parameters: header.parameters,
    });
  });

  test('has the hash that its package tells, and the terms beside it', async () => {
    expect(await store.verify('gemma3:270m-base')).toMatchObject({
      sha256: 'a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818',
      compared: true,
      model: { hashSource: 'package' },
    });
    expect(model.licence).toMatchObject({ name: 'Gemma Terms of Use', path: expect.stringContaining(folder) });
  });

  test('needs a header of some megabytes to be read, not the file', async () => {
    expect((await inspectModelFile(model.path)).readBytes).toBeLessThan(8_000_000);
  });

  test('with a mutated head ends in a header or a typed error, with bounded reading', async () => {
    const { sizeBytes } = await inspectModelFile(model.path);
    const head = Buffer.alloc(8_000_000);
    const file = await open(model.path, 'r');
    await file.read(head, 0, head.length, 0);
    await file.close();
    // Counts and lengths lie in the first kilobytes and in the list of tensors; between them is the vocabulary.
    const tensorsAt = head.indexOf('blk.0.attn_k.weight');
    expect(tensorsAt).toBeGreaterThan(4_000_000);
    const place = fc.oneof(
      fc.nat(4_096),
      fc.nat(head.length - 9),
      fc.nat(16_000).map((offset) => tensorsAt - 8 + offset),
    );
    const seen = { headers: 0, errors: 0 };
    await fc.assert(
      fc.asyncProperty(place, fc.bigInt(0n, 2n ** 64n - 1n), fc.nat(8), async (at, value, length) => {
        const bytes = Buffer.from(head);
        const change = Buffer.alloc(8);
        change.writeBigUInt64LE(value);
        change.copy(bytes, at, 0, length);
        let read = 0;
        const source = {
          sizeBytes,
          async read(position: number, wanted: number) {
            const part = Buffer.alloc(Math.max(0, Math.min(wanted, sizeBytes - position)));
            bytes.copy(part, 0, Math.min(position, bytes.length));
            read += part.length;
            return part;
          },
        };
        try {
          await readModelHeader(source);
          seen.headers++;
        } catch (error) {
          if (!isGemmaError(error)) throw error;
          expect(['MODEL_INVALID', 'MODEL_UNSUPPORTED']).toContain(error.code);
          seen.errors++;
        }
        expect(read).toBeLessThan(2 * head.length);
      }),
      { numRuns: 150 },
    );
    expect(seen.errors).toBeGreaterThan(10);
    expect(seen.headers).toBeGreaterThan(10);
  });
});

test('the real instruct model has a chat template and is what the catalog describes', async () => {
  const model = await have('smollm2:135m');
  const entry = findInCatalog('smollm2:135m', catalog);
  expect(model).toMatchObject({
    chat: true,
    sizeBytes: entry?.sizeBytes,
    sha256: entry?.sha256,
    quantization: entry?.quantization,
    trainContextTokens: entry?.contextTokens,
    parameters: entry?.parameters,
    licence: { name: 'Apache-2.0' },
  });
});
