import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { runBenchmarks } from '../src/index.ts';
import type { Benchmark, BenchmarkProgress, RunBenchmarksOptions, Variant } from '../src/index.ts';

const say = fileURLToPath(new URL('./children/say.mjs', import.meta.url));

/** A variant whose process follows orders; see `children/say.mjs`. */
function variant(name: string, orders: unknown, rest: Partial<Variant> = {}): Variant {
  return { name, program: { type: 'node', module: say, args: [JSON.stringify(orders)] }, ...rest };
}

function sample(metric: string, value: unknown, implementation?: string): unknown {
  return { type: 'sample', metric, value, ...(implementation === undefined ? {} : { implementation }) };
}

const wall = { name: 'wallMs', unit: 'ms', better: 'lower', source: 'outside' } as const;
const score = { name: 'score', unit: 'points', better: 'higher', source: 'reported' } as const;

function benchmark(variants: readonly Variant[], rest: Partial<Benchmark> = {}): Benchmark {
  return { name: 'trial', summary: 'A trial.', variants, metrics: [wall], rounds: 1, warmups: 0, ...rest };
}

/** Measures without waiting half a second for the load of the machine. */
function measure(benchmarks: readonly Benchmark[], rest: Partial<RunBenchmarksOptions> = {}) {
  return runBenchmarks({
    benchmarks,
    env: { PATH: '/usr/bin:/bin' },
    readLoad: async () => ({ load1: 0, busyShare: 0 }),
    ...rest,
  });
}

