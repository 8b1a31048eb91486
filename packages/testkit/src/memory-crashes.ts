import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExportLine } from '@gemma-cli/contracts';
import { expect } from 'vitest';
import { expectNothingLost } from './expect-nothing-lost.ts';
import { crashInChild } from './crash-process.ts';
import type { Crash } from './crash-process.ts';
import { describeUnless, itUnless } from './declare-unless.ts';
import { buildFaultDisk, missingFaultDisk } from './fault-disk.ts';
import type { FaultMode } from './fault-disk.ts';
import type { CrashModule, CrashOrder } from './memory-crash-child.ts';
import { storyOf, takeStoryStep } from './memory-story.ts';
import type { StoryStep } from './memory-story.ts';
import type { CreateMemory } from './memory-trial.ts';
import { seededRandom } from './seeded-random.ts';
import { withTemporaryFolder } from './temporary-folder.ts';

/** Memories whose processes die. */
export interface MemoryCrashesSubject {
  /** The title of the suite. */
  readonly name: string;
  /** A module with `create` and `tend`, whose index is in many small pieces. */
  readonly module: URL;
  /** Makes the index in the folder of a memory that is closed one of another format, which has to be built anew. */
  readonly age: (folder: string) => Promise<void>;
  /** Each of them reads what is left. The first one reads the index that was kept. */
  readonly creates: readonly CreateMemory[];
  /** So many processes die in all. Default 48. */
  readonly runs?: number;
  readonly seed: number;
}

/** Where a process dies: what of its story comes before, and at which operation of the disk. */
interface Death {
  readonly steps: readonly StoryStep[];
  readonly plan?: string;
  readonly end?: NonNullable<CrashOrder['end']>;
  /** What it finds when it begins. Default: nothing. */
  readonly from?: Start;
}

/** A memory that is there before: whose folder, and what was written to it. */
interface Start {
  readonly folder: string;
  readonly steps: readonly StoryStep[];
}

/** What one whole story does to the disk. */
interface Course {
  readonly steps: readonly StoryStep[];
  readonly operations: Crash['operations'];
}

/** What a point draws from. */
interface Draw {
  readonly course: Course;
  /** The same of a memory that takes over an export. */
  readonly import: Course;
  /** The same of a memory whose index is of another format. */
  readonly migration: Course & { readonly from: Start };
  one<Item>(items: readonly Item[]): Item;
}

/** Stories are told anew after so many runs. */
const runsOfStory = 96;

