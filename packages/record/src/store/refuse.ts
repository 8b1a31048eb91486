import { GemmaError } from '@gemma-cli/contracts';

/** Most characters of a value that a message repeats. */
const shownCharsMax = 80;

/** Refuses a value of a request. */
export function refuse(field: string, expected: string, got: unknown): never {
  throw new GemmaError({
    code: 'REQUEST_INVALID',
    message: `Expected ${field} to be ${expected}, got ${shown(got)}.`,
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
