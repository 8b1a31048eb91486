import type { PullProgress } from './pull-event.ts';

/** Least time between two progress events, in milliseconds: a terminal shows no more. */
const reportMsMin = 250;
/** Span over which the rate is taken, in milliseconds. */
const spanMs = 5_000;

/** Turns byte counts into progress events, few enough to print. */
export interface RateMeter {
  /** The event of this count, or `undefined` when the last one was just now. */
  report(
    receivedBytes: number,
    totalBytes: number | null,
    options?: { readonly always?: boolean },
  ): PullProgress | undefined;
}

/** A meter that begins now. */
export function createRateMeter(now: () => number): RateMeter {
  const samples: { at: number; bytes: number }[] = [];
  let reportedAt = -Infinity;
  return {
    report(receivedBytes, totalBytes, { always = false } = {}) {
      const at = now();
      if (!always && at - reportedAt < reportMsMin) return undefined;
      reportedAt = at;
      // A download that began again has fewer bytes than before: its old samples say nothing.
      if (samples.length > 0 && receivedBytes < samples.at(-1)!.bytes) samples.length = 0;
      samples.push({ at, bytes: receivedBytes });
      while (samples.length > 2 && at - samples[0]!.at > spanMs) samples.shift();
      const first = samples[0]!;
      const bytesPerSecond = at > first.at ? ((receivedBytes - first.bytes) * 1_000) / (at - first.at) : 0;
      const left = totalBytes === null ? null : Math.max(0, totalBytes - receivedBytes);
      return {
        type: 'progress',
        receivedBytes,
        totalBytes,
        bytesPerSecond: Math.round(bytesPerSecond),
        remainingSeconds: left === null || bytesPerSecond <= 0 ? null : Math.ceil(left / bytesPerSecond),
      };
    },
  };
}