const points: Readonly<Record<string, (draw: Draw) => Death>> = {
  'before a commit': ({ course: { steps }, one }) => ({
    steps,
    end: { when: 'before', step: one(writesOf(steps)) },
  }),
  'in a commit': ({ course, one }) => ({
    steps: course.steps,
    plan: one([
      ...plansOf(course, 'log.write', ['before', 'half', 'after']),
      ...plansOf(course, 'log.sync', ['before']),
      ...plansOf(course, 'log.sync', ['before']),
    ]),
  }),
  'after a commit': ({ course, one }) => ({ steps: course.steps, plan: one(plansOf(course, 'log.sync', ['after'])) }),
  'around the acknowledgement': ({ course: { steps }, one }) => ({
    steps,
    end: { when: one(['after', 'told']), step: one(writesOf(steps)) },
  }),
  'in the writing of the index': ({ course, one }) => ({
    steps: course.steps,
    plan: one([
      ...plansOf(course, 'segment.write', ['before', 'half', 'after'], isSealed),
      ...plansOf(course, 'segment.sync', ['before', 'after'], isSealed),
      ...plansOf(course, 'segment.rename', ['before', 'after'], isSealed),
      ...plansOf(course, 'folder.sync', ['before', 'after'], (name) => name !== 'memory'),
      ...['manifest.write', 'manifest.sync', 'manifest.rename'].flatMap((what) =>
        plansOf(course, what, ['before', 'half', 'after']),
      ),
    ]),
  }),
  'in a merge of the index': ({ course, one }) => ({
    steps: course.steps,
    plan: one([
      ...plansOf(course, 'segment.write', ['before', 'half', 'after'], isMerged),
      ...plansOf(course, 'segment.sync', ['before', 'after'], isMerged),
      ...plansOf(course, 'segment.rename', ['before', 'after'], isMerged),
      ...plansOf(course, 'segment.remove', ['before', 'after']),
    ]),
  }),
  'in a checkpoint': ({ course, one }) => ({
    steps: course.steps,
    plan: one([
      ...plansOf(course, 'file.write', ['before', 'half', 'after'], any, 2),
      ...plansOf(course, 'file.sync', ['before', 'after'], any, 1),
      ...plansOf(course, 'log.cut', ['before', 'after']),
      ...plansOf(course, 'log.remove', ['before', 'after']),
    ]),
  }),
  'while a memory is made or taken over': ({ course, import: taken, one }) => {
    const making = ['file.open', 'file.write', 'file.sync', 'journal.write', 'journal.sync', 'log.write', 'log.sync'];
    const phases = ['before', 'half', 'after'];
    const isMaking = one([true, false]);
    if (!isMaking)
      return {
        steps: taken.steps,
        plan: one([...plansOf(taken, 'log.write', phases), ...plansOf(taken, 'log.sync', phases)]),
      };
    const plans = making.flatMap((what) => plansOf(course, what, phases).slice(0, what === 'log.write' ? 90 : 9));
    return { steps: course.steps, plan: one(plans) };
  },
  'while the index is migrated': ({ migration, one }) => ({
    steps: migration.steps,
    from: migration.from,
    plan: one([
      ...plansOf(migration, 'segment.open', ['before', 'after']),
      ...plansOf(migration, 'segment.write', ['before', 'half', 'after']),
      ...plansOf(migration, 'segment.sync', ['before', 'after']),
      ...plansOf(migration, 'segment.rename', ['before', 'after']),
      ...plansOf(migration, 'segment.remove', ['before', 'after']),
      ...plansOf(migration, 'folder.sync', ['before', 'after'], (name) => name !== 'memory'),
      ...['manifest.write', 'manifest.sync', 'manifest.rename'].flatMap((what) =>
        plansOf(migration, what, ['before', 'half', 'after']),
      ),
    ]),
  }),
};

/** What a migration tells of, and a crash in its middle tells of again. */
const migrationTold = /of another format/u;

const modes: readonly FaultMode[] = ['kill', 'drop', 'kill', 'torn'];

/** Declares that a memory loses nothing that it acknowledged, wherever its process ends and whatever the disk then forgets. */
export function memoryCrashes({ name, module, age, creates, runs = 48, seed }: MemoryCrashesSubject): void {
  const names = Object.keys(points);
  describeUnless(missingFaultDisk, name, () => {
    itUnless(
      undefined,
      `of ${runs} that die none loses an acknowledged write, keeps part of one, or does not open again (seed ${seed})`,
      () =>
        withTemporaryFolder(async (folder) => {
          const library = await buildFaultDisk(folder);
          const lines = await exportOf(join(folder, 'exported'), creates);
          const from = await startOf(join(folder, 'old'), module, storyOf(seed - 1), age);
          const stories = new Map<number, Promise<Omit<Draw, 'one'>>>();
          const coursesOf = (story: number) => {
            const known = stories.get(story);
            if (known !== undefined) return known;
            const place = join(folder, `course-${story}`);
            const courses = coursesOfStory(library, place, module, storyOf(seed + story), lines, from);
            stories.set(story, courses);
            return courses;
          };
          const tally: Record<string, number> = {};
          let next = 0;
          const worker = async (): Promise<void> => {
            for (let run = next++; run < runs; run = next++) {
              const random = seededRandom(seed * 31 + run);
              const one = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)] as Item;
              const point = names[run % names.length] ?? '';
              const mode = modes[Math.floor(run / names.length) % modes.length] ?? 'kill';
              const courses = await coursesOf(Math.floor(run / runsOfStory));
              const death = points[point]?.({ ...courses, one });
              if (death === undefined) throw new Error(`No death ${point}.`);
              const about = `seed ${seed} run ${run}: ${mode} ${point} (${death.plan ?? JSON.stringify(death.end)})`;
              const place = join(folder, `run-${run}`);
              const { from: start, ...end } = death;
              const order = { module: module.href, folder: join(place, 'memory'), ...end };
              if (start !== undefined) await cp(start.folder, order.folder, { recursive: true });
              const faults = { scratch: join(place, 'scratch'), plan: death.plan, mode, seed: run + 1 };
              const crash = await crashInChild(library, order, faults);
              expect(crash.signal, `${about}\n${crash.stderr}`).toBe('SIGKILL');
              expect(crash.failedWith, about).toBeNull();
              if (!crash.isThrough) tally[`${mode} ${point}`] = (tally[`${mode} ${point}`] ?? 0) + 1;
              const before = start?.steps ?? [];
              const { done, begun } = crash;
              const told = {
                done: before.length + done,
                begun: begun < 0 ? begun : before.length + begun,
                ...(start === undefined ? {} : { allowed: migrationTold }),
              };
              await expectNothingLost(order.folder, [...before, ...death.steps], told, creates, about);
              await rm(place, { recursive: true, force: true });
            }
          };
          await Promise.all([worker(), worker()]);
          // A plan that is never reached would test nothing.
          const died = Object.values(tally).reduce((sum, count) => sum + count, 0);
          expect(died, `died before their end: ${JSON.stringify(tally)}`).toBeGreaterThan(runs * 0.9);
        }),
      60_000 + runs * 3_000,
    );
  });
}

