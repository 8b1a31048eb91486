import { nearestNames } from '@gemma-cli/contracts';
import { schemaError, shown } from './schema-error.ts';

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** A JSON object. */
export interface JsonObject {
  readonly [name: string]: Json;
}

/** A schema, and where it stands in the whole. */
export interface SchemaNode {
  readonly schema: boolean | JsonObject;
  readonly pointer: string;
}

/** The types of JSON Schema. */
export const jsonTypes = ['null', 'boolean', 'integer', 'number', 'string', 'object', 'array'] as const;

/** One of {@link jsonTypes}. */
export type JsonType = (typeof jsonTypes)[number];

type Check = (value: Json) => boolean;

const isObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isSchema: Check = (value) => typeof value === 'boolean' || isObject(value);
const isNumber: Check = (value) => typeof value === 'number' && Number.isFinite(value);
const isText: Check = (value) => typeof value === 'string';
const isCount: Check = (value) => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
const isFlag: Check = (value) => typeof value === 'boolean';
const isList: Check = (value) => Array.isArray(value);
const isFilledList: Check = (value) => Array.isArray(value) && value.length > 0;
const isType: Check = (value) => jsonTypes.some((type) => type === value);

/** The keywords that are honoured: what their value must be, and whether it is a list or an object of schemas. */
const keywords: Readonly<Record<string, readonly [check: Check, expected: string, entries?: 'of schemas']>> = {
  type: [
    (value) => isType(value) || (isFilledList(value) && (value as Json[]).every(isType)),
    `one or more of ${jsonTypes.join(', ')}`,
  ],
  enum: [isFilledList, 'a list of values'],
  const: [() => true, 'a value'],
  allOf: [isFilledList, 'a list of schemas', 'of schemas'],
  anyOf: [isFilledList, 'a list of schemas', 'of schemas'],
  oneOf: [isFilledList, 'a list of schemas', 'of schemas'],
  $ref: [isText, 'a reference'],
  properties: [isObject, 'an object of schemas', 'of schemas'],
  required: [(value) => Array.isArray(value) && value.every(isText), 'a list of names'],
  additionalProperties: [isSchema, 'a schema, true or false'],
  propertyNames: [isSchema, 'a schema, true or false'],
  minProperties: [isCount, 'a whole number from 0'],
  maxProperties: [isCount, 'a whole number from 0'],
  items: [isSchema, 'a schema (a list of schemas is called prefixItems since draft 2020-12)'],
  prefixItems: [isFilledList, 'a list of schemas', 'of schemas'],
  minItems: [isCount, 'a whole number from 0'],
  maxItems: [isCount, 'a whole number from 0'],
  minLength: [isCount, 'a whole number from 0'],
  maxLength: [isCount, 'a whole number from 0'],
  pattern: [isText, 'a regular expression'],
  format: [isText, 'a name'],
  minimum: [isNumber, 'a number'],
  maximum: [isNumber, 'a number'],
  exclusiveMinimum: [isNumber, 'a number (the true of draft 4 is no longer one)'],
  exclusiveMaximum: [isNumber, 'a number (the true of draft 4 is no longer one)'],
  multipleOf: [(value) => value === 1, '1; other multiples cannot be held to'],
  uniqueItems: [(value) => value === false, 'false; a grammar cannot compare items'],
  $defs: [isObject, 'an object of schemas', 'of schemas'],
  definitions: [isObject, 'an object of schemas', 'of schemas'],
};

/** Keywords that say nothing about which values are valid. `discriminator` only repeats what oneOf says. */
const annotations: Readonly<Record<string, Check>> = {
  title: () => true,
  description: () => true,
  default: () => true,
  examples: isList,
  example: () => true,
  deprecated: isFlag,
  readOnly: isFlag,
  writeOnly: isFlag,
  $schema: isText,
  $id: isText,
  $comment: () => true,
  discriminator: () => true,
  externalDocs: () => true,
};

/** What to write in place of a keyword that is not honoured. A list, because an object with `then` looks like a promise. */
const advice: readonly (readonly [name: string, help: string])[] = [
  ['nullable', 'Add "null" to type instead.'],
  ['not', 'List what is allowed with enum or anyOf instead.'],
  ['if', 'List the cases with anyOf instead.'],
  ['then', 'List the cases with anyOf instead.'],
  ['else', 'List the cases with anyOf instead.'],
  ['dependentRequired', 'List the cases with anyOf instead.'],
  ['dependentSchemas', 'List the cases with anyOf instead.'],
  ['dependencies', 'List the cases with anyOf instead.'],
  ['patternProperties', 'Use additionalProperties, with propertyNames for the pattern, instead.'],
  ['contains', 'Put the wanted item into prefixItems instead.'],
  ['unevaluatedProperties', 'Use additionalProperties instead.'],
  ['unevaluatedItems', 'Use items instead.'],
  ['additionalItems', 'Use items together with prefixItems instead.'],
  ['$anchor', 'Refer to places by their JSON pointer, as #/$defs/name.'],
  ['$dynamicRef', 'Refer to places by their JSON pointer, as #/$defs/name.'],
  ['contentEncoding', 'Use pattern instead.'],
];

