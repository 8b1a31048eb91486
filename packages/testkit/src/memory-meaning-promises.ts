import { GemmaError } from '@gemma-cli/contracts';
import { describe, expect, it } from 'vitest';
import { memoryPromise, putOne, textsFound, textsOf, tryMemory } from './memory-trial.ts';
import type { MemorySubject, MemoryTrial } from './memory-trial.ts';
import { createToyEmbedder } from './toy-embedder.ts';
import type { ToyEmbedder } from './toy-embedder.ts';

/** Declares how rows are found by their meaning, and how they get their vectors. */
export function declareMeaningPromises(subject: MemorySubject): void {
  /** A promise about a memory with an embedder of its own. */
  function promise(
    title: string,
    body: (trial: MemoryTrial & { readonly embedder: ToyEmbedder }) => Promise<void>,
  ): void {
    it(title, async () => {
      const embedder = createToyEmbedder();
      await tryMemory(subject.create, { embedder }, (trial) => body({ ...trial, embedder }));
    });
  }

  describe('search by meaning', () => {
    promise('finds rows by their meaning, the nearest first, by cosine', async ({ store }) => {
      await store.addMany(['the automobile', 'a car park', 'the physician'].map((text) => ({ text })));
      await store.flush();
      const { hits, mode } = await store.search({ query: 'the vehicle', mode: 'dense', explain: true });
      expect(mode).toBe('dense');
      expect(hits.map(({ row }) => row.text)).toEqual(['the automobile', 'the physician', 'a car park']);
      expect(hits[0]?.score).toBeCloseTo(1, 6);
      for (const { score, parts } of hits) expect(parts).toEqual({ dense: { cosine: score } });
      expect(store.capabilities.dense).toBe(true);
    });

    promise('is hybrid where nothing else is asked for, and joins what both sides find', async ({ store }) => {
      await store.addMany(['a vehicle in the yard', 'an automobile on the road', 'the sea'].map((text) => ({ text })));
      await store.flush();
      const { hits, mode } = await store.search({ query: 'automobile', explain: true });
      expect(mode).toBe('hybrid');
      expect(hits.map(({ row }) => row.text).slice(0, 2)).toEqual([
        'an automobile on the road',
        'a vehicle in the yard',
      ]);
      expect(Object.keys(hits[0]?.parts ?? {}).toSorted()).toEqual(['dense', 'lexical']);
      expect(Object.keys(hits[1]?.parts ?? {})).toEqual(['dense']);
      expect(await textsFound(store, { query: 'automobile', mode: 'lexical' })).toEqual(['an automobile on the road']);
    });

    promise('scores on both sides what one side alone has brought', async ({ store }) => {
      // Each side brings 100 rows: the one that is looked for is the 101st by its words, which is not to have none.
      const texts = [
        ...Array.from({ length: 100 }, () => 'harbour harbour'),
        'harbour automobile automobile',
        'the automobile',
      ];
      await store.addMany(texts.map((text) => ({ text, tier: 'semantic' as const })));
      await store.flush();
      const query = 'the harbour vehicle vehicle';
      const { hits } = await store.search({ query, mode: 'hybrid', limit: 1, explain: true });
      expect(hits[0]?.row.text).toBe('harbour automobile automobile');
      expect(Object.keys(hits[0]?.parts ?? {}).toSorted()).toEqual(['dense', 'lexical']);
    });

    promise('puts rows of equal cosine in the order of their ids, and holds to limit and filter', async ({ store }) => {
      const rows = await store.addMany(
        Array.from({ length: 12 }, (_, index) => ({ text: 'the same sofa', tags: index % 2 === 0 ? ['even'] : [] })),
      );
      await store.flush();
      const ids = async (request: {
        readonly limit?: number;
        readonly filter?: { readonly tags: readonly string[] };
      }) => (await store.search({ query: 'couch', mode: 'dense', ...request })).hits.map(({ row }) => row.id);
      const all = rows.map(({ id }) => id);
      expect(await ids({ limit: 5 })).toEqual(all.slice(0, 5));
      expect(await ids({ limit: 4, filter: { tags: ['even'] } })).toEqual(
        rows
          .filter(({ tags }) => tags.length > 0)
          .map(({ id }) => id)
          .slice(0, 4),
      );
    });

    promise('recalls by meaning', async ({ store }) => {
      await store.add({ text: 'my physician is kind' });
      await putOne(store, 'file:///a', 'doctor');
      await store.flush();
      expect(textsOf(await store.recall({ query: 'doctor' }))).toEqual(['my physician is kind']);
    });
  });

  describe('vectors', () => {
    promise('no write waits for the embedder, and flush waits for all vectors', async ({ store, embedder }) => {
      embedder.hold();
      await store.addMany(
        Array.from({ length: 100 }, (_, index) => ({ text: `automobile ${index}`, tier: 'semantic' as const })),
      );
      await store.add({ text: 'one more', tier: 'semantic' });
      expect((await store.stats()).index.vectors).toBe(0);
      expect(await textsFound(store, { query: 'one more', mode: 'lexical' })).toEqual(['one more']);
      embedder.release();
      await store.flush();
      expect((await store.stats()).index.vectors).toBe(101);
      expect((await store.search({ query: 'vehicle 57', mode: 'dense' })).hits[0]?.row.text).toBe('automobile 57');
    });

    promise('computes them in batches, each text once', async ({ store, embedder }) => {
      await store.addMany(
        Array.from({ length: 90 }, (_, index) => ({ text: `note ${index}`, tier: 'semantic' as const })),
      );
      await store.flush();
      await store.flush();
      expect(embedder.calls.flat().toSorted()).toEqual(
        Array.from({ length: 90 }, (_, index) => `note ${index}`).toSorted(),
      );
      expect(embedder.calls.length).toBeLessThan(10);
    });

    promise('close does not wait for vectors, even where somebody does', async ({ store, embedder }) => {
      embedder.hold();
      await store.add({ text: 'the sofa', tier: 'semantic' });
      const flushing = store.flush();
      await untilCalled(embedder);
      const [flushed] = await Promise.allSettled([flushing, store.close()]);
      expect(flushed).toMatchObject({ status: 'rejected', reason: { code: 'MEMORY_CLOSED' } });
    });

    promise('makes none before somebody waits for them, where it was told so', async ({ store, embedder, open }) => {
      await store.close();
      const patient = await open({ embedder, embedInBackground: false });
      await patient.add({ text: 'the automobile', tier: 'semantic' });
      await patient.verify();
      expect(await textsFound(patient, { query: 'the car', mode: 'dense' })).toEqual([]);
      expect(embedder.calls).toEqual([['the car']]);
      await patient.flush();
      expect(await textsFound(patient, { query: 'the car', mode: 'dense' })).toEqual(['the automobile']);
    });

    promise(
      'a text in which the embedder finds nothing leaves the others theirs',
      async ({ store, embedder, open }) => {
        await store.close();
        const embed: typeof embedder.embed = (texts, options) => {
          if (!texts.includes('\u2063?')) return embedder.embed(texts, options);
          throw new GemmaError({ code: 'REQUEST_INVALID', message: 'Nothing to read.' });
        };
        const picky = await open({ embedder: { ...embedder, embed }, embedInBackground: false });
        await picky.addMany(['the sofa', '\u2063?', 'the sea'].map((text) => ({ text, tier: 'semantic' as const })));
        await picky.flush();
        expect((await picky.stats()).index.vectors).toBe(2);
      },
    );

    promise('goes on where it was ended', async ({ store, embedder, open }) => {
      await store.add({ text: 'early', tier: 'semantic' });
      await store.flush();
      embedder.hold();
      await store.add({ text: 'late automobile', tier: 'semantic' });
      await store.close();
      embedder.release();
      const before = embedder.calls.length;
      const reopened = await open();
      await reopened.flush();
      expect(embedder.calls.slice(before)).toEqual([['late automobile']]);
      expect((await reopened.stats()).index.vectors).toBe(2);
      expect(await textsFound(reopened, { query: 'vehicle', mode: 'dense', limit: 1 })).toEqual(['late automobile']);
    });

    promise('follows texts that change and rows that go', async ({ store, embedder }) => {
      const { id } = await store.add({ text: 'the sofa', tier: 'semantic' });
      await store.add({ text: 'the sea', tier: 'semantic' });
      await store.flush();
      await store.update(id, { text: 'the automobile' });
      await store.flush();
      const [hit] = (await store.search({ query: 'the car', mode: 'dense' })).hits;
      expect(hit).toMatchObject({ row: { id }, score: expect.closeTo(1, 6) });
      const calls = embedder.calls.length;
      // Nothing of the text changes here, and so no vector.
      await store.update(id, { tags: ['fast'], importance: 1 });
      await store.flush();
      expect(embedder.calls.length).toBe(calls);
      expect((await store.search({ query: 'the car', mode: 'dense' })).hits[0]).toMatchObject({ row: { id } });
      await store.forget({ ids: [id] });
      expect(await textsFound(store, { query: 'the car', mode: 'dense' })).toEqual(['the sea']);
      expect((await store.stats()).index.vectors).toBe(1);
    });

    promise('keeps no vector of a text that changed while it was computed', async ({ store, embedder }) => {
      embedder.hold();
      const { id } = await store.add({ text: 'the sofa', tier: 'semantic' });
      await untilCalled(embedder);
      await store.update(id, { text: 'the automobile' });
      embedder.release();
      await store.flush();
      const [hit] = (await store.search({ query: 'the car', mode: 'dense' })).hits;
      expect(hit?.score).toBeCloseTo(1, 6);
    });

    promise('never lets vectors of different embedders meet, and makes them anew', async ({ store, open }) => {
      await store.add({ text: 'the automobile', tier: 'semantic' });
      await store.flush();
      await store.close();
      const other = createToyEmbedder({ embedId: 'another', dimensions: 48 });
      other.hold();
      const reopened = await open({ embedder: other });
      expect((await reopened.search({ query: 'car', mode: 'dense' })).hits).toEqual([]);
      expect((await reopened.stats()).index.vectors).toBe(0);
      other.release();
      await reopened.flush();
      expect(await textsFound(reopened, { query: 'car', mode: 'dense' })).toEqual(['the automobile']);
    });

    promise(
      'flush tells what the embedder failed with, and the next one makes up for it',
      async ({ store, embedder, log }) => {
        embedder.fail(new Error('the model is on fire'));
        await store.add({ text: 'the automobile', tier: 'semantic' });
        await expect(store.flush()).rejects.toThrow('the model is on fire');
        expect(log.some((line) => line.includes('the model is on fire'))).toBe(true);
        embedder.fail(null);
        await store.flush();
        expect(await textsFound(store, { query: 'car', mode: 'dense' })).toEqual(['the automobile']);
      },
    );

    promise('of several stores on one folder, each text is computed once', async ({ store, embedder, open }) => {
      const other = await open();
      await store.addMany(
        Array.from({ length: 40 }, (_, index) => ({ text: `note ${index}`, tier: 'semantic' as const })),
      );
      await other.addMany(
        Array.from({ length: 40 }, (_, index) => ({ text: `page ${index}`, tier: 'semantic' as const })),
      );
      await Promise.all([store.flush(), other.flush()]);
      expect(embedder.calls.flat().length).toBe(80);
      expect((await other.stats()).index.vectors).toBe(80);
    });

    memoryPromise(subject, 'a search whose signal fires while its query is computed is aborted', async ({ open }) => {
      const embedder = createToyEmbedder();
      const slow = {
        ...embedder,
        embed: async (...[texts, options]: Parameters<typeof embedder.embed>) => {
          await new Promise<void>((resolve) => {
            options?.signal?.addEventListener('abort', () => {
              resolve();
            });
          });
          return embedder.embed(texts, options);
        },
      };
      const store = await open({ embedder: slow });
      const controller = new AbortController();
      const searching = store.search({ query: 'x', mode: 'dense' }, { signal: controller.signal });
      const closing = store.search({ query: 'x', mode: 'dense' });
      controller.abort();
      await expect(searching).rejects.toMatchObject({ code: 'ABORTED' });
      const [closed] = await Promise.allSettled([closing, store.close()]);
      expect(closed).toMatchObject({ reason: { code: 'MEMORY_CLOSED' } });
    });
  });
}

async function untilCalled(embedder: ToyEmbedder): Promise<void> {
  while (embedder.calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
}
