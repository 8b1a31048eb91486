import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, stat, unlink, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { orWhenMissing } from './fs-tools.ts';

/** How often the holder of a lock shows that it lives, in milliseconds. */
const beatMs = 2_000;
/** Silence after which a holder counts as dead although its process id exists, in milliseconds: thirty beats. */
const silenceMsMax = 60_000;
/** Exclusive right to change one model. */
export interface ModelLock {
  /** Still held? A process that was suspended for long may have lost it. */
  isHeld(): Promise<boolean>;
  /** Safe to call twice. */
  release(): Promise<void>;
}

/** A process that holds the lock now. */
export interface LockHolder {
  readonly pid: number;
}

interface Contender extends LockHolder {
  readonly file: string;
  readonly alive: boolean;
}

/**
 * Tries to take the lock of a key; gives the holder when somebody else has it.
 *
 * Each contender makes a file under a name that is its own for ever and then looks for others: if one is alive it removes
 * its own file and gives up; dead ones it removes. A name never comes back to life, so removing a dead one cannot hit a
 * living holder, whatever two processes do at the same time. Two that arrive together may both give up, and try again.
 */
export async function tryLock(folder: string, key: string): Promise<ModelLock | LockHolder> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const name = `${key}.${hostKey()}.${process.pid}.${randomBytes(8).toString('hex')}.lock`;
  const path = join(folder, name);
  await (await open(path, 'wx', 0o600)).close();
  const others = (await contenders(folder, key)).filter(({ file }) => file !== name);
  const holder = others.find(({ alive }) => alive);
  if (holder !== undefined) {
    await unlink(path).catch(orWhenMissing(undefined));
    return { pid: holder.pid };
  }
  for (const dead of others) await unlink(join(folder, dead.file)).catch(orWhenMissing(undefined));

  const beat = setInterval(() => {
    const now = new Date();
    // A lock that is gone was taken over: `isHeld` tells. Any other failure only makes the lock look older.
    utimes(path, now, now).catch(() => undefined);
  }, beatMs);
  beat.unref();
  return {
    async isHeld() {
      return (await stat(path).catch(orWhenMissing(undefined))) !== undefined;
    },
    async release() {
      clearInterval(beat);
      await unlink(path).catch(orWhenMissing(undefined));
    },
  };
}

/** Whether `tryLock` gave the lock. */
export function isLock(result: ModelLock | LockHolder): result is ModelLock {
  return 'release' in result;
}

async function contenders(folder: string, key: string): Promise<readonly Contender[]> {
  const found: Contender[] = [];
  for (const file of await readdir(folder)) {
    const match = /^(.+)\.([0-9a-f]{8})\.(\d+)\.[0-9a-f]{16}\.lock$/.exec(file);
    if (match === null || match[1] !== key) continue;
    const stats = await stat(join(folder, file)).catch(orWhenMissing(undefined));
    if (stats === undefined) continue;
    const pid = Number(match[3]);
    const isFresh = Date.now() - stats.mtimeMs < silenceMsMax;
    found.push({ file, pid, alive: isFresh && (match[2] !== hostKey() || isRunning(pid)) });
  }
  return found;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Not permitted means that the process exists and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Tells machines apart that share a folder: a process id of another one says nothing here. */
function hostKey(): string {
  return createHash('sha256').update(hostname()).digest('hex').slice(0, 8);
}
