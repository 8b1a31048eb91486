import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseResults, renderMarkdown } from '@gemma-cli/bench-kit';
import { afterEach, describe, expect, test } from 'vitest';
import { firstTokenSuite } from '../src/index.ts';
import type { Suite, SuiteOptions } from '../src/index.ts';
import { fixture, gemmaBench } from './gemma-bench.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});
function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'gemma-bench-'));
  folders.push(made);
  return made;
}

/** A suite that starts one small process, and remembers what it was asked. */
function trial(name = 'trial'): Suite & { readonly asked: SuiteOptions[] } {
  const asked: SuiteOptions[] = [];
  return {
    name,
    summary: `the suite ${name}`,
    asked,
    async plan(options) {
      asked.push(options);
      return {
        notes: { [name]: 'noted' },
        leftOut: [`${name}-more: no reason.`],
        benchmarks: [
          {
            name: `${name}-benchmark`,
            summary: 'A trial.',
            variants: [{ name: 'only', program: { type: 'node', module: fixture('command.mjs') } }],
            metrics: [{ name: 'wallMs', unit: 'ms', better: 'lower', source: 'outside' }],
            rounds: 1,
            warmups: 0,
          },
        ],
      };
    },
  };
}

describe('gemma-bench', () => {
  test('list names every suite with its summary', async () => {
    const { code, stdout } = await gemmaBench(['list']);
    expect(code).toBe(0);
    expect(stdout.split('\n').map((line) => line.split(' ')[0])).toEqual([
      'startup',
      'micro',
      'first-token',
      'chat',
      'decode',
      'restore',
      'concurrency',
      'abort',
      'embedding',
      'threads',
      'speculation',
      'cache',
      'writes',
      'search',
      '',
    ]);
  });

  test('--help says every command and option, on stdout', async () => {
    const { code, stdout, stderr } = await gemmaBench(['--help']);
    expect([code, stderr]).toEqual([0, '']);
    for (const word of [
      'list',
      'render',
      'quality',
      '--collection',
      '--against',
      '--passages',
      '--sizes',
      '--rounds',
      '--model',
      '--threads',
      '--quick',
      '--seed',
      '--out',
      '--json',
    ]) {
      expect(stdout).toContain(word);
    }
  });

  test('run prints tables on stdout and progress on stderr', async () => {
    const { code, stdout, stderr } = await gemmaBench(['run', 'trial', '--rounds', '2'], { suites: [trial()] });
    expect(code).toBe(0);
    expect(stdout).toContain('### trial-benchmark');
    expect(stdout).toMatch(/\| wallMs \(ms\) \| only \|.*\| 2 \|/);
    expect(stderr).toContain('trial-benchmark: 0 warm-up rounds, 2 rounds');
    expect(stderr).toMatch(/round 2: only \d+ ms/);
    expect(stderr).toContain('left out: trial-more: no reason.');
    expect(stdout).toContain('- left out: trial-more: no reason.');
  });

  test('without a suite it runs all of them, in one report', async () => {
    const { stdout } = await gemmaBench([], { suites: [trial('a'), trial('b')] });
    expect(stdout).toContain('### a-benchmark');
    expect(stdout).toContain('### b-benchmark');
    expect(stdout).toContain('- b: noted');
  });

  test('without a suite and without a model it leaves out what needs one, and says so', async () => {
    const needsModel = { ...firstTokenSuite(), name: 'needs-model' };
    const { code, stdout, stderr } = await gemmaBench([], { suites: [trial('a'), needsModel] });
    expect(code).toBe(0);
    expect(stdout).toContain('### a-benchmark');
    expect(stderr).toContain('left out: The suite first-token needs a model.');
    expect(stdout).toContain('- left out: The suite first-token needs a model.');
    expect((await gemmaBench(['needs-model'], { suites: [needsModel] })).code).toBe(3);
  });

  test('says that NODE_EXTRA_CA_CERTS was taken out of the environment', async () => {
    const { stdout } = await gemmaBench(['trial'], { suites: [trial()], env: { NODE_EXTRA_CA_CERTS: '/nowhere.pem' } });
    expect(stdout).toContain('taken out of the environment: `NODE_EXTRA_CA_CERTS`');
  });

  test('--json prints the results with raw samples, --out writes the same, render makes the tables of it', async () => {
    const cwd = folder();
    const { stdout } = await gemmaBench(['trial', '--json', '--out', 'results.json'], { suites: [trial()], cwd });
    const results = parseResults(stdout);
    expect(results.benchmarks[0]?.variants[0]?.metrics['wallMs']?.samples).toHaveLength(1);
    expect(results.leftOut).toEqual(['trial-more: no reason.']);
    expect(readdirSync(cwd)).toEqual(['results.json']);
    expect(parseResults(readFileSync(join(cwd, 'results.json'), 'utf8'))).toEqual(results);
    const rendered = await gemmaBench(['render', 'results.json'], { cwd });
    expect(rendered).toEqual({ code: 0, stderr: '', stdout: `${renderMarkdown(results)}\n` });
  });

  test('hands --model and --threads to the suites, the model as an absolute path', async () => {
    const suite = trial();
    const cwd = folder();
    await gemmaBench(['trial', '--model', 'm.gguf', '--threads', '3'], { suites: [suite], cwd });
    await gemmaBench(['trial'], { suites: [suite], cwd, env: { GEMMA_BENCH_MODEL: '/models/n.gguf' } });
    await gemmaBench(['trial'], { suites: [suite], cwd });
    expect(suite.asked).toMatchObject([
      { model: join(cwd, 'm.gguf'), threads: 3, quick: false },
      { model: '/models/n.gguf', threads: undefined },
      { model: undefined, threads: undefined },
    ]);
  });

  test('hands the embedding model and the environment to the suites', async () => {
    const suite = trial();
    const cwd = folder();
    const env = { GEMMA_BENCH_EMBEDDING_MODEL: '/models/e.gguf', GEMMA_BENCH_LLAMA_CPP: '/llama' };
    await gemmaBench(['trial'], { suites: [suite], cwd, env });
    await gemmaBench(['trial', '--embedding-model', 'f.gguf'], { suites: [suite], cwd, env });
    expect(suite.asked).toMatchObject([
      { embeddingModel: '/models/e.gguf', env },
      { embeddingModel: join(cwd, 'f.gguf') },
    ]);
  });

  test('--quick is one round without warm-ups, and is told to the suites; --rounds still decides', async () => {
    const suite = trial();
    const slow: Suite = {
      ...suite,
      plan: async (options) => {
        const { benchmarks, ...rest } = await suite.plan(options);
        return { ...rest, benchmarks: benchmarks.map((item) => ({ ...item, rounds: 9, warmups: 2 })) };
      },
    };
    const { stderr } = await gemmaBench(['trial', '--quick'], { suites: [slow] });
    expect(stderr).toContain('trial-benchmark: 0 warm-up rounds, 1 rounds');
    expect(suite.asked).toMatchObject([{ quick: true }]);
    const more = await gemmaBench(['trial', '--quick', '--rounds', '2'], { suites: [slow] });
    expect(more.stderr).toContain('trial-benchmark: 0 warm-up rounds, 2 rounds');
  });

  test.each([
    ['an unknown suite', ['nothing'], 2, /Expected a suite \(startup, micro, first-token, .*\), got "nothing"/],
    ['an unknown option', ['--fast'], 2, /--fast/],
    ['rounds that are no whole number', ['--rounds', '1.5'], 2, /at least 1 after --rounds, got "1\.5"/],
    ['no rounds', ['--rounds', '0'], 2, /at least 1 after --rounds/],
    ['render without a file', ['render'], 2, /Expected FILE after render/],
    ['render of a missing file', ['render', 'nothing.json'], 1, /nothing\.json; the file cannot be read/],
    ['render of another file', ['render', 'manifest.json'], 2, /Expected gemma-bench-results version 2/],
    ['quality without a collection', ['quality'], 2, /Expected quality --collection DIR, got nothing/],
    ['quality with a word too many', ['quality', 'all', '--collection', '.'], 2, /got "all"/],
    [
      'a mode that there is not',
      ['quality', '--collection', '.', '--mode', 'fuzzy'],
      2,
      /lexical, dense, hybrid after --mode/,
    ],
    [
      'a collection that is not there',
      ['quality', '--collection', 'nowhere'],
      1,
      /nowhere\/corpus\.jsonl; it cannot be read/,
    ],
    ['search without its passages', ['search', '--passages', 'nowhere'], 1, /Expected passages in .*nowhere/],
    ['sizes that are no numbers', ['search', '--sizes', '10,many'], 2, /after --sizes, got "many"/],
    ['chat without a model', ['chat'], 3, /The suite chat needs a model/],
    ['embedding without a model that embeds', ['embedding', '--embedding-model', 'none.gguf'], 3, /cannot be read/],
    ['first-token without a model', ['first-token'], 3, /--model FILE or GEMMA_BENCH_MODEL/],
    [
      'first-token with a missing model',
      ['first-token', '--model', 'none.gguf'],
      3,
      /none\.gguf, and it cannot be read/,
    ],
  ])('refuses %s with its exit code, before anything runs', async (_, argv, exitCode, message) => {
    const { code, stdout, stderr } = await gemmaBench(argv);
    expect([code, stdout]).toEqual([exitCode, '']);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  test('a failed measurement gives no figures and a typed error', async () => {
    const suite = trial();
    const broken: Suite = {
      ...suite,
      plan: async () => {
        const { benchmarks, ...rest } = await suite.plan({});
        return {
          ...rest,
          benchmarks: benchmarks.map((item) => ({
            ...item,
            variants: item.variants.map((v) => ({ ...v, expects: { exitCode: 9 } })),
          })),
        };
      },
    };
    const { code, stdout, stderr } = await gemmaBench(['trial'], { suites: [broken] });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('[BENCH_FAILED]');
  });
});
