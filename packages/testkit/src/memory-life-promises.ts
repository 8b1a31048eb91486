import { describe, expect } from 'vitest';
import type { ExportLine, MemoryChange, MemoryStats, MemoryStore } from '@gemma-cli/contracts';
import {
  addAll,
  dayMs,
  documentOf,
  hourMs,
  memoryPromise,
  putOne,
  textsFound,
  trialStart,
  without,
} from './memory-trial.ts';
import type { MemorySubject } from './memory-trial.ts';
import { createToyEmbedder } from './toy-embedder.ts';

/** Declares how a memory lives: pages, changes, listeners, figures, exports, the end. */
export function declareLifePromises(subject: MemorySubject): void {
  describe('pages', () => {
    memoryPromise(subject, 'lists every row once, by id, in pages of the size asked for', async ({ store }) => {
      const rows = await store.addMany(
        Array.from({ length: 25 }, (_, index) => ({ text: `row ${index}`, tier: 'semantic' as const })),
      );
      const sizes: number[] = [];
      const listed: string[] = [];
      for (let cursor: string | null | undefined; cursor !== null;) {
        const page = await store.list({ limit: 10, cursor });
        sizes.push(page.rows.length);
        listed.push(...page.rows.map(({ id }) => id));
        cursor = page.next;
      }
      expect(sizes).toEqual([10, 10, 5]);
      expect(listed).toEqual(rows.map(({ id }) => id));
      expect((await store.list({ limit: 25 })).next).toBeNull();
    });

    memoryPromise(subject, 'what is added meanwhile comes at the end, and what goes is left out', async ({ store }) => {
      const [, , third, fourth] = await addAll(store, [
        { text: 'one' },
        { text: 'two' },
        { text: 'three' },
        { text: 'four' },
      ]);
      const first = await store.list({ limit: 2 });
      await store.add({ text: 'five' });
      await store.forget({ ids: [third.id] });
      await store.update(fourth.id, { text: 'four again' });
      const second = await store.list({ limit: 2, cursor: first.next ?? undefined });
      expect(second.rows.map(({ text }) => text)).toEqual(['four again', 'five']);
      expect(second.next).toBeNull();
    });

    memoryPromise(subject, 'a cursor goes on when its row is gone, and under a filter', async ({ store }) => {
      await addAll(
        store,
        ['one', 'two', 'three', 'four', 'five'].map((text) => ({ text, tags: text.includes('o') ? ['o'] : [] })),
      );
      const filter = { tags: ['o'] };
      const first = await store.list({ limit: 1, filter });
      await store.forget({ ids: first.rows.map(({ id }) => id) });
      const second = await store.list({ limit: 5, filter, cursor: first.next ?? undefined });
      expect(second.rows.map(({ text }) => text)).toEqual(['two', 'four']);
    });

    memoryPromise(subject, 'an empty memory has one empty page', async ({ store }) => {
      expect(await store.list()).toEqual({ rows: [], next: null });
    });
  });

  describe('changes', () => {
    memoryPromise(subject, 'tells every change once, in order, with its reason', async ({ store, clock }) => {
      const { id } = await store.add({ text: 'first', tier: 'semantic' });
      clock.now += 1;
      await store.update(id, { text: 'second' });
      clock.now += 1;
      const chunk = await putOne(store, 'file:///a', 'chunk');
      await store.forget({ ids: [id] });
      await store.removeDocuments(['file:///a']);
      const changes = await store.changes({ afterSeq: 0 });
      expect(changes.map((change) => without(change, 'seq'))).toEqual([
        { type: 'added', id, at: trialStart, reason: null },
        { type: 'updated', id, at: trialStart + 1, reason: null },
        { type: 'added', id: chunk.id, at: trialStart + 2, reason: null },
        { type: 'removed', id, at: trialStart + 2, reason: 'forgotten' },
        { type: 'removed', id: chunk.id, at: trialStart + 2, reason: 'replaced' },
      ]);
      const seqs = changes.map(({ seq }) => seq);
      expect(seqs).toEqual([...new Set(seqs)].toSorted((one, other) => one - other));
      expect(seqs.at(-1)).toBe((await store.stats()).seq);
    });

    memoryPromise(subject, 'tells them in pages after any position', async ({ store }) => {
      await store.addMany(Array.from({ length: 7 }, (_, index) => ({ text: `row ${index}` })));
      const all = await store.changes({ afterSeq: 0 });
      const paged: MemoryChange[] = [];
      for (let afterSeq = 0; ;) {
        const page = await store.changes({ afterSeq, limit: 3 });
        const last = page.at(-1);
        if (last === undefined) break;
        paged.push(...page);
        afterSeq = last.seq;
      }
      expect(paged).toEqual(all);
      expect(all.length).toBe(7);
    });

    memoryPromise(subject, 'a row carries the position of its last change', async ({ store }) => {
      const row = await store.add({ text: 'one' });
      const updated = await store.update(row.id, { importance: 1 });
      expect((await store.changes({ afterSeq: 0 })).map(({ seq }) => seq)).toEqual([row.seq, updated?.seq]);
    });

    memoryPromise(subject, 'what was refused leaves no change', async ({ store }) => {
      await store.add({ text: 'sound' });
      const before = await store.changes({ afterSeq: 0 });
      await expect(store.addMany([{ text: 'sound' }, { text: ' ' }])).rejects.toMatchObject({
        code: 'REQUEST_INVALID',
      });
      await store.forget({ ids: [] });
      expect(await store.changes({ afterSeq: 0 })).toEqual(before);
    });
  });

  describe('listeners', () => {
    memoryPromise(subject, 'hear of the own changes when the write is done, until they leave', async ({ store }) => {
      const heard: MemoryChange[] = [];
      const leave = store.subscribe((change) => {
        heard.push(change);
      });
      const { id } = await store.add({ text: 'one' });
      expect(heard).toMatchObject([{ type: 'added', id }]);
      await store.update(id, { importance: 1 });
      expect(heard).toMatchObject([{ type: 'added' }, { type: 'updated' }]);
      expect(heard).toEqual(await store.changes({ afterSeq: 0 }));
      leave();
      leave();
      await store.forget({ ids: [id] });
      expect(heard.length).toBe(2);
    });

    memoryPromise(subject, 'hear of each change of a write, in their order', async ({ store, open }) => {
      const heard: MemoryChange[] = [];
      store.subscribe((change) => {
        heard.push(change);
      });
      await store.addMany([{ text: 'one' }, { text: 'two' }, { text: 'three' }]);
      expect(heard.length).toBe(3);
      const other = await open();
      await other.putDocument(documentOf('file:///a', ['four', 'five']));
      await other.putDocument(documentOf('file:///a', ['six']));
      await store.list();
      expect(heard.length).toBeGreaterThan(5);
      expect(heard).toEqual(await store.changes({ afterSeq: 0 }));
    });

    memoryPromise(subject, 'hear nothing of what was before', async ({ store }) => {
      await store.add({ text: 'before' });
      const heard: MemoryChange[] = [];
      store.subscribe((change) => {
        heard.push(change);
      });
      await store.search({ query: 'before' });
      expect(heard).toEqual([]);
    });

    memoryPromise(subject, 'hear of the changes of others with the next operation', async ({ store, open }) => {
      const other = await open();
      const heard: string[] = [];
      store.subscribe(({ type, id }) => {
        heard.push(`${type} ${id}`);
      });
      const { id } = await other.add({ text: 'from elsewhere' });
      await store.get(id);
      expect(heard).toEqual([`added ${id}`]);
    });

    memoryPromise(subject, 'may use the memory, and one that throws harms nobody', async ({ store, log }) => {
      const heard: string[] = [];
      const answers: Promise<unknown>[] = [];
      store.subscribe(() => {
        throw new Error('a bad listener');
      });
      store.subscribe(({ id }) => {
        heard.push(id);
        answers.push(store.get(id));
        if (heard.length === 1) answers.push(store.add({ text: 'an echo' }));
      });
      const { id } = await store.add({ text: 'one' });
      // The echo is heard too, by the time that its own answer comes.
      for (let settled = 0; settled < answers.length; settled++) await answers[settled];
      expect(heard.length).toBe(2);
      expect(answers.length).toBe(3);
      expect(heard[0]).toBe(id);
      expect(log.some((line) => line.includes('a bad listener'))).toBe(true);
    });
  });

  describe('figures', () => {
    memoryPromise(subject, 'stats has one shape, and counts what is there', async ({ store }) => {
      await addAll(store, [
        { text: 'red fish', tier: 'semantic' },
        { text: 'blue fish', tier: 'working' },
      ]);
      await store.putDocument(documentOf('file:///a', ['one fish', 'two birds']));
      const stats = await store.stats();
      expect(stats).toEqual({
        implementation: subject.implementation,
        backend: 'embedded',
        namespace: 'default',
        rows: {
          total: 4,
          byKind: { document: 2, memory: 2 },
          byTier: { working: 1, short_term: 0, long_term: 0, episodic: 0, semantic: 1 },
        },
        documents: 1,
        tiers: stats.tiers,
        expired: 0,
        removed: { forgotten: 0, expired: 0, evicted: 0, replaced: 0, consolidated: 0 },
        index: {
          terms: 6,
          postings: 8,
          segments: expect.any(Number),
          vectors: 0,
          memoryBytes: stats.index.memoryBytes,
        },
        disk: { recordBytes: expect.any(Number), indexBytes: expect.any(Number) },
        cache: { entries: 0, hits: 0, misses: 0, savedMs: 0 },
        consolidation: { runs: 0, promoted: 0, lastAt: null },
        durability: 'durable',
        pendingWrites: 0,
        unsyncedWrites: 0,
        seq: 4,
      } satisfies Record<keyof MemoryStats, unknown>);
      expect(stats.disk.recordBytes).toBeGreaterThan(0);
      expect(store).toMatchObject({
        implementation: subject.implementation,
        backend: 'embedded',
        namespace: 'default',
      });
    });
  });

  describe('durability', () => {
    memoryPromise(
      subject,
      'relaxed: stats tells which writes the disk may not have, until they are flushed',
      async ({ store }) => {
        await addAll(store, [{ text: 'red fish' }]);
        await store.putDocument(documentOf('file:///a', ['one fish']));
        expect(await store.stats()).toMatchObject({ durability: 'relaxed', pendingWrites: 0, unsyncedWrites: 2 });
        await store.flush();
        expect(await store.stats()).toMatchObject({ durability: 'relaxed', unsyncedWrites: 0 });
      },
      { durability: 'relaxed' },
    );

    memoryPromise(
      subject,
      'relaxed: a flush brings writes to the disk, also where no vectors can be made of them',
      async ({ open }) => {
        const embedder = createToyEmbedder();
        embedder.fail(new Error('the model is on fire'));
        const store = await open({ embedder });
        await store.add({ text: 'red fish' });
        await expect(store.flush()).rejects.toThrow('the model is on fire');
        expect((await store.stats()).unsyncedWrites).toBe(0);
      },
      { durability: 'relaxed' },
    );
  });

  describe('export and import', () => {
    memoryPromise(
      subject,
      'carries everything but what has expired into another memory, ids included',
      async ({ store, clock, open, folder }) => {
        const [used] = await addAll(store, [
          { text: 'used', tier: 'semantic', tags: ['x'], session: 's', writer: 'user', importance: 0.9 },
          { text: 'goes soon', tier: 'working' },
          { text: 'lives', tier: 'long_term', title: 'Life' },
        ]);
        await store.putDocument(documentOf('file:///a', ['one', 'two']));
        store.touch([used.id]);
        clock.now += hourMs;
        const lines = await linesOf(store);
        expect(lines[0]).toEqual({ type: 'head', format: 'gemma-memory', version: 1, namespace: 'default' });
        expect(lines.map(({ type }) => type)).toEqual(['head', 'document', 'row', 'row', 'row', 'row']);

        const other = await open({ folder: `${folder}-2`, namespace: 'other' });
        const wire = lines.map((line) => JSON.parse(JSON.stringify(line)) as ExportLine);
        expect(await other.import(wire)).toEqual({ added: 4, skipped: 0 });
        const plain = (rows: readonly { readonly seq: number }[]) => rows.map((row) => without(row, 'seq'));
        expect(plain((await other.list()).rows)).toEqual(plain((await store.list()).rows));
        expect(await other.documents()).toEqual(await store.documents());
        expect(await textsFound(other, 'used one')).toHaveLength(2);
        expect(await other.get(used.id)).toMatchObject({ accessCount: 1 });
      },
    );

    memoryPromise(subject, 'leaves what is there as it is', async ({ store }) => {
      const { id } = await store.add({ text: 'old', tier: 'semantic' });
      const lines = await linesOf(store);
      await store.update(id, { text: 'new' });
      await store.add({ text: 'another', tier: 'semantic' });
      expect(await store.import(lines)).toEqual({ added: 0, skipped: 1 });
      expect(await store.get(id)).toMatchObject({ text: 'new' });
      await store.forget({ ids: [id] });
      expect(await store.import(lines)).toEqual({ added: 1, skipped: 0 });
      expect(await store.get(id)).toMatchObject({ text: 'old' });
    });

    memoryPromise(
      subject,
      'orders rows that were imported by their ids, wherever they came in',
      async ({ store, open, clock }) => {
        const other = await open({ namespace: 'older' });
        const [one, two] = await addAll(other, [
          { text: 'same lamp', tier: 'semantic' },
          { text: 'same lamp', tier: 'semantic' },
        ]);
        clock.now += dayMs;
        const young = await store.add({ text: 'same lamp', tier: 'semantic' });
        await store.import((await linesOf(other)).toReversed().toSorted(({ type }) => (type === 'head' ? -1 : 0)));
        const ids = [one.id, two.id, young.id];
        expect((await store.list()).rows.map(({ id }) => id)).toEqual(ids);
        const newest = await store.add({ text: 'same lamp', tier: 'semantic' });
        expect((await store.search({ query: 'lamp' })).hits.map(({ row }) => row.id)).toEqual([...ids, newest.id]);
      },
    );

    memoryPromise(subject, 'takes lines as they come, and refuses what is no export', async ({ store, open }) => {
      const other = await open({ namespace: 'other' });
      await store.addMany(
        Array.from({ length: 1_200 }, (_, index) => ({ text: `row ${index}`, tier: 'semantic' as const })),
      );
      expect(await other.import(store.export())).toEqual({ added: 1_200, skipped: 0 });
      const head: ExportLine = { type: 'head', format: 'gemma-memory', version: 1, namespace: 'default' };
      const [row] = (await store.list({ limit: 1 })).rows;
      const refused: readonly (readonly [string, readonly unknown[]])[] = [
        ['REQUEST_INVALID', []],
        ['REQUEST_INVALID', [{ type: 'row', row }]],
        ['REQUEST_INVALID', [head, head]],
        ['REQUEST_INVALID', [head, { type: 'sheep' }]],
        ['REQUEST_INVALID', [head, { type: 'row' }]],
        ['REQUEST_INVALID', [head, { type: 'row', row: { ...row, id: 'nonsense' } }]],
        [
          'REQUEST_INVALID',
          [head, { type: 'row', row: { ...row, id: '01900000-0000-7000-8000-000000000000', importance: 9 } }],
        ],
        ['MEMORY_FORMAT', [{ ...head, version: 2 }]],
      ];
      const { seq } = await store.stats();
      for (const [code, lines] of refused)
        await expect(store.import(lines as readonly ExportLine[]), JSON.stringify(lines)).rejects.toMatchObject({
          code,
        });
      expect((await store.stats()).seq).toBe(seq);
    });
  });

  describe('the end', () => {
    memoryPromise(subject, 'closes twice, and refuses every operation afterwards', async ({ store }) => {
      const { id } = await store.add({ text: 'x' });
      const before = store.export()[Symbol.asyncIterator]();
      await before.next();
      await Promise.all([store.close(), store.close()]);
      await store.close();
      await store[Symbol.asyncDispose]();
      const late: readonly (() => unknown)[] = [
        () => store.add({ text: 'x' }),
        () => store.addMany([]),
        () => store.putDocument(documentOf('file:///a', ['x'])),
        () => store.removeDocuments([]),
        () => store.documents(),
        () => store.get(id),
        () => store.search({ query: 'x' }),
        () => store.recall({ query: 'x' }),
        async () => store.touch([id]),
        () => store.update(id, {}),
        () => store.forget({ ids: [id] }),
        () => store.list(),
        () => store.stats(),
        () => store.changes({ afterSeq: 0 }),
        async () => store.subscribe(() => undefined),
        () => store.consolidate(),
        () => store.verify(),
        () => before.next(),
        () => store.export()[Symbol.asyncIterator]().next(),
        () => store.import([]),
        () => store.flush(),
      ];
      for (const operation of late)
        await expect(operation(), String(operation)).rejects.toMatchObject({ code: 'MEMORY_CLOSED' });
    });

    memoryPromise(
      subject,
      'close waits for what runs: a write that was begun is there afterwards',
      async ({ store, open }) => {
        const writes = Array.from({ length: 20 }, (_, index) => store.add({ text: `row ${index}`, tier: 'semantic' }));
        await store.close();
        const rows = await Promise.all(writes);
        expect((await (await open()).list()).rows).toEqual(rows);
      },
    );

    memoryPromise(
      subject,
      'finds the same after it was opened again, with the same scores',
      async ({ store, open }) => {
        await addAll(store, [
          { text: 'the lighthouse keeper', tier: 'semantic' },
          { text: 'the keeper of the seal', tier: 'semantic' },
          { text: 'a seal on the rocks', tier: 'episodic', tags: ['sea'] },
        ]);
        await store.putDocument(documentOf('file:///a', ['keep the seal', 'light the house']));
        const question = { query: 'keeper of the seal', limit: 20 };
        const [before, rows, { rows: counts, seq }] = [
          await store.search(question),
          await store.list(),
          await store.stats(),
        ];
        await store.close();
        const reopened = await open();
        expect((await reopened.search(question)).hits).toEqual(before.hits);
        expect(await reopened.list()).toEqual(rows);
        expect(await reopened.stats()).toMatchObject({ rows: counts, seq });
      },
    );

    memoryPromise(subject, 'a sound memory verifies without a word', async ({ store }) => {
      await store.add({ text: 'sound' });
      await store.putDocument(documentOf('file:///a', ['sound as well']));
      await store.search({ query: 'sound' });
      expect(await store.verify()).toEqual([]);
    });
  });
}

async function linesOf(store: MemoryStore): Promise<readonly ExportLine[]> {
  const lines: ExportLine[] = [];
  for await (const line of store.export()) lines.push(line);
  return lines;
}
