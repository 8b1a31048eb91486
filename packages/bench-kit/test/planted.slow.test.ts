import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { runBenchmarks } from '../src/index.ts';
import type { Benchmark, Variant } from '../src/index.ts';

const work = fileURLToPath(new URL('./children/work.mjs', import.meta.url));

function worker(name: string, units: number): Variant {
  return {
    name,
    program: {
      type: 'node',
      module: work,
      args: [String(units), name],
      // On a busy machine the thread that compiles the loop may come too late, and the run takes three times as long.
      nodeArgs: ['--no-concurrent-recompilation', '--no-concurrent-osr'],
    },
    expects: { implementation: name },
  };
}

/** The same work twice, and 20 % more of it. CPU time, because other programs share the machine. */
const planted: Benchmark = {
  name: 'planted',
  summary: 'Whether the harness sees what was planted.',
  variants: [worker('base', 100), worker('no-op', 100), worker('slowdown', 120)],
  metrics: [
    { name: 'workCpuMs', unit: 'ms', better: 'lower', source: 'reported' },
    { name: 'cpuMs', unit: 'ms', better: 'lower', source: 'outside' },
  ],
  rounds: 20,
  warmups: 1,
};

describe('a planted difference', () => {
  test('a slowdown of 20 % is seen, a no-op is not, whether the process or the harness takes the time', async () => {
    const { benchmarks } = await runBenchmarks({
      benchmarks: [planted],
      env: process.env,
      // Both ways equally strict, so that neither answer comes from a lenient harness: one false alarm in a thousand.
      confidence: 0.999,
      differenceShareMin: 0.05,
    });
    expect(benchmarks[0]?.comparisons).toMatchObject([
      { variant: 'no-op', metric: 'workCpuMs', verdict: 'no difference seen' },
      { variant: 'no-op', metric: 'cpuMs', verdict: 'no difference seen' },
      { variant: 'slowdown', metric: 'workCpuMs', verdict: 'slower' },
      { variant: 'slowdown', metric: 'cpuMs', verdict: 'slower' },
    ]);
  });
});