async function exportOf(folder: string, [create]: readonly CreateMemory[]): Promise<readonly ExportLine[]> {
  if (create === undefined) throw new Error('Expected at least one memory that reads what is left.');
  const store = await create({ folder });
  for (const step of storyOf(7)) await takeStoryStep(store, step);
  const lines: ExportLine[] = [];
  for await (const line of store.export()) lines.push(line);
  await store.close();
  return lines;
}

/** A memory that a story was told to, with an index of another format. */
async function startOf(
  folder: string,
  module: URL,
  steps: readonly StoryStep[],
  age: MemoryCrashesSubject['age'],
): Promise<Start> {
  const { create, tend } = (await import(module.href)) as CrashModule;
  const written = steps.filter(({ type }) => type !== 'reopen');
  const store = await create({ folder });
  for (const step of written) await takeStoryStep(store, step);
  tend?.(store);
  await store.close();
  await age(folder);
  return { folder, steps: written };
}

/** Tells the story, and taking over an export, to their ends, to see what they do to the disk. */
async function coursesOfStory(
  library: string,
  place: string,
  module: URL,
  steps: readonly StoryStep[],
  lines: readonly ExportLine[],
  from: Start,
): Promise<Omit<Draw, 'one'>> {
  const tell = async (name: string, told: readonly StoryStep[], start?: Start): Promise<Course> => {
    const order = { module: module.href, folder: join(place, name, 'memory'), steps: told };
    if (start !== undefined) await cp(start.folder, order.folder, { recursive: true });
    const { isThrough, stderr, operations } = await crashInChild(library, order, {
      scratch: join(place, name, 'scratch'),
    });
    expect(isThrough, `a story comes to its end\n${stderr}`).toBe(true);
    return { steps: told, operations };
  };
  const [course, taken, migration] = await Promise.all([
    tell('story', steps),
    tell('import', [{ type: 'import', lines }]),
    tell('migration', [{ type: 'tend' }, ...steps.slice(0, 6)], from),
  ]);
  return { course, import: taken, migration: { ...migration, from } };
}

const any = (): boolean => true;

/** Segments are named after their last change and the rows they have: those of a tail have few. */
const rowsOf = (name: string): number => Number(name.split('-')[1] ?? 0);
const isMerged = (name: string): boolean => rowsOf(name) > 32;
const isSealed = (name: string): boolean => rowsOf(name) <= 32;

/** Plans that end a process at an operation, of all there are in a course. */
function plansOf(
  { operations }: Course,
  what: string,
  phases: readonly string[],
  isWanted: (file: string) => boolean = any,
  /** So many are left out: the first ones make the file. */
  skipped = 0,
): readonly string[] {
  return operations
    .filter(([one]) => one === what)
    .flatMap(([, file], index) =>
      index < skipped || !isWanted(file) ? [] : phases.map((phase) => `${what}:${index + 1}:${phase}`),
    );
}

function writesOf(steps: readonly StoryStep[]): readonly number[] {
  return steps.flatMap(({ type }, index) => (type === 'tend' || type === 'reopen' ? [] : [index]));
}
