import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { execFile, spawn } from 'node:child_process';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { npm } from '../scripts/tools.mjs';
import { root } from './workspace.ts';

/** One run of `npm --silent start` with no terminal, in a home that has the base model and cannot reach Hugging Face. */
interface Started {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** How many pieces the answer came in. */
  readonly pieces: number;
}

let home: string;
let started: Started;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'gemma-start-'));
  await mkdir(join(home, 'models'));
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const models = process.env['GEMMA_TEST_MODELS'] ?? join(cache, 'gemma-cli-test', 'models');
  await symlink(join(models, 'gemma3@270m-base'), join(home, 'models', 'gemma3@270m-base'), 'junction');
  // Nothing listens on port 9: the instruct model cannot be had, on a machine with a network too.
  started = await start({ ...process.env, GEMMA_HOME: home, HF_ENDPOINT: 'http://127.0.0.1:9' });
});

afterAll(() => rm(home, { recursive: true, force: true }));

test('ends 0 with the answer alone on stdout, streamed', () => {
  expect(started.code, started.stderr).toBe(0);
  expect(started.stdout.trim().length).toBeGreaterThan(20);
  expect(started.stdout).not.toMatch(/\[gemma\]|turbo|pnpm|Tasks:/u);
  expect(started.pieces).toBeGreaterThan(3);
});

test('says each step with its time on stderr', () => {
  const steps = [...started.stderr.matchAll(/^\[gemma\] (\w+): [\d.]+ (?:min|s)\b/gmu)].map(([, name]) => name);
  expect(steps).toEqual(['prepare', 'install', 'build', 'model', 'documents', 'ask']);
});

test('says what the base model means when the instruct model cannot be had', () => {
  expect(started.stderr).toContain('gemma3:270m, which answers questions, cannot be had from here');
});

test('the answer rests on passages of docs/, and a sentence of it at least is borne out by one', () => {
  expect(started.stderr).toMatch(/^gemma: \d passages? from docs\//mu);
  expect(started.stderr).toMatch(/^\[\d+\] docs\/\S+ \[\d+, \d+\), checked: “/mu);
  const [, checked = '0'] = /^gemma: (\d+) of \d+ sentences? (?:is|are) supported/mu.exec(started.stderr) ?? [];
  expect(Number(checked)).toBeGreaterThan(0);
  expect(started.stderr).not.toContain('do not believe it');
});

test('the documents lie in a memory of their own: a second time they are unchanged, and the user’s memory is empty', async () => {
  const [, name = ''] = /into the memory (gemma-docs-[0-9a-f]{6})/u.exec(started.stderr) ?? [];
  const again = await gemma<{ documents: number; unchanged: number }>(['ingest', 'docs', '--memory', name]);
  expect(again.documents).toBe(0);
  expect(again.unchanged).toBeGreaterThan(50);
  expect(await gemma<object>(['memory', 'list'])).toMatchObject({ rows: [] });
});

/** What a command prints with `--json`. */
async function gemma<T>(args: readonly string[]): Promise<T> {
  const bin = join(root, 'packages', 'cli', 'dist', 'bin.js');
  const { stdout } = await promisify(execFile)(process.execPath, [bin, ...args, '--json'], {
    cwd: root,
    env: { ...process.env, GEMMA_HOME: home },
  });
  return JSON.parse(stdout) as T;
}

function start(env: NodeJS.ProcessEnv): Promise<Started> {
  const [command = '', ...args] = npm('--silent', 'start');
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr, pieces] = ['', '', 0];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      pieces += 1;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject).on('close', (code) => resolve({ code, stdout, stderr, pieces }));
  });
}
