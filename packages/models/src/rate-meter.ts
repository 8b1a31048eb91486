import type { PullProgress } from './pull-event.ts';

/** Least time between two progress events, in milliseconds: a terminal shows no more. */
const reportMsMin = 250;
/** Span over which the rate is taken, in milliseconds. */
const spanMs = 5_000;

/** Turns byte counts into progress events, few enough to print. */
export interface RateMeter {
  /** The event of this count. */
  report(receivedBytes: number, totalBytes: number | null): PullProgress;
  /** The event of this count, or `undefined` when the last one was just now. */
  reportSometimes(receivedBytes: number, totalBytes: number | null): PullProgress | undefined;
}

/** A meter that begins now. */
export function createRateMeter(now: () => number): RateMeter {
  let samples: readonly { readonly at: number; readonly bytes: number }[] = [];
  let reportedAt = -Infinity;

  function report(receivedBytes: number, totalBytes: number | null): PullProgress {
    const at = now();
    reportedAt = at;
    // A download that began again has fewer bytes than before: its old samples say nothing.
    const recent = samples.filter((sample) => sample.bytes <= receivedBytes && at - sample.at <= spanMs);
    const first = recent[0] ?? samples.at(-1) ?? { at, bytes: receivedBytes };
    samples = [...recent, { at, bytes: receivedBytes }];
    const grownBytes = Math.max(0, receivedBytes - first.bytes);
    const bytesPerSecond = at > first.at ? (grownBytes * 1_000) / (at - first.at) : 0;
    const leftBytes = totalBytes === null ? null : Math.max(0, totalBytes - receivedBytes);
    return {
      type: 'progress',
      receivedBytes,
      totalBytes,
      bytesPerSecond: Math.round(bytesPerSecond),
      remainingSeconds: leftBytes === null || bytesPerSecond <= 0 ? null : Math.ceil(leftBytes / bytesPerSecond),
    };
  }

  return {
    report,
    reportSometimes: (receivedBytes, totalBytes) =>
      now() - reportedAt < reportMsMin ? undefined : report(receivedBytes, totalBytes),
  };
}
