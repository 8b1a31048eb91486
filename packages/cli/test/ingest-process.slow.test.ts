import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withTemporaryFolder } from '@gemma-cli/testkit';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { runNode, type Ended } from './run-node.ts';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));

function gemma(folder: string, ...argv: readonly string[]): Promise<Ended> {
  return runNode(bin, argv, { env: { GEMMA_HOME: join(folder, 'home') } });
}

/** A command that runs until somebody ends it, and what it has said. */
function begin(folder: string, ...argv: readonly string[]) {
  const { PATH, HOME } = process.env;
  const env = { PATH, HOME, GEMMA_HOME: join(folder, 'home') };
  const child = spawn(process.execPath, [bin, ...argv], { cwd: folder, env });
  onTestFinished(() => void child.kill('SIGKILL'));
  const texts = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (texts.stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (texts.stderr += chunk));
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return { child, texts, ended };
}

/** About nine kilobytes, another text for each number. */
function textOf(number: number): string {
  const words = Array.from({ length: 1_500 }, (_, n) => `word${(n * (number + 7)) % 997}`);
  return `# Page ${number}\n\n${words.join(' ')}\n`;
}

const files = 250;

describe('Ctrl-C in the middle of an ingest', () => {
  test('leaves whole documents in a sound memory, and the next ingest reads the others alone', () =>
    withTemporaryFolder(async (folder) => {
      const docs = join(folder, 'docs');
      await mkdir(docs);
      for (let number = 0; number < files; number++) await writeFile(join(docs, `${number}.md`), textOf(number));
      const { child, texts, ended } = begin(folder, 'ingest', docs, '--json');
      // Once the memory has some of them, and long before it has all: they are eight times as much.
      const log = join(folder, 'home', 'data', 'memory', 'record.db-wal');
      await vi.waitFor(async () => expect((await stat(log)).size).toBeGreaterThan(300_000), {
        timeout: 60_000,
        interval: 2,
      });
      child.kill('SIGINT');
      expect(await ended).toBe(130);
      expect(JSON.parse(texts.stdout)).toMatchObject({ error: { code: 'ABORTED' } });

      const verified = JSON.parse((await gemma(folder, 'memory', 'verify', '--json')).stdout) as object;
      expect(verified).toMatchObject({ ok: true, problems: [] });
      const stats = JSON.parse((await gemma(folder, 'memory', 'stats', '--json')).stdout) as { documents: number };
      const before = stats.documents;
      expect(before).toBeGreaterThan(0);
      expect(before).toBeLessThan(files);
      const { code, stdout } = await gemma(folder, 'ingest', docs, '--json');
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({
        documents: files - before,
        unchanged: before,
        removed: 0,
        skipped: [],
      });
    }));
});

describe('gemma ingest --watch', () => {
  test('follows edits, new, renamed and removed files, a folder that goes and comes back, until Ctrl-C', () =>
    withTemporaryFolder(async (folder) => {
      const notes = join(folder, 'notes');
      const put = async (name: string, text: string): Promise<void> => {
        await writeFile(join(folder, '.beside'), text);
        await rename(join(folder, '.beside'), join(notes, name));
      };
      await mkdir(join(notes, 'sub'), { recursive: true });
      await put('a.txt', 'one');
      await put(join('sub', 'b.txt'), 'two');
      await put('bad.json', '{');
      const { child, texts, ended } = begin(folder, 'ingest', 'notes', '--watch');
      const isTold = (...lines: readonly string[]): Promise<void> =>
        vi.waitFor(() => expect(texts.stderr.split('\n')).toEqual(expect.arrayContaining([...lines])), {
          timeout: 20_000,
          interval: 20,
        });
      const at = (name: string): string => join('notes', name);
      await isTold('Watching 3 files. Ctrl-C ends it.');
      await put('a.txt', 'three');
      await isTold(`Changed: ${at('a.txt')}`);
      await put('c.txt', 'four');
      await isTold(`New: ${at('c.txt')}`);
      await rename(join(notes, 'c.txt'), join(notes, 'd.txt'));
      await isTold(`Gone: ${at('c.txt')}`, `New: ${at('d.txt')}`);
      await rm(join(notes, 'a.txt'));
      await isTold(`Gone: ${at('a.txt')}`);
      await rename(notes, join(folder, 'away'));
      await isTold(`Gone: ${at('d.txt')}`, `Gone: ${at(join('sub', 'b.txt'))}`);
      await rename(join(folder, 'away'), notes);
      await isTold(`New: ${at(join('sub', 'b.txt'))}`);
      await put(join('sub', 'b.txt'), 'five');
      await isTold(`Changed: ${at(join('sub', 'b.txt'))}`);

      child.kill('SIGINT');
      expect(await ended).toBe(0);
      expect(texts.stdout).toBe('');
      // The first look tells it, and the one after the folder came back.
      expect(texts.stderr.match(/Skipped .*bad\.json/g)).toHaveLength(2);
      const { stdout } = await gemma(folder, 'memory', 'list', '--json');
      const { rows } = JSON.parse(stdout) as { rows: { text: string }[] };
      expect(rows.map(({ text }) => text).toSorted()).toEqual(['five', 'four']);
    }));

  test('--json is one line for the ingest and one for each change', () =>
    withTemporaryFolder(async (folder) => {
      await mkdir(join(folder, 'notes'));
      await writeFile(join(folder, 'notes', 'a.txt'), 'one');
      const { child, texts, ended } = begin(folder, 'ingest', 'notes', '--watch', '--json');
      const lines = (): readonly Record<string, unknown>[] =>
        texts.stdout
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => JSON.parse(line) as Record<string, unknown>);
      await vi.waitFor(() => expect(lines()).toHaveLength(2), { timeout: 20_000, interval: 20 });
      await rm(join(folder, 'notes', 'a.txt'));
      await vi.waitFor(() => expect(lines()).toHaveLength(3), { timeout: 20_000, interval: 20 });
      child.kill('SIGINT');
      expect(await ended).toBe(0);
      expect(lines()).toMatchObject([
        { documents: 1, skipped: [] },
        { type: 'ready', files: 1 },
        { type: 'removed', uris: [expect.stringMatching(/^file:.*\/notes\/a\.txt$/)] },
      ]);
    }));
});
