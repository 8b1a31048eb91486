import { parseResults, runBenchmarks } from '@gemma-cli/bench-kit';
import type { BenchmarkResults } from '@gemma-cli/bench-kit';
import { describe, expect, test } from 'vitest';
import { decodeSuite, firstTokenSuite, searchSuite, startupSuite, writesSuite } from '../src/index.ts';
import type { Suite } from '../src/index.ts';
import { fixture, gemmaBench } from './gemma-bench.ts';

/** Measures one round of a suite. */
async function measure(suite: Suite, ...argv: string[]): Promise<BenchmarkResults> {
  const { code, stdout, stderr } = await gemmaBench([suite.name, '--json', '--rounds', '1', ...argv], {
    suites: [suite],
  });
  if (code !== 0) throw new Error(stderr);
  return parseResults(stdout);
}

const stand = {
  command: fixture('command.mjs'),
  thin: fixture('thin.mjs'),
  main: fixture('silent-command.mjs'),
  manifest: fixture('manifest.json'),
};

describe('the startup suite', () => {
  test('measures version, help and the first byte sent against bare Node in the same run, with their aims', async () => {
    const { benchmarks } = await measure(startupSuite(stand));
    expect(benchmarks.map(({ variants }) => variants.map(({ name }) => name))).toEqual([
      ['node empty.mjs', 'gemma --version', 'gemma --help'],
      ['node first-byte.mjs', 'gemma "prompt"', 'gemma "prompt" </dev/null'],
      ['node empty.mjs', 'standard streams', 'modules of the warm path'],
    ]);
    expect(
      benchmarks.flatMap(({ aims }) => aims.map((aim) => ('beyondBaselineMax' in aim ? aim.beyondBaselineMax : null))),
    ).toEqual([10, 60, 15]);
    for (const { variants, metrics } of benchmarks) {
      for (const variant of variants) {
        for (const { name } of metrics) expect(variant.metrics[name]?.summary?.n, `${variant.name} ${name}`).toBe(1);
      }
    }
  });

  test('a command that ends well but prints no version is an error, not a quick start', async () => {
    const silent = startupSuite({ ...stand, command: fixture('silent-command.mjs') });
    await expect(measure(silent)).rejects.toThrow(/expected "1\.2\.3" on stdout/);
  });

  test('a thin path that never sends is an error', async () => {
    await expect(measure(startupSuite({ ...stand, thin: fixture('silent-thin.mjs') }))).rejects.toThrow(
      /exit code 0, got exit code 1/,
    );
  });
});

describe('the first-token suite', () => {
  const engineModules = { legacy: fixture('fake-legacy.mjs'), optimized: fixture('fake-optimized.mjs') };
  const model = ['--model', fixture('manifest.json')];

  test('reports waits cold, warm and behind shared text, tokens and rate of both engines', async () => {
    const { benchmarks, notes } = await measure(firstTokenSuite({ engineModules }), ...model, '--threads', '2');
    const [legacy, optimized] = benchmarks[0]?.variants ?? [];
    expect([legacy?.implementation, optimized?.implementation]).toEqual(['legacy', 'optimized']);
    const of = (variant: typeof legacy, metric: string) => variant?.metrics[metric]?.samples[0];
    // The stand-in says that it took 20 tokens from its cache.
    expect(of(optimized, 'shared1000EvaluatedTokens')).toBe((of(optimized, 'shared1000PromptTokens') ?? 0) - 20);
    expect(of(legacy, 'shared100EvaluatedTokens')).toBe(of(legacy, 'shared100PromptTokens'));
    for (const metric of ['coldTtftMs', 'otherTtftMs', 'shared100TtftMs', 'shared1000TtftMs', 'wallMs']) {
      expect(of(legacy, metric), metric).toBeGreaterThan(0);
    }
    expect(of(legacy, 'decodeTokensPerSecond')).toBeGreaterThan(0);
    expect(benchmarks.map(({ name }) => name)).toEqual(['first-token', 'first-token-4000']);
    expect(notes).toEqual({ model: expect.stringMatching(/^manifest\.json, \d+ bytes$/), threads: '2' });
  });

  test('an engine that says it is the other one is an error, not a sample', async () => {
    const swapped = firstTokenSuite({ engineModules: { ...engineModules, optimized: engineModules.legacy } });
    await expect(measure(swapped, ...model)).rejects.toThrow(/BENCH_WRONG_IMPLEMENTATION/);
  });
});

