import { GemmaError } from '@gemma-cli/contracts';
import { benchmarkDefaults } from './benchmark.ts';
import type { Aim, Benchmark, MetricDefinition, OutsideMetric, Variant } from './benchmark.ts';
import { childEnvironment } from './child-environment.ts';
import { comparisonDefaults, compareSamples } from './compare-samples.ts';
import { loadWarning, readMachineFacts, readMachineLoad } from './machine-facts.ts';
import type { MachineFacts, MachineLoad, RunGit } from './machine-facts.ts';
import { resultsFormat, resultsVersion } from './results.ts';
import type {
  AimResult,
  BenchmarkResult,
  BenchmarkResults,
  Comparison,
  MetricResult,
  VariantResult,
} from './results.ts';
import { roundOrder } from './round-order.ts';
import { runVariant } from './run-variant.ts';
import type { VariantRun } from './run-variant.ts';
import { summarize } from './statistics.ts';
import type { Timeline } from './timeline.ts';

/** What happens while benchmarks run. */
export type BenchmarkProgress =
  | { readonly type: 'benchmark-start'; readonly benchmark: string; readonly rounds: number; readonly warmups: number }
  | {
      readonly type: 'run-end';
      readonly benchmark: string;
      /** Counted from 0; warm-ups come first and are negative. */
      readonly round: number;
      readonly variant: string;
      readonly wallMs: number;
    }
  | { readonly type: 'benchmark-end'; readonly benchmark: string }
  | { readonly type: 'warning'; readonly message: string };

/** What {@link runBenchmarks} takes. */
export interface RunBenchmarksOptions {
  readonly benchmarks: readonly Benchmark[];
  /** The environment to measure in; variables that disturb are taken out and named in the results. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Replaces the rounds of every benchmark. Integer >= 1. Default: what each says. */
  readonly rounds?: number | undefined;
  /** Seed of the bootstrap. Default 1. */
  readonly seed?: number;
  /** See `comparisonDefaults`. */
  readonly confidence?: number;
  /** See `comparisonDefaults`. */
  readonly differenceShareMin?: number;
  /** Ends the running process and rejects with `ABORTED`. */
  readonly signal?: AbortSignal | undefined;
  /** Asked for the commit. Default: none is recorded. */
  readonly runGit?: RunGit;
  /** Remembered with the figures. Default: nothing. */
  readonly notes?: Readonly<Record<string, string>>;
  /** What is not measured this time, each with its reason; told with the figures. Default: nothing. */
  readonly leftOut?: readonly string[];
  readonly onProgress?: (progress: BenchmarkProgress) => void;
  /** Default: the system's. */
  readonly clock?: { readonly now: () => number; readonly date: () => Date };
  /** Default: reads the machine. */
  readonly readLoad?: () => Promise<MachineLoad>;
  /** Default: reads the machine. */
  readonly readFacts?: () => Promise<MachineFacts>;
}

/**
 * Measures: every round starts every variant in a fresh process, in an order that flips from round to round. A run that
 * fails, is too late, reports another metric than declared or another implementation than expected ends everything with
 * an error; a figure is never made from what is left.
 *
 * @throws GemmaError `REQUEST_INVALID`, `BENCH_FAILED`, `BENCH_WRONG_IMPLEMENTATION`, `ABORTED`.
 */
export async function runBenchmarks({
  benchmarks,
  env,
  rounds,
  seed = 1,
  confidence = comparisonDefaults.confidence,
  differenceShareMin = comparisonDefaults.differenceShareMin,
  signal,
  runGit,
  notes = {},
  leftOut = [],
  onProgress = () => {},
  clock = { now: () => performance.now(), date: () => new Date() },
  readLoad = readMachineLoad,
  readFacts = () => readMachineFacts(runGit === undefined ? {} : { runGit }),
}: RunBenchmarksOptions): Promise<BenchmarkResults> {
  const planned = benchmarks.map((benchmark) => ({ ...benchmark, rounds: rounds ?? benchmark.rounds }));
  for (const benchmark of planned) checkBenchmark(benchmark);

  const startedAt = clock.date().toISOString();
  const machine = await readFacts();
  const loadBefore = await readLoad();
  const warnings = [loadWarning(loadBefore, machine.cores)].filter((warning) => warning !== null);
  for (const message of warnings) onProgress({ type: 'warning', message });
  const { env: childEnv, removed } = childEnvironment(env);

  const results: BenchmarkResult[] = [];
  for (const benchmark of planned) {
    const compare = { seed, confidence, differenceShareMin };
    results.push(await measure(benchmark, { env: childEnv, compare, signal, onProgress, now: clock.now }));
  }
  return {
    format: resultsFormat,
    version: resultsVersion,
    startedAt,
    endedAt: clock.date().toISOString(),
    seed,
    confidence,
    differenceShareMin,
    machine,
    loadBefore,
    loadAfter: await readLoad(),
    environmentRemoved: removed,
    warnings,
    notes,
    ...(leftOut.length === 0 ? {} : { leftOut }),
    benchmarks: results,
  };
}

