import { parseResults } from '@gemma-cli/bench-kit';
import type { BenchmarkResults } from '@gemma-cli/bench-kit';
import { describe, expect, test } from 'vitest';
import { firstTokenSuite, startupSuite } from '../src/index.ts';
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
    expect(benchmarks.flatMap(({ aims }) => aims.map(({ beyondBaselineMax }) => beyondBaselineMax))).toEqual([
      10, 60, 15,
    ]);
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

  test('reports cold, second, long and follow-up waits, tokens and rate of both engines', async () => {
    const { benchmarks, notes } = await measure(firstTokenSuite({ engineModules }), ...model, '--threads', '2');
    const [legacy, optimized] = benchmarks[0]?.variants ?? [];
    expect([legacy?.implementation, optimized?.implementation]).toEqual(['legacy', 'optimized']);
    const of = (variant: typeof legacy, metric: string) => variant?.metrics[metric]?.samples[0];
    expect([of(legacy, 'followUpCachedTokens'), of(optimized, 'followUpCachedTokens')]).toEqual([0, 300]);
    expect(of(legacy, 'decodeTokensPerSecond')).toBe(40);
    expect(of(optimized, 'followUpPromptTokens')).toBeGreaterThan(300);
    for (const metric of ['coldTtftMs', 'secondTtftMs', 'longTtftMs', 'followUpTtftMs', 'wallMs']) {
      expect(of(legacy, metric), metric).toBeGreaterThan(0);
    }
    expect(notes).toEqual({ model: expect.stringMatching(/^manifest\.json, \d+ bytes$/), threads: '2' });
  });

  test('an engine that says it is the other one is an error, not a sample', async () => {
    const swapped = firstTokenSuite({ engineModules: { ...engineModules, optimized: engineModules.legacy } });
    await expect(measure(swapped, ...model)).rejects.toThrow(/BENCH_WRONG_IMPLEMENTATION/);
  });
});
