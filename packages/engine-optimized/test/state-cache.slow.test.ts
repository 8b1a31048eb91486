import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { itUnless } from '@gemma-cli/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStateCache } from '../src/state-cache.ts';
import { seededRandom } from './simulated-machine.ts';
import { stateBytes, stateTokens } from './fixtures/state-cache-content.mjs';

const writer = fileURLToPath(new URL('fixtures/state-cache-writer.mjs', import.meta.url));
const any = { alignedOnly: false };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'state-cache-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Writer {
  readonly child: ChildProcess;
  readonly saved: number[];
  readonly lines: string[];
  readonly ready: Promise<unknown>;
  readonly ended: Promise<unknown>;
}

function startWriter(args: readonly (string | number)[], command: readonly string[] = [process.execPath]): Writer {
  const [program = '', ...before] = command;
  const child = spawn(program, [...before, writer, ...args.map(String)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const saved: number[] = [];
  const lines: string[] = [];
  let isReady: (value: unknown) => void;
  const ready = new Promise((resolve) => (isReady = resolve));
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (text) => {
    const fact = JSON.parse(text) as { ready?: true; seed?: number; saved?: boolean; line?: string };
    if (fact.ready === true) isReady(undefined);
    if (fact.seed !== undefined && fact.saved === true) saved.push(fact.seed);
    if (fact.line !== undefined) lines.push(fact.line);
  });
  return { child, saved, lines, ready, ended: Promise.all([once(child, 'exit'), once(reader, 'close')]) };
}

/** Folders of entries and what they hold, without the cache's help. */
async function bytesOnDisk(): Promise<number> {
  const paths = await readdir(join(folder, 'v1'), { recursive: true });
  const sizes = await Promise.all(
    paths.map(async (path) => {
      const facts = await stat(join(folder, 'v1', path)).catch(() => undefined);
      return facts?.isFile() === true ? facts.size : 0;
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

describe('a state cache on a folder', () => {
  const size = 300_000;

  it('holds only whole states after its process was killed at any moment, and all that it acknowledged', async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const random = seededRandom(seed);
    const acknowledged: number[] = [];
    for (let round = 0; round < 25; round += 1) {
      const run = startWriter([folder, round * 1_000, 1_000, 2 ** 40, size]);
      await run.ready;
      await new Promise((resolve) => setTimeout(resolve, random() * 60));
      run.child.kill('SIGKILL');
      await run.ended;
      acknowledged.push(...run.saved);
    }
    const lines: string[] = [];
    const cache = await openStateCache({ folder, bytesMax: 2 ** 40, log: (line) => lines.push(line) });
    for (const saved of acknowledged) {
      const found = await cache.find('model', stateTokens(saved), any);
      if (found === undefined) throw new Error(`Expected the state ${saved} to be there (seed ${seed}).`);
      expect(stateBytes(saved, size).equals(await readFile(found.path)), `state ${saved}, seed ${seed}`).toBe(true);
    }
    expect(acknowledged.length).toBeGreaterThan(0);
    expect(lines, `seed ${seed}`).toEqual([]);
    expect(cache.status()).toMatchObject({ misses: 0, ignored: {} });
    // Each kill can leave one state that was never told, and one unfinished file.
    expect(cache.status().entries).toBeLessThanOrEqual(acknowledged.length + 25);
    const { length } = await readdir(join(folder, 'v1', 'tmp'));
    expect(length).toBeLessThanOrEqual(25);
    const later = await openStateCache({ folder, bytesMax: 2 ** 40, log: () => {}, now: () => Date.now() + 3_600_000 });
    expect(await readdir(join(folder, 'v1', 'tmp'))).toEqual([]);
    await later.close();
  });

  it('serves two processes that save and evict at once, and a third that reads', async () => {
    const bytesMax = 10 * (size + 1_000);
    // Both save the same states, so that they also meet on one name.
    const writers = [0, 10].map((first) => startWriter([folder, first, 120, bytesMax, size]));
    await Promise.all(writers.map(({ ready }) => ready));
    const lines: string[] = [];
    const cache = await openStateCache({ folder, bytesMax, log: (line) => lines.push(line) });
    let hits = 0;
    const isAnyRunning = (): boolean => writers.some(({ child }) => child.exitCode === null);
    for (let seed = 0; isAnyRunning(); seed = (seed + 1) % 130) {
      const found = await cache.find('model', stateTokens(seed), any);
      if (found === undefined) continue;
      // It may be evicted between being found and being read: then it is gone, never another one.
      const bytes = await readFile(found.path).catch(() => undefined);
      if (bytes === undefined) continue;
      hits += 1;
      expect(stateBytes(seed, size).equals(bytes), `state ${seed}`).toBe(true);
    }
    await Promise.all(writers.map((run) => run.ended));
    expect(hits).toBeGreaterThan(0);
    expect(lines).toEqual([]);
    expect(cache.status().ignored).toEqual({});
    for (const run of writers) expect(run.lines).toEqual([]);
    // Two that make room at once may both count on the other's; the next save sets it right.
    expect(await bytesOnDisk()).toBeLessThanOrEqual(bytesMax + size + 1_000);
  });

  /** Of Linux's own tools: runs a command where it may mount, unseen by everybody else. */
  const alone = ['unshare', '-rm'] as const;
  const canMount = spawnSync(alone[0], [alone[1], 'true']).status === 0;
  itUnless(
    canMount ? undefined : 'this user may not mount: `unshare -rm` is refused or not there',
    'on a disk that is full: told once, nothing half, what was saved before still serves',
    async () => {
      const disk = join(folder, 'disk');
      await mkdir(disk);
      // A file system of 1 MB that only this process sees; it copies what is left to where the test can look.
      const kept = join(folder, 'kept');
      const script =
        'mount -t tmpfs -o size=1m tmpfs "$1" && disk="$1" kept="$2" && shift 2 && "$@"; cp -a "$disk" "$kept"';
      const run = startWriter(
        [disk, 0, 10, 2 ** 40, size],
        [...alone, 'sh', '-c', script, 'sh', disk, kept, process.execPath],
      );
      await run.ended;
      expect(run.saved).toEqual([0, 1, 2]);
      expect(run.lines).toEqual([expect.stringContaining('ENOSPC')]);
      const cache = await openStateCache({ folder: kept, bytesMax: 2 ** 30, log: (line) => run.lines.push(line) });
      for (const saved of run.saved) {
        const found = await cache.find('model', stateTokens(saved), any);
        expect(stateBytes(saved, size).equals(await readFile(found?.path ?? ''))).toBe(true);
      }
      expect(await readdir(join(kept, 'v1', 'tmp'))).toEqual([]);
      expect(cache.status()).toMatchObject({ entries: 3, ignored: {} });
      expect(run.lines).toHaveLength(1);
    },
  );
});
