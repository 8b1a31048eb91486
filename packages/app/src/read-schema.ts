import { GemmaError } from '@gemma-cli/contracts';
import { listSchema, schemaOfDsl } from './schema-dsl.ts';

/** How a schema is read. */
export interface ReadSchemaOptions {
  /** The answer is a list of such values, as `{"items": […]}`. Default false. */
  readonly list?: boolean | undefined;
}

/**
 * Reads a schema that a user wrote: JSON when it begins with a brace, the short notation of `schemaOfDsl` otherwise. What
 * a JSON Schema says is for the engine to check, which refuses it before a model is loaded.
 *
 * @throws GemmaError `SCHEMA_UNSUPPORTED` for text that is neither.
 */
export function readSchema(text: string, { list = false }: ReadSchemaOptions = {}): unknown {
  const schema = text.trimStart().startsWith('{') ? parseJson(text) : schemaOfDsl(text);
  return list ? listSchema(schema) : schema;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new GemmaError({
      code: 'SCHEMA_UNSUPPORTED',
      message: `Expected the schema to be JSON, as it begins with a brace, got text that is none: ${(cause as Error).message}.`,
      facts: { path: '#' },
      cause,
    });
  }
}
