import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** One process that has the record open: a file named after it, so that the next one sees who left without closing. */
export interface Presence {
  /** Nobody has the record open, and the last one to have it did not close it. */
  readonly isAfterUncleanStop: boolean;
  leave(): void;
}

/**
 * Announces this process. Costs no sync: what counts is whether the process is alive, and after a power failure the
 * write-ahead log that was left behind tells the same.
 */
export function announcePresence(folder: string): Presence {
  const users = join(folder, 'record.users');
  let isSomebodyThere = false;
  let isSomebodyGone = false;
  for (const name of namesIn(users)) {
    if (isAlive(Number.parseInt(name, 10))) isSomebodyThere = true;
    else {
      isSomebodyGone = true;
      rmSync(join(users, name), { force: true });
    }
  }
  const hasLog = (statSync(join(folder, 'record.db-wal'), { throwIfNoEntry: false })?.size ?? 0) > 0;
  const own = join(users, `${process.pid}-${randomBytes(6).toString('hex')}`);
  try {
    mkdirSync(users, { recursive: true, mode: 0o700 });
    writeFileSync(own, '', { mode: 0o600 });
  } catch (error) {
    // A full disk must not keep anybody from reading: without the file the next one checks the record once more.
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
  return {
    isAfterUncleanStop: !isSomebodyThere && (isSomebodyGone || hasLog),
    leave: () => {
      rmSync(own, { force: true });
    },
  };
}

/** Whether another process has the record open. */
export function hasOtherUsers(folder: string): boolean {
  return namesIn(join(folder, 'record.users')).some((name) => {
    const pid = Number.parseInt(name, 10);
    return pid !== process.pid && isAlive(pid);
  });
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
