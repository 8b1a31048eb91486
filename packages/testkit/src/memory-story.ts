import type { ExportLine, MemoryStore } from '@gemma-cli/contracts';
import { documentOf } from './memory-trial.ts';
import { seededRandom } from './seeded-random.ts';

/** One step of a story: one write that is there as a whole or not at all, or something that writes no rows. */
export type StoryStep =
  | { readonly type: 'add'; readonly group: string; readonly texts: readonly string[] }
  | { readonly type: 'put'; readonly uri: string; readonly texts: readonly string[] }
  | { readonly type: 'forget'; readonly group: string }
  | { readonly type: 'import'; readonly lines: readonly ExportLine[] }
  /** The index is sealed, merged and kept. */
  | { readonly type: 'tend' }
  | { readonly type: 'reopen' }
  | { readonly type: 'flush' };

/** A story that a seed repeats: what is written to a memory, step by step. Every text has the word `shared`. */
export function storyOf(seed: number, steps = 24): readonly StoryStep[] {
  const random = seededRandom(seed);
  const below = (count: number): number => Math.floor(random() * count);
  const groups: string[] = [];
  const texts = (step: number, count: number): readonly string[] =>
    Array.from(
      { length: count },
      (_, row) => `shared step${step} row${row} ${'word'.repeat(1 + below(4))}${below(50)}`,
    );
  return Array.from({ length: steps }, (_, step): StoryStep => {
    if (step % 6 === 5) return { type: 'tend' };
    if (step % 12 === 10) return { type: 'reopen' };
    const kind = below(10);
    if (kind < 2 && groups.length > 0) {
      const [group = ''] = groups.splice(below(groups.length), 1);
      return { type: 'forget', group };
    }
    if (kind < 5) return { type: 'put', uri: `file:///docs/${below(3)}.md`, texts: texts(step, 1 + below(12)) };
    const group = `g${step}`;
    groups.push(group);
    return { type: 'add', group, texts: texts(step, 1 + below(12)) };
  });
}

/** Texts that a memory has after these steps, sorted. */
export function textsAfter(steps: readonly StoryStep[]): readonly string[] {
  const byOrigin = new Map<string, readonly string[]>();
  for (const step of steps) {
    if (step.type === 'add') byOrigin.set(step.group, step.texts);
    if (step.type === 'put') byOrigin.set(step.uri, step.texts);
    if (step.type === 'forget') byOrigin.delete(step.group);
    if (step.type === 'import')
      byOrigin.set(
        'import',
        step.lines.flatMap((line) => (line.type === 'row' ? [line.row.text] : [])),
      );
  }
  return [...byOrigin.values()].flat().toSorted();
}

/** Takes a step that writes. */
export async function takeStoryStep(store: MemoryStore, step: StoryStep): Promise<void> {
  if (step.type === 'add')
    await store.addMany(step.texts.map((text) => ({ text, tier: 'semantic', tags: [step.group] })));
  if (step.type === 'put') await store.putDocument(documentOf(step.uri, step.texts));
  if (step.type === 'forget') await store.forget({ filter: { tags: [step.group] } });
  if (step.type === 'import') await store.import(step.lines);
  if (step.type === 'flush') await store.flush();
}
