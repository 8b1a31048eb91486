import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { itUnless, missingUnix } from '@gemma-cli/testkit';
import { describe, expect, test } from 'vitest';
import type { MemoryStore, NewDocument } from '@gemma-cli/contracts';
import { ingestDocuments, readSource, watchIntoMemory, type WatchOperationEvent } from '../src/memory/index.ts';
import { tryMemory } from './memory-trial.ts';

async function write(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
}

/** A memory whose writes of documents are `put` instead. */
function withPut(
  memory: MemoryStore,
  put: (document: NewDocument, write: MemoryStore['putDocument']) => ReturnType<MemoryStore['putDocument']>,
): MemoryStore {
  const putDocument = (document: NewDocument) => put(document, (one) => memory.putDocument(one));
  return Object.create(memory, { putDocument: { value: putDocument } }) as MemoryStore;
}

const numbered = (count: number): Readonly<Record<string, string>> =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`${n}.txt`, `Text number ${n}.`]));

describe('ingestDocuments', () => {
  test('tells a document as stored when it is, and never has more than 16 writes waiting', () =>
    tryMemory(async ({ folder, memory }) => {
      await write(folder, numbered(40));
      const durable = new Set<string>();
      let waiting = 0;
      let waitingMost = 0;
      let goOn = (): void => {};
      const another = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      const slow = withPut(memory, async (document, put) => {
        waitingMost = Math.max(waitingMost, ++waiting);
        // The first write ends when a second one waits beside it.
        if (waiting > 1) goOn();
        await another;
        await new Promise((resolve) => setTimeout(resolve, 1));
        const rows = await put(document);
        waiting--;
        durable.add(document.uri);
        return rows;
      });
      let stored = 0;
      for await (const event of ingestDocuments(slow, ['.'], { cwd: folder })) {
        if (event.type === 'stored') {
          stored++;
          expect(durable.has(event.uri)).toBe(true);
        }
        if (event.type === 'ingest-end') expect(event).toMatchObject({ result: { documents: 40 } });
      }
      expect(stored).toBe(40);
      expect(waitingMost).toBeGreaterThan(1);
      expect(waitingMost).toBeLessThanOrEqual(16);
    }));

  test('a write that fails ends it with its error, and nothing is written after that', () =>
    tryMemory(async ({ folder, memory }) => {
      await write(folder, numbered(40));
      let ended = false;
      const failing = withPut(memory, async (document, put) => {
        await new Promise((resolve) => setTimeout(resolve, 1));
        expect(ended).toBe(false);
        if (document.uri.endsWith('/12.txt')) throw new Error('The disk is full.');
        return put(document);
      });
      const run = async (): Promise<void> => {
        for await (const event of ingestDocuments(failing, ['.'], { cwd: folder }))
          expect(event.type).not.toBe('ingest-end');
      };
      await expect(run()).rejects.toThrow('The disk is full.');
      ended = true;
      const before = (await memory.documents()).length;
      expect(before).toBeLessThan(40);
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(await memory.documents()).toHaveLength(before);
    }));

  test('leaves nothing to be taken over by the first question', () =>
    tryMemory(async ({ folder, memory }) => {
      await write(folder, numbered(5));
      const asked: string[] = [];
      const counting = Object.create(memory, {
        search: {
          value: (...request: Parameters<MemoryStore['search']>) => {
            asked.push('search');
            return memory.search(...request);
          },
        },
      }) as MemoryStore;
      for await (const event of ingestDocuments(counting, ['.'], { cwd: folder }))
        if (event.type === 'stored') asked.push('stored');
      expect(asked).toEqual([...Array.from({ length: 5 }, () => 'stored'), 'search']);
    }));
});

describe('watchIntoMemory', () => {
  test('ingests, then keeps in step; tells what is skipped once; forgets what went in between', () =>
    tryMemory(async ({ folder, memory }) => {
      await write(folder, { 'a.txt': 'one', 'b.txt': 'two', 'bad.json': '{' });
      const stop = new AbortController();
      const told: string[] = [];
      const line = (event: WatchOperationEvent): string => {
        if (event.type === 'stored') return `stored ${event.uri.split('/').at(-1)} ${event.replaced}`;
        if (event.type === 'removed') return `removed ${event.uris.map((uri) => uri.split('/').at(-1)).join()}`;
        return event.type === 'skipped' ? `skipped ${event.path}` : event.type;
      };
      const steps: Readonly<Record<string, () => Promise<void>>> = {
        'ingest-end': () => rm(join(folder, 'b.txt')),
        'removed b.txt': async () => {
          await writeFile(join(folder, '.new'), 'three');
          await rename(join(folder, '.new'), join(folder, 'a.txt'));
        },
        'stored a.txt true': () => Promise.resolve(stop.abort()),
      };
      const watching = { cwd: folder, signal: stop.signal, settleMs: 10 };
      for await (const event of watchIntoMemory(memory, ['.'], watching)) {
        if (event.type === 'progress') continue;
        told.push(line(event));
        await steps[told.at(-1) ?? '']?.();
      }
      expect(told.toSorted()).toEqual(
        [
          'stored a.txt false',
          'stored b.txt false',
          'skipped bad.json',
          'ingest-end',
          'ready',
          'removed b.txt',
          'stored a.txt true',
        ].toSorted(),
      );
      expect((await memory.search({ query: 'three' })).hits).toHaveLength(1);
      expect((await memory.documents()).map(({ uri }) => uri.split('/').at(-1))).toEqual(['a.txt']);
    }));
});

describe('readSource', () => {
  test('looks at the bytes that it hashed, whatever becomes of the file', () =>
    tryMemory(async ({ folder }) => {
      await write(folder, { 'page.html': '<p>Green <b>tea</b> is hot.</p>' });
      const state = await readSource(pathToFileURL(join(folder, 'page.html')).href);
      if (typeof state === 'string') throw new Error(state);
      await write(folder, { 'page.html': '<p>Something else.</p>' });
      expect(await state.contains('Green <b>tea')).toBe(true);
      expect(await state.contains('Something else')).toBe(false);
    }));

  itUnless(missingUnix, 'a link in the place of a file is not followed; what is no file here is unknown', () =>
    tryMemory(async ({ folder }) => {
      await mkdir(join(folder, 'd'));
      await write(folder, { 'a.txt': 'x', 'd/a.txt': 'x' });
      const at = (name: string): Promise<unknown> => readSource(pathToFileURL(join(folder, name)).href);
      expect(await at('a.txt')).toMatchObject({ hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
      await rm(join(folder, 'a.txt'));
      await symlink(join(folder, 'd', 'a.txt'), join(folder, 'a.txt'));
      await rename(join(folder, 'd'), join(folder, 'e'));
      await symlink(join(folder, 'e'), join(folder, 'd'));
      expect([await at('a.txt'), await at('d/a.txt'), await at('nothing')]).toEqual(['gone', 'gone', 'gone']);
      expect([await readSource('https://example.org/'), await readSource('file://server/a')]).toEqual([
        'unknown',
        'unknown',
      ]);
    }),
  );
});
