import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { seededRandom, withTemporaryFolder } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import { openRecord } from '../src/index.ts';
import { start } from './record-trial.ts';

/** `GEMMA_TEST_RUNS=100` is the long form: so many seeds of each kill point. */
const seeds = Number(process.env['GEMMA_TEST_RUNS'] ?? 4);
const seed = Number(process.env['GEMMA_TEST_SEED'] ?? 20_261_123);

/** A process that writes, and the groups that it was told are durable. */
interface Writer {
  readonly child: ChildProcess;
  readonly acknowledged: Map<number, readonly string[]>;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null; readonly stderr: string }>;
}

async function startWriter(folder: string, name: string, groups: number, kill = ''): Promise<Writer> {
  const child = fork(join(import.meta.dirname, 'record-worker.mjs'), [folder, name, String(groups), kill], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: [],
  });
  const acknowledged = new Map<number, readonly string[]>();
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
    stderr,
  }));
  const isOpen = new Promise<void>((resolve) => {
    child.on('message', (message: { type: string; group: number; ids: readonly string[] }) => {
      if (message.type === 'open') resolve();
      else acknowledged.set(message.group, message.ids);
    });
  });
  await Promise.race([isOpen, ended]);
  return { child, acknowledged, ended };
}

/** Opens the record as the next process would, and holds it to what was acknowledged. */
async function expectNothingLost(folder: string, writers: readonly Writer[], about: string): Promise<void> {
  const log: string[] = [];
  const record = await openRecord({ folder, log: (line) => log.push(line) });
  for (const { acknowledged } of writers) {
    for (const ids of acknowledged.values()) {
      expect(
        record.byId(ids).map((found) => found?.row.id),
        `${about}: acknowledged rows are there`,
      ).toEqual(ids);
    }
  }
  const rows = record.scan(0, 1_000_000).map(({ row }) => row);
  const groups = new Map<string, number>();
  for (const { tags } of rows) groups.set(tags.join(' '), (groups.get(tags.join(' ')) ?? 0) + 1);
  expect(
    [...groups].filter(([, steps]) => steps !== 3),
    `${about}: no group in part`,
  ).toEqual([]);
  const ids = rows.map(({ id }) => id);
  expect(ids.toSorted(), `${about}: ids grow with numbers`).toEqual(ids);
  expect(
    record.changes(0, 1_000_000).map(({ id }) => id),
    `${about}: changes are those of the rows`,
  ).toEqual(ids);
  expect(record.verify(), about).toEqual([]);
  expect(record.stats(start).rows.total).toBe(rows.length);
  expect(
    log.filter((line) => line.includes('damaged')),
    about,
  ).toEqual([]);
  record.close();
}

describe('a process that is killed', () => {
  it.each(['before', 'inside', 'after'])(
    `%s a commit loses nothing that was acknowledged, ${seeds} seeds`,
    { timeout: 60_000 + seeds * 10_000 },
    async (where) => {
      const random = seededRandom(seed);
      for (let run = 0; run < seeds; run += 1) {
        const group = Math.floor(random() * 20);
        await withTemporaryFolder(async (folder) => {
          const about = `seed ${seed} run ${run}: killed ${where} group ${group}`;
          const writer = await startWriter(folder, 'w', 20, `${where}:${group}`);
          writer.child.send('go');
          const { signal, stderr } = await writer.ended;
          expect(signal, `${about}\n${stderr}`).toBe('SIGKILL');
          expect(writer.acknowledged.size, about).toBe(group);
          await expectNothingLost(folder, [writer], about);
        });
      }
    },
  );

  it(
    `at any time, among others that write, loses nothing that was acknowledged, ${seeds} seeds`,
    {
      timeout: 60_000 + seeds * 20_000,
    },
    async () => {
      const random = seededRandom(seed + 1);
      for (let run = 0; run < seeds; run += 1) {
        await withTemporaryFolder(async (folder) => {
          const after = 1 + Math.floor(random() * 30);
          const about = `seed ${seed} run ${run}: killed after ${after} acknowledgements`;
          const [victim, other] = await Promise.all([
            startWriter(folder, 'victim', 200),
            startWriter(folder, 'other', 30),
          ]);
          victim.child.on('message', () => {
            if (victim.acknowledged.size >= after) victim.child.kill('SIGKILL');
          });
          for (const { child } of [victim, other]) child.send('go');
          const [killed, whole] = await Promise.all([victim.ended, other.ended]);
          expect(killed.signal, about).toBe('SIGKILL');
          expect(whole, about).toMatchObject({ code: 0, stderr: '' });
          expect(other.acknowledged.size, about).toBe(30);
          await expectNothingLost(folder, [victim, other], about);
        });
      }
    },
  );
});

it(
  'four processes that write at once, and one that reads, lose nothing and meet no lock',
  { timeout: 120_000 },
  async () => {
    await withTemporaryFolder(async (folder) => {
      const groups = 40;
      const writers = await Promise.all(['a', 'b', 'c', 'd'].map((name) => startWriter(folder, name, groups)));
      const reader = await openRecord({ folder });
      let reads = 0;
      const writing = { isOver: false };
      const reading = (async () => {
        let position = 0;
        while (!writing.isOver) {
          const changes = reader.changes(position, 100);
          expect(reader.byNumber(changes.map(({ number }) => number)).every((row) => row !== undefined)).toBe(true);
          position = changes.at(-1)?.seq ?? position;
          reads += 1;
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        return position;
      })();
      for (const { child } of writers) child.send('go');
      const ends = await Promise.all(writers.map(({ ended }) => ended));
      writing.isOver = true;
      await reading;
      expect(ends).toEqual(writers.map(() => ({ code: 0, signal: null, stderr: '' })));
      expect(writers.map(({ acknowledged }) => acknowledged.size)).toEqual(writers.map(() => groups));
      expect(reads).toBeGreaterThan(1);
      expect(reader.seq()).toBe(4 * groups * 3);
      reader.close();
      await expectNothingLost(folder, writers, 'four writers');
    });
  },
);
