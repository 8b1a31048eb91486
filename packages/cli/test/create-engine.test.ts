import { describe, expect, test } from 'vitest';
import { UnsupportedError } from '@gemma-cli/contracts';
import { readJournal, scriptedWorker, withTemporaryFolder } from '@gemma-cli/testkit';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createEngine } from '../src/runtime/index.ts';
import { tinyModel } from './tiny-model.ts';

describe('createEngine, for users of the library', () => {
  test.each([
    [undefined, 'optimized', 'Using OptimizedGemmaInterface with streaming and process reuse'],
    ['legacy', 'legacy', 'Using standard GemmaInterface'],
  ] as const)('%s gives the %s engine, which answers, and logs the documented line', (implementation, active, line) =>
    withTemporaryFolder(async (folder) => {
      const path = join(folder, 'tiny.gguf');
      await writeFile(path, tinyModel());
      const log: string[] = [];
      const worker = scriptedWorker({ answer: { text: 'Hello.' } });
      const { engine, resolution } = await createEngine({
        implementation,
        worker,
        log: (message) => log.push(message),
      });
      try {
        let text = '';
        const prompt = { type: 'chat', messages: [{ role: 'user', content: 'Hi' }] } as const;
        for await (const event of engine.generate({ model: { path }, prompt }))
          if (event.type === 'text-delta') text += event.text;
        expect(text).toBe('Hello.');
        expect(engine.implementation).toBe(active);
        expect(resolution).toEqual({ contract: 'engine', requested: active, active });
        expect(log[0]).toBe(line);
      } finally {
        await engine.close();
      }
    }),
  );

  test('refuses a damaged file before any process sees it', () =>
    withTemporaryFolder(async (folder) => {
      const path = join(folder, 'damaged.gguf');
      await writeFile(path, 'GGUF');
      const journal = join(folder, 'journal.jsonl');
      const { engine } = await createEngine({ worker: scriptedWorker({ journal }) });
      await expect(engine.describe({ path })).rejects.toMatchObject({ code: 'MODEL_INVALID' });
      expect(readJournal(journal)).toEqual([]);
      await engine.close();
    }));

  test('falls back with the reason when the optimized one says that it cannot work here', async () => {
    const { engineSources } = await import('../src/runtime/engine-sources.ts');
    const handshake = {
      contract: 'engine',
      contractVersion: 1,
      implementation: 'optimized',
      package: 'x',
      version: '1',
    };
    const create = () => Promise.reject(new UnsupportedError({ message: 'No IPC on this machine' }));
    const sources = {
      ...engineSources,
      optimized: { ...engineSources.optimized, load: () => Promise.resolve({ handshake, create }) },
    };
    const { engine, resolution } = await createEngine({ sources });
    await engine.close();
    expect(resolution).toMatchObject({ requested: 'optimized', active: 'legacy', reason: 'No IPC on this machine' });
  });
});
