import { homedir } from 'node:os';
import { runBenchmarks } from '@gemma-cli/bench-kit';
import { expect, test } from 'vitest';
import { findModel } from '../src/find-model.ts';
import { firstTokenSuite } from '../src/index.ts';

test('both engines answer the same questions, and only the optimized one takes the shared text from its cache', async () => {
  const model = await findModel({ named: undefined, env: process.env, cwd: process.cwd(), home: homedir() });
  if (model === undefined) throw new Error('No model; run `node scripts/fetch-test-models.mjs`.');
  const { benchmarks } = await firstTokenSuite().plan({ model, threads: 1, quick: true });
  const results = await runBenchmarks({
    benchmarks: benchmarks.map((benchmark) => ({ ...benchmark, rounds: 1, warmups: 0 })),
    env: process.env,
  });
  const [legacy, optimized] = results.benchmarks[0]?.variants ?? [];
  expect([legacy?.implementation, optimized?.implementation]).toEqual(['legacy', 'optimized']);
  const of = (variant: typeof legacy, metric: string): number => variant?.metrics[metric]?.samples[0] ?? Number.NaN;
  const promptTokens = of(legacy, 'shared1000PromptTokens');
  expect(promptTokens).toBeGreaterThan(900);
  expect(of(optimized, 'shared1000PromptTokens')).toBe(promptTokens);
  expect(of(legacy, 'shared1000EvaluatedTokens')).toBe(promptTokens);
  expect(of(optimized, 'shared1000EvaluatedTokens')).toBeLessThan(0.1 * promptTokens);
});
