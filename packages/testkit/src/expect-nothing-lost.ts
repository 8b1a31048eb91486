import type { CreateMemory } from './memory-trial.ts';
import { expect } from 'vitest';
import type { MemoryStore } from '@gemma-cli/contracts';
import type { Crash } from './crash-process.ts';
import { takeStoryStep, textsAfter } from './memory-story.ts';
import type { StoryStep } from './memory-story.ts';

/** What is left is what was acknowledged, with or without the step that was under way, for everybody who opens it. */
export async function expectNothingLost(
  folder: string,
  steps: readonly StoryStep[],
  { done, begun }: Pick<Crash, 'done' | 'begun'>,
  creates: readonly CreateMemory[],
  about: string,
): Promise<void> {
  const acknowledged = textsAfter(steps.slice(0, done));
  const possible = begun < 0 ? [acknowledged] : [acknowledged, textsAfter(steps.slice(0, begun + 1))];
  const [first] = steps;
  for (const create of creates) {
    const log: string[] = [];
    const store = await create({ folder, log: (line) => log.push(line) });
    try {
      const rows = await allRows(store);
      const texts = rows.map(({ text }) => text).toSorted();
      const expected = possible.find((one) => JSON.stringify(one) === JSON.stringify(texts)) ?? acknowledged;
      expect(texts, `${about}: ${done} steps done, under way ${begun}`).toEqual(expected);
      const { hits } = await store.search({ query: 'shared', limit: 1_000 });
      expect(hits.map(({ row }) => row.text).toSorted(), `${about}: what is found`).toEqual(texts);
      const changes = await store.changes({ afterSeq: 0, limit: 100_000 });
      expect(
        changes.map(({ seq }) => seq),
        `${about}: changes`,
      ).toEqual(changes.map((_, index) => index + 1));
      expect(await store.verify(), about).toEqual([]);
      expect(
        log.filter((line) => /is damaged|moved aside|built anew|made anew/u.test(line)),
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
}

async function allRows(store: MemoryStore) {
  return (await store.list({ limit: 1_000 })).rows;
}
