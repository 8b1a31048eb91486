import { GemmaError } from '@gemma-cli/contracts';
import { untilAborted } from './until-aborted.ts';

/** How long somebody waits for a look at a file. */
export interface LookOptions {
  readonly path: string;
  readonly timeoutMs: number;
  /** Default: nobody leaves. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Waits for a look at a model file no longer than its load may take, or until the abort: on a dead network drive even that
 * never ends.
 *
 * @throws GemmaError `ENGINE_LOAD_TIMEOUT`, `ABORTED`, what the look throws.
 */
export async function lookedAtInTime<Result>(
  looking: Promise<Result>,
  { path, timeoutMs, signal }: LookOptions,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(
        new GemmaError({
          code: 'ENGINE_LOAD_TIMEOUT',
          message: `Expected to learn within ${timeoutMs} ms what lies at ${path}. It may be on a drive that does not answer: copy the file to another one.`,
          facts: { path, timeoutMs },
        }),
      );
    }, timeoutMs);
  });
  try {
    const first = Promise.race([looking, tooLate]);
    if (signal === undefined) return await first;
    return await untilAborted(first, signal, 'The request was aborted while its model file was looked at.');
  } finally {
    clearTimeout(timer);
  }
}
