// . = ./dist/index.d.ts

// dist/benchmark.d.ts
export type BetterDirection = 'lower' | 'higher' | 'neither';
export type OutsideMetric = 'wallMs' | 'firstByteMs' | 'sentByteMs' | 'cpuMs' | 'treeCpuMs' | 'peakRssMiB';
export interface MetricDefinition {
    readonly name: string;
    readonly unit: string;
    readonly better: BetterDirection;
    readonly source: 'outside' | 'reported';
}
export type VariantProgram = {
    readonly type: 'node';
    readonly module: string;
    readonly args?: readonly string[];
    readonly nodeArgs?: readonly string[];
    readonly nodePath?: string;
} | {
    readonly type: 'command';
    readonly command: string;
    readonly args?: readonly string[];
};
export interface VariantExpectation {
    readonly implementation?: string;
    readonly exitCode?: number;
    readonly stdoutIncludes?: string;
}
export interface Variant {
    readonly name: string;
    readonly program: VariantProgram;
    readonly env?: Readonly<Record<string, string>>;
    readonly cwd?: string;
    readonly expects?: VariantExpectation;
}
export type Aim = {
    readonly variant: string;
    readonly metric: string;
} & ({
    readonly beyondBaselineMax: number;
} | {
    readonly beyondMax: number;
    readonly of: string;
} | {
    readonly timesMin: number;
    readonly of: string;
} | {
    readonly timesMax: number;
    readonly of: string;
} | {
    readonly atLeast: number;
} | {
    readonly atMost: number;
});
export interface Benchmark {
    readonly name: string;
    readonly summary: string;
    readonly variants: readonly Variant[];
    readonly metrics: readonly MetricDefinition[];
    readonly rounds: number;
    readonly warmups?: number;
    readonly timeoutMs?: number;
    readonly usageFrom?: 'same-process' | 'extra-process';
    readonly aims?: readonly Aim[];
}
export declare const sentFd = 3;
export declare const reportFd = 4;
export declare const benchmarkDefaults: {
    readonly warmups: 1;
    readonly timeoutMs: 60000;
};

// dist/child-environment.d.ts
export interface ChildEnvironment {
    readonly env: Readonly<Record<string, string>>;
    readonly removed: readonly string[];
}
export declare function childEnvironment(env: Readonly<Record<string, string | undefined>>): ChildEnvironment;

// dist/compare-samples.d.ts
import type { BetterDirection } from './benchmark.ts';
export type Verdict = 'faster' | 'slower' | 'no difference seen' | 'too few rounds' | 'not compared';
export interface Estimate {
    readonly value: number;
    readonly low: number;
    readonly high: number;
}
export interface SampleComparison {
    readonly pairs: number;
    readonly ratio: Estimate | null;
    readonly difference: Estimate | null;
    readonly verdict: Verdict;
}
export interface ComparisonOptions {
    readonly better: BetterDirection;
    readonly seed: number;
    readonly confidence?: number;
    readonly differenceShareMin?: number;
    readonly resamples?: number;
}
export declare const comparisonDefaults: {
    readonly confidence: 0.95;
    readonly differenceShareMin: 0.02;
    readonly resamples: 2000;
    readonly roundsMin: 5;
};
export declare function compareSamples(baseline: readonly (number | null)[], candidate: readonly (number | null)[], options: ComparisonOptions): SampleComparison;

