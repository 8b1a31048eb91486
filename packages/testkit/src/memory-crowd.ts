import { describe, expect, it } from 'vitest';
import { inChild } from './memory-processes.ts';
import { tryMemory } from './memory-trial.ts';
import type { CreateMemory } from './memory-trial.ts';

/** Memories that share one folder from many processes. */
export interface MemoryCrowdSubject {
  /** The title of the suite. */
  readonly name: string;
  /** Modules with `create`: processes take them in turns. */
  readonly modules: readonly URL[];
  /** Each of them reads what is left in the end. */
  readonly creates: readonly CreateMemory[];
  /** Default 8. */
  readonly writers?: number;
  /** Default 4. */
  readonly readers?: number;
  /** Writes of each writer. Default 50: 1,000 hits are the most that a search gives. */
  readonly writes?: number;
}

/** Declares that no write is lost and no lock is surfaced when many processes write and read at once. */
export function memoryCrowd({
  name,
  modules,
  creates,
  writers = 8,
  readers = 4,
  writes = 50,
}: MemoryCrowdSubject): void {
  describe(name, () => {
    it(`${writers} processes write and ${readers} read: nothing is lost, and nobody sees less than before`, async () => {
      const [create] = creates;
      if (create === undefined) throw new Error('Expected at least one memory that reads in the end.');
      await tryMemory(create, {}, async ({ store, folder, open }) => {
        const orders = Array.from({ length: writers + readers }, (_, process) => ({
          module: modules[process % modules.length]?.href ?? '',
          options: { folder },
          texts:
            process < writers
              ? Array.from({ length: writes }, (__, write) => `shared words, only${process}x${write}`)
              : [],
          looks: process < writers ? 0 : writes,
        }));
        const reports = await Promise.all(orders.map(inChild));
        for (const [process, { ids, found }] of reports.entries()) {
          expect(ids.length).toBe(process < writers ? writes : 0);
          for (const [index, count] of found.entries()) {
            expect(count).toBeGreaterThanOrEqual(found[index - 1] ?? 0);
            if (process < writers) expect(count).toBeGreaterThan(index);
          }
        }
        const ids = reports.flatMap((report) => report.ids);
        for (const factory of creates) {
          const reader = await open({}, factory);
          const { hits } = await reader.search({ query: 'shared', limit: 1_000 });
          expect(hits.map(({ row }) => row.id).toSorted()).toEqual(ids.toSorted());
          for (const [process, report] of reports.entries()) {
            const last = report.ids.length - 1;
            if (last < 0) continue;
            const own = await reader.search({ query: `only${process}x${last}`, limit: 2 });
            expect(own.hits.map(({ row }) => row.id)).toEqual([report.ids[last]]);
          }
          expect(await reader.verify()).toEqual([]);
        }
        expect((await store.changes({ afterSeq: 0, limit: 10_000 })).length).toBe(writers * writes);
      });
    });
  });
}
