import { describe, expect, it } from 'vitest';
import { inChild } from './memory-processes.ts';
import { addAll, documentOf, memoryPromise, textsFound, trialStart, tryMemory } from './memory-trial.ts';
import type { MemorySubject, MemoryTrial } from './memory-trial.ts';

/** Declares how several stores, in one process or in many, share a record. */
export function declareSharingPromises(subject: MemorySubject): void {
  const { create, other, module } = subject;

  describe('two stores on one folder', () => {
    memoryPromise(subject, 'each sees with its next operation what the other one wrote', async ({ store, open }) => {
      const second = await open();
      const row = await store.add({ text: 'the first says harbour' });
      expect(await second.get(row.id)).toEqual(row);
      expect(await textsFound(second, 'harbour')).toEqual(['the first says harbour']);
      await second.update(row.id, { text: 'the second says lighthouse' });
      expect(await textsFound(store, 'harbour')).toEqual([]);
      expect(await textsFound(store, 'lighthouse')).toEqual(['the second says lighthouse']);
      await store.putDocument(documentOf('file:///a', ['a lighthouse in a book']));
      expect(await textsFound(second, { query: 'lighthouse', filter: { kind: 'document' } })).toEqual([
        'a lighthouse in a book',
      ]);
      await second.forget({ ids: [row.id] });
      expect(await textsFound(store, 'lighthouse')).toEqual(['a lighthouse in a book']);
      expect((await store.search({ query: 'lighthouse' })).hits).toEqual(
        (await second.search({ query: 'lighthouse' })).hits,
      );
    });

    memoryPromise(subject, 'loses no write of either, and orders all by id', async ({ store, open }) => {
      const second = await open();
      const rows = await Promise.all(
        Array.from({ length: 40 }, (_, index) =>
          (index % 2 === 0 ? store : second).add({ text: `row ${index}`, tier: 'semantic' }),
        ),
      );
      const ids = rows.map(({ id }) => id).toSorted();
      expect(new Set(ids).size).toBe(40);
      expect((await store.list()).rows.map(({ id }) => id)).toEqual(ids);
      expect(await second.list()).toEqual(await store.list());
      expect((await second.changes({ afterSeq: 0 })).length).toBe(40);
    });

    memoryPromise(subject, 'one may close while the other one goes on', async ({ store, open }) => {
      const second = await open();
      await store.add({ text: 'kept', tier: 'semantic' });
      await store.close();
      await second.add({ text: 'kept as well', tier: 'semantic' });
      expect((await textsFound(second, 'kept')).length).toBe(2);
    });
  });

  describe('two processes on one folder', () => {
    memoryPromise(subject, 'lose no write, surface no lock, and see each other', async ({ store, folder }) => {
      const texts = (name: string) => Array.from({ length: 30 }, (_, index) => `shared words of ${name}, ${index}`);
      const [one, two] = await Promise.all(
        ['one', 'two'].map((name) => inChild({ module: module.href, options: { folder }, texts: texts(name) })),
      );
      const own = await store.addMany(texts('here').map((text) => ({ text, tier: 'semantic' as const })));
      const ids = [...(one?.ids ?? []), ...(two?.ids ?? []), ...own.map(({ id }) => id)];
      expect(new Set(ids).size).toBe(90);
      const { hits } = await store.search({ query: 'shared', limit: 1_000 });
      expect(hits.map(({ row }) => row.id).toSorted()).toEqual(ids.toSorted());
      // Each finds at least what it wrote itself, and never less than before.
      for (const { found } of [one, two].flatMap((report) => report ?? []))
        for (const [index, count] of found.entries())
          expect(count).toBeGreaterThanOrEqual(Math.max(index + 1, found[index - 1] ?? 0));
    });
  });

  describe('the other implementation on one folder', () => {
    /** A promise that needs the other implementation; where it is not there, it says why. */
    const promise = (
      title: string,
      body: (trial: MemoryTrial, factory: Exclude<typeof other, string>) => Promise<void>,
    ): void => {
      it(title, async (context) => {
        if (typeof other === 'string') {
          context.skip(other);
          return;
        }
        await tryMemory(create, {}, (trial) => body(trial, other));
      });
    };

    promise(
      'finds the same rows in the same order with the same scores after a reopen',
      async ({ store, open, clock }, factory) => {
        await addAll(store, [
          { text: 'the lighthouse keeper', tier: 'semantic', importance: 0.9 },
          { text: 'keeperOfTheSeal.open()', tier: 'semantic', tags: ['code'] },
          { text: 'gone soon', tier: 'working' },
        ]);
        await store.putDocument(documentOf('file:///a', ['keep the seal', 'light the house', 'the the the']));
        clock.now += 60_000;
        const questions = ['keeper of the seal', 'the', 'light house', 'gone'];
        const answers = async (memory: typeof store) => {
          const found = [];
          for (const query of questions)
            for (const { row, score, parts } of (await memory.search({ query, explain: true })).hits)
              found.push({ id: row.id, score, parts });
          return found;
        };
        const before = await answers(store);
        const rows = await store.list();
        await store.close();
        const reopened = await open({}, factory);
        expect(reopened.implementation).not.toBe(store.implementation);
        expect(rounded(await answers(reopened))).toEqual(rounded(before));
        const again = await reopened.list();
        expect(again.rows.map(({ id, text }) => [id, text])).toEqual(rows.rows.map(({ id, text }) => [id, text]));
        await reopened.add({ text: 'written by the other one', tier: 'semantic' });
        await reopened.close();
        const back = await open();
        expect(await textsFound(back, 'written')).toEqual(['written by the other one']);
      },
    );

    promise('works beside it at the same time', async ({ store, open }, factory) => {
      const second = await open({}, factory);
      const { id } = await store.add({ text: 'first lamp', tier: 'semantic' });
      await second.add({ text: 'second lamp', tier: 'semantic' });
      const [one, two] = [await store.search({ query: 'lamp' }), await second.search({ query: 'lamp' })];
      expect(one.hits).toEqual(two.hits);
      expect(one.hits.length).toBe(2);
      await second.forget({ ids: [id] });
      expect(await textsFound(store, 'lamp')).toEqual(['second lamp']);
      expect((await store.stats()).rows).toEqual((await second.stats()).rows);
      expect(trialStart).toBe((await store.list()).rows[0]?.createdAt);
    });
  });
}

/** Numbers to nine digits: what two implementations may differ by is less. */
function rounded(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, part: unknown) => (typeof part === 'number' ? Number(part.toFixed(9)) : part)),
  );
}
