import { join } from 'node:path';
import { GemmaError } from '@gemma-cli/contracts';
import type { MemoryChange, RecordStore, Retriever, RowFilter } from '@gemma-cli/contracts';
import { createAnalyzer } from '@gemma-cli/rag-core';
import { until, withTemporaryFolder } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import { createMemoryStore, openRecord } from '../src/index.ts';
import type { CachedSearch, QueryCache } from '../src/index.ts';
import { createRowSet } from '../src/store/row-set.ts';

const start = Date.UTC(2026, 0, 1);

/** A retriever that finds every row of the record that it may, and tells how often it was asked. */
function createListRetriever(record: RecordStore, work: () => boolean = () => false): Retriever & { asked(): number } {
  let asked = 0;
  return {
    implementation: 'legacy',
    exact: true,
    sync: () => record.seq(),
    lexical({ limit, allowed, hidden }) {
      asked++;
      return record
        .scan(0, 1_000)
        .filter(({ number }) => allowed?.has(number) !== false && hidden?.has(number) !== true)
        .slice(0, limit)
        .map(({ number }) => ({ number, score: 1 }));
    },
    dense: () => [],
    stats: () => ({ index: { terms: 0, postings: 0, segments: 1, vectors: 0, memoryBytes: null }, indexBytes: 0 }),
    verify: () => [],
    work,
    close: () => undefined,
    asked: () => asked,
  };
}

function createMapCache(): QueryCache {
  const kept = new Map<string, CachedSearch>();
  return {
    get: (key) => kept.get(key),
    set(key, value) {
      kept.set(key, value);
    },
    stats: () => ({ entries: kept.size, hits: 0, misses: 0, savedMs: 0 }),
  };
}

async function withStore(
  parts: {
    readonly record?: (record: RecordStore) => RecordStore;
    readonly work?: () => boolean;
  },
  body: (trial: {
    readonly store: ReturnType<typeof createMemoryStore>;
    readonly record: RecordStore;
    readonly clock: { now: number };
    readonly log: readonly string[];
    readonly asked: () => number;
  }) => Promise<void>,
): Promise<void> {
  await withTemporaryFolder(async (folder) => {
    const record = await openRecord({ folder: join(folder, 'memory') });
    const clock = { now: start };
    const log: string[] = [];
    const seen = parts.record?.(record) ?? record;
    const retriever = createListRetriever(record, parts.work);
    const store = createMemoryStore({
      implementation: 'legacy',
      record: seen,
      retriever,
      analyzer: await createAnalyzer(),
      commit: async (group) => {
        const [result] = record.commit([group]);
        if (result instanceof Error) throw result;
        return result ?? [];
      },
      pendingWrites: () => 0,
      queryCache: createMapCache(),
      options: { now: () => clock.now, log: (line) => log.push(line) },
    });
    try {
      await body({ store, record, clock, log, asked: retriever.asked });
    } finally {
      await store.close();
    }
  });
}

describe('a set of rows', () => {
  it('has its numbers and no others', () => {
    const numbers = [1, 31, 32, 63, 64, 1_000];
    const set = createRowSet(numbers);
    for (let number = 0; number < 1_100; number++) expect(set.has(number)).toBe(numbers.includes(number));
    expect([set.size, set.numbers()]).toEqual([6, numbers]);
    expect(createRowSet([]).has(0)).toBe(false);
  });
});

