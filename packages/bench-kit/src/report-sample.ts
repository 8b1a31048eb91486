import { writeSync } from 'node:fs';
import { reportFd } from './benchmark.ts';
import type { Timeline } from './timeline.ts';

/** One number of a measured process. */
export interface Sample {
  /** A metric that the benchmark declares with source `reported`. At most once per process. */
  readonly metric: string;
  /** `null` = it cannot be known. */
  readonly value: number | null;
  /** The implementation that did the work, as it says of itself. Default: not said by this sample. */
  readonly implementation?: string;
}

/**
 * Called in the measured process: hands one number to the harness. A process gives one value per metric, because values
 * of one process are not independent; take the median of repetitions before reporting.
 *
 * @param fd the file descriptor of the report. Default: {@link reportFd}.
 */
export function reportSample(sample: Sample, { fd = reportFd }: { readonly fd?: number } = {}): void {
  writeSync(fd, `${JSON.stringify({ type: 'sample', ...sample })}\n`);
}

/**
 * Called in the measured process: hands the course of a number over time to the harness, which keeps it beside the
 * samples and draws it.
 *
 * @param fd the file descriptor of the report. Default: {@link reportFd}.
 */
export function reportTimeline(timeline: Timeline, { fd = reportFd }: { readonly fd?: number } = {}): void {
  writeSync(fd, `${JSON.stringify({ type: 'timeline', timeline })}\n`);
}
