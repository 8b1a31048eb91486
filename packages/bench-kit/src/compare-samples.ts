import type { BetterDirection } from './benchmark.ts';
import { seededRandom } from './seeded-random.ts';
import { median, quantile } from './statistics.ts';

/** What the samples say of a variant against the baseline. */
export type Verdict =
  | 'faster'
  | 'slower'
  | 'no difference seen'
  /** Below {@link comparisonDefaults.roundsMin} pairs an interval means nothing. */
  | 'too few rounds'
  /** A median is not positive, or the metric is not judged. */
  | 'not compared';

/** A number with the interval that the resampled rounds give it. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** How a variant compares with the baseline in one metric. */
export interface SampleComparison {
  /** Rounds in which both have a value. */
  readonly pairs: number;
  /** Median of the variant by median of the baseline. `null` when it has no meaning. */
  readonly ratio: Estimate | null;
  /** Median of the variant minus median of the baseline, in the unit of the metric. `null` without pairs. */
  readonly difference: Estimate | null;
  readonly verdict: Verdict;
}

/** How the comparison is made. */
export interface ComparisonOptions {
  readonly better: BetterDirection;
  /** Repeats the resampling. */
  readonly seed: number;
  /** Share of resamples inside the interval. Default 0.95. */
  readonly confidence?: number;
  /** Least relative difference of the medians that earns a verdict. Default 0.02. */
  readonly differenceShareMin?: number;
  /** Default 2,000. */
  readonly resamples?: number;
}

/** Defaults of a comparison, each with its reason. */
export const comparisonDefaults = {
  /** The customary level: one no-op in twenty still looks like a difference; read the interval. */
  confidence: 0.95,
  /** A stable 1 % is layout of code and memory more often than work. */
  differenceShareMin: 0.02,
  /** The ends of the interval move by under a tenth of its width from seed to seed. */
  resamples: 2000,
  /** With fewer pairs the bootstrap cannot leave the range of the samples. */
  roundsMin: 5,
} as const;

/**
 * Compares two variants from the samples of the same rounds: sample `i` of both was taken in round `i`.
 *
 * The interval is a percentile bootstrap over whole rounds. Both sides of a resample come from the same rounds, so a
 * disturbance that lasts a round hits both and cancels. A verdict other than "no difference seen" needs the interval of
 * the ratio to leave out 1 and the medians to differ by at least `differenceShareMin`.
 */
export function compareSamples(
  baseline: readonly (number | null)[],
  candidate: readonly (number | null)[],
  options: ComparisonOptions,
): SampleComparison {
  const {
    better,
    seed,
    confidence = comparisonDefaults.confidence,
    differenceShareMin = comparisonDefaults.differenceShareMin,
    resamples = comparisonDefaults.resamples,
  } = options;

  const before: number[] = [];
  const after: number[] = [];
  for (let round = 0; round < Math.min(baseline.length, candidate.length); round += 1) {
    const left = baseline[round] ?? null;
    const right = candidate[round] ?? null;
    if (left === null || right === null) continue;
    before.push(left);
    after.push(right);
  }
  const pairs = before.length;
  if (pairs === 0) return { pairs, ratio: null, difference: null, verdict: 'too few rounds' };

  const random = seededRandom(seed);
  const ratios: number[] = [];
  const differences: number[] = [];
  const drawnBefore: number[] = Array.from({ length: pairs });
  const drawnAfter: number[] = Array.from({ length: pairs });
  for (let resample = 0; resample < resamples; resample += 1) {
    for (let slot = 0; slot < pairs; slot += 1) {
      const round = Math.floor(random() * pairs);
      drawnBefore[slot] = before[round] as number;
      drawnAfter[slot] = after[round] as number;
    }
    const medianBefore = median(drawnBefore);
    const medianAfter = median(drawnAfter);
    ratios.push(medianAfter / medianBefore);
    differences.push(medianAfter - medianBefore);
  }

  const tail = (1 - confidence) / 2;
  const estimate = (value: number, values: readonly number[]): Estimate => ({
    value,
    low: quantile(values, tail),
    high: quantile(values, 1 - tail),
  });
  const difference = estimate(median(after) - median(before), differences);
  const positive = before.every((value) => value > 0) && after.every((value) => value > 0);
  const ratio = positive ? estimate(median(after) / median(before), ratios) : null;
  return { pairs, ratio, difference, verdict: judge({ ratio, pairs, better, differenceShareMin }) };
}

function judge({
  ratio,
  pairs,
  better,
  differenceShareMin,
}: {
  readonly ratio: Estimate | null;
  readonly pairs: number;
  readonly better: BetterDirection;
  readonly differenceShareMin: number;
}): Verdict {
  if (ratio === null || better === 'neither') return 'not compared';
  if (pairs < comparisonDefaults.roundsMin) return 'too few rounds';
  const more = ratio.low > 1 && ratio.value >= 1 + differenceShareMin;
  const less = ratio.high < 1 && ratio.value <= 1 - differenceShareMin;
  if (!more && !less) return 'no difference seen';
  return more === (better === 'higher') ? 'faster' : 'slower';
}
