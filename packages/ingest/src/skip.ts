import { GemmaError, isGemmaError } from '@gemma-cli/contracts';
import type { ErrorCode } from '@gemma-cli/contracts';

/** Why one document is left out: a code, and the reason in words. */
export interface SkipReason {
  readonly code: ErrorCode;
  readonly reason: string;
}

/** The error that leaves one document out. */
export function skip(code: ErrorCode, reason: string, cause?: unknown): GemmaError {
  return new GemmaError({ code, message: reason, cause });
}

/** Why an error leaves a document out. `otherwise` is the code of errors that are not of this project. */
export function skipReasonOf(error: unknown, otherwise: ErrorCode): SkipReason {
  if (isGemmaError(error)) return { code: error.code, reason: error.message };
  return { code: otherwise, reason: error instanceof Error && error.message !== '' ? error.message : String(error) };
}

/** Why the file system refused something, in words. */
export function fileSkip(error: unknown): GemmaError {
  if (isGemmaError(error)) return error;
  const code = (error as { code?: unknown }).code;
  return skip('FILE_UNREADABLE', fileReasons[String(code)] ?? skipReasonOf(error, 'FILE_UNREADABLE').reason, error);
}

const fileReasons: Readonly<Record<string, string>> = {
  ENOENT: 'nothing is there',
  ENOTDIR: 'nothing is there',
  EACCES: 'reading it is not permitted',
  EPERM: 'reading it is not permitted',
  EIO: 'the disk reports an error',
  EMFILE: 'this process has too many files open',
  ENFILE: 'the system has too many files open',
  ENAMETOOLONG: 'its name is too long',
};

/** Throws `ABORTED` when the signal is aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted !== true) return;
  throw new GemmaError({
    code: 'ABORTED',
    message: 'Reading documents was stopped. What was read before it is whole: start again to go on.',
    cause: signal.reason,
  });
}
