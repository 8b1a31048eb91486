import { GemmaError } from '@gemma-cli/contracts';
import type { Aim, BetterDirection } from './benchmark.ts';
import type { Estimate, Verdict } from './compare-samples.ts';
import type { MachineFacts, MachineLoad } from './machine-facts.ts';
import type { Summary } from './statistics.ts';
import type { Timeline } from './timeline.ts';

/** Marks a results file. */
export const resultsFormat = 'gemma-bench-results';

/** Raised when a reader of an older version would misread the file. */
export const resultsVersion = 2;

/** The samples of one metric of one variant. */
export interface MetricResult {
  /** One per round, in the order of the rounds. `null` = cannot be known. */
  readonly samples: readonly (number | null)[];
  /** `null` when no sample is known. */
  readonly summary: Summary | null;
}

/** One variant, measured. */
export interface VariantResult {
  readonly name: string;
  /** The implementation that every run said it was. `null` when none was said. */
  readonly implementation: string | null;
  /** By name of the metric. */
  readonly metrics: Readonly<Record<string, MetricResult>>;
  /** The courses that each round told. Left out when none did. */
  readonly timelines?: readonly { readonly round: number; readonly timelines: readonly Timeline[] }[];
}

/** A variant against the baseline in one metric. */
export interface Comparison {
  readonly variant: string;
  readonly baseline: string;
  readonly metric: string;
  readonly pairs: number;
  readonly ratio: Estimate | null;
  readonly difference: Estimate | null;
  readonly verdict: Verdict;
}

/** Whether a goal is reached. */
export type AimResult = Aim & {
  /** What the goal speaks of: the difference, the multiple or the median itself. `null` without samples. */
  readonly measured: number | null;
  readonly reached: boolean;
};

/** One benchmark, measured. */
export interface BenchmarkResult {
  readonly name: string;
  readonly summary: string;
  readonly rounds: number;
  readonly warmups: number;
  readonly usageFrom: 'same-process' | 'extra-process';
  /** Names of the variants in the order in which they ran, per round. */
  readonly order: readonly (readonly string[])[];
  readonly metrics: readonly { readonly name: string; readonly unit: string; readonly better: BetterDirection }[];
  readonly variants: readonly VariantResult[];
  readonly comparisons: readonly Comparison[];
  readonly aims: readonly AimResult[];
}

/** A whole run: everything that a figure in a document is made from. Plain data, written as JSON. */
export interface BenchmarkResults {
  readonly format: typeof resultsFormat;
  readonly version: typeof resultsVersion;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly endedAt: string;
  /** Seed of every bootstrap. */
  readonly seed: number;
  /** Level of every interval. */
  readonly confidence: number;
  /** Least relative difference of medians that earned a verdict. */
  readonly differenceShareMin: number;
  readonly machine: MachineFacts;
  readonly loadBefore: MachineLoad;
  readonly loadAfter: MachineLoad;
  /** Variables taken out of the environment of every measured process. */
  readonly environmentRemoved: readonly string[];
  readonly warnings: readonly string[];
  /** What the suite wants remembered with the figures: model, threads. Default: nothing. */
  readonly notes: Readonly<Record<string, string>>;
  /** What was not measured, each with its reason. Left out when everything was. */
  readonly leftOut?: readonly string[];
  readonly benchmarks: readonly BenchmarkResult[];
}

/**
 * Reads a results file.
 *
 * @throws GemmaError `REQUEST_INVALID` when the text is not one, or is of another version.
 */
export function parseResults(text: string): BenchmarkResults {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new GemmaError({
      code: 'REQUEST_INVALID',
      message: 'Expected benchmark results; the text is not JSON.',
      cause,
    });
  }
  const { format, version } = (typeof value === 'object' && value !== null ? value : {}) as Partial<BenchmarkResults>;
  if (format !== resultsFormat || version !== resultsVersion) {
    throw new GemmaError({
      code: 'REQUEST_INVALID',
      message:
        `Expected ${resultsFormat} version ${resultsVersion}, got ${String(format)} version ${String(version)}. ` +
        'Read the file with the release that wrote it, or measure again.',
      facts: { format, version },
    });
  }
  return value as BenchmarkResults;
}
