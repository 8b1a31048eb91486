import type { CreateMemory } from './memory-trial.ts';
import { expect } from 'vitest';
import type { MemoryStore } from '@gemma-cli/contracts';
import type { Crash } from './crash-process.ts';
import { takeStoryStep, textsAfter } from './memory-story.ts';
import type { StoryStep } from './memory-story.ts';

/**
 * What is left is what was acknowledged, with or without the step that was under way, for everybody who opens it. The
 * log may have lines that fit `allowed`.
 *
 * @param keptMin - So many of the first steps must be left; of the others the last ones may be gone. Default: all that were
 *   done.
 * @returns How many steps are left.
 */
export async function expectNothingLost(
  folder: string,
  steps: readonly StoryStep[],
  { done, begun, allowed }: Pick<Crash, 'done' | 'begun'> & { readonly allowed?: RegExp },
  creates: readonly CreateMemory[],
  about: string,
  keptMin = done,
): Promise<number> {
  const counts = Array.from({ length: Math.max(done, begun + 1) - keptMin + 1 }, (_, more) => keptMin + more);
  const acknowledged = textsAfter(steps.slice(0, done));
  const [first] = steps;
  let left = 0;
  for (const create of creates) {
    const log: string[] = [];
    const store = await create({ folder, log: (line) => log.push(line) });
    try {
      const rows = await allRows(store);
      const texts = rows.map(({ text }) => text).toSorted();
      const count = counts.findLast((one) => isSame(textsAfter(steps.slice(0, one)), texts));
      expect(texts, `${about}: ${done} steps done, under way ${begun}`).toEqual(
        count === undefined ? acknowledged : texts,
      );
      left = count ?? 0;
      const { hits } = await store.search({ query: 'shared', limit: 1_000 });
      expect(hits.map(({ row }) => row.text).toSorted(), `${about}: what is found`).toEqual(texts);
      const changes = await store.changes({ afterSeq: 0, limit: 100_000 });
      expect(
        changes.map(({ seq }) => seq),
        `${about}: changes`,
      ).toEqual(changes.map((_, index) => index + 1));
      expect(await store.verify(), about).toEqual([]);
      expect(
        log.filter(
          (line) =>
            /is damaged|moved aside|built anew|made anew/u.test(line) &&
            !isOfLater(line, left, done) &&
            allowed?.test(line) !== true,
        ),
        about,
      ).toEqual([]);
      const [last] = await store.addMany([{ text: 'shared after', tier: 'semantic', tags: ['after'] }]);
      expect(
        (await store.search({ query: 'after' })).hits.map(({ row }) => row.id),
        about,
      ).toEqual([last?.id]);
      expect(await store.forget({ filter: { tags: ['after'] } }), about).toBe(1);
      // The last one takes over again what a process died of taking over.
      if (first?.type !== 'import' || create !== creates.at(-1)) continue;
      await takeStoryStep(store, first);
      const taken = (await allRows(store)).map(({ text }) => text).toSorted();
      expect(taken, `${about}: taken over again`).toEqual(textsAfter(steps));
    } finally {
      await store.close();
    }
  }
  return left;
}

/** The index of a memory that lost its last writes has them, and is built anew. */
function isOfLater(line: string, left: number, done: number): boolean {
  return left < done && line.startsWith('The index of the memory is that of another record');
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

async function allRows(store: MemoryStore) {
  return (await store.list({ limit: 1_000 })).rows;
}
