import { GemmaError } from '@gemma-cli/contracts';
import { untilAborted } from './until-aborted.ts';

/**
 * Waits for a look at a model file no longer than its load may take, or until the abort: on a dead network drive even that
 * never ends.
 *
 * @throws GemmaError `ENGINE_LOAD_TIMEOUT`, `ABORTED`, what the look throws.
 */
export async function lookedAtInTime<Result>(
  looking: Promise<Result>,
  { path, timeoutMs, signal }: { readonly path: string; readonly timeoutMs: number; readonly signal: AbortSignal },
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
    return await untilAborted(Promise.race([looking, tooLate]), signal);
  } finally {
    clearTimeout(timer);
  }
}
