import { GemmaError } from '@gemma-cli/contracts';

/**
 * Waits for work that others may wait for too, no longer than until the abort; the work goes on.
 *
 * @throws GemmaError `ABORTED`, or what the work throws.
 */
export function untilAborted<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void =>
      reject(new GemmaError({ code: 'ABORTED', message: 'The request was aborted while its model was loaded.' }));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
