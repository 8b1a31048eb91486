import { GemmaError } from '@gemma-cli/contracts';

/** The error of an operation that its caller stopped. */
export function abortedError(
  what = 'The pull was stopped. What was received is kept: pull again to go on.',
): GemmaError {
  return new GemmaError({ code: 'ABORTED', message: what });
}

/** Throws `ABORTED` when the signal is aborted. */
export function throwIfAborted(signal: AbortSignal | undefined, what?: string): void {
  if (signal?.aborted === true) throw abortedError(what);
}