interface MeasureOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly compare: { readonly seed: number; readonly confidence: number; readonly differenceShareMin: number };
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (progress: BenchmarkProgress) => void;
  readonly now: () => number;
}

async function measure(benchmark: Benchmark, options: MeasureOptions): Promise<BenchmarkResult> {
  const { name, rounds, variants, metrics } = benchmark;
  const warmups = benchmark.warmups ?? benchmarkDefaults.warmups;
  const usageFrom = benchmark.usageFrom ?? 'same-process';
  const samples = new Map(variants.map((variant) => [variant.name, emptySamples(metrics)]));
  const implementations = new Map<string, string | null>();
  const timelines = new Map<string, { readonly round: number; readonly timelines: readonly Timeline[] }[]>(
    variants.map((variant) => [variant.name, []]),
  );
  const order: (readonly string[])[] = [];
  options.onProgress({ type: 'benchmark-start', benchmark: name, rounds, warmups });

  for (let round = -warmups; round < rounds; round += 1) {
    const turn = roundOrder(variants, Math.abs(round));
    if (round >= 0) order.push(turn.map((variant) => variant.name));
    for (const variant of turn) {
      const run = await runOnce(benchmark, variant, options);
      const before = implementations.get(variant.name);
      if (before !== undefined && before !== run.implementation) {
        throw new GemmaError({
          code: 'BENCH_WRONG_IMPLEMENTATION',
          message: `Variant "${variant.name}" of "${name}" ran "${before}" first and "${run.implementation}" in round ${round}.`,
          facts: { benchmark: name, variant: variant.name, round, implementations: [before, run.implementation] },
        });
      }
      implementations.set(variant.name, run.implementation);
      const values = valuesOf(benchmark, variant, run);
      if (round >= 0) for (const [metric, value] of values) samples.get(variant.name)?.get(metric)?.push(value);
      if (round >= 0 && run.timelines.length > 0) {
        timelines.get(variant.name)?.push({ round, timelines: run.timelines });
      }
      options.onProgress({
        type: 'run-end',
        benchmark: name,
        round,
        variant: variant.name,
        wallMs: run.outside.wallMs ?? 0,
      });
    }
  }
  options.onProgress({ type: 'benchmark-end', benchmark: name });

  const samplesOf = (variant: string, metric: string): readonly (number | null)[] =>
    samples.get(variant)?.get(metric) ?? [];
  return {
    name,
    summary: benchmark.summary,
    rounds,
    warmups,
    usageFrom,
    order,
    metrics: metrics.map(({ name: metric, unit, better }) => ({ name: metric, unit, better })),
    variants: variants.map((variant) => ({
      name: variant.name,
      implementation: implementations.get(variant.name) ?? null,
      ...timelinesOf(timelines.get(variant.name) ?? []),
      metrics: Object.fromEntries(
        metrics.map(({ name: metric }): [string, MetricResult] => {
          const values = samplesOf(variant.name, metric);
          return [metric, { samples: values, summary: summarize(values) }];
        }),
      ),
    })),
    comparisons: compareAll(benchmark, samplesOf, options.compare),
    aims: (benchmark.aims ?? []).map((aim) =>
      judgeAim(aim, {
        own: summarize(samplesOf(aim.variant, aim.metric))?.median ?? null,
        other: summarize(samplesOf('of' in aim ? aim.of : (variants[0]?.name ?? ''), aim.metric))?.median ?? null,
      }),
    ),
  };
}

/** Nothing where nothing was told, so that most results look as they did. */
function timelinesOf(told: NonNullable<VariantResult['timelines']>): Pick<VariantResult, 'timelines'> {
  return told.length === 0 ? {} : { timelines: told };
}

/** Holds a goal against the medians; without one of them it is not reached. */
function judgeAim(aim: Aim, { own, other }: { readonly own: number | null; readonly other: number | null }): AimResult {
  if (own === null) return { ...aim, measured: null, reached: false };
  if ('atLeast' in aim) return { ...aim, measured: own, reached: own >= aim.atLeast };
  if ('atMost' in aim) return { ...aim, measured: own, reached: own <= aim.atMost };
  if (other === null) return { ...aim, measured: null, reached: false };
  if ('timesMin' in aim) return { ...aim, measured: own / other, reached: own / other >= aim.timesMin };
  if ('timesMax' in aim) return { ...aim, measured: own / other, reached: own / other <= aim.timesMax };
  const most = 'beyondMax' in aim ? aim.beyondMax : aim.beyondBaselineMax;
  return { ...aim, measured: own - other, reached: own - other <= most };
}

function emptySamples(metrics: readonly MetricDefinition[]): ReadonlyMap<string, (number | null)[]> {
  return new Map(metrics.map((metric) => [metric.name, []]));
}

