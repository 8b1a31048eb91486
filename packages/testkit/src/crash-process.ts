import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { faultEnvironment, faultTrace } from './fault-disk.ts';
import type { DiskFaults } from './fault-disk.ts';
import type { CrashOrder } from './memory-crash-child.ts';

/** What is known of a process that did not live to its end. */
export interface Crash {
  readonly signal: string | null;
  readonly stderr: string;
  /** It got so far as to have the memory open. */
  readonly isOpen: boolean;
  /** It told that it was through with all steps, and had closed the memory. */
  readonly isThrough: boolean;
  /** Steps that were done before it died. */
  readonly done: number;
  /** The step that was under way; -1 = none. */
  readonly begun: number;
  /** What it told to have failed with; `null` = with nothing. */
  readonly failedWith: string | null;
  /** What it did to the disk: what, and on which file. */
  readonly operations: readonly (readonly [what: string, file: string])[];
}

/** Runs an order in a process on a disk that fails, until it dies. */
export async function crashInChild(
  library: string,
  order: CrashOrder,
  { scratch, ...faults }: Omit<DiskFaults, 'folder'>,
): Promise<Crash> {
  await rm(scratch, { recursive: true, force: true });
  await mkdir(scratch, { recursive: true });
  await mkdir(order.folder, { recursive: true, mode: 0o700 });
  const child = fork(fileURLToPath(new URL('memory-crash-child.js', import.meta.url)), {
    env: faultEnvironment(library, { folder: order.folder, scratch, ...faults }),
    execArgv: [],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const closed = once(child, 'close') as Promise<[number | null, string | null]>;
  await Promise.race([once(child, 'message'), closed]);
  if (child.connected) child.send(order);
  const [, signal] = await closed;
  const told = stdout.split('\n').map((line) => line.split(' '));
  const last = (word: string): number => Number(told.findLast(([first]) => first === word)?.[1] ?? -1);
  const trace = await readFile(join(scratch, faultTrace), 'utf8');
  return {
    signal,
    stderr,
    isOpen: told.some(([first]) => first === 'open'),
    isThrough: told.some(([first]) => first === 'closed'),
    done: last('done') + 1,
    begun: last('begin') > last('done') ? last('begin') : -1,
    failedWith: told.find(([first]) => first === 'failed')?.[1] ?? null,
    operations: trace.split('\n').flatMap((line): (readonly [string, string])[] => {
      const [what, file] = line.split(' ');
      return what === undefined || file === undefined ? [] : [[what, file]];
    }),
  };
}
