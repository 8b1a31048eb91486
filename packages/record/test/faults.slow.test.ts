import { execFile, execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { itUnless, missingLinux, withTemporaryFolder } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import { openRecord } from '../src/index.ts';

const worker = join(import.meta.dirname, 'fault-worker.mjs');

/** Runs a scenario, behind a shell line that ends in `exec "$@"`. */
async function run(folder: string, scenario: string, shell: string): Promise<unknown> {
  const args = [process.execPath, worker, folder, scenario];
  const [command = '', ...rest] = shell === '' ? args : ['sh', '-c', shell, 'sh', ...args];
  const { stdout } = await promisify(execFile)(command, rest, { timeout: 60_000 });
  return JSON.parse(stdout);
}

/** A disk of its own, which goes with the process. */
const onSmallDisk = (folder: string): string => `mount -t tmpfs -o size=1m tmpfs '${folder}' && exec "$@"`;

async function runOnSmallDisk(folder: string, scenario: string): Promise<unknown> {
  const { stdout } = await promisify(execFile)(
    'unshare',
    ['-rm', 'sh', '-c', onSmallDisk(folder), 'sh', process.execPath, worker, folder, scenario],
    { timeout: 60_000 },
  );
  return JSON.parse(stdout);
}

const missingDisk = missingLinux ?? whyNoSmallDisk();

function whyNoSmallDisk(): string | undefined {
  try {
    execFileSync('unshare', ['-rm', 'sh', '-c', 'mount -t tmpfs tmpfs /tmp'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'needs the right to mount a small disk in a namespace of its own';
  }
}

describe('a record whose disk fails', () => {
  itUnless(
    missingDisk,
    'is full: says so, keeps what was acknowledged, opens, and takes writes when there is room',
    () =>
      withTemporaryFolder(async (folder) => {
        expect(await runOnSmallDisk(folder, 'disk-full')).toEqual({
          code: 'DISK_FULL',
          whole: true,
          wholeAgain: true,
          codeThen: 'none',
          problems: [],
          some: true,
        });
      }),
  );

  itUnless(missingDisk, 'is read-only: says so, and is whole when it can be written again', () =>
    withTemporaryFolder(async (folder) => {
      expect(await runOnSmallDisk(folder, 'read-only')).toEqual({ code: 'MEMORY_UNAVAILABLE', texts: ['before'] });
    }),
  );

  itUnless(missingLinux, 'refuses a write in its middle: says so, and is whole when it is opened again', () =>
    withTemporaryFolder(async (folder) => {
      const result = await run(folder, 'file-limit', 'ulimit -f 512 && exec "$@"');
      expect(result).toMatchObject({ code: 'MEMORY_UNAVAILABLE', whole: true });
      const { acknowledged } = result as { acknowledged: readonly string[] };
      const record = await openRecord({ folder: join(folder, 'memory') });
      expect(acknowledged.length).toBeGreaterThan(0);
      expect(record.byId(acknowledged).map((found) => found?.row.id)).toEqual(acknowledged);
      expect(record.verify()).toEqual([]);
      record.close();
    }),
  );

  itUnless(missingLinux, 'may open no more files: says so, and opens when it may', () =>
    withTemporaryFolder(async (folder) => {
      const result = await run(folder, 'too-many-files', 'ulimit -n 256 && exec "$@"');
      expect(result).toEqual({ full: 'EMFILE', code: 'MEMORY_UNAVAILABLE', whole: true });
    }),
  );

  itUnless(missingLinux, 'is not allowed: says so', () =>
    withTemporaryFolder(async (folder) => {
      expect(await run(folder, 'no-permission', '')).toEqual({ code: 'MEMORY_UNAVAILABLE' });
    }),
  );

  it('has a file where its folder should be: says so', async () => {
    await withTemporaryFolder(async (folder) => {
      writeFileSync(join(folder, 'file'), '');
      await expect(openRecord({ folder: join(folder, 'file', 'memory') })).rejects.toMatchObject({
        code: 'MEMORY_UNAVAILABLE',
      });
    });
  });
});