/** One run of a variant; with `extra-process` a second one gives CPU time and memory. */
async function runOnce(benchmark: Benchmark, variant: Variant, options: MeasureOptions): Promise<VariantRun> {
  const surroundings = {
    env: options.env,
    timeoutMs: benchmark.timeoutMs ?? benchmarkDefaults.timeoutMs,
    signal: options.signal,
    now: options.now,
  };
  try {
    if (benchmark.usageFrom !== 'extra-process') return await runVariant(variant, { ...surroundings, probe: true });
    const run = await runVariant(variant, { ...surroundings, probe: false });
    if (variant.program.type === 'command') return run;
    const { cpuMs, treeCpuMs, peakRssMiB } = (await runVariant(variant, { ...surroundings, probe: true })).outside;
    return { ...run, outside: { ...run.outside, cpuMs, treeCpuMs, peakRssMiB } };
  } catch (error) {
    if (!(error instanceof GemmaError)) throw error;
    throw new GemmaError({
      code: error.code,
      message: `Benchmark "${benchmark.name}": ${error.message}`,
      facts: { ...error.facts, benchmark: benchmark.name },
      cause: error,
    });
  }
}

/** The declared metrics of a run: all of them, and nothing else. */
function valuesOf(benchmark: Benchmark, variant: Variant, run: VariantRun): ReadonlyMap<string, number | null> {
  const values = new Map<string, number | null>();
  for (const { name, source } of benchmark.metrics) {
    const value = source === 'outside' ? toThousandths(run.outside[name as OutsideMetric]) : run.reported.get(name);
    if (value === undefined) throw wrongMetric(`did not report the metric "${name}"`);
    values.set(name, value);
  }
  for (const name of run.reported.keys()) {
    if (!values.has(name)) throw wrongMetric(`reported "${name}", which the benchmark does not declare`);
  }
  return values;

  function wrongMetric(what: string): GemmaError {
    return new GemmaError({
      code: 'BENCH_FAILED',
      message: `Variant "${variant.name}" of "${benchmark.name}" ${what}.`,
      facts: { benchmark: benchmark.name, variant: variant.name, reported: [...run.reported.keys()] },
    });
  }
}

function compareAll(
  { variants, metrics }: Benchmark,
  samplesOf: (variant: string, metric: string) => readonly (number | null)[],
  compare: MeasureOptions['compare'],
): readonly Comparison[] {
  const [baseline, ...others] = variants.map((variant) => variant.name);
  if (baseline === undefined) return [];
  return others.flatMap((variant) =>
    metrics.map((metric) => ({
      variant,
      baseline,
      metric: metric.name,
      ...compareSamples(samplesOf(baseline, metric.name), samplesOf(variant, metric.name), {
        ...compare,
        better: metric.better,
      }),
    })),
  );
}

const outsideMetrics: readonly string[] = [
  'wallMs',
  'firstByteMs',
  'sentByteMs',
  'cpuMs',
  'treeCpuMs',
  'peakRssMiB',
] satisfies OutsideMetric[];

function checkBenchmark({ name, variants, metrics, rounds, warmups, aims = [] }: Benchmark): void {
  const refuse = (what: string): never => {
    throw new GemmaError({
      code: 'REQUEST_INVALID',
      message: `Benchmark "${name}": ${what}.`,
      facts: { benchmark: name },
    });
  };
  if (!Number.isInteger(rounds) || rounds < 1) refuse(`expected at least 1 round, got ${rounds}`);
  if (warmups !== undefined && (!Number.isInteger(warmups) || warmups < 0)) {
    refuse(`expected 0 or more warm-ups, got ${warmups}`);
  }
  if (variants.length === 0) refuse('expected at least one variant');
  if (metrics.length === 0) refuse('expected at least one metric');
  const variantTwice = repeated(variants.map((variant) => variant.name));
  if (variantTwice !== undefined) refuse(`the variant "${variantTwice}" is named twice`);
  const metricTwice = repeated(metrics.map((metric) => metric.name));
  if (metricTwice !== undefined) refuse(`the metric "${metricTwice}" is named twice`);
  const unknown = metrics.find((metric) => metric.source === 'outside' && !outsideMetrics.includes(metric.name));
  if (unknown !== undefined) {
    refuse(`"${unknown.name}" is not taken from outside; these are: ${outsideMetrics.join(', ')}`);
  }
  for (const aim of aims) {
    for (const named of 'of' in aim ? [aim.variant, aim.of] : [aim.variant]) {
      if (!variants.some((variant) => variant.name === named)) refuse(`an aim names the unknown variant "${named}"`);
    }
    if (!metrics.some((metric) => metric.name === aim.metric))
      refuse(`an aim names the unknown metric "${aim.metric}"`);
  }
}

function repeated(names: readonly string[]): string | undefined {
  return names.find((item, index) => names.indexOf(item) !== index);
}

/** Clocks here do not tell more than microseconds, and result files are committed. */
function toThousandths(value: number | null): number | null {
  return value === null ? null : Math.round(value * 1000) / 1000;
}
