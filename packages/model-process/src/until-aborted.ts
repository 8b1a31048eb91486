import { abortedError } from './errors.ts';

/**
 * Waits for work no longer than until the abort; the work goes on, and what comes of it then is nobody's.
 *
 * @param message - What was going on, for the error.
 * @throws GemmaError `ABORTED`, or what the work throws.
 */
export function untilAborted<Result>(work: Promise<Result>, signal: AbortSignal, message?: string): Promise<Result> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(abortedError(message));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
