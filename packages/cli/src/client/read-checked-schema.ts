import { readSchema, type ReadSchemaOptions } from '@gemma-cli/app';

/**
 * Reads a schema and lets the engine's converter check it, before any model is looked for. Of a list, the schema of its
 * items is checked as the user wrote it, so that an error names a place that the user knows.
 *
 * @throws GemmaError `SCHEMA_UNSUPPORTED`.
 */
export async function readCheckedSchema(text: string, { list }: ReadSchemaOptions = {}): Promise<unknown> {
  const schema = readSchema(text);
  const { jsonSchemaToGbnf } = await import('@gemma-cli/model-process');
  jsonSchemaToGbnf(schema);
  return list === true ? readSchema(text, { list }) : schema;
}
