import { join } from 'node:path';
import type { MemoryStore, NewMemory } from '@gemma-cli/contracts';
import { withTemporaryFolder } from '@gemma-cli/testkit';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { create } from '../src/index.ts';

const minuteMs = 60_000;

interface Opened {
  readonly store: MemoryStore;
  /** Consolidations in the background that this store told of. */
  readonly told: string[];
}

/** Opens stores on one folder, each with a lease of its own, as processes have it. */
function tryStores(
  body: (open: (everyMs?: number) => Promise<Opened>, clock: { now: number }) => Promise<void>,
): Promise<void> {
  return withTemporaryFolder(async (folder) => {
    const stores: MemoryStore[] = [];
    const clock = { now: Date.UTC(2026, 0, 1) };
    const open = async (consolidateEveryMs?: number): Promise<Opened> => {
      const told: string[] = [];
      const store = await create({
        folder: join(folder, 'memory'),
        consolidateEveryMs,
        now: () => clock.now,
        log: (line) => (line.includes('in the background') ? told.push(line) : undefined),
      });
      stores.push(store);
      return { store, told };
    };
    try {
      await body(open, clock);
    } finally {
      for (const store of stores) await store.close();
    }
  });
}

/** Lets the timers run, and what they began come to its end. */
async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

const twice: readonly NewMemory[] = [{ text: 'Ada likes tea.' }, { text: 'Ada likes tea.' }];

describe('consolidation in the background', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  test('sweeps, merges, moves up and rolls when nobody has asked anything for two seconds, and says so', () =>
    tryStores(async (open, clock) => {
      const { store, told } = await open(5 * minuteMs);
      await store.addMany([
        ...twice,
        { text: 'noted', tier: 'working' },
        { text: 'said', tier: 'working', session: 's' },
        { text: 'important', importance: 0.9 },
      ]);
      clock.now += 15 * minuteMs;
      for (let call = 0; call < 3; call += 1) {
        await pass(1_900);
        await store.search({ query: 'tea' });
      }
      expect(told).toEqual([]);
      await pass(2_000);
      expect(told).toEqual([
        'Consolidated the memory in the background, time 1: 2 moved up, 1 merged, 1 expired, 0 evicted.',
      ]);
      expect((await store.list()).rows.map(({ text, tier }) => [text, tier])).toEqual([
        ['Ada likes tea.', 'short_term'],
        ['said', 'episodic'],
        ['important', 'long_term'],
      ]);
    }));

  test('is done by one store at a time, at most so often, and by none where nobody asks anything', () =>
    tryStores(async (open) => {
      const [one, other] = [await open(5 * minuteMs), await open(5 * minuteMs)];
      const told = () => one.told.length + other.told.length;
      await one.store.addMany(twice);
      await other.store.addMany(twice);
      await pass(2_000);
      expect(told()).toBe(1);
      expect((await one.store.stats()).removed.consolidated).toBe(3);
      for (let call = 0; call < 5; call += 1) {
        await one.store.addMany(twice);
        await other.store.addMany(twice);
        await pass(50_000);
      }
      expect(told()).toBe(1);
      await pass(5 * minuteMs);
      expect(told()).toBe(2);
      await pass(60 * minuteMs);
      expect(told()).toBe(2);
    }));

  test('ends with the store, which leaves it to another one', () =>
    tryStores(async (open) => {
      const [one, other] = [await open(5 * minuteMs), await open(5 * minuteMs)];
      await one.store.addMany(Array.from({ length: 90 }, (_, index) => ({ text: `note ${index % 45}` })));
      vi.advanceTimersByTime(2_000);
      await one.store.close();
      expect(one.told).toEqual([]);
      await other.store.stats();
      await pass(2_000);
      expect(other.told).toEqual([expect.stringContaining('45 merged')]);
    }));

  test('is not done where nobody asked for it', () =>
    tryStores(async (open) => {
      const { store, told } = await open();
      await store.addMany(twice);
      await pass(24 * 60 * minuteMs);
      expect(told).toEqual([]);
      expect((await store.stats()).rows.total).toBe(2);
      await expect(open(2 ** 31)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    }));
});
