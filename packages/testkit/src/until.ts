import { setTimeout as sleep } from 'node:timers/promises';

/** How long a condition may take by default on a machine that is busy with everything else, in milliseconds. */
const defaultMsMax = 10_000;

/** Waits until `condition` holds. Fails with `what` when it does not within `msMax`. */
export async function until(what: string, condition: () => boolean, msMax: number = defaultMsMax): Promise<void> {
  const deadline = performance.now() + msMax;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`Waited ${msMax} ms in vain until ${what}.`);
    await sleep(5);
  }
}

/** Whether a process of this id runs. */
export function processRuns(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
