import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MemoryStore } from '@gemma-cli/contracts';
import { create as createLegacy } from '@gemma-cli/rag';
import { withTemporaryFolder } from '@gemma-cli/testkit';
import { describe, expect, test } from 'vitest';
import { create } from '../src/index.ts';

const secrets = ['qwertzuiopolis', 'xylophonium', 'zanzibarium'];

/** A memory whose index is on disk, with words in it that nothing else has, and a way to look for them there. */
function tryFolder(
  body: (trial: {
    open(): Promise<MemoryStore>;
    openLegacy(): Promise<MemoryStore>;
    /** Secrets that a file of the memory has. */
    found(): Promise<readonly string[]>;
  }) => Promise<void>,
): Promise<void> {
  return withTemporaryFolder(async (root) => {
    const folder = join(root, 'memory');
    const memory = await create({ folder });
    await memory.addMany([
      ...Array.from({ length: 300 }, (_, index) => ({
        text: `note ${index} of thing${index % 50}`,
        tier: 'semantic' as const,
      })),
      ...secrets.map((word) => ({ text: `it is ${word}`, tier: 'working' as const, session: 's', tags: ['secret'] })),
    ]);
    await memory.search({ query: 'note' });
    await memory.close();
    await body({
      open: () => create({ folder }),
      openLegacy: () => createLegacy({ folder }),
      async found() {
        const files = await readdir(folder, { recursive: true, withFileTypes: true });
        const bytes = await Promise.all(
          files
            .filter((file) => file.isFile())
            // SQLite takes its own away when it likes.
            .map((file) => readFile(join(file.parentPath, file.name)).catch(() => Buffer.alloc(0))),
        );
        return secrets.filter((word) => bytes.some((one) => one.includes(word.slice(0, -2))));
      },
    });
  });
}

async function thingsFound(memory: MemoryStore): Promise<number> {
  return (await memory.search({ query: 'thing7', limit: 100 })).hits.length;
}

describe('words of rows that were forgotten', () => {
  test('leave the index with them, when the store closes', () =>
    tryFolder(async ({ open, found }) => {
      expect(await found()).toEqual(secrets);
      const memory = await open();
      expect(await memory.forget({ filter: { tags: ['secret'] } })).toBe(3);
      await memory.close();
      expect(await found()).toEqual([]);
      const again = await open();
      expect(await thingsFound(again)).toBe(6);
      expect(await again.verify()).toEqual([]);
      await again.close();
    }));

  test('leave it too where a former state of the row is what the index has on disk', () =>
    tryFolder(async ({ open, found }) => {
      const memory = await open();
      const { rows } = await memory.list({ filter: { tags: ['secret'] } });
      for (const { id } of rows) await memory.update(id, { tier: 'episodic' });
      await memory.search({ query: 'note' });
      await memory.close();
      const later = await open();
      await later.forget({ ids: rows.map(({ id }) => id) });
      await later.close();
      expect(await found()).toEqual([]);
    }));

  test('leave it when a process opens it next that may, whoever forgot them', () =>
    tryFolder(async ({ open, openLegacy, found }) => {
      const legacy = await openLegacy();
      await legacy.forget({ filter: { tags: ['secret'] } });
      await legacy.close();
      expect(await found()).toEqual(secrets);
      const memory = await open();
      expect(await thingsFound(memory)).toBe(6);
      await memory.close();
      expect(await found()).toEqual([]);
    }));

  test('leave it in an idle process', () =>
    tryFolder(async ({ open, found }) => {
      const memory = await open();
      await memory.forget({ filter: { tags: ['secret'] } });
      // The log of the record has its copy until it is brought into the file.
      await expect.poll(found, { timeout: 20_000, interval: 100 }).toEqual([]);
      await memory.close();
    }));

  test('an index of nothing else is gone', () =>
    tryFolder(async ({ open, found }) => {
      const memory = await open();
      await memory.forget({ filter: { kind: 'memory' } });
      await memory.close();
      expect(await found()).toEqual([]);
      const again = await open();
      expect(await thingsFound(again)).toBe(0);
      await again.add({ text: 'thing7 comes back' });
      expect(await thingsFound(again)).toBe(1);
      await again.close();
    }));
});