// dist/index.d.ts
export { benchmarkDefaults, reportFd, sentFd } from './benchmark.ts';
export type { Aim, Benchmark, BetterDirection, MetricDefinition, OutsideMetric, Variant, VariantExpectation, VariantProgram, } from './benchmark.ts';
export { reportSample, reportTimeline } from './report-sample.ts';
export type { Sample } from './report-sample.ts';
export { drawTimeline } from './timeline.ts';
export type { Timeline } from './timeline.ts';
export { runBenchmarks } from './run-benchmarks.ts';
export type { BenchmarkProgress, RunBenchmarksOptions } from './run-benchmarks.ts';
export { parseResults, resultsFormat, resultsVersion } from './results.ts';
export type { AimResult, BenchmarkResult, BenchmarkResults, Comparison, MetricResult, VariantResult, } from './results.ts';
export { renderMarkdown } from './render-markdown.ts';
export type { MarkdownOptions } from './render-markdown.ts';
export { median, quantile, summarize } from './statistics.ts';
export type { Summary } from './statistics.ts';
export { compareSamples, comparisonDefaults } from './compare-samples.ts';
export type { ComparisonOptions, Estimate, SampleComparison, Verdict } from './compare-samples.ts';
export { roundOrder } from './round-order.ts';
export { seededRandom } from './seeded-random.ts';
export { childEnvironment } from './child-environment.ts';
export type { ChildEnvironment } from './child-environment.ts';
export { gitIn, loadWarning, readMachineFacts, readMachineLoad } from './machine-facts.ts';
export type { MachineFacts, MachineLoad, RunGit, SystemFacts } from './machine-facts.ts';

// dist/machine-facts.d.ts
import os from 'node:os';
export interface MachineFacts {
    readonly cpuModel: string;
    readonly cores: number;
    readonly coresAvailable: number;
    readonly memoryMiB: number;
    readonly system: string;
    readonly node: string;
    readonly commit: string | null;
    readonly dirty: boolean | null;
}
export interface MachineLoad {
    readonly load1: number;
    readonly busyShare: number;
}
export type SystemFacts = Pick<typeof os, 'cpus' | 'availableParallelism' | 'totalmem' | 'type' | 'release' | 'arch' | 'loadavg'>;
export type RunGit = (args: readonly string[]) => Promise<string | null>;
export declare function readMachineFacts({ system, runGit, nodeVersion, }?: {
    readonly system?: SystemFacts;
    readonly runGit?: RunGit;
    readonly nodeVersion?: string;
}): Promise<MachineFacts>;
export declare function readMachineLoad({ system, wait, }?: {
    readonly system?: SystemFacts;
    readonly wait?: (ms: number) => Promise<void>;
}): Promise<MachineLoad>;
export declare function loadWarning({ load1, busyShare }: MachineLoad, cores: number): string | null;
export declare function gitIn(folder: string): RunGit;

// dist/render-markdown.d.ts
import type { BenchmarkResults } from './results.ts';
export interface MarkdownOptions {
    readonly rowsBy?: 'metric' | 'variant';
}
export declare function renderMarkdown(results: BenchmarkResults, { rowsBy }?: MarkdownOptions): string;

// dist/report-sample.d.ts
import type { Timeline } from './timeline.ts';
export interface Sample {
    readonly metric: string;
    readonly value: number | null;
    readonly implementation?: string;
}
export declare function reportSample(sample: Sample, { fd }?: {
    readonly fd?: number;
}): void;
export declare function reportTimeline(timeline: Timeline, { fd }?: {
    readonly fd?: number;
}): void;

