import { describe, expect } from 'vitest';
import { addAll, dayMs, hourMs, memoryPromise, minuteMs, textsFound, trialStart } from './memory-trial.ts';
import type { MemorySubject } from './memory-trial.ts';

/** Declares what becomes of what was said in conversations: it rolls out of working memory and is not lost. */
export function declareConversationPromises(subject: MemorySubject): void {
  describe('conversations', () => {
    memoryPromise(
      subject,
      'what was said goes on to the episodes when working memory is full, the oldest first, and none of it is lost',
      async ({ store }) => {
        const [note] = await addAll(store, [{ text: 'a note', tier: 'working', importance: 0 }]);
        const said = await addAll(
          store,
          Array.from({ length: 20 }, (_, index) => ({
            text: `sentence ${index}`,
            tier: 'working' as const,
            session: index % 2 === 0 ? 'morning' : 'evening',
            // The least important of all: it must not go for that.
            importance: index === 19 ? 0 : 0.5,
          })),
        );
        for (const { expiresAt } of said) expect(expiresAt).toBe(trialStart + 7 * dayMs);
        const { rows } = await store.list();
        expect(rows.map(({ tier }) => tier)).toEqual([
          'working',
          ...Array.from({ length: 6 }, () => 'episodic'),
          ...Array.from({ length: 14 }, () => 'working'),
        ]);
        expect(await store.get(note.id)).not.toBeNull();
        expect((await store.stats()).removed).toMatchObject({ evicted: 0, expired: 0 });
        expect(await textsFound(store, { query: 'sentence 0', filter: { tiers: ['episodic'] }, limit: 1 })).toEqual([
          'sentence 0',
        ]);
        expect((await store.changes({ afterSeq: 0 })).filter(({ type }) => type === 'updated')).toHaveLength(6);
      },
    );

    memoryPromise(
      subject,
      'consolidate lets it go on when its time in working memory is over; what was only noted expires',
      async ({ store, clock }) => {
        const [said, noted] = await addAll(store, [
          { text: 'said', tier: 'working', session: 's', writer: 'user' },
          { text: 'noted', tier: 'working', writer: 'user' },
        ]);
        clock.now += 14 * minuteMs;
        const late = await store.add({ text: 'said later', tier: 'working', session: 's' });
        clock.now += minuteMs;
        expect(await store.get(noted.id)).toBeNull();
        expect(await store.get(said.id)).toMatchObject({ tier: 'working' });
        expect(await store.consolidate()).toEqual({ promoted: 1, merged: 0, expired: 1, evicted: 0 });
        expect(await store.get(said.id)).toMatchObject({ tier: 'episodic', expiresAt: clock.now + 7 * dayMs });
        expect(await store.get(late.id)).toMatchObject({ tier: 'working' });
        expect(await store.consolidate()).toEqual({ promoted: 0, merged: 0, expired: 0, evicted: 0 });
        clock.now += 7 * dayMs;
        expect((await store.list()).rows).toEqual([]);
      },
    );

    memoryPromise(
      subject,
      'the episodes make room by their own rule, and nothing rolls out of them',
      async ({ store }) => {
        await addAll(store, [
          { text: 'first', tier: 'working', session: 's', importance: 0.4 },
          { text: 'second', tier: 'working', session: 's', importance: 0.3 },
          { text: 'third', tier: 'working', session: 's' },
          { text: 'fourth', tier: 'working', session: 's' },
        ]);
        expect((await store.list()).rows.map(({ text, tier }) => [text, tier])).toEqual([
          ['first', 'episodic'],
          ['third', 'working'],
          ['fourth', 'working'],
        ]);
        expect((await store.stats()).removed.evicted).toBe(1);
      },
      { tiers: { working: { ttlMs: hourMs, capacity: 2 }, episodic: { ttlMs: dayMs, capacity: 1 } } },
    );

    memoryPromise(
      subject,
      'what the model said never moves up by its use, nor becomes one with what its user said',
      async ({ store }) => {
        const [user, model, answer] = await addAll(store, [
          { text: 'the cat is called Miso', tier: 'episodic', session: 's', writer: 'user' },
          { text: 'the cat is called Miso', tier: 'episodic', session: 's', writer: 'model' },
          { text: 'a cat sleeps a lot', tier: 'episodic', session: 's', writer: 'model', importance: 1 },
        ]);
        for (const { id } of [user, model, answer]) store.touch([id, id, id, id]);
        expect(await store.consolidate()).toEqual({ promoted: 1, merged: 0, expired: 0, evicted: 0 });
        expect((await store.list()).rows.map(({ tier }) => tier)).toEqual(['long_term', 'episodic', 'episodic']);
      },
    );

    memoryPromise(subject, 'two stores that talk at once lose nothing of it', async ({ store, open }) => {
      const other = await open();
      for (let turn = 0; turn < 12; turn += 1) {
        await Promise.all(
          [store, other].map((one, at) =>
            one.addMany([
              { text: `question ${turn} of ${at}`, tier: 'working', session: `${at}`, writer: 'user' },
              { text: `answer ${turn} of ${at}`, tier: 'working', session: `${at}`, writer: 'model' },
            ]),
          ),
        );
      }
      const { rows, removed } = await store.stats();
      expect(rows.byTier).toMatchObject({ working: 15, episodic: 33 });
      expect(removed).toMatchObject({ evicted: 0, expired: 0 });
    });
  });
}
