import { describe, expect } from 'vitest';
import type { MemoryRow, NewDocument, NewMemory } from '@gemma-cli/contracts';
import {
  addAll,
  dayMs,
  documentOf,
  hourMs,
  memoryPromise,
  minuteMs,
  putOne,
  textsFound,
  trialStart,
  without,
} from './memory-trial.ts';
import type { MemorySubject } from './memory-trial.ts';

const uuidV7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/u;
const unknownId = '01900000-0000-7000-8000-000000000000';

/** Declares what becomes of rows: added, read, changed, forgotten. */
export function declareRowPromises(subject: MemorySubject): void {
  describe('memories', () => {
    memoryPromise(subject, 'fills in what a new memory does not say', async ({ store }) => {
      const row = await store.add({ text: 'The keeper sleeps at noon.' });
      expect(row).toEqual({
        id: expect.stringMatching(uuidV7),
        kind: 'memory',
        text: 'The keeper sleeps at noon.',
        title: null,
        tags: [],
        source: null,
        session: null,
        writer: null,
        createdAt: trialStart,
        updatedAt: trialStart,
        tier: 'short_term',
        importance: 0.5,
        accessedAt: trialStart,
        accessCount: 0,
        expiresAt: trialStart + hourMs,
        seq: row.seq,
      } satisfies Record<keyof MemoryRow, unknown>);
      expect(row.seq).toBeGreaterThan(0);
      expect(await store.get(row.id)).toEqual(row);
    });

    memoryPromise(subject, 'keeps what a new memory says, its provenance included', async ({ store, open }) => {
      const memory = {
        text: 'Wind from the west.',
        title: 'Log of the lighthouse',
        tags: ['weather', 'log', 'weather'],
        source: { uri: 'file:///logs/1893.txt', hash: 'b'.repeat(64), start: 12, end: 31 },
        session: 'evening',
        writer: 'user',
        tier: 'episodic',
        importance: 0.9,
        expiresAt: trialStart + 3 * dayMs,
      } as const satisfies NewMemory;
      const row = await store.add(memory);
      expect(row).toMatchObject({ ...memory, tags: ['log', 'weather'] });
      await store.close();
      expect(await (await open()).get(row.id)).toEqual(row);
    });

    memoryPromise(subject, 'gives back every text as it was given', async ({ store }) => {
      const texts = [
        '\0 a NUL \0',
        'to 😀👩‍🚀 and e\u0301',
        ' spaces \n\r\n\t around ',
        '\uFEFFmark',
        '漢字かな',
        'a'.repeat(100_000),
      ];
      const rows = await store.addMany(texts.map((text) => ({ text, title: text.slice(0, 3) })));
      expect(rows.map(({ text }) => text)).toEqual(texts);
      for (const { id, text } of rows) expect(await store.get(id)).toMatchObject({ text, title: text.slice(0, 3) });
    });

    memoryPromise(subject, 'writes half of a surrogate pair as U+FFFD, so that spans stay true', async ({ store }) => {
      expect(await store.add({ text: 'a\uD83Db', title: '\uDE00', tags: ['\uD83D'] })).toMatchObject({
        text: 'a\uFFFDb',
        title: '\uFFFD',
        tags: ['\uFFFD'],
      });
      expect((await store.list({ filter: { tags: ['\uD83D'] } })).rows.length).toBe(1);
    });

    memoryPromise(
      subject,
      'gives ids that grow, also within a millisecond and when the clock goes back',
      async ({ store, clock }) => {
        const first = await store.addMany(Array.from({ length: 50 }, (_, index) => ({ text: `note ${index}` })));
        clock.now -= dayMs;
        const later = [await store.add({ text: 'before' }), await store.add({ text: 'and after' })];
        const ids = [...first, ...later].map(({ id }) => id);
        expect(ids).toEqual(ids.toSorted());
        expect(new Set(ids).size).toBe(52);
      },
    );

    memoryPromise(subject, 'addMany adds all in the order given', async ({ store }) => {
      const texts = ['zebra', 'ant', 'mole'];
      const rows = await store.addMany(texts.map((text) => ({ text })));
      expect(rows.map(({ text }) => text)).toEqual(texts);
      expect((await store.list()).rows.map(({ text }) => text)).toEqual(texts);
      expect(await store.addMany([])).toEqual([]);
    });

    memoryPromise(subject, 'addMany adds nothing when one of them is refused', async ({ store }) => {
      await expect(store.addMany([{ text: 'sound' }, { text: 'unsound', importance: 2 }])).rejects.toMatchObject({
        code: 'REQUEST_INVALID',
      });
      expect((await store.list()).rows).toEqual([]);
      expect((await store.stats()).seq).toBe(0);
    });

    memoryPromise(subject, 'update changes what is given and leaves the rest', async ({ store, clock }) => {
      const row = await store.add({ text: 'The cat is black.', title: 'Pets', tags: ['cat'], importance: 0.2 });
      clock.now += minuteMs;
      const updated = await store.update(row.id, { text: 'The dog is white.', tags: ['dog', 'animal'] });
      expect(updated).toEqual({
        ...row,
        text: 'The dog is white.',
        tags: ['animal', 'dog'],
        updatedAt: clock.now,
        seq: updated?.seq,
      });
      expect(updated?.seq).toBeGreaterThan(row.seq);
      expect(await store.get(row.id)).toEqual(updated);
      const again = await store.update(row.id, { title: null, importance: 1, expiresAt: null });
      expect(again).toMatchObject({ text: 'The dog is white.', title: null, importance: 1, expiresAt: null });
    });

    memoryPromise(subject, 'finds a changed row by its new words and no longer by its old ones', async ({ store }) => {
      const { id } = await store.add({ text: 'The cat is black.', title: 'Pets' });
      await store.update(id, { text: 'The dog is white.' });
      expect(await textsFound(store, 'cat')).toEqual([]);
      expect(await textsFound(store, 'dog')).toEqual(['The dog is white.']);
      await store.update(id, { title: 'Animals' });
      expect(await textsFound(store, 'pets')).toEqual([]);
      expect(await textsFound(store, 'animals')).toEqual(['The dog is white.']);
    });

    memoryPromise(subject, 'get and update give null for an id that no row has', async ({ store }) => {
      await store.add({ text: 'somebody else' });
      for (const id of [unknownId, 'nonsense']) {
        expect(await store.get(id)).toBeNull();
        expect(await store.update(id, { importance: 1 })).toBeNull();
      }
    });

    memoryPromise(
      subject,
      'forget removes rows by id, by filter and by both, and tells how many',
      async ({ store }) => {
        const [one, two, three] = await addAll(store, [
          { text: 'one', tags: ['x'] },
          { text: 'two', tags: ['x', 'y'] },
          { text: 'three', tags: ['y'] },
          { text: 'four' },
        ]);
        expect(await store.forget({ ids: [one.id, unknownId] })).toBe(1);
        expect(await store.get(one.id)).toBeNull();
        expect(await store.forget({ ids: [one.id] })).toBe(0);
        expect(await store.forget({ ids: [three.id], filter: { tags: ['x'] } })).toBe(2);
        expect(await store.get(two.id)).toBeNull();
        expect((await store.list()).rows.map(({ text }) => text)).toEqual(['four']);
        expect(await textsFound(store, 'one two three four')).toEqual(['four']);
        expect((await store.stats()).removed.forgotten).toBe(3);
      },
    );

    memoryPromise(subject, 'forget refuses to mean every row', async ({ store }) => {
      await store.add({ text: 'stays' });
      for (const which of [
        {},
        { filter: {} },
        { filter: { kind: undefined } },
        { filter: { tags: [] } },
        { filter: { tag: 'x' } as object },
      ])
        await expect(store.forget(which)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
      expect((await store.list()).rows.length).toBe(1);
    });

    memoryPromise(subject, 'rows of one namespace never meet those of another', async ({ store, open }) => {
      const other = await open({ namespace: 'other' });
      const { id } = await store.add({ text: 'the secret of the house' });
      await other.add({ text: 'the secret of the garden' });
      expect(await textsFound(other, 'secret')).toEqual(['the secret of the garden']);
      expect(await textsFound(store, 'secret')).toEqual(['the secret of the house']);
      expect(await other.get(id)).toBeNull();
      expect(await other.forget({ ids: [id] })).toBe(0);
      expect([store.namespace, other.namespace]).toEqual(['default', 'other']);
      expect((await other.changes({ afterSeq: 0 })).length).toBe(1);
    });
  });

  describe('documents', () => {
    memoryPromise(
      subject,
      'keeps the chunks of a document with their source, without tier and expiry',
      async ({ store }) => {
        const document = documentOf('file:///docs/sea.md', ['The sea is salt.', 'The tide is high.'], {
          tags: ['docs'],
        });
        const rows = await store.putDocument(document);
        expect(rows.map((row) => without(row, 'id', 'seq'))).toEqual(
          document.chunks.map(({ text, source }) => ({
            kind: 'document',
            text,
            title: null,
            tags: ['docs'],
            source,
            session: null,
            writer: null,
            createdAt: trialStart,
            updatedAt: trialStart,
            tier: null,
            importance: null,
            accessedAt: null,
            accessCount: null,
            expiresAt: null,
          })),
        );
        expect(await store.documents()).toEqual([
          { uri: document.uri, hash: document.hash, bytes: document.bytes, chunks: 2, ingestedAt: trialStart },
        ]);
      },
    );

    memoryPromise(
      subject,
      'puts a document in the place of what its source had, and leaves others alone',
      async ({ store, clock }) => {
        const other = await store.putDocument(documentOf('file:///b', ['the river is low']));
        const old = await store.putDocument(documentOf('file:///a', ['the sea is salt', 'the tide is high']));
        clock.now += hourMs;
        const rows = await store.putDocument(documentOf('file:///a', ['the tide is low'], { hash: 'c'.repeat(64) }));
        expect((await store.list()).rows).toEqual([...other, ...rows]);
        for (const { id } of old) expect(await store.get(id)).toBeNull();
        expect(await textsFound(store, 'salt')).toEqual([]);
        expect(await store.documents('file:///a')).toEqual([
          { uri: 'file:///a', hash: 'c'.repeat(64), bytes: 16, chunks: 1, ingestedAt: clock.now },
        ]);
        expect((await store.stats()).removed.replaced).toBe(2);
        const reasons = (await store.changes({ afterSeq: 0 }))
          .filter(({ type }) => type === 'removed')
          .map(({ reason }) => reason);
        expect(reasons).toEqual(['replaced', 'replaced']);
      },
    );

    memoryPromise(subject, 'removeDocuments takes out all chunks and tells how many went', async ({ store }) => {
      await store.putDocument(documentOf('file:///a', ['one', 'two']));
      await store.putDocument(documentOf('file:///ab', ['three']));
      const memory = await store.add({
        text: 'said about it',
        source: { uri: 'file:///a', hash: 'a'.repeat(64), start: 0, end: 3 },
      });
      expect(await store.removeDocuments(['file:///a', 'file:///nowhere'])).toBe(2);
      expect((await store.documents()).map(({ uri }) => uri)).toEqual(['file:///ab']);
      expect(await textsFound(store, 'one two three')).toEqual(['three']);
      expect(await store.get(memory.id)).toEqual(memory);
      expect(await store.removeDocuments([])).toBe(0);
    });

    memoryPromise(subject, 'documents lists by address, all or those whose address begins so', async ({ store }) => {
      for (const uri of ['file:///z', 'file:///docs/b', 'file:///docs/a', 'file:///docs_/c', 'file:///docs%2F'])
        await store.putDocument(documentOf(uri, ['text']));
      const uris = async (prefix?: string) => (await store.documents(prefix)).map(({ uri }) => uri);
      expect(await uris()).toEqual([
        'file:///docs%2F',
        'file:///docs/a',
        'file:///docs/b',
        'file:///docs_/c',
        'file:///z',
      ]);
      expect(await uris('file:///docs/')).toEqual(['file:///docs/a', 'file:///docs/b']);
      expect(await uris('file:///docs_')).toEqual(['file:///docs_/c']);
      expect(await uris('nowhere')).toEqual([]);
    });

    memoryPromise(subject, 'of a chunk only the tags can be changed', async ({ store }) => {
      const chunk = await putOne(store, 'file:///a', 'as it stands there');
      const { id } = chunk;
      for (const changes of [
        { text: 'else' },
        { title: 'else' },
        { importance: 1 },
        { tier: 'semantic' as const },
        { expiresAt: null },
      ])
        await expect(store.update(id, { tags: ['x'], ...changes })).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
      expect(await store.get(id)).toEqual(chunk);
      expect(await store.update(id, { tags: ['mine'] })).toMatchObject({ text: 'as it stands there', tags: ['mine'] });
      expect(await textsFound(store, { query: 'stands', filter: { tags: ['mine'] } })).toEqual(['as it stands there']);
    });
  });

  describe('refusals', () => {
    const sound = documentOf('file:///a', ['text']);
    const source = { uri: 'file:///a', hash: 'a'.repeat(64), start: 0, end: 4 };
    const memories: Readonly<Record<string, NewMemory>> = {
      'an empty text': { text: '' },
      'a text of white space': { text: ' \n\t\u00A0' },
      'a text that is too long': { text: 'a'.repeat(100_001) },
      'an unknown tier': { text: 'x', tier: 'forever' as 'semantic' },
      'an importance above 1': { text: 'x', importance: 1.01 },
      'an importance below 0': { text: 'x', importance: -0.01 },
      'an importance that is no number': { text: 'x', importance: Number.NaN },
      'an expiry that is no time': { text: 'x', expiresAt: Number.NaN },
      'a negative expiry': { text: 'x', expiresAt: -1 },
      'an endless expiry': { text: 'x', expiresAt: Number.POSITIVE_INFINITY },
      'an empty tag': { text: 'x', tags: [''] },
      'a tag that is too long': { text: 'x', tags: ['a'.repeat(129)] },
      'too many tags': { text: 'x', tags: Array.from({ length: 65 }, (_, index) => `tag ${index}`) },
      'a source whose hash is none': { text: 'x', source: { ...source, hash: 'abc' } },
      'a source without an address': { text: 'x', source: { ...source, uri: '' } },
      'a source that ends before it begins': { text: 'x', source: { ...source, start: 5 } },
      'a source that begins before its beginning': { text: 'x', source: { ...source, start: -1 } },
    };
    const documents: Readonly<Record<string, NewDocument>> = {
      'a document without chunks': { ...sound, chunks: [] },
      'a document whose hash is none': { ...sound, hash: 'A'.repeat(64) },
      'a document of negative size': { ...sound, bytes: -1 },
      'a chunk of another source': { ...sound, chunks: [{ text: 'x', source: { ...source, uri: 'file:///b' } }] },
      'a chunk of another version of its source': {
        ...sound,
        chunks: [{ text: 'x', source: { ...source, hash: 'b'.repeat(64) } }],
      },
      'a chunk without text': { ...sound, chunks: [{ text: ' ', source }] },
    };

    memoryPromise(
      subject,
      'refuses rows outside their ranges, each with a sentence, and keeps nothing of them',
      async ({ store }) => {
        for (const [what, memory] of Object.entries(memories)) {
          await expect(store.add(memory), what).rejects.toMatchObject({
            code: 'REQUEST_INVALID',
            message: expect.stringMatching(/^Expected .+\.$/su),
          });
        }
        for (const [what, document] of Object.entries(documents))
          await expect(store.putDocument(document), what).rejects.toMatchObject({
            code: 'REQUEST_INVALID',
            message: expect.stringMatching(/^Expected .+\.$/su),
          });
        expect((await store.stats()).seq).toBe(0);
        expect(await store.documents()).toEqual([]);
      },
    );

    memoryPromise(subject, 'refuses changes outside their ranges and leaves the row', async ({ store }) => {
      const row = await store.add({ text: 'stays' });
      for (const changes of [
        { text: ' ' },
        { importance: 7 },
        { tier: 'x' as 'working' },
        { tags: [''] },
        { expiresAt: -5 },
      ])
        await expect(store.update(row.id, changes), JSON.stringify(changes)).rejects.toMatchObject({
          code: 'REQUEST_INVALID',
        });
      expect(await store.get(row.id)).toEqual(row);
    });

    memoryPromise(subject, 'refuses questions outside their ranges', async ({ store }) => {
      const request = { query: 'x' };
      const refusals: readonly (() => Promise<unknown>)[] = [
        () => store.search({ query: '' }),
        () => store.search({ query: 'a'.repeat(10_001) }),
        () => store.search({ ...request, limit: 0 }),
        () => store.search({ ...request, limit: 1_001 }),
        () => store.search({ ...request, limit: 1.5 }),
        () => store.search({ ...request, mode: 'fuzzy' as 'lexical' }),
        () => store.search({ ...request, filter: { kind: 'note' as 'memory' } }),
        () => store.search({ ...request, filter: { tiers: [] } }),
        () => store.search({ ...request, filter: { tiers: ['x' as 'working'] } }),
        () => store.search({ ...request, filter: { since: Number.NaN } }),
        () => store.search({ ...request, filter: { importanceMin: 3 } }),
        () => store.search({ ...request, filter: { tag: 'x' } as object }),
        () => store.recall({ query: '' }),
        () => store.recall({ ...request, limit: 1_001 }),
        () => store.list({ limit: 0 }),
        () => store.list({ cursor: 'nonsense' }),
        () => store.changes({ afterSeq: -1 }),
        () => store.changes({ afterSeq: 0, limit: 0 }),
      ];
      for (const refusal of refusals)
        await expect(refusal(), String(refusal)).rejects.toMatchObject({
          code: 'REQUEST_INVALID',
          message: expect.stringMatching(/^Expected .+\.$/su),
        });
    });

    memoryPromise(subject, 'refuses options outside their ranges', async ({ open }) => {
      for (const options of [
        { namespace: '' },
        { namespace: 'Upper' },
        { namespace: '../etc' },
        { namespace: 'a'.repeat(65) },
        { language: 'xx' },
        { tiers: { working: { ttlMs: -1, capacity: 1 } } },
        { tiers: { working: { ttlMs: 1, capacity: -1 } } },
        { durability: 'lazy' as 'relaxed' },
      ])
        await expect(open(options), JSON.stringify(options)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    });

    memoryPromise(subject, 'does nothing for a signal that has fired', async ({ store }) => {
      const { id } = await store.add({ text: 'there' });
      const { seq } = await store.stats();
      const options = { signal: AbortSignal.abort() };
      const lines = store.export(options)[Symbol.asyncIterator]();
      const aborts: readonly (() => Promise<unknown>)[] = [
        () => store.add({ text: 'x' }, options),
        () => store.addMany([{ text: 'x' }], options),
        () => store.putDocument(sound, options),
        () => store.removeDocuments(['file:///a'], options),
        () => store.search({ query: 'there' }, options),
        () => store.recall({ query: 'there' }, options),
        () => store.update(id, { importance: 1 }, options),
        () => store.forget({ ids: [id] }, options),
        () => store.consolidate(options),
        () => store.verify(options),
        () => lines.next(),
        () => store.import([], options),
      ];
      for (const abort of aborts) await expect(abort(), String(abort)).rejects.toMatchObject({ code: 'ABORTED' });
      expect((await store.stats()).seq).toBe(seq);
    });
  });
}
