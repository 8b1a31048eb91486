import { constants } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { crashInChild } from './crash-process.ts';
import { describeUnless, itUnless } from './declare-unless.ts';
import { expectNothingLost } from './expect-nothing-lost.ts';
import { buildFaultDisk, missingFaultDisk } from './fault-disk.ts';
import { storyOf } from './memory-story.ts';
import type { CreateMemory } from './memory-trial.ts';
import { withTemporaryFolder } from './temporary-folder.ts';

/** Memories whose disk refuses. */
export interface MemoryFaultsSubject {
  /** The title of the suite. */
  readonly name: string;
  /** A module with `create` and `tend`, whose index is in many small pieces. */
  readonly module: URL;
  /** Each of them reads what is left. The first one reads the index that was kept. */
  readonly creates: readonly CreateMemory[];
  readonly seed: number;
}

type Errno = 'ENOSPC' | 'EACCES' | 'EROFS' | 'EMFILE' | 'EIO';

/** At which operations of the disk which errors are tried. Those of the index stop nobody: it stays in memory. */
const sites: readonly { readonly what: string; readonly errors: readonly Errno[]; readonly isOfRecord: boolean }[] = [
  { what: 'file.open', errors: ['ENOSPC', 'EACCES', 'EROFS', 'EMFILE', 'EIO'], isOfRecord: true },
  { what: 'log.open', errors: ['ENOSPC', 'EACCES', 'EMFILE', 'EIO'], isOfRecord: true },
  { what: 'log.write', errors: ['ENOSPC', 'EIO', 'EROFS'], isOfRecord: true },
  { what: 'log.sync', errors: ['ENOSPC', 'EIO'], isOfRecord: true },
  { what: 'file.write', errors: ['ENOSPC', 'EIO'], isOfRecord: true },
  { what: 'file.sync', errors: ['ENOSPC', 'EIO'], isOfRecord: true },
  { what: 'segment.open', errors: ['ENOSPC', 'EACCES', 'EROFS', 'EMFILE', 'EIO'], isOfRecord: false },
  { what: 'segment.write', errors: ['ENOSPC', 'EIO'], isOfRecord: false },
  { what: 'segment.sync', errors: ['EIO', 'ENOSPC'], isOfRecord: false },
  { what: 'segment.rename', errors: ['EACCES', 'EIO'], isOfRecord: false },
  { what: 'manifest.rename', errors: ['ENOSPC', 'EROFS'], isOfRecord: false },
];

/**
 * Declares that a memory whose disk refuses says so by a code, keeps what it acknowledged, and opens again when the disk is
 * well.
 */
export function memoryFaults({ name, module, creates, seed }: MemoryFaultsSubject): void {
  describeUnless(missingFaultDisk, name, () => {
    for (const { what, errors, isOfRecord } of sites)
      itUnless(
        undefined,
        isOfRecord
          ? `tells by its code that ${what} gave ${errors.join(', ')}, keeps what it acknowledged, and opens again`
          : `goes on without a kept index when ${what} gives ${errors.join(', ')}, and opens again`,
        () =>
          withTemporaryFolder(async (folder) => {
            const library = await buildFaultDisk(folder);
            const steps = storyOf(seed, 13);
            const tryOne = async (errno: Errno): Promise<void> => {
              // From the middle on, the disk refuses for good; what is done before it is kept.
              const n = what === 'log.write' ? 60 : what === 'log.sync' ? 4 : what === 'file.write' ? 3 : 2;
              const refusal = `${what}:${n}:${constants.errno[errno]}+`;
              // What is asked of a disk without room, too, to find out.
              const plan = errno === 'ENOSPC' ? `${refusal};other.write:1:${constants.errno[errno]}+` : refusal;
              const place = join(folder, errno);
              const order = { module: module.href, folder: join(place, 'memory'), steps };
              const crash = await crashInChild(library, order, { scratch: join(place, 'scratch'), plan });
              const about = `${plan} (${errno})\n${crash.stderr}`;
              expect(crash.signal, about).toBe('SIGKILL');
              const count = crash.operations.filter(([one]) => one === what).length;
              expect(count, `${about}: the operation was met`).toBeGreaterThanOrEqual(n);
              const allowed = !isOfRecord
                ? [null]
                : what.startsWith('file.') && what !== 'file.open'
                  ? [null, codeOf(errno)]
                  : [codeOf(errno)];
              expect(allowed, about).toContain(crash.failedWith);
              await expectNothingLost(order.folder, steps, crash, creates, about);
            };
            await Promise.all(errors.map(tryOne));
          }),
        120_000,
      );
  });
}

function codeOf(errno: Errno): string {
  return errno === 'ENOSPC' ? 'DISK_FULL' : 'MEMORY_UNAVAILABLE';
}