/** Whether a process computes: a killed one that nobody has waited for does not. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'latin1') : '';
  return !/\) [ZX] /.test(stat);
}

describe('runBenchmarks', () => {
  test('runs every variant once a round in an order that flips, warm-ups first and not counted', async () => {
    const seen: BenchmarkProgress[] = [];
    const { benchmarks } = await measure([benchmark([variant('a', {}), variant('b', {})], { rounds: 3, warmups: 1 })], {
      onProgress: (progress) => seen.push(progress),
    });
    expect(benchmarks[0]?.order).toEqual([
      ['a', 'b'],
      ['b', 'a'],
      ['a', 'b'],
    ]);
    const ran = seen
      .filter((progress) => progress.type === 'run-end')
      .map(({ round, variant: name }) => `${round}${name}`);
    expect(ran).toEqual(['-1b', '-1a', '0a', '0b', '1b', '1a', '2a', '2b']);
    expect(benchmarks[0]?.variants[0]?.metrics['wallMs']?.samples).toHaveLength(3);
  });

  test('takes wall, first bytes, CPU time and memory from outside', async () => {
    const outside = ['wallMs', 'firstByteMs', 'sentByteMs', 'cpuMs', 'peakRssMiB'].map((name) => ({
      name,
      unit: 'ms',
      better: 'lower' as const,
      source: 'outside' as const,
    }));
    const { benchmarks } = await measure([benchmark([variant('a', { stdout: 'x', send: 'y' })], { metrics: outside })]);
    const value = (name: string): number => benchmarks[0]?.variants[0]?.metrics[name]?.samples[0] ?? Number.NaN;
    expect(value('firstByteMs')).toBeGreaterThan(0);
    expect(value('firstByteMs')).toBeLessThan(value('wallMs'));
    expect(value('sentByteMs')).toBeLessThan(value('wallMs'));
    expect(value('cpuMs')).toBeGreaterThan(1);
    expect(value('peakRssMiB')).toBeGreaterThan(10);
  });

  test('does not invent a first byte, nor the CPU time of a program that is not Node', async () => {
    const metrics = (['firstByteMs', 'sentByteMs', 'cpuMs', 'treeCpuMs', 'peakRssMiB'] as const).map((name) => ({
      ...wall,
      name,
    }));
    const command: Variant = {
      name: 'command',
      program: { type: 'command', command: process.execPath, args: ['-e', '0'] },
    };
    const { benchmarks } = await measure([benchmark([command], { metrics })]);
    for (const { name } of metrics) {
      expect(benchmarks[0]?.variants[0]?.metrics[name]).toEqual({ samples: [null], summary: null });
    }
  });

  test(
    'counts the CPU time of descendants the process has waited for',
    { skip: process.platform !== 'linux' },
    async () => {
      const busy =
        'const end = Date.now() + 1e9; let n = 0; while (process.cpuUsage().user < 300_000 && Date.now() < end) n += 1;';
      const parent: Variant = {
        name: 'parent',
        program: {
          type: 'node',
          module: fileURLToPath(new URL('./children/wait-for.mjs', import.meta.url)),
          args: [busy],
        },
      };
      const metrics = [
        { ...wall, name: 'cpuMs' },
        { ...wall, name: 'treeCpuMs' },
      ];
      const { benchmarks } = await measure([benchmark([parent], { metrics })]);
      const of = (name: string): number => benchmarks[0]?.variants[0]?.metrics[name]?.samples[0] ?? Number.NaN;
      expect(of('treeCpuMs') - of('cpuMs')).toBeGreaterThanOrEqual(250);
    },
  );

  test('a process that forks and starts threads reports its own CPU time, once', async () => {
    const module = fileURLToPath(new URL('./children/fork.mjs', import.meta.url));
    const { benchmarks } = await measure([
      benchmark([{ name: 'forks', program: { type: 'node', module } }], { metrics: [{ ...wall, name: 'cpuMs' }] }),
    ]);
    expect(benchmarks[0]?.variants[0]?.metrics['cpuMs']?.summary?.n).toBe(1);
  });

  test('takes CPU time from a second process when asked, and starts no third', async () => {
    const { benchmarks } = await measure([
      benchmark([variant('a', { stdout: 'x' })], {
        usageFrom: 'extra-process',
        rounds: 2,
        metrics: [wall, { ...wall, name: 'cpuMs' }, { ...wall, name: 'firstByteMs' }],
      }),
    ]);
    for (const metric of ['wallMs', 'cpuMs', 'firstByteMs']) {
      expect(benchmarks[0]?.variants[0]?.metrics[metric]?.summary?.n).toBe(2);
    }
  });

  test('keeps what a process reports, unknown values as null', async () => {
    const { benchmarks } = await measure([
      benchmark([variant('a', { report: [sample('score', 3)] }), variant('b', { report: [sample('score', null)] })], {
        metrics: [score],
        rounds: 2,
      }),
    ]);
    expect(benchmarks[0]?.variants.map(({ metrics }) => metrics['score']?.samples)).toEqual([
      [3, 3],
      [null, null],
    ]);
  });

  test('tells the implementation that ran', async () => {
    const { benchmarks } = await measure([
      benchmark(
        [variant('a', { report: [sample('score', 1, 'optimized')] }, { expects: { implementation: 'optimized' } })],
        {
          metrics: [score],
        },
      ),
    ]);
    expect(benchmarks[0]?.variants[0]?.implementation).toBe('optimized');
  });

  test.each([
    ['another implementation than expected', [sample('score', 1, 'legacy')]],
    ['no implementation', [sample('score', 1)]],
    ['two implementations', [sample('score', 1, 'optimized'), sample('other', 1, 'legacy')]],
  ])('a process that reports %s is an error, not a sample', async (_, report) => {
    const measuring = measure([
      benchmark([variant('a', { report }, { expects: { implementation: 'optimized' } })], { metrics: [score] }),
    ]);
    await expect(measuring).rejects.toMatchObject({
      code: 'BENCH_WRONG_IMPLEMENTATION',
      facts: { benchmark: 'trial', variant: 'a' },
    });
  });

  test.each([
    ['does not report a declared metric', [], /did not report the metric "score"/],
    ['reports a metric that is not declared', [sample('score', 1), sample('scorn', 1)], /"scorn".*does not declare/],
    ['reports a metric twice', [sample('score', 1), sample('score', 2)], /reported twice/],
    ['reports a value that is no number', [sample('score', '1')], /expected samples on descriptor 4/],
    ['writes garbage to the report', ['garbage'], /got: garbage/],
  ])('a process that %s is an error, not a sample', async (_, report, message) => {
    const measuring = measure([benchmark([variant('a', { report })], { metrics: [score] })]);
    await expect(measuring).rejects.toMatchObject({ code: 'BENCH_FAILED', message: expect.stringMatching(message) });
  });

  test('a process that fails is an error with its exit code and the end of its stderr', async () => {
    const measuring = measure([benchmark([variant('a', { exitCode: 3, stderr: 'no model' })])]);
    await expect(measuring).rejects.toMatchObject({
      code: 'BENCH_FAILED',
      facts: { variant: 'a', exitCode: 3, stderrTail: 'no model' },
    });
  });

  test('an exit code that is expected is not an error', async () => {
    const { benchmarks } = await measure([benchmark([variant('a', { exitCode: 2 }, { expects: { exitCode: 2 } })])]);
    expect(benchmarks[0]?.variants[0]?.metrics['wallMs']?.summary?.n).toBe(1);
  });

  test(
    'a process that dies by a signal is an error that names it (Windows has no signals)',
    { skip: process.platform === 'win32' },
    async () => {
      const measuring = measure([benchmark([variant('a', { signal: 'SIGKILL' })])]);
      await expect(measuring).rejects.toMatchObject({ code: 'BENCH_FAILED', facts: { signal: 'SIGKILL' } });
    },
  );

  test('a program that ends well without the text that proves its work is an error', async () => {
    const expects = { stdoutIncludes: '0.1.0' };
    const good = await measure([benchmark([variant('a', { stdout: 'gemma 0.1.0\n' }, { expects })])]);
    expect(good.benchmarks[0]?.rounds).toBe(1);
    const measuring = measure([benchmark([variant('a', { stdout: 'nothing\n' }, { expects })])]);
    await expect(measuring).rejects.toMatchObject({ code: 'BENCH_FAILED', facts: { stdoutHead: 'nothing\n' } });
  });

  test('a program that does not exist is an error with its cause', async () => {
    const missing: Variant = { name: 'a', program: { type: 'command', command: 'no-such-program-here' } };
    await expect(measure([benchmark([missing])])).rejects.toMatchObject({
      code: 'BENCH_FAILED',
      facts: { command: 'no-such-program-here' },
      cause: { cause: { code: 'ENOENT' } },
    });
  });

  test('a process past its deadline is killed and an error', async () => {
    const measuring = measure([benchmark([variant('a', { hang: true })], { timeoutMs: 300 })]);
    await expect(measuring).rejects.toMatchObject({ code: 'BENCH_FAILED', facts: { timeoutMs: 300 } });
  });

  test('an abort kills the running process and rejects with ABORTED', async () => {
    const abort = new AbortController();
    const measuring = measure([benchmark([variant('a', {}), variant('b', { hang: true })])], {
      signal: abort.signal,
      onProgress: ({ type }) => {
        if (type === 'run-end') setTimeout(() => abort.abort(), 100);
      },
    });
    await expect(measuring).rejects.toMatchObject({ code: 'ABORTED' });
  });

  test(
    'what a process leaves behind is killed before the next run (Windows has no process groups)',
    { skip: process.platform === 'win32' },
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'gemma-bench-kit-'));
      try {
        const pidFile = join(folder, 'pid');
        await measure([benchmark([variant('a', { leave: pidFile })])]);
        const pid = Number(readFileSync(pidFile, 'utf8'));
        await expect.poll(() => isRunning(pid)).toBe(false);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );

  test('takes variables that disturb out of the environment and says which', async () => {
    const seen = { ...score, name: 'seen', better: 'neither' } as const;
    const { benchmarks, environmentRemoved } = await measure(
      [
        benchmark(
          [
            variant('certificates', { environment: 'NODE_EXTRA_CA_CERTS' }),
            variant('kept', { environment: 'KEPT' }),
            variant('own', { environment: 'OWN' }, { env: { OWN: '1' } }),
          ],
          { metrics: [seen] },
        ),
      ],
      { env: { NODE_EXTRA_CA_CERTS: '/nowhere.pem', KEPT: '1' } },
    );
    expect(environmentRemoved).toEqual(['NODE_EXTRA_CA_CERTS']);
    expect(benchmarks[0]?.variants.map(({ metrics }) => metrics['seen']?.samples)).toEqual([[0], [1], [1]]);
  });

  test('compares every variant with the first in every metric', async () => {
    const { benchmarks } = await measure([
      benchmark(
        [
          variant('base', { report: [sample('score', 10)] }),
          variant('double', { report: [sample('score', 20)] }),
          variant('half', { report: [sample('score', 5)] }),
        ],
        { metrics: [score], rounds: 5 },
      ),
    ]);
    expect(benchmarks[0]?.comparisons).toMatchObject([
      { variant: 'double', baseline: 'base', metric: 'score', ratio: { value: 2 }, verdict: 'faster' },
      { variant: 'half', baseline: 'base', metric: 'score', ratio: { value: 0.5 }, verdict: 'slower' },
    ]);
  });

  test('judges aims by difference, multiple and the median itself', async () => {
    const cost = { ...score, better: 'lower' } as const;
    const { benchmarks } = await measure([
      benchmark(
        [variant('base', { report: [sample('score', 30)] }), variant('more', { report: [sample('score', 38)] })],
        {
          metrics: [cost],
          aims: [
            { variant: 'more', metric: 'score', beyondBaselineMax: 8 },
            { variant: 'more', metric: 'score', beyondBaselineMax: 7.9 },
            { variant: 'more', metric: 'score', beyondMax: 8, of: 'base' },
            { variant: 'base', metric: 'score', timesMax: 0.8, of: 'more' },
            { variant: 'more', metric: 'score', timesMin: 1.3, of: 'base' },
            { variant: 'more', metric: 'score', atMost: 38 },
            { variant: 'more', metric: 'score', atLeast: 38.5 },
          ],
        },
      ),
    ]);
    expect(benchmarks[0]?.aims).toMatchObject([
      { measured: 8, reached: true },
      { measured: 8, reached: false },
      { measured: 8, reached: true },
      { measured: 30 / 38, reached: true },
      { measured: 38 / 30, reached: false },
      { measured: 38, reached: true },
      { measured: 38, reached: false },
    ]);
  });

  test('keeps the timelines of every round that counts, and refuses what is none', async () => {
    const timeline = { name: 'speed', unit: 'tokens/s', stepMs: 1000, values: [1, 2], marks: [{ atMs: 5, text: 'x' }] };
    const told = variant('told', { report: [{ type: 'timeline', timeline }] });
    const { benchmarks } = await measure([benchmark([told, variant('silent', {})], { rounds: 2, warmups: 1 })]);
    expect(benchmarks[0]?.variants.map(({ timelines }) => timelines)).toEqual([
      [
        { round: 0, timelines: [timeline] },
        { round: 1, timelines: [timeline] },
      ],
      undefined,
    ]);
    const broken = variant('broken', { report: [{ type: 'timeline', timeline: { ...timeline, values: ['a'] } }] });
    await expect(measure([benchmark([broken])])).rejects.toMatchObject({
      code: 'BENCH_FAILED',
      message: expect.stringContaining('expected a timeline'),
    });
  });

  test('a busy machine gives a warning that stays with the results', async () => {
    const progress: BenchmarkProgress[] = [];
    const { warnings } = await measure([benchmark([variant('a', {})])], {
      readLoad: async () => ({ load1: 7.5, busyShare: 0.9 }),
      onProgress: (event) => progress.push(event),
    });
    expect(warnings).toEqual([expect.stringMatching(/busy at the start \(load 7\.5/)]);
    expect(progress[0]).toEqual({ type: 'warning', message: warnings[0] });
  });

  test.each([
    ['no rounds', { rounds: 0 }, /at least 1 round/],
    ['half a warm-up', { warmups: 0.5 }, /0 or more warm-ups/],
    ['no variants', { variants: [] }, /at least one variant/],
    ['no metrics', { metrics: [] }, /at least one metric/],
    ['a variant twice', { variants: [variant('a', {}), variant('a', {})] }, /"a" is named twice/],
    ['a metric twice', { metrics: [wall, wall] }, /"wallMs" is named twice/],
    ['an unknown outside metric', { metrics: [{ ...wall, name: 'heatC' }] }, /not taken from outside/],
    [
      'an aim without its variant',
      { aims: [{ variant: 'z', metric: 'wallMs', beyondBaselineMax: 1 }] },
      /unknown variant "z"/,
    ],
    [
      'an aim without its metric',
      { aims: [{ variant: 'a', metric: 'z', beyondBaselineMax: 1 }] },
      /unknown metric "z"/,
    ],
  ] satisfies [string, Partial<Benchmark>, RegExp][])(
    'refuses a benchmark with %s before anything runs',
    async (_, change, message) => {
      const progress: BenchmarkProgress[] = [];
      const measuring = measure([benchmark([variant('a', {})]), benchmark([variant('a', {})], change)], {
        onProgress: (event) => progress.push(event),
      });
      await expect(measuring).rejects.toMatchObject({
        code: 'REQUEST_INVALID',
        message: expect.stringMatching(message),
      });
      expect(progress).toEqual([]);
    },
  );
});
