import { describe, expect } from 'vitest';
import { memoryDefaults, memoryTiers } from '@gemma-cli/contracts';
import type { MemoryRow, MemoryStore, MemoryTier } from '@gemma-cli/contracts';
import { addAll, dayMs, documentOf, hourMs, memoryPromise, minuteMs, textsFound, trialStart } from './memory-trial.ts';
import type { MemorySubject } from './memory-trial.ts';

/** Declares the rules of tiers: how long memories live, how many there are, how they move up. */
export function declareTierPromises(subject: MemorySubject): void {
  describe('expiry', () => {
    memoryPromise(
      subject,
      'a memory lives as long as its tier says, and nobody finds it from then on',
      async ({ store, clock }) => {
        for (const tier of memoryTiers) {
          const { ttlMs } = memoryDefaults.tiers[tier];
          const { id, expiresAt } = await store.add({ text: `in ${tier} tier`, tier });
          expect(expiresAt).toBe(ttlMs === null ? null : clock.now + ttlMs);
          if (ttlMs === null) continue;
          clock.now += ttlMs - 1;
          expect(await found(store, id), tier).toBe(5);
          clock.now += 1;
          expect(await found(store, id), tier).toBe(0);
        }
        clock.now += 10_000 * dayMs;
        expect((await store.list()).rows.map(({ tier }) => tier)).toEqual(['semantic']);
      },
    );

    memoryPromise(subject, 'an expiry that is given counts, and null is never', async ({ store, clock }) => {
      const soon = await store.add({ text: 'soon', tier: 'semantic', expiresAt: trialStart + 5 });
      const never = await store.add({ text: 'never', tier: 'working', expiresAt: null });
      clock.now += 5;
      expect(await store.get(soon.id)).toBeNull();
      clock.now += 1_000 * dayMs;
      expect(await store.get(never.id)).toEqual(never);
    });

    memoryPromise(
      subject,
      'what has expired counts apart until it is swept, and then by its reason',
      async ({ store, clock }) => {
        const { id } = await store.add({ text: 'gone soon', tier: 'working' });
        await store.add({ text: 'stays', tier: 'semantic' });
        clock.now += 15 * minuteMs;
        expect(await store.stats()).toMatchObject({ rows: { total: 1 }, expired: 1, removed: { expired: 0 } });
        expect(await store.consolidate()).toEqual({ promoted: 0, merged: 0, expired: 1, evicted: 0 });
        expect(await store.stats()).toMatchObject({ rows: { total: 1 }, expired: 0, removed: { expired: 1 } });
        expect((await store.changes({ afterSeq: 0 })).at(-1)).toMatchObject({ type: 'removed', id, reason: 'expired' });
      },
    );

    memoryPromise(subject, 'hits that expire leave their places to others', async ({ store, clock }) => {
      await addAll(store, [
        { text: 'lamp lamp lamp', tier: 'working' },
        { text: 'lamp lamp', tier: 'working' },
        { text: 'a lamp here', tier: 'semantic' },
        { text: 'some lamp over there', tier: 'semantic' },
      ]);
      const request = { query: 'lamp', limit: 2 };
      expect(await textsFound(store, request)).toEqual(['lamp lamp lamp', 'lamp lamp']);
      clock.now += 15 * minuteMs;
      expect(await textsFound(store, request)).toEqual(['a lamp here', 'some lamp over there']);
      expect(await textsFound(store, { ...request, filter: { kind: 'memory' } })).toEqual([
        'a lamp here',
        'some lamp over there',
      ]);
    });

    memoryPromise(subject, 'scores stay the same until what has expired is swept', async ({ store, clock }) => {
      await store.add({ text: 'short lamp', tier: 'working' });
      await store.add({ text: 'long lamp', tier: 'semantic' });
      const score = async () => (await store.search({ query: 'long lamp' })).hits[0]?.score;
      const before = await score();
      clock.now += hourMs;
      expect(await score()).toBe(before);
      await store.consolidate();
      expect(await score()).not.toBe(before);
    });

    memoryPromise(
      subject,
      'a clock that goes back neither loses nor keeps anything for ever',
      async ({ store, clock }) => {
        const { id } = await store.add({ text: 'here', tier: 'short_term' });
        clock.now -= 365 * dayMs;
        expect(await store.get(id)).not.toBeNull();
        const { expiresAt } = await store.add({ text: 'earlier', tier: 'short_term' });
        expect(expiresAt).toBe(clock.now + hourMs);
        clock.now = trialStart + hourMs;
        expect((await store.list()).rows).toEqual([]);
      },
    );
  });

  describe('capacity', () => {
    const tiers = { short_term: { ttlMs: hourMs, capacity: 3 } };

    memoryPromise(
      subject,
      'one memory too many evicts the one with the lowest recall score, counted by its reason',
      async ({ store }) => {
        const [, low] = await addAll(store, [
          { text: 'one', importance: 0.9 },
          { text: 'two', importance: 0.1 },
          { text: 'three', importance: 0.5 },
        ]);
        expect((await store.stats()).removed.evicted).toBe(0);
        await store.add({ text: 'four', importance: 0.5 });
        expect(await namesOf(store)).toEqual(['one', 'three', 'four']);
        expect(await store.get(low.id)).toBeNull();
        expect(await textsFound(store, 'two')).toEqual([]);
        expect((await store.stats()).removed).toEqual({
          forgotten: 0,
          expired: 0,
          evicted: 1,
          replaced: 0,
          consolidated: 0,
        });
        expect((await store.changes({ afterSeq: 0 })).at(-1)).toMatchObject({
          type: 'removed',
          id: low.id,
          reason: 'evicted',
        });
      },
      { tiers },
    );

    memoryPromise(
      subject,
      'of equal importance the one goes that was not used for longest, and use is worth something',
      async ({ store, clock }) => {
        const [first, second] = await addAll(store, [{ text: 'one' }, { text: 'two' }, { text: 'three' }]);
        clock.now += 10 * minuteMs;
        store.touch([first.id]);
        await store.add({ text: 'four' });
        expect(await namesOf(store)).toEqual(['one', 'three', 'four']);
        expect(await store.get(second.id)).toBeNull();
      },
      { tiers },
    );

    memoryPromise(
      subject,
      'of equal importance the one goes that was used least, though others were used before it',
      async ({ store, clock }) => {
        const [first, second, third] = await addAll(store, [{ text: 'one' }, { text: 'two' }, { text: 'three' }]);
        const touch = (id: string, times: number) => {
          clock.now += minuteMs;
          for (let time = 0; time < times; time++) store.touch([id]);
        };
        touch(first.id, 5);
        touch(second.id, 1);
        touch(third.id, 3);
        clock.now += 6 * hourMs;
        await store.add({ text: 'four' });
        expect(await namesOf(store)).toEqual(['one', 'three', 'four']);
      },
      { tiers: { short_term: { ttlMs: dayMs, capacity: 3 } } },
    );

    memoryPromise(
      subject,
      'what has expired takes no room',
      async ({ store, clock }) => {
        await addAll(store, [{ text: 'one' }, { text: 'two' }, { text: 'three' }]);
        clock.now += hourMs;
        await addAll(store, [{ text: 'four' }, { text: 'five' }, { text: 'six' }]);
        expect(await namesOf(store)).toEqual(['four', 'five', 'six']);
        expect((await store.stats()).removed.evicted).toBe(0);
      },
      { tiers },
    );

    memoryPromise(
      subject,
      'each tier has its own room, and documents have no end of it',
      async ({ store }) => {
        for (const tier of memoryTiers) await store.add({ text: tier, tier });
        await store.putDocument(
          documentOf(
            'file:///a',
            Array.from({ length: 300 }, (_, index) => `chunk ${index}`),
          ),
        );
        expect((await store.stats()).rows).toEqual({
          total: 305,
          byKind: { document: 300, memory: 5 },
          byTier: { working: 1, short_term: 1, long_term: 1, episodic: 1, semantic: 1 },
        });
        await store.add({ text: 'more', tier: 'episodic' });
        expect((await store.stats()).removed.evicted).toBe(1);
        expect((await store.stats()).rows.byTier.episodic).toBe(1);
      },
      { tiers: Object.fromEntries(memoryTiers.map((tier) => [tier, { ttlMs: dayMs, capacity: 1 }])) },
    );

    memoryPromise(subject, 'has the documented times and capacities where nothing is said', async ({ store }) => {
      expect((await store.stats()).tiers).toEqual({
        working: { ttlMs: 15 * minuteMs, capacity: 15 },
        short_term: { ttlMs: hourMs, capacity: 100 },
        long_term: { ttlMs: 30 * dayMs, capacity: 10_000 },
        episodic: { ttlMs: 7 * dayMs, capacity: 5_000 },
        semantic: { ttlMs: null, capacity: 50_000 },
      });
      await store.addMany(
        Array.from({ length: 20 }, (_, index) => ({ text: `note ${index}`, tier: 'working' as const })),
      );
      expect((await store.stats()).rows.byTier.working).toBe(15);
      expect((await store.stats()).removed.evicted).toBe(5);
    });
  });

  describe('moving up', () => {
    memoryPromise(subject, 'update never shortens a life on the way up', async ({ store }) => {
      const { id } = await store.add({ text: 'a', tier: 'working', expiresAt: trialStart + 100 * dayMs });
      expect(await store.update(id, { tier: 'long_term' })).toMatchObject({
        tier: 'long_term',
        expiresAt: trialStart + 100 * dayMs,
      });
      expect(await store.update(id, { tier: 'semantic' })).toMatchObject({ tier: 'semantic', expiresAt: null });
      const short = await store.add({ text: 'b', tier: 'working' });
      expect(await store.update(short.id, { tier: 'episodic' })).toMatchObject({ expiresAt: trialStart + 7 * dayMs });
    });

    memoryPromise(
      subject,
      'consolidate moves up by one tier what is important or was used',
      async ({ store, clock }) => {
        const rows = await addAll(store, [
          { text: 'important at work', tier: 'working', importance: 0.75 },
          { text: 'used', tier: 'short_term' },
          { text: 'used in an episode', tier: 'episodic' },
          { text: 'used for long', tier: 'long_term' },
          { text: 'at the top', tier: 'semantic', importance: 1 },
          { text: 'used too little', tier: 'short_term' },
          { text: 'important, but not enough', tier: 'working', importance: 0.74 },
        ]);
        const [, used, episode, long, , little] = rows;
        for (const { id } of [used, episode, long]) store.touch([id, id, id]);
        store.touch([little.id, little.id]);
        clock.now += minuteMs;
        expect(await store.consolidate()).toEqual({ promoted: 4, merged: 0, expired: 0, evicted: 0 });
        const tiers = await tiersOf(store, rows);
        expect(tiers).toEqual([
          'short_term',
          'long_term',
          'long_term',
          'semantic',
          'semantic',
          'short_term',
          'working',
        ]);
        for (const { id, expiresAt } of rows) {
          const after = (await store.get(id))?.expiresAt ?? Number.POSITIVE_INFINITY;
          expect(after).toBeGreaterThanOrEqual(expiresAt ?? Number.POSITIVE_INFINITY);
        }
      },
    );

    memoryPromise(
      subject,
      'a tier that is full makes room for what moves up',
      async ({ store }) => {
        await addAll(store, [
          { text: 'old and dull', tier: 'long_term', importance: 0.1 },
          { text: 'moves up', tier: 'short_term', importance: 0.9 },
        ]);
        expect(await store.consolidate()).toEqual({ promoted: 1, merged: 0, expired: 0, evicted: 1 });
        expect(await namesOf(store)).toEqual(['moves up']);
      },
      { tiers: { long_term: { ttlMs: dayMs, capacity: 1 } } },
    );
  });

  describe('merging', () => {
    memoryPromise(
      subject,
      'consolidate makes one memory of several that say the same in one tier',
      async ({ store, clock }) => {
        const [first, , second] = await addAll(store, [
          { text: 'Ada likes tea.', tags: ['ada'], importance: 0.2 },
          { text: 'Bob likes tea.' },
          { text: 'Ada likes tea.', tags: ['tea'], importance: 0.6 },
        ]);
        clock.now += minuteMs;
        const third = await store.add({ text: 'Ada likes tea.' });
        expect(await store.consolidate()).toEqual({ promoted: 0, merged: 2, expired: 0, evicted: 0 });
        expect(await store.get(first.id)).toMatchObject({
          text: 'Ada likes tea.',
          tags: ['ada', 'tea'],
          importance: 0.6,
          createdAt: trialStart,
          expiresAt: third.expiresAt,
        });
        expect(await store.get(second.id)).toBeNull();
        expect(await store.get(third.id)).toBeNull();
        expect(await namesOf(store)).toEqual(['Ada likes tea.', 'Bob likes tea.']);
        expect((await store.stats()).removed.consolidated).toBe(2);
        expect(await store.consolidate()).toEqual({ promoted: 0, merged: 0, expired: 0, evicted: 0 });
      },
    );

    memoryPromise(
      subject,
      'keeps the one that was used most, with the accesses of all, and moves it up by them',
      async ({ store, clock, open }) => {
        const [first, used, last] = await addAll(store, [
          { text: 'same', tier: 'semantic' },
          { text: 'same', tier: 'semantic' },
          { text: 'same', tier: 'semantic' },
        ]);
        store.touch([used.id, used.id]);
        clock.now += minuteMs;
        store.touch([first.id]);
        await store.flush();
        store.touch([last.id]);
        // Two at once, as when one in the background meets one that was asked for, count nothing twice.
        expect(await Promise.all([store.consolidate(), store.consolidate()])).toEqual([
          { promoted: 0, merged: 2, expired: 0, evicted: 0 },
          { promoted: 0, merged: 0, expired: 0, evicted: 0 },
        ]);
        const merged = { id: used.id, accessCount: 4, accessedAt: clock.now };
        expect((await store.list()).rows).toEqual([expect.objectContaining(merged)]);
        await store.close();
        const again = await open();
        expect((await again.list()).rows).toEqual([expect.objectContaining(merged)]);

        const short = await addAll(again, [{ text: 'short' }, { text: 'short' }]);
        again.touch([short[0].id, short[0].id, short[1].id]);
        expect(await again.consolidate()).toEqual({ promoted: 1, merged: 1, expired: 0, evicted: 0 });
        expect(await again.get(short[0].id)).toMatchObject({ tier: 'long_term', accessCount: 3 });
      },
    );

    memoryPromise(subject, 'takes nothing that is changed or forgotten meanwhile, at any moment', async ({ store }) => {
      for (let turns = 0; turns < 12; turns++) {
        const [one, other] = await addAll(store, [
          { text: `said twice ${turns}`, tier: 'semantic' },
          { text: `said twice ${turns}`, tier: 'semantic' },
        ]);
        const going = store.consolidate();
        for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
        const changed = store.update(other.id, { text: `corrected ${turns}` }).catch(() => null);
        const forgotten = turns % 2 === 0 ? store.forget({ ids: [one.id] }) : null;
        await Promise.all([going, changed, forgotten]);
        const texts = (await store.list({ limit: 100 })).rows.map(({ text }) => text);
        // Who was merged before could not be changed any more, and says so; otherwise the correction is there.
        const expected =
          (await changed) === null ? (forgotten === null ? `said twice ${turns}` : null) : `corrected ${turns}`;
        if (expected !== null) expect(texts, `after ${turns} turns`).toContain(expected);
      }
    });

    memoryPromise(
      subject,
      'leaves alone what differs in tier, title or a letter, and all documents',
      async ({ store }) => {
        await addAll(store, [
          { text: 'same' },
          { text: 'same', tier: 'episodic' },
          { text: 'same', title: 'other' },
          { text: 'Same' },
        ]);
        await store.putDocument(documentOf('file:///a', ['same', 'same']));
        expect(await store.consolidate()).toEqual({ promoted: 0, merged: 0, expired: 0, evicted: 0 });
        expect((await store.stats()).rows.total).toBe(6);
      },
    );

    memoryPromise(subject, 'stats counts consolidations and what they moved, for every store', async (trial) => {
      const { store, clock, open } = trial;
      await addAll(store, [{ text: 'goes up', importance: 1 }, { text: 'twice' }, { text: 'twice' }]);
      clock.now += minuteMs;
      await store.consolidate();
      const lastAt = trialStart + minuteMs;
      const { consolidation, removed } = await store.stats();
      expect(consolidation).toEqual({ runs: 1, promoted: 1, lastAt });
      expect(removed.consolidated).toBe(1);
      clock.now += minuteMs;
      const other = await open();
      await other.consolidate();
      expect((await store.stats()).consolidation).toMatchObject({ runs: 2, lastAt: lastAt + minuteMs });
      await other.verify();
      expect((await other.stats()).consolidation.runs).toBe(2);
    });

    memoryPromise(subject, 'does nothing where nothing is to do, not even a change', async ({ store }) => {
      await store.add({ text: 'alone' });
      const { seq } = await store.stats();
      await store.consolidate();
      expect((await store.stats()).seq).toBe(seq);
    });
  });
}

/** In how many of five ways a row is found. */
async function found(store: MemoryStore, id: string): Promise<number> {
  const row = await store.get(id);
  const query = row?.text ?? 'tier';
  const lists: readonly (readonly MemoryRow[])[] = [
    row === null ? [] : [row],
    (await store.search({ query })).hits.map((hit) => hit.row),
    (await store.search({ query, filter: { kind: 'memory' } })).hits.map((hit) => hit.row),
    (await store.recall({ query })).hits.map((hit) => hit.row),
    (await store.list()).rows,
  ];
  return lists.filter((rows) => rows.some((candidate) => candidate.id === id)).length;
}

async function namesOf(store: MemoryStore): Promise<readonly string[]> {
  return (await store.list()).rows.map(({ text }) => text);
}

async function tiersOf(
  store: MemoryStore,
  rows: readonly MemoryRow[],
): Promise<readonly (MemoryTier | null | undefined)[]> {
  const tiers: (MemoryTier | null | undefined)[] = [];
  for (const { id } of rows) tiers.push((await store.get(id))?.tier);
  return tiers;
}
