import { GemmaError } from '@gemma-cli/contracts';
import { listSchema, schemaOfDsl } from './schema-dsl.ts';

/** How a schema is read. */
export interface ReadSchemaOptions {
  /** The answer is a list of such values, as `{"items": […]}`. Default false. */
  readonly list?: boolean | undefined;
}

/**
 * Reads a schema that a user wrote: JSON when it begins with a brace, the short notation of `schemaOfDsl` otherwise. The
 * form of a JSON Schema is checked here, so that the error names the place; what of it can be guaranteed is for the
 * engine to say.
 *
 * @throws GemmaError `SCHEMA_UNSUPPORTED` with the path inside the schema, such as `#/properties/age/type`.
 */
export function readSchema(text: string, { list = false }: ReadSchemaOptions = {}): unknown {
  if (text.length > schemaCharsMax) {
    throw schemaError('#', `at most ${schemaCharsMax} characters`, `${text.length}`);
  }
  const schema = text.trimStart().startsWith('{') ? parseJson(text) : schemaOfDsl(text);
  checkSchema(schema, { root: schema, path: '#', depth: 0 });
  return list ? listSchema(schema) : schema;
}

/** Far above every schema that a model could follow; guards the memory. */
const schemaCharsMax = 1_000_000;
/** Deeper than any schema for people; guards the stack. */
const schemaDepthMax = 64;

const typeNames = ['string', 'number', 'integer', 'boolean', 'null', 'array', 'object'];

interface Place {
  readonly root: unknown;
  readonly path: string;
  readonly depth: number;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw schemaError('#', 'JSON', `text that is none: ${(cause as Error).message}`, cause);
  }
}

/** Checks that each keyword has a value of its kind, and the schemas inside it. Unknown keywords are left alone. */
function checkSchema(schema: unknown, place: Place): void {
  if (typeof schema === 'boolean') return;
  if (!isObject(schema)) throw schemaError(place.path, 'a schema: an object, true or false', kindOf(schema));
  if (place.depth > schemaDepthMax) throw schemaError(place.path, `at most ${schemaDepthMax} levels`, 'more');
  for (const [keyword, value] of Object.entries(schema)) {
    checkers[keyword]?.(value, { ...place, path: `${place.path}/${escapeStep(keyword)}`, depth: place.depth + 1 });
  }
}

type Checker = (value: unknown, place: Place) => void;

const checkSchemas: Checker = (value, place) => {
  if (!Array.isArray(value) || value.length === 0)
    throw schemaError(place.path, 'a list of schemas, at least one', kindOf(value));
  for (const [index, entry] of value.entries()) checkSchema(entry, { ...place, path: `${place.path}/${index}` });
};

const checkSchemasByName: Checker = (value, place) => {
  if (!isObject(value)) throw schemaError(place.path, 'schemas by name', kindOf(value));
  for (const [name, entry] of Object.entries(value))
    checkSchema(entry, { ...place, path: `${place.path}/${escapeStep(name)}` });
};

const checkCount: Checker = (value, { path }) => {
  if (!Number.isInteger(value) || (value as number) < 0)
    throw schemaError(path, 'an integer of 0 or more', kindOf(value));
};

const checkNumber: Checker = (value, { path }) => {
  if (typeof value !== 'number') throw schemaError(path, 'a number', kindOf(value));
};

/** What each keyword takes. */
const checkers: Readonly<Record<string, Checker>> = {
  type(value, { path }) {
    for (const name of Array.isArray(value) ? value : [value]) {
      if (!typeNames.includes(name as string))
        throw schemaError(path, `one of ${typeNames.join(', ')}`, JSON.stringify(name) ?? kindOf(name));
    }
    if (Array.isArray(value) && value.length === 0) throw schemaError(path, 'at least one type', 'none');
  },
  properties: checkSchemasByName,
  patternProperties: checkSchemasByName,
  $defs: checkSchemasByName,
  definitions: checkSchemasByName,
  items: (value, place) => (Array.isArray(value) ? checkSchemas : checkSchema)(value, place),
  prefixItems: checkSchemas,
  additionalProperties: checkSchema,
  not: checkSchema,
  anyOf: checkSchemas,
  oneOf: checkSchemas,
  allOf: checkSchemas,
  required(value, { path }) {
    if (!Array.isArray(value) || value.some((name) => typeof name !== 'string'))
      throw schemaError(path, 'a list of names', kindOf(value));
  },
  enum(value, { path }) {
    if (!Array.isArray(value) || value.length === 0)
      throw schemaError(path, 'a list of values, at least one', kindOf(value));
  },
  pattern(value, { path }) {
    if (typeof value !== 'string') throw schemaError(path, 'a regular expression', kindOf(value));
    try {
      RegExp(value, 'u');
    } catch (cause) {
      throw schemaError(path, 'a regular expression', `${JSON.stringify(value)}: ${(cause as Error).message}`, cause);
    }
  },
  $ref(value, { root, path }) {
    if (typeof value !== 'string' || !value.startsWith('#'))
      throw schemaError(path, 'a reference inside this schema, such as #/$defs/item', JSON.stringify(value));
    if (!resolves(root, value))
      throw schemaError(path, 'a reference to something that is there', JSON.stringify(value));
  },
  minLength: checkCount,
  maxLength: checkCount,
  minItems: checkCount,
  maxItems: checkCount,
  minProperties: checkCount,
  maxProperties: checkCount,
  minimum: checkNumber,
  maximum: checkNumber,
  exclusiveMinimum: checkNumber,
  exclusiveMaximum: checkNumber,
};

/** Whether a JSON pointer leads to a schema. */
function resolves(root: unknown, reference: string): boolean {
  let target = root;
  for (const step of reference.slice(1).split('/').slice(1)) {
    const name = unescapeStep(step);
    if (target === null || typeof target !== 'object' || !Object.hasOwn(target, name)) return false;
    target = (target as Record<string, unknown>)[name];
  }
  return isObject(target) || typeof target === 'boolean';
}

function escapeStep(step: string): string {
  return step.replaceAll('~', '~0').replaceAll('/', '~1');
}

function unescapeStep(step: string): string {
  return step.replaceAll('~1', '/').replaceAll('~0', '~');
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  return typeof value === 'object' ? 'an object' : `${typeof value} ${JSON.stringify(value)}`;
}

function schemaError(path: string, expected: string, got: string, cause?: unknown): GemmaError {
  return new GemmaError({
    code: 'SCHEMA_UNSUPPORTED',
    message: `Expected ${expected} at ${path} of the schema, got ${got}.`,
    facts: { path },
    cause,
  });
}
