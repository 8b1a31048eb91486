import { execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { errorCodes } from '@gemma-cli/contracts';
import { realModel } from '@gemma-cli/testkit';
import type { RealModelName } from '@gemma-cli/testkit';
import { runNode, type Ended, type RunOptions } from './run-node.ts';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));
const workspace = fileURLToPath(new URL('../../..', import.meta.url));

const realModelPath = (name: RealModelName): string => realModel(name, { env: process.env, home: homedir() });

let folder = '';
let env: Readonly<Record<string, string>> = {};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gemma-real-'));
  // One thread: other work on the machine slows two down by a factor of twenty.
  env = { GEMMA_HOME: join(folder, 'home'), GEMMA_ENGINE_THREADS: '1' };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function gemma(
  argv: readonly string[],
  { file = bin, ...options }: RunOptions & { file?: string } = {},
): Promise<Ended> {
  return runNode(file, argv, { ...options, env: { ...env, ...options.env } });
}

interface Answer {
  readonly text: string;
  readonly engine: {
    readonly requested: string;
    readonly active: string;
    readonly reason?: string;
    readonly runtime: string;
  };
  readonly finishReason: string;
  readonly usage: { readonly promptTokens: number; readonly cachedTokens: number; readonly outputTokens: number };
}

describe('the same question to both engines', () => {
  test.each(['gemma3:270m-base', 'smollm2:135m'] as const)('gives the same text with %s', async (name) => {
    const argv = [
      'ask',
      '--json',
      '-q',
      '-m',
      realModelPath(name),
      '-o',
      'seed=1',
      '-o',
      'temperature=0',
      '-o',
      'reproducible=true',
      '-o',
      'maxTokens=24',
    ];
    const question = 'Name the four seasons of the year, one after the other.';
    const [legacy, optimized] = [
      await gemma([...argv, '--engine', 'legacy', question]),
      await gemma([...argv, '--engine', 'optimized', question]),
    ];
    const answers = [legacy, optimized].map(({ stdout }) => JSON.parse(stdout) as Answer);
    expect(answers.map(({ engine }) => engine)).toEqual([
      { requested: 'legacy', active: 'legacy', runtime: 'llama.cpp' },
      { requested: 'optimized', active: 'optimized', runtime: 'llama.cpp' },
    ]);
    expect(answers[0]?.text).not.toBe('');
    expect(answers[1]?.text).toBe(answers[0]?.text);
    expect(answers[1]?.usage.promptTokens).toBe(answers[0]?.usage.promptTokens);
  });
});

describe('the second turn of a chat', () => {
  test.each(['gemma3:270m-base', 'smollm2:135m'] as const)(
    'takes at least 90 percent of what it shares from the cache with %s',
    async (name) => {
      const { stdout, code } = await gemma(
        ['chat', '--json', '-q', '-m', realModelPath(name), '-o', 'temperature=0', '-o', 'maxTokens=24'],
        {
          input: 'A river is a long body of water that flows from a spring to the sea. It begins\nAnd a lake is\n',
        },
      );
      expect(code).toBe(0);
      const [first, second] = stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Answer);
      // What the second prompt begins with: the first prompt and its answer.
      const shared = (first?.usage.promptTokens ?? 0) + (first?.usage.outputTokens ?? 0);
      expect(shared).toBeGreaterThan(30);
      expect(second?.usage.promptTokens).toBeGreaterThan(shared);
      expect(second?.usage.cachedTokens).toBeGreaterThanOrEqual(0.9 * shared);
    },
  );
});

