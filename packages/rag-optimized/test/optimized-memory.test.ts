import type { Embedder, MemoryStore, MemoryStoreOptions, RecordGroup, WriteResult } from '@gemma-cli/contracts';
import { withTemporaryFolder } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import { createGroupCommit } from '../src/group-commit.ts';
import { create, handshake } from '../src/index.ts';
import { withCachedQueries } from '../src/query-cache.ts';

/** Opens a memory in a new folder, and closes it. */
async function withStore(
  options: Partial<MemoryStoreOptions>,
  body: (store: MemoryStore) => Promise<void>,
): Promise<void> {
  await withTemporaryFolder(async (folder) => {
    const store = await create({ folder, ...options });
    try {
      await body(store);
    } finally {
      await store.close();
    }
  });
}

describe('enable_query_cache', () => {
  it('answers the same question from the cache until something is written', async () => {
    await withStore({}, async (store) => {
      await store.add({ text: 'the lighthouse keeper', tier: 'semantic' });
      const first = await store.search({ query: 'lighthouse' });
      const second = await store.search({ query: 'lighthouse' });
      expect([first.cache, second.cache]).toEqual(['miss', 'hit']);
      expect(second.hits).toEqual(first.hits);
      await store.add({ text: 'another lighthouse', tier: 'semantic' });
      const third = await store.search({ query: 'lighthouse' });
      expect(third.cache).toBe('miss');
      expect(third.hits).toHaveLength(2);
      const { cache } = await store.stats();
      expect(cache).toMatchObject({ entries: 2, hits: 1, misses: 2 });
      expect(cache.savedMs).toBeGreaterThan(0);
    });
  });

  it('tells when it closes how often it answered, and what that saved', async () => {
    const log: string[] = [];
    const options = { log: (line: string) => log.push(line) };
    const told = () => log.filter((line) => line.includes('query cache'));
    await withStore(options, async (store) => {
      await store.add({ text: 'the lighthouse keeper', tier: 'semantic' });
      for (const query of ['lighthouse', 'keeper', 'lighthouse', 'lighthouse']) await store.search({ query });
    });
    expect(told()).toEqual([
      expect.stringMatching(/^The query cache answered 2 of 4 searches \(50 %\) and saved \d+\.\d ms\.$/u),
    ]);
    await withStore(options, async (store) => {
      await store.add({ text: 'nobody asked', tier: 'semantic' });
    });
    expect(told()).toHaveLength(1);
  });

  it('false makes every search', async () => {
    await withStore({ enableQueryCache: false }, async (store) => {
      await store.add({ text: 'the lighthouse keeper', tier: 'semantic' });
      for (let count = 0; count < 2; count++) expect((await store.search({ query: 'lighthouse' })).cache).toBe('off');
      expect((await store.stats()).cache).toEqual({ entries: 0, hits: 0, misses: 0, savedMs: 0 });
    });
  });
});

describe('cache_max_size', () => {
  it('bounds the results that are kept; the one that was used least recently goes', async () => {
    await withStore({ cacheMaxSize: 2 }, async (store) => {
      await store.add({ text: 'one two three', tier: 'semantic' });
      for (const query of ['one', 'two', 'one', 'three']) await store.search({ query });
      expect((await store.stats()).cache.entries).toBe(2);
      expect((await store.search({ query: 'one' })).cache).toBe('hit');
      expect((await store.search({ query: 'two' })).cache).toBe('miss');
    });
  });

  it('bounds the vectors of questions that are kept', async () => {
    let asked = 0;
    const close = async () => undefined;
    const embedder: Embedder = {
      embedId: 'counting',
      dimensions: 2,
      embed: async (texts) => {
        asked += texts.length;
        return texts.map((text) => Float32Array.of(text.length, 1));
      },
      close,
      [Symbol.asyncDispose]: close,
    };
    const cached = withCachedQueries(embedder, 2);
    const vectors: (readonly Float32Array[])[] = [];
    for (const query of ['a', 'a', 'bb', 'ccc', 'a']) vectors.push(await cached.embed([query], { kind: 'query' }));
    expect(asked).toBe(4);
    expect(vectors[1]).toEqual(vectors[0]);
    await cached.embed(['a', 'bb'], { kind: 'document' });
    await cached.embed(['a'], { kind: 'document' });
    expect(asked).toBe(7);
  });
});

describe('batch_size', () => {
  it('bounds the writes that share a commit', async () => {
    const sizes: number[] = [];
    const { commit, pendingWrites } = createGroupCommit({
      batchSize: 10,
      record: {
        commit(groups) {
          sizes.push(groups.reduce((sum, { writes }) => sum + writes.length, 0));
          return groups.map(({ writes }): readonly WriteResult[] => writes.map(() => ({ rows: [], removed: 0 })));
        },
      },
    });
    const group = (writes: number): RecordGroup => ({
      writes: Array.from({ length: writes }, () => ({ type: 'sweep' as const })),
      now: 0,
    });
    const waiting = Promise.all([...Array.from({ length: 25 }, () => group(1)), group(30), group(2)].map(commit));
    expect(pendingWrites()).toBe(27);
    const results = await waiting;
    expect(pendingWrites()).toBe(0);
    expect(sizes).toEqual([10, 10, 5, 30, 2]);
    expect(results[25]).toHaveLength(30);
  });

  it('refuses one group and keeps those beside it', async () => {
    await withStore({}, async (store) => {
      const results = await Promise.allSettled([
        store.add({ text: 'good' }),
        store.add({ text: ' ' }),
        store.add({ text: 'better' }),
      ]);
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      expect((await store.list()).rows.map(({ text }) => text)).toEqual(['good', 'better']);
    });
  });

  it('outside its range is refused, and so is a cache of nothing', async () => {
    await withTemporaryFolder(async (folder) => {
      for (const options of [{ batchSize: 0 }, { batchSize: 1.5 }, { cacheMaxSize: 0 }, { cacheMaxSize: -1 }])
        await expect(create({ folder, ...options })).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    });
  });
});

describe('the optimized memory', () => {
  it('says that it is the one', async () => {
    const lines: string[] = [];
    await withStore({ log: (line) => lines.push(line) }, async (store) => {
      expect(store.implementation).toBe(handshake.implementation);
      expect(lines).toContain('Using OptimizedEmbeddedVectorStore with indexing and caching');
    });
  });
});
