import { errorCodes, GemmaError, isGemmaError, toGemmaError, type GemmaErrorJson } from '@gemma-cli/contracts';
import { InputUnreadable } from '../thin/read-input.ts';
import { UsageProblem } from '../thin/usage-problem.ts';
import { sanitizeTerminalText } from './sanitize-terminal-text.ts';
import { stringifyJson } from './stringify-json.ts';

/** Makes a typed error of whatever was thrown. */
export function typedError(error: unknown): GemmaError {
  if (error instanceof UsageProblem)
    return new GemmaError({ code: 'USAGE', message: error.message, facts: error.facts });
  if (error instanceof InputUnreadable) {
    return new GemmaError({
      code: 'FILE_UNREADABLE',
      message: error.message,
      facts: { path: error.path },
      cause: error.cause,
    });
  }
  if (isAbortError(error)) return new GemmaError({ code: 'ABORTED', message: 'Stopped.', cause: error });
  return toGemmaError(error);
}

/** What the command exits with for this error. */
export function exitCodeOf({ code }: GemmaErrorJson): number {
  return errorCodes[code].exitCode;
}

/** The one line of an error on stderr, safe to print. */
export function renderErrorText({ code, message }: GemmaErrorJson): string {
  // The name of a usage error says nothing; every other code can be looked up.
  const suffix = code === 'USAGE' ? '' : ` [${code}]`;
  return `gemma: ${sanitizeTerminalText(message)}${suffix}\n`;
}

/** What lies behind an error, a line for each cause: for who asks with `--verbose`. */
export function renderCauses(error: unknown): string {
  const lines: string[] = [];
  // A chain may be a circle.
  const seen = new Set<unknown>();
  for (let cause = causeOf(error); cause !== undefined && !seen.has(cause); cause = causeOf(cause)) {
    seen.add(cause);
    // What is thrown is an error; anything else has no words of its own.
    const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : `a ${typeof cause} that was thrown`;
    lines.push(`gemma: because of ${sanitizeTerminalText(text)}\n`);
  }
  return lines.join('');
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}

/** The one object of an error on stdout. */
export function renderErrorJson(error: GemmaErrorJson): string {
  const { code, message, ...facts } = error;
  return `${stringifyJson({ error: { code, message, ...facts } })}\n`;
}

function isAbortError(error: unknown): boolean {
  return !isGemmaError(error) && error instanceof Error && error.name === 'AbortError';
}