describe('an installed copy', () => {
  const packages = ['app', 'cli', 'config', 'contracts', 'engine', 'engine-optimized', 'model-process', 'models'];
  let installed = '';

  beforeAll(() => {
    installed = join(folder, 'install', 'node_modules');
    for (const name of packages) {
      const from = join(workspace, 'packages', name);
      const to = join(installed, '@gemma-cli', name);
      mkdirSync(to, { recursive: true });
      cpSync(join(from, 'dist'), join(to, 'dist'), { recursive: true });
      cpSync(join(from, 'package.json'), join(to, 'package.json'));
      const manifest = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')) as Record<
        string,
        Record<string, string> | undefined
      >;
      const needed = { ...manifest['dependencies'], ...manifest['peerDependencies'] };
      for (const dependency of Object.keys(needed).filter((one) => !one.startsWith('@gemma-cli/'))) {
        const link = join(installed, dependency);
        if (existsSync(link)) continue;
        mkdirSync(join(link, '..'), { recursive: true });
        symlinkSync(realpathSync(join(from, 'node_modules', dependency)), link);
      }
    }
  });

  const ask = (): Promise<Ended> =>
    gemma(['ask', '--json', '-m', realModelPath('gemma3:270m-base'), '-o', 'maxTokens=4', 'The sky is'], {
      file: join(installed, '@gemma-cli/cli/dist/bin.js'),
    });
  const doctor = async (): Promise<
    { status: string; message: string; code?: string; facts?: Record<string, unknown> } | undefined
  > => {
    const { stdout } = await gemma(['doctor', '--json', '--no-try'], {
      file: join(installed, '@gemma-cli/cli/dist/bin.js'),
    });
    const { checks } = JSON.parse(stdout) as { checks: { name: string; status: string; message: string }[] };
    return checks.find(({ name }) => name === 'engine');
  };

  test('whole, it answers with the optimized engine', async () => {
    const { code, stdout } = await ask();
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as Answer).engine).toEqual({
      requested: 'optimized',
      active: 'optimized',
      runtime: 'llama.cpp',
    });
  });

  test('without the optimized package it answers with legacy, and says why', async () => {
    const place = join(installed, '@gemma-cli/engine-optimized');
    renameSync(place, join(folder, 'aside'));
    try {
      const { code, stdout, stderr } = await ask();
      expect(code).toBe(0);
      const reason = '@gemma-cli/engine-optimized is not installed';
      expect((JSON.parse(stdout) as Answer).engine).toEqual({
        requested: 'optimized',
        active: 'legacy',
        reason,
        runtime: 'llama.cpp',
      });
      expect(stderr.split(reason)).toHaveLength(2);
      expect(await doctor()).toMatchObject({
        status: 'warning',
        message: expect.stringContaining(reason),
        facts: { active: 'legacy' },
      });
    } finally {
      renameSync(join(folder, 'aside'), place);
    }
  });

  test('with a broken file in the optimized package it is an error that says so', async () => {
    const file = join(installed, '@gemma-cli/engine-optimized/dist/index.js');
    const whole = readFileSync(file, 'utf8');
    writeFileSync(file, `${whole}\nexport const = broken`);
    try {
      const { code, stdout } = await ask();
      expect(code).toBe(4);
      const { error } = JSON.parse(stdout) as { error: Record<string, unknown> };
      expect(error).toMatchObject({ code: 'IMPLEMENTATION_LOAD_FAILED', package: '@gemma-cli/engine-optimized' });
      expect(error['message']).toContain('--engine legacy');
      expect(await doctor()).toMatchObject({ status: 'problem', code: 'IMPLEMENTATION_LOAD_FAILED' });
    } finally {
      writeFileSync(file, whole);
    }
  });
});

describe('kill -9 of the model process in the middle of an answer', () => {
  test.each(['legacy', 'optimized'] as const)(
    '%s: typed error, the part is kept, the next prompt is answered',
    async (engine) => {
      const { PATH, HOME } = process.env;
      const argv = [
        'chat',
        '-q',
        '--engine',
        engine,
        '-m',
        realModelPath('gemma3:270m-base'),
        '-o',
        'temperature=0',
        '-o',
        'maxTokens=80',
      ];
      const child = spawn(process.execPath, [bin, ...argv], { env: { PATH, HOME, ...env } });
      onTestFinished(() => void child.kill('SIGKILL'));
      const texts = { stdout: '', stderr: '' };
      child.stdout.setEncoding('utf8').on('data', (chunk: string) => (texts.stdout += chunk));
      child.stderr.setEncoding('utf8').on('data', (chunk: string) => (texts.stderr += chunk));
      const ended = new Promise<number | null>((resolve) => {
        child.once('close', resolve);
      });

      child.stdin.write('Once upon a time there was\n');
      await vi.waitFor(() => expect(texts.stdout.length).toBeGreaterThan(20), { timeout: 120_000, interval: 5 });
      const part = texts.stdout;
      const [worker] = childrenOf(child.pid ?? 0);
      expect(worker).toBeDefined();
      process.kill(worker ?? 0, 'SIGKILL');
      await vi.waitFor(() => expect(texts.stderr).toContain('ENGINE_EXITED'), { timeout: 30_000 });
      expect(texts.stdout.startsWith(part)).toBe(true);

      const before = texts.stdout.length;
      child.stdin.end('The second story begins\n');
      // The code of the answer that failed, although the next one did not.
      expect(await ended).toBe(errorCodes.ENGINE_EXITED.exitCode);
      expect(texts.stdout.length).toBeGreaterThan(before + 20);
      expect(texts.stderr.match(/ENGINE_EXITED/g)).toHaveLength(1);
    },
  );
});

function childrenOf(pid: number): readonly number[] {
  const output = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  return output
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([child = 0, parent]) => (parent === pid ? [child] : []));
}