/**
 * Checks the keywords of one schema, without what it contains.
 *
 * @throws GemmaError `SCHEMA_UNSUPPORTED`.
 */
export function checkNode({ schema, pointer }: SchemaNode): void {
  if (typeof schema === 'boolean') return;
  for (const [name, value] of Object.entries(schema)) {
    const keyword = Object.hasOwn(keywords, name) ? keywords[name] : undefined;
    if (keyword !== undefined) {
      const [check, expected, entries] = keyword;
      const place = `${pointer}/${escapePointer(name)}`;
      if (!check(value)) throw schemaError(place, expected, shown(value), 'Correct or leave it out.');
      const wrong =
        entries === undefined
          ? undefined
          : Object.entries(value as object).find(([, entry]) => !isSchema(entry as Json));
      if (wrong !== undefined) {
        const [key, entry] = wrong;
        throw schemaError(
          `${place}/${escapePointer(key)}`,
          'a schema, true or false',
          shown(entry),
          'Correct or leave it out.',
        );
      }
      continue;
    }
    if (name === '$id' && pointer !== '') {
      throw schemaError(pointer, 'one $id, at the top', '$id', 'Put all schemas into $defs without an $id.');
    }
    const isAnnotation = Object.hasOwn(annotations, name) ? annotations[name] : undefined;
    if (isAnnotation?.(value) || name.startsWith('x-')) continue;
    const near = nearestNames(name, Object.keys(keywords), 1);
    const help =
      advice.find(([other]) => other === name)?.[1] ??
      (near.length > 0
        ? `Did you mean ${near[0]}?`
        : 'Leave it out, or see docs/structured-output.md for what is supported.');
    throw schemaError(pointer, 'only keywords that can be honoured', name, help);
  }
}

/** A schema below another one. */
export function childNode(node: SchemaNode, ...path: readonly (string | number)[]): SchemaNode {
  let value: Json | undefined = node.schema;
  let { pointer } = node;
  for (const step of path) {
    value = Array.isArray(value) ? (value as Json[])[Number(step)] : (value as JsonObject)[step];
    pointer += `/${escapePointer(String(step))}`;
  }
  return { schema: value as boolean | JsonObject, pointer };
}

/** What the value of a keyword is, once it is checked. */
interface KeywordValues {
  readonly type: JsonType | readonly JsonType[];
  readonly enum: readonly Json[];
  readonly const: Json;
  readonly allOf: readonly Json[];
  readonly anyOf: readonly Json[];
  readonly oneOf: readonly Json[];
  readonly $ref: string;
  readonly properties: JsonObject;
  readonly required: readonly string[];
  readonly additionalProperties: Json;
  readonly propertyNames: Json;
  readonly minProperties: number;
  readonly maxProperties: number;
  readonly items: Json;
  readonly prefixItems: readonly Json[];
  readonly minItems: number;
  readonly maxItems: number;
  readonly minLength: number;
  readonly maxLength: number;
  readonly pattern: string;
  readonly format: string;
  readonly minimum: number;
  readonly maximum: number;
  readonly exclusiveMinimum: number;
  readonly exclusiveMaximum: number;
  readonly multipleOf: number;
}

/** The value of a keyword, where the schema has it. */
export function keyword<Name extends keyof KeywordValues>(
  { schema }: SchemaNode,
  name: Name,
): KeywordValues[Name] | undefined {
  if (typeof schema === 'boolean' || !Object.hasOwn(schema, name)) return undefined;
  return schema[name] as KeywordValues[Name];
}

/**
 * What a reference points at.
 *
 * @throws GemmaError `SCHEMA_UNSUPPORTED` when it points nowhere, or outside of the schema.
 */
export function followReference(root: SchemaNode, from: SchemaNode): SchemaNode {
  const reference = keyword(from, '$ref') ?? '';
  const wrong = (expected: string): Error =>
    schemaError(
      `${from.pointer}/$ref`,
      expected,
      shown(reference),
      'Point it at a place in this schema, as #/$defs/name.',
    );
  if (reference !== '#' && !reference.startsWith('#/')) throw wrong('a reference that begins with #/');
  let node = root;
  let target: Json | undefined = root.schema;
  for (const step of reference.split('/').slice(1)) {
    const name = unescapePointer(step);
    if (target === null || typeof target !== 'object' || !Object.hasOwn(target, name))
      throw wrong('a place to refer to');
    target = (target as JsonObject)[name];
    node = childNode(node, name);
  }
  if (target === undefined || !isSchema(target)) throw wrong('a schema to refer to');
  return node;
}

function escapePointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}

function unescapePointer(step: string): string {
  let name = step;
  try {
    name = decodeURIComponent(step);
  } catch {
    // A percent sign that is no escape stands for itself.
  }
  return name.replaceAll('~1', '/').replaceAll('~0', '~');
}
