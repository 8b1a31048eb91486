import { describe, expect } from 'vitest';
import type { MemoryStore, RowFilter } from '@gemma-cli/contracts';
import {
  addAll,
  dayMs,
  documentOf,
  hourMs,
  memoryPromise,
  putOne,
  textsFound,
  textsOf,
  trialStart,
  without,
} from './memory-trial.ts';
import type { HandClock, MemorySubject } from './memory-trial.ts';

/** Declares how rows are found by their words, with filters, and recalled. */
export function declareFindPromises(subject: MemorySubject): void {
  describe('search by words', () => {
    memoryPromise(subject, 'finds rows that have any of the words, the best first', async ({ store }) => {
      await store.addMany(
        [
          'a harbour town',
          'a lighthouse above the harbour',
          'the lighthouse stands on the rocks',
          'bread and butter',
        ].map((text) => ({
          text,
        })),
      );
      const { hits, mode, tookMs } = await store.search({ query: 'harbour lighthouse' });
      expect(hits.map(({ row }) => row.text)).toEqual([
        'a lighthouse above the harbour',
        'a harbour town',
        'the lighthouse stands on the rocks',
      ]);
      const scores = hits.map(({ score }) => score);
      expect(scores).toEqual(scores.toSorted((one, other) => other - one));
      expect(scores.every((score) => score > 0)).toBe(true);
      expect(mode).toBe('lexical');
      expect(tookMs).toBeGreaterThanOrEqual(0);
    });

    memoryPromise(subject, 'a rarer word counts more, and so does one that comes again', async ({ store }) => {
      await store.addMany(
        ['wind', 'wind', 'wind', 'fog and so on', 'fog on fog so'].map((text) => ({ text: `${text} here now` })),
      );
      expect(await textsFound(store, { query: 'wind fog', limit: 3 })).toEqual([
        'fog on fog so here now',
        'fog and so on here now',
        'wind here now',
      ]);
    });

    memoryPromise(subject, 'scores rows as if those that were forgotten had never been', async ({ store }) => {
      await addAll(store, [{ text: 'green tea' }, { text: 'black tea and milk' }]);
      const scores = async () => (await store.search({ query: 'green tea' })).hits.map(({ score }) => score);
      const before = await scores();
      const others = await addAll(store, [{ text: 'green lamp' }, { text: 'a green door that is long' }]);
      expect(await scores()).not.toEqual(before);
      await store.forget({ ids: others.map(({ id }) => id) });
      expect(await scores()).toEqual(before);
    });

    memoryPromise(subject, 'puts rows of equal score in the order of their ids', async ({ store }) => {
      const rows = await store.addMany(
        Array.from({ length: 30 }, (_, index) => ({ text: `same words, number ${index}` })),
      );
      const { hits } = await store.search({ query: 'same words', limit: 30 });
      expect(hits.map(({ row }) => row.id)).toEqual(rows.map(({ id }) => id));
      expect(new Set(hits.map(({ score }) => score)).size).toBe(1);
      const few = await store.search({ query: 'same words', limit: 7 });
      expect(few.hits.map(({ row }) => row.id)).toEqual(rows.slice(0, 7).map(({ id }) => id));
    });

    memoryPromise(subject, 'gives at most limit hits, 10 by default, the first of a longer list', async ({ store }) => {
      await store.addMany(
        Array.from({ length: 40 }, (_, index) => ({ text: `rope ${'knot '.repeat(index % 7)}${index}` })),
      );
      const all = await store.search({ query: 'rope knot', limit: 1_000 });
      expect(all.hits.length).toBe(40);
      expect((await store.search({ query: 'rope knot' })).hits).toEqual(all.hits.slice(0, 10));
      expect((await store.search({ query: 'rope knot', limit: 3 })).hits).toEqual(all.hits.slice(0, 3));
    });

    memoryPromise(subject, 'searches the title with the text', async ({ store }) => {
      await store.add({ text: 'Boil the water first.', title: 'Making tea' });
      await store.add({ text: 'Boil the eggs.', title: null });
      expect(await textsFound(store, 'tea')).toEqual(['Boil the water first.']);
    });

    memoryPromise(subject, 'finds other forms of a word, whatever their case', async ({ store }) => {
      await store.add({ text: 'She was RUNNING along the beaches.' });
      for (const query of ['run', 'beach', 'Runs', 'running BEACH'])
        expect(await textsFound(store, query), query).toEqual(['She was RUNNING along the beaches.']);
    });

    memoryPromise(subject, 'finds a name of code by the whole and by its parts', async ({ store }) => {
      await store.add({ text: 'call parseHttpHeader here' });
      await store.add({ text: 'set max_retry_count to 3' });
      for (const query of ['parseHttpHeader', 'header', 'http', 'parse_http_header'])
        expect(await textsFound(store, query), query).toEqual(['call parseHttpHeader here']);
      for (const query of ['max_retry_count', 'retry', 'maxRetryCount'])
        expect(await textsFound(store, query), query).toEqual(['set max_retry_count to 3']);
    });

    memoryPromise(
      subject,
      'finds nothing for a query without a word, or with words that no row has',
      async ({ store }) => {
        await store.add({ text: 'something' });
        for (const query of ['?!', ' ', '—', 'xylophone', '😀'])
          expect((await store.search({ query })).hits, query).toEqual([]);
      },
    );

    memoryPromise(subject, 'a stop word costs rank and never a hit', async ({ store }) => {
      await store.addMany(['the the the the', 'the whale dives', 'and of it'].map((text) => ({ text })));
      expect(await textsFound(store, 'the whale')).toEqual(['the whale dives', 'the the the the']);
      expect(await textsFound(store, 'the')).toEqual(['the the the the', 'the whale dives']);
      expect(await textsFound(store, 'to be or not to be')).toEqual([]);
      expect(await textsFound(store, 'it')).toEqual(['and of it']);
    });

    memoryPromise(subject, 'survives every text as a query', async ({ store }) => {
      await store.add({ text: 'NEAR the "edge" (of) AND* the world: a OR b - NOT c' });
      for (const query of [
        '"',
        "'; DROP TABLE rows; --",
        'edge*',
        'NEAR(world)',
        '\0edge',
        '\uD800edge',
        'edge '.repeat(1_999),
      ])
        await expect(store.search({ query }), query.slice(0, 40)).resolves.toMatchObject({ mode: 'lexical' });
      expect(await textsFound(store, '"edge"')).toHaveLength(1);
    });

    memoryPromise(subject, 'explains a score as the sum of what its terms bring', async ({ store }) => {
      await store.addMany(['red fish blue fish', 'one fish', 'two birds', 'red red red'].map((text) => ({ text })));
      const { hits } = await store.search({ query: 'red fish', explain: true });
      expect(hits.length).toBe(3);
      for (const { score, parts } of hits) {
        const { lexical } = parts ?? {};
        expect(lexical?.score).toBe(score);
        const sum = (lexical?.terms ?? []).reduce((total, term) => total + term.score, 0);
        expect(Math.abs(sum - score)).toBeLessThan(1e-9);
      }
      expect(hits[0]?.row.text).toBe('red fish blue fish');
      expect(hits[0]?.parts?.lexical?.terms.map((term) => without(term, 'score'))).toEqual([
        { term: 'red', frequency: 1, documentFrequency: 2 },
        { term: 'fish', frequency: 2, documentFrequency: 2 },
      ]);
      const plain = await store.search({ query: 'red fish' });
      expect(plain.hits.map(({ row, score }) => [row.id, score])).toEqual(
        hits.map(({ row, score }) => [row.id, score]),
      );
      expect(plain.hits.every((hit) => !('parts' in hit))).toBe(true);
    });

    memoryPromise(subject, 'never writes', async ({ store, clock }) => {
      const { id } = await store.add({ text: 'quiet' });
      const [row, { seq }] = [await store.get(id), await store.stats()];
      clock.now += hourMs / 2;
      await store.search({ query: 'quiet' });
      await store.flush();
      expect(await store.get(id)).toEqual(row);
      expect((await store.stats()).seq).toBe(seq);
    });

    memoryPromise(subject, 'refuses dense and hybrid without an embedder, and says what to do', async ({ store }) => {
      await store.add({ text: 'x' });
      expect(store.capabilities.dense).toBe(false);
      for (const mode of ['dense', 'hybrid'] as const)
        await expect(store.search({ query: 'x', mode })).rejects.toMatchObject({
          code: 'OPTION_UNSUPPORTED',
          message: expect.stringContaining(mode),
        });
    });
  });

  describe('filters', () => {
    const cases: readonly { readonly filter: RowFilter; readonly names: string }[] = [
      { filter: {}, names: 'abcdefgh' },
      { filter: { kind: 'memory' }, names: 'abcde' },
      { filter: { kind: 'document' }, names: 'fgh' },
      { filter: { tiers: ['working'] }, names: 'a' },
      { filter: { tiers: ['semantic', 'episodic'] }, names: 'cde' },
      { filter: { tags: ['red'] }, names: 'abg' },
      { filter: { tags: ['red', 'round'] }, names: 'b' },
      { filter: { tags: ['round', 'red'] }, names: 'b' },
      { filter: { tags: ['re'] }, names: '' },
      { filter: { tags: ['a,"b'] }, names: 'e' },
      { filter: { source: 'file:///docs/' }, names: 'dfg' },
      { filter: { source: 'file:///docs/%' }, names: '' },
      { filter: { source: 'file:///' }, names: 'dfgh' },
      { filter: { source: 'FILE:///docs/' }, names: '' },
      { filter: { since: trialStart + 2 * dayMs }, names: 'cdefgh' },
      { filter: { until: trialStart + 2 * dayMs }, names: 'ab' },
      { filter: { since: trialStart + dayMs, until: trialStart + 3 * dayMs }, names: 'bc' },
      { filter: { importanceMin: 0.5 }, names: 'acd' },
      { filter: { importanceMin: 0 }, names: 'abcde' },
      { filter: { kind: 'document', tags: ['red'] }, names: 'g' },
      { filter: { kind: 'document', tiers: ['working'] }, names: '' },
      { filter: { kind: 'document', importanceMin: 0 }, names: '' },
      { filter: { kind: 'memory', source: 'file:', since: trialStart + dayMs, importanceMin: 0.9 }, names: 'd' },
    ];

    memoryPromise(subject, 'finds, lists and forgets exactly the rows that pass', async ({ store, clock, open }) => {
      await fill(store, clock);
      const everyone = await store.search({ query: 'row', limit: 100 });
      for (const { filter, names } of cases) {
        const what = JSON.stringify(filter);
        const { hits } = await store.search({ query: 'row', limit: 100, filter });
        expect(
          hits
            .map(({ row }) => nameOf(row.text))
            .toSorted()
            .join(''),
          what,
        ).toBe(names);
        // A filter chooses rows and changes no score.
        expect(
          hits.map(({ row, score }) => [row.id, score]),
          what,
        ).toEqual(
          everyone.hits.filter(({ row }) => names.includes(nameOf(row.text))).map(({ row, score }) => [row.id, score]),
        );
        const { rows } = await store.list({ filter });
        expect(rows.map(({ text }) => nameOf(text)).join(''), what).toBe(names);
        const recalled = await store.recall({ query: 'row', limit: 100, filter });
        const memories = Array.from(names)
          .filter((name) => 'abcde'.includes(name))
          .join('');
        // Recall is about memories, whatever a filter says of kinds.
        if (filter.kind !== 'document')
          expect(
            recalled.hits
              .map(({ row }) => nameOf(row.text))
              .toSorted()
              .join(''),
            what,
          ).toBe(memories);
      }
      for (const [index, { filter, names }] of cases.slice(1).entries()) {
        const namespace = `forget-${index}`;
        const other = await open({ namespace });
        await fill(other, { now: trialStart }, clock);
        expect(await other.forget({ filter }), JSON.stringify(filter)).toBe(names.length);
        const left = Array.from('abcdefgh')
          .filter((name) => !names.includes(name))
          .join('');
        expect((await other.list()).rows.map(({ text }) => nameOf(text)).join('')).toBe(left);
        await other.close();
      }
    });

    memoryPromise(subject, 'follows rows that begin or cease to pass', async ({ store }) => {
      const request = { query: 'moon', filter: { tags: ['seen'] } };
      const { id } = await store.add({ text: 'the moon' });
      expect(await textsFound(store, request)).toEqual([]);
      await store.update(id, { tags: ['seen'] });
      expect(await textsFound(store, request)).toEqual(['the moon']);
      await store.add({ text: 'full moon', tags: ['seen'] });
      expect((await store.search(request)).hits.length).toBe(2);
      await store.update(id, { tags: [] });
      expect(await textsFound(store, request)).toEqual(['full moon']);
      await store.forget({ filter: { tags: ['seen'] } });
      expect(await textsFound(store, request)).toEqual([]);
    });
  });

  describe('recall', () => {
    memoryPromise(subject, 'finds memories only', async ({ store }) => {
      await store.putDocument(documentOf('file:///a', ['the anchor of the ship']));
      await store.add({ text: 'my ship has an anchor' });
      expect(textsOf(await store.recall({ query: 'anchor ship' }))).toEqual(['my ship has an anchor']);
      expect((await store.search({ query: 'anchor ship' })).hits.length).toBe(2);
    });

    memoryPromise(
      subject,
      'weighs relevance, importance, recency and use, and explains the sum',
      async ({ store, clock }) => {
        const tier = 'semantic';
        const [plain, important, used] = await addAll(store, [
          { text: 'tea with milk', tier, importance: 0.1 },
          { text: 'tea with milk', tier, importance: 1 },
          { text: 'tea with milk', tier, importance: 0.1 },
          { text: 'tea, and much else that has nothing to do with it', tier, importance: 0.1 },
        ]);
        clock.now += 7 * dayMs;
        store.touch([used.id, used.id]);
        const { hits } = await store.recall({ query: 'tea milk', explain: true, limit: 4 });
        expect(hits.map(({ row }) => row.id).slice(0, 3)).toEqual([important.id, used.id, plain.id]);
        for (const { score, parts } of hits) {
          const { relevance = 0, importance = 0, recency = 0, use = 0 } = parts?.recall ?? {};
          expect(Math.abs(relevance + importance + recency + use - score)).toBeLessThan(1e-12);
          expect(parts?.lexical?.terms.length).toBeGreaterThan(0);
        }
        const part = (id: string) => {
          const parts = hits.find(({ row }) => row.id === id)?.parts?.recall;
          if (parts === undefined) throw new Error('A recall that explains has no parts.');
          return parts;
        };
        expect(part(important.id).importance).toBeGreaterThan(part(plain.id).importance);
        expect(part(used.id).recency).toBeGreaterThan(part(plain.id).recency);
        expect(part(used.id).use).toBeGreaterThan(0);
        expect(part(plain.id).use).toBe(0);
        expect(hits[3]?.parts?.recall?.relevance).toBeLessThan(part(plain.id).relevance);
      },
    );

    memoryPromise(subject, 'counts each hit as an access, and no search', async ({ store, clock, open }) => {
      const { id } = await store.add({ text: 'the red door', tier: 'semantic' });
      const other = await store.add({ text: 'the blue window', tier: 'semantic' });
      await store.search({ query: 'door window' });
      clock.now += hourMs;
      await store.recall({ query: 'door' });
      await store.recall({ query: 'door' });
      await store.flush();
      const reopened = await open();
      expect(await reopened.get(id)).toMatchObject({ accessCount: 2, accessedAt: clock.now, updatedAt: trialStart });
      expect(await reopened.get(other.id)).toEqual(other);
    });

    memoryPromise(
      subject,
      'touch counts rows that went into a prompt, and leaves out what is not there',
      async ({ store, clock }) => {
        const { id } = await store.add({ text: 'touched', tier: 'semantic' });
        const chunk = await putOne(store, 'file:///a', 'touched');
        clock.now += hourMs;
        store.touch([id, chunk.id, '01900000-0000-7000-8000-000000000000', 'nonsense']);
        await store.flush();
        expect(await store.get(id)).toMatchObject({ accessCount: 1, accessedAt: clock.now });
        expect(await store.get(chunk.id)).toEqual(chunk);
      },
    );

    memoryPromise(subject, 'accesses are written when the store is closed', async ({ store, open }) => {
      const { id } = await store.add({ text: 'counted', tier: 'semantic' });
      store.touch([id]);
      await store.close();
      expect(await (await open()).get(id)).toMatchObject({ accessCount: 1 });
    });
  });
}

