import { execFileSync } from 'node:child_process';
import { copyFile, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { itUnless, missingUnix } from '@gemma-cli/testkit';
import { checkTexts } from '../src/embedding/check-texts.ts';
import { embeddingFamilyOf } from '../src/embedding/embedding-families.ts';
import { modelFingerprint } from '../src/embedding/model-fingerprint.ts';
import { soundVector } from '../src/embedding/sound-vector.ts';
import { vectorModelOpener } from '../src/embedding/vector-host.ts';
import { resolveEngineOptions } from '../src/engine-settings.ts';

describe('embeddingFamilyOf', () => {
  test.each([
    ['gemma-embedding', 'model.gguf', 'EmbeddingGemma'],
    ['gemma3', 'embeddinggemma-300m-qat-Q8_0.gguf', 'EmbeddingGemma'],
    ['nomic-bert', 'nomic-embed-text-v1.5.Q8_0.gguf', 'nomic-embed-text v1.5'],
    ['nomic-bert', 'model.gguf', 'nomic-embed-text'],
    ['nomic-bert-moe', 'model.gguf', 'nomic-embed-text v2'],
    ['bert', 'multilingual_e5_large.gguf', 'E5'],
    ['bert', 'multilingual-e5-large-instruct-q8_0.gguf', 'E5 instruct'],
    ['bert', 'bge-small-en-v1.5-q8_0.gguf', 'BGE'],
    ['bert', 'bge-m3-q8_0.gguf', 'BGE-M3'],
    ['bert', 'snowflake-arctic-embed-l-v2.0-q8_0.gguf', 'Arctic Embed v2'],
    ['bert', 'all-minilm-l6-v2-q8_0.gguf', 'MiniLM'],
    ['bert', 'some5model.gguf', 'any other'],
  ])('%s %s is %s', (architecture, name, family) => {
    expect(embeddingFamilyOf(architecture, [name]).name).toBe(family);
  });
});

describe('soundVector', () => {
  const raw = (...values: readonly number[]): string =>
    Buffer.from(Float32Array.from(values).buffer).toString('base64');
  const two = { modelDimensions: 2, dimensions: 2, index: 4 };

  test('gives a vector of length 1, and of its beginning when it is cut', () => {
    expect([...soundVector(raw(3, 4), two)]).toEqual([Math.fround(0.6), Math.fround(0.8)]);
    expect([...soundVector(raw(-3, 4), { ...two, dimensions: 1 })]).toEqual([-1]);
  });

  test.each([
    ['NaN', raw(1, Number.NaN)],
    ['infinity', raw(1, Number.NEGATIVE_INFINITY)],
    ['zeros', raw(0, 0)],
    ['another length', raw(1, 2, 3)],
    ['no text', 7],
  ])('refuses %s with the index of its text', (_, value) => {
    expect(() => soundVector(value, two)).toThrow(
      expect.objectContaining({ code: 'ENGINE_FAILED', facts: { index: 4 } }),
    );
  });
});

describe('checkTexts', () => {
  test('takes every text in which something is to be read', () => {
    expect(() => checkTexts(['a', ' é ', '😀', '.', '漢', '\u0000x'], 'text')).not.toThrow();
  });

  test.each([[''], [' \n'], ['\u200B'], ['\u00A0\u3000'], ['\u0000'], [null], [7]])(
    'refuses %j with its index',
    (text) => {
      expect(() => checkTexts(['a', text], 'text')).toThrow(
        expect.objectContaining({ code: 'REQUEST_INVALID', facts: { index: 1 } }),
      );
    },
  );
});

describe('modelFingerprint', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gemma-fingerprint-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('is that of the content, not of the name', async () => {
    const path = join(folder, 'a.gguf');
    await writeFile(path, 'GGUF and some weights');
    await copyFile(path, join(folder, 'b.gguf'));
    expect(await modelFingerprint(path)).toMatch(/^[0-9a-f]{16}$/);
    expect(await modelFingerprint(join(folder, 'b.gguf'))).toBe(await modelFingerprint(path));
  });

  test('changes with the length, and with a byte at the beginning or the end of a large file', async () => {
    const path = join(folder, 'large.gguf');
    const size = 8 * 2 ** 20;
    await writeFile(path, Buffer.alloc(size));
    const seen = new Set([await modelFingerprint(path)]);
    for (const place of [0, size - 1]) {
      const file = await open(path, 'r+');
      await file.write(Buffer.of(1), 0, 1, place);
      await file.close();
      seen.add(await modelFingerprint(path));
    }
    await writeFile(path, Buffer.alloc(size + 1));
    seen.add(await modelFingerprint(path));
    expect(seen.size).toBe(4);
  });

  test('a missing file is MODEL_NOT_FOUND, a folder FILE_UNREADABLE', async () => {
    await expect(modelFingerprint(join(folder, 'none.gguf'))).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    await expect(modelFingerprint(folder)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
  });
});

describe('a model file that does not answer', () => {
  // A pipe without a writer is as silent as a drive that is gone.
  itUnless(missingUnix, 'is given up at the deadline of loading, and when the caller leaves', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gemma-embedding-'));
    const path = join(folder, 'model.gguf');
    execFileSync('mkfifo', [path]);
    try {
      const openAfter = (loadMsMax: number) =>
        vectorModelOpener({ path }, 'embed', resolveEngineOptions({ loadMsMax }));
      const { signal } = new AbortController();
      await expect(openAfter(20)(signal)).rejects.toMatchObject({ code: 'ENGINE_LOAD_TIMEOUT', facts: { path } });
      await expect(openAfter(60_000)(AbortSignal.abort())).rejects.toMatchObject({ code: 'ABORTED' });
    } finally {
      // Both looks end when somebody opens the other side.
      await (await open(path, 'r+')).close();
      await rm(folder, { recursive: true });
    }
  });
});
