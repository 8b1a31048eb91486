import { GemmaError } from '@gemma-cli/contracts';

/** Most characters of a value that a message repeats. */
const shownCharsMax = 80;

/**
 * Refuses a value of a request.
 *
 * @param got - What it is, in words. Default: the value as JSON has it.
 */
export function refuse(field: string, expected: string, value: unknown, got = shown(value)): never {
  throw new GemmaError({
    code: 'REQUEST_INVALID',
    message: `Expected ${field} to be ${expected}, got ${got}.`,
    facts: { field },
  });
}

export function memoryClosed(): GemmaError {
  return new GemmaError({ code: 'MEMORY_CLOSED', message: 'The memory is closed. Open it again to use it.' });
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'number') return String(value);
  const text = typeof value === 'function' ? 'a function' : (JSON.stringify(value) ?? typeof value);
  return text.length > shownCharsMax ? `${text.slice(0, shownCharsMax)}…` : text;
}