/** Rows that differ in all that a filter asks for; their texts begin with their names. */
async function fill(store: MemoryStore, clock: HandClock, also: HandClock = clock): Promise<void> {
  const source = (uri: string) => ({ uri, hash: 'a'.repeat(64), start: 0, end: 5 });
  const start = clock.now;
  const at = (day: number): void => {
    clock.now = start + day * dayMs;
    also.now = clock.now;
  };
  const expiresAt = null;
  at(0);
  await store.add({ text: 'a row of one kind', tier: 'working', tags: ['red'], importance: 0.5, expiresAt });
  at(1);
  await store.add({ text: 'b row row', tier: 'short_term', tags: ['red', 'round'], importance: 0.4, expiresAt });
  at(2);
  await store.add({ text: 'c row', tier: 'semantic', importance: 0.9, expiresAt });
  at(3);
  await store.add({ text: 'd row', tier: 'episodic', importance: 1, source: source('file:///docs/d.md'), expiresAt });
  await store.add({ text: 'e row', tier: 'semantic', importance: 0, tags: ['a,"b'], expiresAt });
  at(4);
  await store.putDocument(documentOf('file:///docs/f.md', ['f row of documents']));
  await store.putDocument(documentOf('file:///docs/g.md', ['g row'], { tags: ['red'] }));
  await store.putDocument(documentOf('file:///other/docs/h.md', ['h row row row']));
}

function nameOf(text: string): string {
  return text.slice(0, 1);
}
