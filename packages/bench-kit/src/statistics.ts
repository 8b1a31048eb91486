import { GemmaError } from '@gemma-cli/contracts';

/** A set of samples in six numbers. */
export interface Summary {
  /** Samples that are known. */
  readonly n: number;
  readonly min: number;
  readonly median: number;
  readonly p95: number;
  readonly max: number;
  readonly mean: number;
}

/** Describes the known samples; `null` when there is none. */
export function summarize(samples: readonly (number | null)[]): Summary | null {
  const known = samples.filter((sample) => sample !== null);
  if (known.length === 0) return null;
  const sorted = sortedSamples(known);
  return {
    n: sorted.length,
    min: quantileOfSorted(sorted, 0),
    median: quantileOfSorted(sorted, 0.5),
    p95: quantileOfSorted(sorted, 0.95),
    max: quantileOfSorted(sorted, 1),
    mean: sorted.reduce((sum, value) => sum + value, 0) / sorted.length,
  };
}

/**
 * The value below which a share of the samples lies, interpolated between neighbours as R's type 7 and numpy's default
 * do. With few samples a high quantile is close to the maximum: read p95 of 10 rounds as "the worst but for noise".
 */
export function quantile(samples: readonly number[], share: number): number {
  if (samples.length === 0 || !(share >= 0 && share <= 1)) {
    throw new GemmaError({
      code: 'REQUEST_INVALID',
      message: `A quantile needs at least one sample and a share of 0..1; got ${samples.length} samples and ${share}.`,
      facts: { samples: samples.length, share },
    });
  }
  return quantileOfSorted(sortedSamples(samples), share);
}

/** The middle sample, or the mean of the two in the middle. */
export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

function sortedSamples(samples: readonly number[]): Float64Array {
  return Float64Array.from(samples).toSorted();
}

function quantileOfSorted(sorted: Float64Array, share: number): number {
  const position = (sorted.length - 1) * share;
  const below = Math.floor(position);
  const low = sorted[below] as number;
  const high = sorted[Math.min(below + 1, sorted.length - 1)] as number;
  return low + (high - low) * (position - below);
}