// dist/results.d.ts
import type { Aim, BetterDirection } from './benchmark.ts';
import type { Estimate, Verdict } from './compare-samples.ts';
import type { MachineFacts, MachineLoad } from './machine-facts.ts';
import type { Summary } from './statistics.ts';
import type { Timeline } from './timeline.ts';
export declare const resultsFormat = "gemma-bench-results";
export declare const resultsVersion = 2;
export interface MetricResult {
    readonly samples: readonly (number | null)[];
    readonly summary: Summary | null;
}
export interface VariantResult {
    readonly name: string;
    readonly implementation: string | null;
    readonly metrics: Readonly<Record<string, MetricResult>>;
    readonly timelines?: readonly {
        readonly round: number;
        readonly timelines: readonly Timeline[];
    }[];
}
export interface Comparison {
    readonly variant: string;
    readonly baseline: string;
    readonly metric: string;
    readonly pairs: number;
    readonly ratio: Estimate | null;
    readonly difference: Estimate | null;
    readonly verdict: Verdict;
}
export type AimResult = Aim & {
    readonly measured: number | null;
    readonly reached: boolean;
};
export interface BenchmarkResult {
    readonly name: string;
    readonly summary: string;
    readonly rounds: number;
    readonly warmups: number;
    readonly usageFrom: 'same-process' | 'extra-process';
    readonly order: readonly (readonly string[])[];
    readonly metrics: readonly {
        readonly name: string;
        readonly unit: string;
        readonly better: BetterDirection;
    }[];
    readonly variants: readonly VariantResult[];
    readonly comparisons: readonly Comparison[];
    readonly aims: readonly AimResult[];
}
export interface BenchmarkResults {
    readonly format: typeof resultsFormat;
    readonly version: typeof resultsVersion;
    readonly startedAt: string;
    readonly endedAt: string;
    readonly seed: number;
    readonly confidence: number;
    readonly differenceShareMin: number;
    readonly machine: MachineFacts;
    readonly loadBefore: MachineLoad;
    readonly loadAfter: MachineLoad;
    readonly environmentRemoved: readonly string[];
    readonly warnings: readonly string[];
    readonly notes: Readonly<Record<string, string>>;
    readonly leftOut?: readonly string[];
    readonly benchmarks: readonly BenchmarkResult[];
}
export declare function parseResults(text: string): BenchmarkResults;

// dist/round-order.d.ts
export declare function roundOrder<Item>(items: readonly Item[], round: number): readonly Item[];

// dist/run-benchmarks.d.ts
import type { Benchmark } from './benchmark.ts';
import type { MachineFacts, MachineLoad, RunGit } from './machine-facts.ts';
import type { BenchmarkResults } from './results.ts';
export type BenchmarkProgress = {
    readonly type: 'benchmark-start';
    readonly benchmark: string;
    readonly rounds: number;
    readonly warmups: number;
} | {
    readonly type: 'run-end';
    readonly benchmark: string;
    readonly round: number;
    readonly variant: string;
    readonly wallMs: number;
} | {
    readonly type: 'benchmark-end';
    readonly benchmark: string;
} | {
    readonly type: 'warning';
    readonly message: string;
};
export interface RunBenchmarksOptions {
    readonly benchmarks: readonly Benchmark[];
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly rounds?: number | undefined;
    readonly seed?: number;
    readonly confidence?: number;
    readonly differenceShareMin?: number;
    readonly signal?: AbortSignal | undefined;
    readonly runGit?: RunGit;
    readonly notes?: Readonly<Record<string, string>>;
    readonly leftOut?: readonly string[];
    readonly onProgress?: (progress: BenchmarkProgress) => void;
    readonly clock?: {
        readonly now: () => number;
        readonly date: () => Date;
    };
    readonly readLoad?: () => Promise<MachineLoad>;
    readonly readFacts?: () => Promise<MachineFacts>;
}
export declare function runBenchmarks({ benchmarks, env, rounds, seed, confidence, differenceShareMin, signal, runGit, notes, leftOut, onProgress, clock, readLoad, readFacts, }: RunBenchmarksOptions): Promise<BenchmarkResults>;

// dist/seeded-random.d.ts
export declare function seededRandom(seed: number): () => number;

// dist/statistics.d.ts
export interface Summary {
    readonly n: number;
    readonly min: number;
    readonly median: number;
    readonly p95: number;
    readonly max: number;
    readonly mean: number;
}
export declare function summarize(samples: readonly (number | null)[]): Summary | null;
export declare function quantile(samples: readonly number[], share: number): number;
export declare function median(samples: readonly number[]): number;

// dist/timeline.d.ts
export interface Timeline {
    readonly name: string;
    readonly unit: string;
    readonly stepMs: number;
    readonly values: readonly number[];
    readonly marks: readonly {
        readonly atMs: number;
        readonly text: string;
    }[];
}
export declare function readTimeline(value: unknown): Timeline | null;
export declare function drawTimeline({ stepMs, values, marks }: Timeline): string;