describe('the decode suite', () => {
  test(
    'asks native llama.cpp at the threads that are compared, and leaves nothing running (its stand-in is a script, which Windows does not run)',
    { skip: process.platform === 'win32' },
    async () => {
      const { benchmarks, leftOut } = await decodeSuite().plan({
        model: fixture('manifest.json'),
        threads: 1,
        quick: true,
        env: { GEMMA_BENCH_LLAMA_CPP: fixture('llama-cpp') },
      });
      expect(leftOut).toEqual([]);
      expect(benchmarks[0]?.variants.map(({ name }) => name)).toEqual([
        'optimized',
        'legacy',
        'raw binding',
        'llama-server',
        'llama-bench',
      ]);
      const peers = benchmarks.map((benchmark) => ({
        ...benchmark,
        variants: benchmark.variants.filter(({ name }) => name.startsWith('llama-')),
        aims: [],
      }));
      const results = await runBenchmarks({
        benchmarks: peers,
        env: { PATH: process.env['PATH'] },
        readLoad: async () => ({ load1: 0, busyShare: 0 }),
      });
      const [server, bench] = results.benchmarks[0]?.variants ?? [];
      for (const metric of ['readyMs', 'coldFirstTokenMs', 'firstTokenMs', 'decodeTokensPerSecond', 'prefixHitMs']) {
        expect(server?.metrics[metric]?.samples[0], metric).toBeGreaterThan(0);
      }
      expect(bench?.metrics['decodeTokensPerSecond']?.samples).toEqual([41]);
      expect(bench?.metrics['promptTokensPerSecond']?.samples).toEqual([401]);
      expect(bench?.metrics['readyMs']?.samples).toEqual([null]);
      for (const peer of [server, bench]) expect(peer?.metrics['answerTokens']?.samples).toEqual([16]);
    },
  );

  test('says which peers are not there, and holds no goal against them', async () => {
    const { benchmarks, leftOut } = await decodeSuite().plan({ model: fixture('manifest.json'), threads: 1, env: {} });
    expect(leftOut.join('\n')).toMatch(/llama-server: found neither[^]*llama-bench: found neither/);
    const named = new Set(benchmarks[0]?.variants.map(({ name }) => name));
    for (const aim of benchmarks[0]?.aims ?? []) expect(named).toContain('of' in aim ? aim.of : aim.variant);
  });
});

describe('the suites of the memory', () => {
  test('search: every engine that is here is built, opened again and asked, with the aims of its size', async () => {
    const { benchmarks, notes, leftOut } = await measure(searchSuite(), '--quick', '--sizes', '200');
    const [benchmark] = benchmarks;
    expect(benchmark?.name).toBe('search-200');
    expect(notes['passages']).toMatch(/^(real|synthetic), \d+ of \d+\.\d words on average, seed \d+/);
    const names = benchmark?.variants.map(({ name }) => name) ?? [];
    expect(names.slice(0, 4)).toEqual(['optimized', 'legacy', 'index', 'index, all words']);
    // What is not here is named, with the reason.
    for (const peer of ['tantivy', 'bm25s', 'SQLite FTS5', 'FlexSearch', 'MiniSearch', 'Orama']) {
      expect(names.includes(peer) || (leftOut ?? []).some((why) => why.startsWith(`search, ${peer}: `)), peer).toBe(
        true,
      );
    }
    for (const { name, metrics } of benchmark?.variants ?? []) {
      for (const metric of ['cpuMsP50', 'firstCpuMsMax', 'buildCpuS', 'reopenMs', 'hitsPerQuery']) {
        expect(metrics[metric]?.samples[0], `${name} ${metric}`).toBeGreaterThan(0);
      }
      expect(metrics['queries']?.samples, name).toEqual([40]);
    }
  });

  test('search: a size beyond the passages that there are is left out, with their number', async () => {
    const { benchmarks, leftOut } = await searchSuite().plan({ quick: true, sizes: [100, 1_000_000_000] });
    expect(benchmarks.map(({ name }) => name)).toEqual(['search-100']);
    expect(leftOut.join('\n')).toMatch(/search-1000000000: there are \d+ passages/);
  });

  test('writes: one writer and eight, with nothing lost, beside SQLite alone', async () => {
    const { benchmarks, notes } = await measure(writesSuite(), '--quick');
    expect(benchmarks.map(({ name }) => name)).toEqual(['writes-1', 'writes-8']);
    expect(notes['SQLite']).toMatch(/sqlite, for all of them$/);
    for (const { variants } of benchmarks) {
      expect(variants.map(({ implementation }) => implementation)).toEqual(['legacy', 'optimized', 'sqlite']);
      for (const { name, metrics } of variants) expect(metrics['writesPerSecond']?.samples[0], name).toBeGreaterThan(0);
    }
  });
});
