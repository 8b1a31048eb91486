import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { createRoleStore, ensureHome, homeLayout } from '@gemma-cli/config';
import { createModelStore } from '@gemma-cli/models';
import { withTemporaryFolder } from '@gemma-cli/testkit';
import { thin } from '../src/thin.ts';
import { runNode } from './run-node.ts';
import { tinyModel } from './tiny-model.ts';

const bin = fileURLToPath(new URL('../dist/bin.js', import.meta.url));
const traceImports = new URL('./fixtures/trace-imports.mjs', import.meta.url).href;

describe('the warm path', () => {
  /** What a command line loads, by address. */
  function trace(argv: readonly string[], untilText?: string): Promise<readonly string[]> {
    return withTemporaryFolder(async (folder) => {
      const file = join(folder, 'trace');
      await writeFile(file, '');
      const thinModule = new URL('../dist/thin.js', import.meta.url).href;
      const driver = join(folder, 'driver.mjs');
      // Everything but a warm process: the question is sent, and nobody answers.
      await writeFile(
        driver,
        `import { thin } from ${JSON.stringify(thinModule)};
        async function* nothing() {}
        const connect = async () => ({ send: (line) => process.stdout.write(line), lines: nothing(), close: async () => {} });
        const { stdin, stdout, stderr } = process;
        process.exitCode = await thin({ argv: ${JSON.stringify(argv)}, env: process.env, cwd: process.cwd(), stdin, stdout, stderr, signal: new AbortController().signal, connect });`,
      );
      const { stdout, stderr } = await runNode(driver, [], {
        nodeArgs: ['--import', traceImports],
        env: { TRACE_FILE: file, GEMMA_X: '1', OTHER: '2' },
      });
      if (untilText !== undefined) expect(stdout + stderr).toContain(untilText);
      return readFileSync(file, 'utf8').split('\n');
    });
  }

  test.each([
    ['a prompt', ['Why is the sky blue?'], '"type":"ask"'],
    ['ask with options', ['ask', '-m', 'x', '-o', 'seed=1', '--json', 'Hi'], '"seed":1'],
    ['--version', ['--version'], ''],
  ] as const)('%s loads neither commander nor zod, nor any other package', async (_title, argv, sent) => {
    const loaded = await trace(argv, sent);
    expect(loaded.some((url) => url.endsWith('/cli/dist/thin.js'))).toBe(true);
    const foreign = loaded.filter(
      (url) => url !== '' && !url.startsWith('node:') && !/\/cli\/(dist|test)\/|\/driver\.mjs$/.test(url),
    );
    expect(foreign).toEqual([]);
  });

  test('a prompt is sent when these modules are loaded, and no others', async () => {
    const loaded = await trace(['Why is the sky blue?'], '"type":"ask"');
    // A module that is imported twice is resolved twice.
    const own = [...new Set(loaded.flatMap((url) => /\/cli\/dist\/(.*)$/.exec(url)?.[1] ?? []))];
    const upToTheQuestion = own.slice(
      0,
      own.findIndex((name) => name.startsWith('render/')),
    );
    // The file that reads standard input is there because it is no terminal here.
    expect(upToTheQuestion.toSorted()).toEqual([
      'command-table.js',
      'option-table.js',
      'thin.js',
      'thin/answer-once.js',
      'thin/parse-arguments.js',
      'thin/read-input.js',
      'thin/usage-problem.js',
    ]);
  });

  test('names for completion come without another package, and are those of the store', () =>
    withTemporaryFolder(async (folder) => {
      const home = join(folder, 'home');
      const store = createModelStore({ folder: join(home, 'models') });
      await writeFile(join(folder, 'tiny.gguf'), tinyModel());
      for (const name of ['mine', 'a.b/c-d:q4_k', 'gemma3:270m'])
        await store.importFile(join(folder, 'tiny.gguf'), { mode: 'link', name });
      await createRoleStore({ folder: await makeRoles(home) }).write('poet', 'system = "x"');
      const file = join(folder, 'trace');
      await writeFile(file, '');
      const ask = async (kind: string): Promise<readonly string[]> => {
        const { stdout, stderr, code } = await runNode(bin, ['__complete', kind], {
          nodeArgs: ['--import', traceImports],
          env: { TRACE_FILE: file, GEMMA_HOME: home },
        });
        expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
        return stdout.split('\n').filter((line) => line !== '');
      };
      const installed = await store.list();
      expect(await ask('models')).toEqual(installed.map(({ name }) => name).toSorted());
      expect(installed).toHaveLength(3);
      expect(await ask('roles')).toEqual(['poet']);
      expect(await ask('nothing')).toEqual([]);
      expect(readFileSync(file, 'utf8')).not.toMatch(/node_modules|packages\/(?!cli\/)/);
    }));

  test('the trace sees what is loaded: another command loads commander', () =>
    withTemporaryFolder(async (folder) => {
      const file = join(folder, 'trace');
      await writeFile(file, '');
      await runNode(bin, ['list'], {
        nodeArgs: ['--import', traceImports],
        env: { TRACE_FILE: file, GEMMA_HOME: join(folder, 'home') },
      });
      const loaded = readFileSync(file, 'utf8');
      expect(loaded).toMatch(/commander/);
      expect(loaded).toMatch(/zod/);
    }));

  test('sends one line of JSON: flags, GEMMA_ variables, PATH and working directory, and no other variable', () =>
    withTemporaryFolder(async (folder) => {
      const lines: string[] = [];
      const stdin = new PassThrough();
      stdin.end();
      const code = await thin({
        argv: ['-s', 'S', '--engine', 'legacy', '-o', 'seed=3', 'Hi'],
        env: { GEMMA_HOME: '/h', PATH: '/bin', SECRET: 'x' },
        cwd: folder,
        stdin,
        stdout: new PassThrough(),
        stderr: new PassThrough(),
        signal: new AbortController().signal,
        connect: () =>
          Promise.resolve({
            send: (line: string) => void lines.push(line),
            // Nobody answers.
            lines: (async function* () {})(),
            close: () => Promise.resolve(),
          }),
      });
      expect(code).not.toBe(2);
      expect(lines).toHaveLength(1);
      expect(lines[0]?.endsWith('\n')).toBe(true);
      expect(JSON.parse(lines[0] ?? '')).toEqual({
        type: 'ask',
        protocol: 1,
        cwd: folder,
        env: { GEMMA_HOME: '/h', PATH: '/bin' },
        flags: { system: 'S', engine: 'legacy', options: { sampling: { seed: 3 } } },
        prompt: { text: 'Hi' },
      });
    }));

  test('makes no stream before the question is sent, when stdin is a terminal', async () => {
    const touched: string[] = [];
    let sent = false;
    const stream = (name: string): PassThrough => {
      if (!sent) touched.push(name);
      return new PassThrough();
    };
    await thin({
      argv: ['Why', 'is', 'the', 'sky', 'blue?'],
      env: {},
      cwd: '/',
      stdinIsTerminal: true,
      get stdin() {
        return stream('stdin');
      },
      get stdout() {
        return stream('stdout');
      },
      get stderr() {
        return stream('stderr');
      },
      signal: new AbortController().signal,
      connect: () =>
        Promise.resolve({
          send: () => {
            sent = true;
          },
          lines: (async function* () {})(),
          close: () => Promise.resolve(),
        }),
    });
    expect({ sent, touched }).toEqual({ sent: true, touched: [] });
  });
});

async function makeRoles(home: string): Promise<string> {
  await ensureHome(home);
  return homeLayout(home).roles;
}
