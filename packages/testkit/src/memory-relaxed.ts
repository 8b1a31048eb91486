import { rm } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { MemoryDurability } from '@gemma-cli/contracts';
import { expect } from 'vitest';
import { crashInChild } from './crash-process.ts';
import type { Crash } from './crash-process.ts';
import { describeUnless, itUnless } from './declare-unless.ts';
import { expectNothingLost } from './expect-nothing-lost.ts';
import { buildFaultDisk, missingFaultDisk } from './fault-disk.ts';
import type { FaultMode } from './fault-disk.ts';
import { storyOf } from './memory-story.ts';
import type { StoryStep } from './memory-story.ts';
import type { CreateMemory } from './memory-trial.ts';
import { seededRandom } from './seeded-random.ts';
import { withTemporaryFolder } from './temporary-folder.ts';

/** Memories that acknowledge before the disk has what they were told. */
export interface MemoryRelaxedSubject {
  /** The title of the suite. */
  readonly name: string;
  /** A module with `create`. */
  readonly module: URL;
  /** Each of them reads what is left. */
  readonly creates: readonly CreateMemory[];
  /** So many processes die in each way. Default 2. */
  readonly runs?: number;
  readonly seed: number;
}

const modes: readonly FaultMode[] = ['kill', 'drop', 'torn'];

/** Declares what a memory with the durability `relaxed` loses, what it never loses, and what it saves. */
export function memoryRelaxed({ name, module, creates, runs = 2, seed }: MemoryRelaxedSubject): void {
  describeUnless(missingFaultDisk, name, () => {
    itUnless(
      undefined,
      `loses nothing to a kill, and to a power cut only its last writes after the last flush, each as a whole (seed ${seed})`,
      () =>
        withTemporaryFolder(async (folder) => {
          const library = await buildFaultDisk(folder);
          const random = seededRandom(seed);
          const lost: Record<FaultMode, number> = { kill: 0, drop: 0, torn: 0 };
          for (let run = 0; run < runs * modes.length; run++) {
            const mode = modes[run % modes.length] ?? 'kill';
            const steps = storyWithFlush(seed + run);
            const flush = steps.findIndex(({ type }) => type === 'flush');
            const step = flush + 1 + Math.floor(random() * (steps.length - flush - 1));
            const about = `seed ${seed} run ${run}: ${mode} after step ${step}, flushed at ${flush}`;
            const place = join(folder, `run-${run}`);
            const order = {
              module: module.href,
              folder: join(place, 'memory'),
              steps,
              durability: 'relaxed',
              end: { when: 'told', step },
            } as const;
            const crash = await crashInChild(library, order, { scratch: join(place, 'scratch'), mode, seed: run + 1 });
            expect(crash.signal, `${about}\n${crash.stderr}`).toBe('SIGKILL');
            expect(crash, about).toMatchObject({ failedWith: null, done: step + 1 });
            const keptMin = mode === 'kill' ? crash.done : flush + 1;
            const kept = await expectNothingLost(order.folder, steps, crash, creates, about, keptMin);
            lost[mode] += crash.done - kept;
            await rm(place, { recursive: true, force: true });
          }
          // Otherwise a power cut was not what was tried.
          expect(lost.drop, `steps that were lost: ${JSON.stringify(lost)}`).toBeGreaterThan(0);
          expect(lost.kill).toBe(0);
        }),
      60_000 + runs * 9_000,
    );

    itUnless(
      undefined,
      'tells of a sync that the disk fails, of a flush too, and loses nothing that the system has',
      () =>
        withTemporaryFolder(async (folder) => {
          const library = await buildFaultDisk(folder);
          const steps: readonly StoryStep[] = [
            { type: 'add', group: 'one', texts: ['shared one'] },
            { type: 'add', group: 'two', texts: ['shared two'] },
            { type: 'flush' },
          ];
          const tryAt = async (name: string, plan?: string): Promise<Crash> => {
            const place = join(folder, name);
            const order = { module: module.href, folder: join(place, 'memory'), steps, durability: 'relaxed' } as const;
            const crash = await crashInChild(library, order, { scratch: join(place, 'scratch'), plan });
            expect(crash.signal, crash.stderr).toBe('SIGKILL');
            if (plan !== undefined) await expectNothingLost(order.folder, steps, crash, creates, plan);
            return crash;
          };
          const { operations } = await tryAt('sound');
          const syncs = operations.filter(([what]) => what === 'log.sync').length;
          const failed = await Promise.all(
            Array.from({ length: syncs }, (_, at) => tryAt(`sync-${at}`, `log.sync:${at + 1}:${constants.errno.EIO}+`)),
          );
          for (const { failedWith } of failed) expect([null, 'MEMORY_UNAVAILABLE']).toContain(failedWith);
          expect(failed.map(({ begun, failedWith }) => [begun, failedWith])).toContainEqual([2, 'MEMORY_UNAVAILABLE']);
        }),
      60_000,
    );

    itUnless(
      undefined,
      'waits for the disk with a flush and when it closes, not with each write',
      () =>
        withTemporaryFolder(async (folder) => {
          const library = await buildFaultDisk(folder);
          const steps = Array.from({ length: 24 }, (_, step): StoryStep => {
            return { type: 'add', group: `g${step}`, texts: [`shared ${step}`] };
          });
          const syncsOf = async (durability: MemoryDurability): Promise<number> => {
            const place = join(folder, durability);
            const order = { module: module.href, folder: join(place, 'memory'), steps, durability };
            const crash = await crashInChild(library, order, { scratch: join(place, 'scratch') });
            expect(crash.isThrough, crash.stderr).toBe(true);
            return crash.operations.filter(([what]) => what === 'log.sync').length;
          };
          const [durable, relaxed] = [await syncsOf('durable'), await syncsOf('relaxed')];
          expect(durable).toBeGreaterThanOrEqual(steps.length);
          expect(relaxed, `${durable} syncs of the log with durable`).toBeLessThan(durable / 2);
        }),
      60_000,
    );
  });
}

/** A story that is flushed once, somewhere in its first half. Without new openings, which bring everything to the disk. */
function storyWithFlush(seed: number): readonly StoryStep[] {
  const steps = storyOf(seed, 16).filter(({ type }) => type !== 'tend' && type !== 'reopen');
  const flush = 2 + (Math.abs(seed) % 5);
  return [...steps.slice(0, flush), { type: 'flush' }, ...steps.slice(flush)];
}
