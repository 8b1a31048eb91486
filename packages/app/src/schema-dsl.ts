import { GemmaError } from '@gemma-cli/contracts';

/** An object schema as {@link schemaOfDsl} makes it: flat, every field required, nothing else allowed. */
export interface DslSchema {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, { readonly type: DslType; readonly description?: string }>>;
  readonly required: readonly string[];
  readonly additionalProperties: false;
}

type DslType = (typeof dslTypes)[keyof typeof dslTypes];

const dslTypes = { str: 'string', int: 'integer', float: 'number', bool: 'boolean' } as const;

/**
 * The JSON Schema of a short notation: `name, age int, bio: one sentence`. A field is a name, a type (`str`, which is
 * the default, `int`, `float`, `bool`) and, after a colon, a description. Fields stand between commas, or, as soon as
 * there is a second line, one on each line: then a description may hold commas.
 *
 * @throws GemmaError `SCHEMA_UNSUPPORTED`, with the place of the field.
 */
export function schemaOfDsl(text: string): DslSchema {
  const lines = text.trim().split(/\r?\n/);
  const fields = (lines.length > 1 ? lines : (lines[0] ?? '').split(','))
    .map((field) => field.trim())
    // A comma or a line end too many is no field.
    .filter((field) => field !== '');
  if (fields.length === 0) throw dslError('at least one field', 'none', '#');
  const properties: Record<string, { type: DslType; description?: string }> = Object.create(null) as never;
  for (const [index, field] of fields.entries()) {
    const colon = field.indexOf(':');
    const head = colon < 0 ? field : field.slice(0, colon);
    const description = colon < 0 ? '' : field.slice(colon + 1).trim();
    const [name = '', typeName = 'str', ...others] = head.trim().split(/\s+/);
    const place = `field ${index + 1} (${JSON.stringify(field)})`;
    if (!/^[\p{L}\p{M}\p{N}_$-]+$/u.test(name)) {
      throw dslError('a name of letters, digits, "_", "-" or "$"', JSON.stringify(name), place);
    }
    if (!Object.hasOwn(dslTypes, typeName) || others.length > 0) {
      const given = [typeName, ...others].join(' ');
      throw dslError(
        `one of the types ${Object.keys(dslTypes).join(', ')}, and a description only after a colon`,
        JSON.stringify(given),
        place,
      );
    }
    if (name in properties) throw dslError('each name once', `${JSON.stringify(name)} again`, place);
    const type = dslTypes[typeName as keyof typeof dslTypes];
    properties[name] = { type, ...(description === '' ? {} : { description }) };
  }
  return {
    type: 'object',
    properties: { ...properties },
    required: Object.keys(properties),
    additionalProperties: false,
  };
}

/** The schema of a list of what `schema` describes: `{"items": […]}`, since an answer is always an object. */
export function listSchema(schema: unknown): unknown {
  return {
    type: 'object',
    properties: { items: { type: 'array', items: schema } },
    required: ['items'],
    additionalProperties: false,
  };
}

function dslError(expected: string, got: string, path: string): GemmaError {
  return new GemmaError({
    code: 'SCHEMA_UNSUPPORTED',
    message: `Expected ${expected} in ${path === '#' ? 'the schema' : path}, got ${got}. A short schema looks like "name, age int, bio: one sentence".`,
    facts: { path },
  });
}
