import { GemmaError } from '@gemma-cli/contracts';

/**
 * The refusal of a schema.
 *
 * @param pointer JSON pointer of the place, '' for the whole schema.
 */
export function schemaError(pointer: string, expected: string, got: string, next: string): GemmaError {
  const wanted = pointer === '' ? `the schema to have ${expected}` : `${expected} at #${pointer} of the schema`;
  return new GemmaError({
    code: 'SCHEMA_UNSUPPORTED',
    message: `Expected ${wanted}, got ${got}. ${next}`,
    facts: { pointer, expected, got },
  });
}

/** A value as errors show it. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