describe('the key of a cached search', () => {
  it('is the same for questions that mean the same, and for no others', () =>
    withStore({}, async ({ store, asked }) => {
      await store.addMany([
        { text: 'one', tags: ['x', 'y'], tier: 'semantic' },
        { text: 'two', tier: 'working' },
      ]);
      const ask = async (request: {
        readonly query?: string;
        readonly limit?: number;
        readonly explain?: boolean;
        readonly filter?: RowFilter;
      }) => {
        const before = asked();
        const { cache } = await store.search({ query: 'q', ...request });
        expect(cache).toBe(asked() === before ? 'hit' : 'miss');
        return cache;
      };
      const questions = [
        {},
        { query: 'Q' },
        { limit: 9 },
        { explain: true },
        { filter: { tags: ['x'] } },
        { filter: { tags: ['x', 'y'] } },
        { filter: { tiers: ['working', 'semantic'] } },
        { filter: { kind: 'memory', since: 1 } },
      ] as const;
      for (const question of questions) expect(await ask(question), JSON.stringify(question)).toBe('miss');
      for (const question of questions) expect(await ask(question), JSON.stringify(question)).toBe('hit');
      expect(await ask({ limit: 10, explain: false, filter: { kind: undefined } })).toBe('hit');
      expect(await ask({ filter: { tags: ['y', 'x'] } })).toBe('hit');
      expect(await ask({ filter: { tiers: ['semantic', 'working'] } })).toBe('hit');
      expect(await ask({ filter: { since: 1, kind: 'memory' } })).toBe('hit');
    }));

  it('changes with every write, and when a row expires, and not when time goes by', () =>
    withStore({}, async ({ store, clock }) => {
      const cache = async () => (await store.search({ query: 'q' })).cache;
      const { id } = await store.add({ text: 'short', tier: 'working' });
      expect([await cache(), await cache()]).toEqual(['miss', 'hit']);
      clock.now += 1_000;
      expect(await cache()).toBe('hit');
      await store.update(id, { tags: ['x'] });
      expect([await cache(), await cache()]).toEqual(['miss', 'hit']);
      clock.now = start + 15 * 60_000;
      const late = await store.search({ query: 'q' });
      expect([late.cache, late.hits]).toEqual(['miss', []]);
      clock.now = start;
      expect((await store.search({ query: 'q' })).hits.length).toBe(1);
    }));

  it('brings numbers back, and the texts are those of now', () =>
    withStore({}, async ({ store, record }) => {
      const { id } = await store.add({ text: 'counted', tier: 'semantic' });
      await store.search({ query: 'q' });
      record.touch([id], start + 5);
      const { hits, cache } = await store.search({ query: 'q' });
      expect(cache).toBe('hit');
      expect(hits[0]?.row).toMatchObject({ accessCount: 1, accessedAt: start + 5 });
    }));
});

describe('listeners', () => {
  it('go on behind changes that are no longer kept, and the log tells', () => {
    let isGone = false;
    const forgetful = (record: RecordStore): RecordStore => ({
      ...record,
      changes(afterSeq, limit) {
        if (!isGone) return record.changes(afterSeq, limit);
        isGone = false;
        throw new GemmaError({ code: 'MEMORY_CHANGES_GONE', message: 'They are gone.' });
      },
    });
    return withStore({ record: forgetful }, async ({ store, record, log }) => {
      const heard: MemoryChange[] = [];
      store.subscribe((change) => {
        heard.push(change);
      });
      isGone = true;
      record.commit([{ writes: [{ type: 'add', memory: { text: 'missed' } }], now: start }]);
      const { id } = await store.add({ text: 'heard' });
      expect(heard).toMatchObject([{ type: 'added', id }]);
      expect(log.filter((line) => line.includes('no longer kept')).length).toBe(1);
    });
  });

  it('that come later hear nothing of what was before', () =>
    withStore({}, async ({ store, record }) => {
      const [early, late]: [string[], string[]] = [[], []];
      store.subscribe(({ id }) => early.push(id));
      record.commit([{ writes: [{ type: 'add', memory: { text: 'by somebody else' } }], now: start }]);
      store.subscribe(({ id }) => late.push(id));
      const { id } = await store.add({ text: 'own' });
      expect(early.length).toBe(2);
      expect(late).toEqual([id]);
    }));
});

describe('work for idle times', () => {
  it('is done in slices until there is none, and again after a write', async () => {
    let left = 3;
    let slices = 0;
    const work = () => {
      slices++;
      left--;
      return left > 0;
    };
    await withStore({ work }, async ({ store }) => {
      await until('three slices are done', () => slices === 3);
      left = 2;
      await store.add({ text: 'more to do' });
      await until('two more are done', () => slices === 5);
    });
  });

  it('that fails is told to the log and harms nobody', async () => {
    const work = () => {
      throw new Error('no room for a merge');
    };
    await withStore({ work }, async ({ store, log }) => {
      await until('the log has it', () => log.some((line) => line.includes('no room for a merge')));
      await store.add({ text: 'still works' });
      expect((await store.search({ query: 'q' })).hits.length).toBe(1);
    });
  });
});
