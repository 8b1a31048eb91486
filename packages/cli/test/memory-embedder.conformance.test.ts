import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ensureHome, homeLayout, loadConfig } from '@gemma-cli/config';
import type { WorkerSpec } from '@gemma-cli/contracts';
import { createModelStore } from '@gemma-cli/models';
import { readJournal, scriptedWorker, withTemporaryFolder } from '@gemma-cli/testkit';
import { openMemoryEmbedder, type MemoryEmbedder } from '../src/client/memory-embedder.ts';
import { engineSources } from '../src/runtime/engine-sources.ts';
import { createEmbedder } from '../src/runtime/index.ts';
import { tinyModel } from './tiny-model.ts';

/** A home folder, a model file beside it, and how often a model process was started. */
interface Trial {
  readonly home: string;
  readonly path: string;
  /** Opens the embedder of a configuration. `setting` is `memory.embedding_model`. */
  open(setting: string, learn?: boolean, pooling?: string): Promise<MemoryEmbedder>;
  loads(): number;
}

async function tryEmbedder(body: (trial: Trial) => Promise<void>): Promise<void> {
  await withTemporaryFolder(async (folder) => {
    const home = join(folder, 'home');
    await mkdir(home);
    await ensureHome(home);
    const path = join(folder, 'tiny.gguf');
    await writeFile(path, tinyModel({ embedding: true }));
    const journal = join(folder, 'journal.jsonl');
    const worker = (pooling: string): WorkerSpec =>
      scriptedWorker({ journal, capabilities: { embeddings: true }, embedding: { dimensions: 8, pooling } });
    await body({
      home,
      path,
      async open(setting, learn = true, pooling = 'mean') {
        const env = { GEMMA_MEMORY_EMBEDDING_MODEL: setting };
        const { config } = await loadConfig({ home, cwd: folder, env });
        return openMemoryEmbedder({ home, cwd: folder, env, config, learn, worker: worker(pooling) });
      },
      loads: () => readJournal(journal).filter((one) => one.event === 'call' && one.operation === 'load').length,
    });
  });
}

async function embedOne({ embedder }: MemoryEmbedder): Promise<number | undefined> {
  try {
    return (await embedder?.embed(['some text']))?.[0]?.length;
  } finally {
    await embedder?.close();
  }
}

describe('the embedder of a memory', () => {
  test('loads its model to learn what it is, and from then on only for a text', () =>
    tryEmbedder(async ({ path, open, loads }) => {
      const first = await open(path);
      expect([loads(), await embedOne(first), loads()]).toEqual([1, 8, 1]);
      const idle = await open(path);
      expect(idle.embedder?.embedId).toBe(first.embedder?.embedId);
      await idle.embedder?.close();
      expect(loads()).toBe(1);
      expect([await embedOne(await open(path)), loads()]).toEqual([8, 2]);
    }));

  test('is not made of a model that made no vector here, where nobody wants it loaded', () =>
    tryEmbedder(async ({ path, open, loads }) => {
      expect(await open(path, false)).toEqual({ embedder: null, why: 'unused' });
      expect(await open('none')).toEqual({ embedder: null, why: 'off' });
      expect(await open('auto')).toEqual({ embedder: null, why: 'none' });
      expect(loads()).toBe(0);
    }));

  test('auto takes an installed embedding model, and stays with the one that was used last', () =>
    tryEmbedder(async ({ home, path, open }) => {
      const store = createModelStore({ folder: homeLayout(home).models });
      for (const name of ['b-model', 'c-model']) await store.importFile(path, { mode: 'copy', name });
      const auto = await open('auto');
      await auto.embedder?.close();
      const named = await open('c-model');
      await named.embedder?.close();
      const again = await open('auto');
      await again.embedder?.close();
      expect([auto, named, again].map((one) => (one.embedder === null ? null : one.model))).toEqual([
        'b-model',
        'c-model',
        'c-model',
      ]);
    }));

  test('a file that was written to is learned anew', () =>
    tryEmbedder(async ({ path, open, loads }) => {
      const before = await open(path);
      await before.embedder?.close();
      await appendFile(path, Buffer.alloc(64));
      const after = await open(path);
      await after.embedder?.close();
      expect(loads()).toBe(2);
      expect(after.embedder?.embedId).not.toBe(before.embedder?.embedId);
    }));

  test('vectors that would be other ones than before are refused, and made anew by the next opening', () =>
    tryEmbedder(async ({ path, open }) => {
      await (await open(path)).embedder?.close();
      await expect(embedOne(await open(path, true, 'cls'))).rejects.toMatchObject({ code: 'ENGINE_LOAD_FAILED' });
      expect(await embedOne(await open(path, true, 'cls'))).toBe(8);
    }));

  test('refuses a model that generates, by name', () =>
    tryEmbedder(async ({ path, open }) => {
      await writeFile(path, tinyModel());
      await expect(open(path)).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
    }));
});

describe('createEmbedder', () => {
  test('is that of the legacy engine where the optimized one is not installed, with the same vectors', () =>
    tryEmbedder(async ({ path }) => {
      const worker = scriptedWorker({ capabilities: { embeddings: true } });
      const missing = Object.assign(
        new Error(
          `Cannot find package '@gemma-cli/engine-optimized' imported from ${engineSources.optimized.importer}`,
        ),
        { code: 'ERR_MODULE_NOT_FOUND' },
      );
      const sources = {
        ...engineSources,
        optimized: { ...engineSources.optimized, load: () => Promise.reject(missing) },
      };
      const [one, other] = [
        await createEmbedder({ model: { path }, worker }),
        await createEmbedder({ model: { path }, worker, sources }),
      ];
      try {
        expect(one.resolution.active).toBe('optimized');
        expect(other.resolution).toMatchObject({
          active: 'legacy',
          reason: '@gemma-cli/engine-optimized is not installed',
        });
        expect(other.embedder.embedId).toBe(one.embedder.embedId);
        expect(await other.embedder.embed(['a', 'b'])).toEqual(await one.embedder.embed(['a', 'b']));
      } finally {
        await one.embedder.close();
        await other.embedder.close();
      }
    }));
});
