import { literal, never, choice, empty, optional, repeat, sequence } from './expression.ts';
import type { Expression } from './expression.ts';
import { anyJsonCharacter, blanks, createGrammarBuilder, grammarLimits } from './grammar-builder.ts';
import type { GrammarBuilder } from './grammar-builder.ts';
import { anyInteger, anyNumber, canBoundDecimals, decimalsWithin, integersWithin } from './number-grammar.ts';
import { PatternError } from './regular-expression.ts';
import {
  createSchemaDocument,
  itemSchemas,
  numberRange,
  propertySchemas,
  typesOf,
  valuesOf,
} from './schema-alternatives.ts';
import type { Alternative } from './schema-alternatives.ts';
import { schemaError, shown } from './schema-error.ts';
import { childNode, keyword } from './schema-node.ts';
import type { Json, JsonObject, JsonType, SchemaNode } from './schema-node.ts';
import { lengthWithin, noneOf, textsMeeting } from './string-automaton.ts';
import { numberFormats } from './string-formats.ts';
import { textConditions } from './text-conditions.ts';

const schemaLimits = { bytesMax: 1024 * 1024, depthMax: 64, prefixItemsMax: 1000 } as const;

/**
 * The grammar, in llama.cpp's notation, of JSON texts that a schema (draft 2020-12) accepts. Every text of the grammar is
 * valid; some valid texts are not in it: properties come in the order of the schema, blanks are few, numbers have at most 15
 * digits. What cannot be held to is refused.
 *
 * @throws GemmaError `SCHEMA_UNSUPPORTED` with the JSON pointer of the place in `facts.pointer`.
 */
export function jsonSchemaToGbnf(schema: unknown): string {
  const grammar = createGrammarBuilder();
  const text = grammar.print(valueOfSchema(grammar, schema, 'value'));
  if (text === null) throw unsatisfiable();
  return text;
}

/**
 * Adds the rules of a schema to a grammar. `objectsOnly` leaves out what is valid but no object.
 *
 * @throws GemmaError `SCHEMA_UNSUPPORTED`.
 */
export function valueOfSchema(
  grammar: GrammarBuilder,
  schema: unknown,
  hint: string,
  { objectsOnly = false } = {},
): Expression {
  const root: SchemaNode = { schema: plainSchema(schema), pointer: '' };
  const nodes = objectsOnly ? [root, { schema: { type: 'object' }, pointer: '#object' }] : [root];
  const value = createCompiler(grammar, root).value(nodes, hint);
  if (!grammar.isPossible(value)) throw unsatisfiable();
  return value;
}

function unsatisfiable(): Error {
  return schemaError(
    '',
    'a value that meets it',
    'conditions that exclude each other',
    'Look for bounds the wrong way round, a required property that is not allowed, or a reference that never ends.',
  );
}

/** The schema as plain JSON, within bounds. */
function plainSchema(schema: unknown): boolean | JsonObject {
  let text: string | undefined;
  try {
    text = JSON.stringify(schema);
  } catch (error) {
    throw schemaError(
      '',
      'only JSON values',
      error instanceof Error ? error.message : String(error),
      'Give it as plain JSON.',
    );
  }
  const bytes = Buffer.byteLength(text ?? '');
  if (bytes > schemaLimits.bytesMax) {
    throw schemaError(
      '',
      `at most ${schemaLimits.bytesMax} bytes`,
      `${bytes}`,
      'Leave out what the answer does not need.',
    );
  }
  const value = text === undefined ? null : (JSON.parse(text) as Json);
  if (typeof value !== 'boolean' && (typeof value !== 'object' || value === null || Array.isArray(value))) {
    throw schemaError('', 'an object, true or false', shown(schema), 'Give a JSON Schema.');
  }
  checkDepth(value, 0);
  return value as boolean | JsonObject;
}

function checkDepth(value: Json, depth: number): void {
  if (typeof value !== 'object' || value === null) return;
  if (depth > 2 * schemaLimits.depthMax) {
    throw schemaError(
      '',
      `at most ${schemaLimits.depthMax} levels`,
      'more',
      'Put the inner schemas into $defs and refer to them.',
    );
  }
  for (const inner of Object.values(value)) checkDepth(inner, depth + 1);
}

function createCompiler(
  grammar: GrammarBuilder,
  root: SchemaNode,
): { value(nodes: readonly SchemaNode[], hint: string): Expression } {
  const document = createSchemaDocument(root);
  const rules = new Map<string, Expression>();
  const ws = blanks(grammar);
  let depth = 0;

  /** A value that meets all of these schemas. The same schemas give the same rule, which is how recursion ends. */
  function value(nodes: readonly SchemaNode[], hint: string): Expression {
    // The whole schema has the pointer '', which is not the same as no schema.
    const key = JSON.stringify([...new Set(nodes.map(({ pointer }) => pointer))].toSorted());
    const known = rules.get(key);
    if (known !== undefined) return known;
    if (++depth > schemaLimits.depthMax) {
      throw schemaError(
        nodes[0]?.pointer ?? '',
        `at most ${schemaLimits.depthMax} levels`,
        'more',
        'Ask for a flatter value.',
      );
    }
    const name = grammar.reserve(hint);
    const rule: Expression = { kind: 'rule', name };
    rules.set(key, rule);
    grammar.set(name, choice(...document.alternatives(nodes).map((alternative) => ofAlternative(alternative, hint))));
    depth--;
    return rule;
  }

  function ofAlternative(nodes: Alternative, hint: string): Expression {
    const values = valuesOf(nodes);
    if (values !== null) {
      // Listed values are told at once, whatever else is asked of them.
      textConditions(nodes);
      const valid = values.filter((listed) => document.accepts(listed, nodes.map(ownKeywords)));
      return choice(...[...new Set(valid.map((listed) => JSON.stringify(listed)))].map(literal));
    }
    const types = typesOf(nodes);
    checkNumberFormats(nodes, types);
    const written = types.includes('number') ? types.filter((type) => type !== 'integer') : types;
    return choice(...written.map((type) => ofType(type, nodes, hint)));
  }

  function ofType(type: JsonType, nodes: Alternative, hint: string): Expression {
    switch (type) {
      case 'null':
        return literal('null');
      case 'boolean':
        return choice(literal('true'), literal('false'));
      case 'integer':
        return wholeNumber(nodes);
      case 'number':
        return nodes.some(isWhole) ? wholeNumber(nodes) : decimal(nodes);
      case 'string':
        return text(nodes, hint, []);
      case 'array':
        return array(nodes, hint);
      case 'object':
        return object(nodes, hint);
    }
  }

  function wholeNumber(nodes: Alternative): Expression {
    const range = numberRange(nodes);
    if (range.min === null && range.max === null) return grammar.shared('integer', () => anyInteger);
    const bounds = [range.min, range.max].filter((bound) => bound !== null);
    if (bounds.some((bound) => Math.abs(bound) > Number.MAX_SAFE_INTEGER)) {
      throw schemaError(
        placeOf(nodes, ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'format']),
        `bounds of whole numbers within ±${Number.MAX_SAFE_INTEGER}`,
        shown(bounds),
        'Beyond, JSON numbers are not exact: leave the bound out or use a string.',
      );
    }
    return grammar.shared(`integer-${JSON.stringify(range)}`, () => integersWithin(range));
  }

  function decimal(nodes: Alternative): Expression {
    const range = numberRange(nodes);
    if (range.min === null && range.max === null) return grammar.shared('number', () => anyNumber);
    if (!canBoundDecimals(range)) {
      throw schemaError(
        placeOf(nodes, ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum']),
        'bounds of numbers with at most 15 digits before and after the point together',
        shown([range.min, range.max]),
        'Round the bound, or use type integer.',
      );
    }
    return grammar.shared(`number-${JSON.stringify(range)}`, () => decimalsWithin(range));
  }

  /** Strings, in quotes; with `excluded` and without bounds, names of properties. */
  function text(nodes: Alternative, hint: string, excluded: readonly string[] | null): Expression {
    const quote = literal('"');
    const conditions = textConditions(nodes);
    const min = Math.max(0, ...nodes.map((node) => keyword(node, 'minLength') ?? 0));
    const lengths = nodes.map((node) => keyword(node, 'maxLength')).filter((length) => length !== undefined);
    const max = lengths.length === 0 ? null : Math.min(...lengths);
    if (Math.max(min, max ?? 0) > grammarLimits.repetitionsMax) {
      throw schemaError(
        placeOf(nodes, ['minLength', 'maxLength']),
        `lengths up to ${grammarLimits.repetitionsMax}`,
        `${Math.max(min, max ?? 0)}`,
        'Leave the length out, and bound the answer with maxTokens.',
      );
    }
    const names = excluded ?? [];
    if (conditions.size === 0 && names.length === 0) {
      const content =
        min === 0 && max === null
          ? repeat(anyJsonCharacter(grammar), 0, null)
          : grammar.times(anyJsonCharacter(grammar), min, max);
      return grammar.shared(`string-${min}-${max ?? 'any'}`, () => sequence(quote, content, quote));
    }
    const all = [...conditions.values()];
    if (min > 0 || max !== null) all.push(lengthWithin(min, max));
    if (names.length > 0) all.push(noneOf(names));
    const key = `text-${JSON.stringify([[...conditions.keys()], min, max, names])}`;
    try {
      return grammar.shared(key, () => sequence(quote, textsMeeting(grammar, `${hint}-text`, all), quote));
    } catch (error) {
      if (!(error instanceof PatternError)) throw error;
      throw schemaError(
        placeOf(nodes, ['pattern', 'format', 'maxLength', 'minLength']),
        'a pattern that a small automaton can follow',
        error.message,
        'Make the pattern simpler, or the length smaller.',
      );
    }
  }

  /** A format of numbers says nothing of strings, and would be ignored there. */
  function checkNumberFormats(nodes: Alternative, types: readonly JsonType[]): void {
    if (types.includes('number') || types.includes('integer')) return;
    for (const node of nodes) {
      const format = keyword(node, 'format') ?? '';
      if (!types.includes('string') || !Object.hasOwn(numberFormats, format)) continue;
      throw schemaError(
        `${node.pointer}/format`,
        'a format of strings',
        shown(format),
        'Use type number or integer, or a pattern.',
      );
    }
  }

  function array(nodes: Alternative, hint: string): Expression {
    const min = Math.max(0, ...nodes.map((node) => keyword(node, 'minItems') ?? 0));
    const bounds = nodes.map((node) => keyword(node, 'maxItems')).filter((bound) => bound !== undefined);
    const max = bounds.length === 0 ? null : Math.min(...bounds);
    if (Math.max(min, max ?? 0) > grammarLimits.repetitionsMax) {
      throw schemaError(
        placeOf(nodes, ['minItems', 'maxItems']),
        `bounds up to ${grammarLimits.repetitionsMax}`,
        `${Math.max(min, max ?? 0)}`,
        'Leave the bound out.',
      );
    }
    const prefix = Math.max(0, ...nodes.map((node) => keyword(node, 'prefixItems')?.length ?? 0));
    if (prefix > schemaLimits.prefixItemsMax) {
      throw schemaError(
        placeOf(nodes, ['prefixItems']),
        `at most ${schemaLimits.prefixItemsMax} prefixItems`,
        `${prefix}`,
        'Use items.',
      );
    }
    const comma = sequence(literal(','), ws);
    const item = (index: number): Expression => value(itemSchemas(nodes, index), `${hint}-item`);
    const furtherName = grammar.define(`${hint}-more`, sequence(comma, item(prefix)));
    /** What may follow after `index` items, one at least. */
    const after = (index: number): Expression => {
      const needed = Math.max(0, min - index);
      if (max !== null && index >= max) return needed === 0 ? empty : never;
      if (index >= prefix) return grammar.times(furtherName, needed, max === null ? null : max - index);
      const more = sequence(comma, item(index), after(index + 1));
      return needed > 0 ? more : optional(more);
    };
    const options: Expression[] = [];
    if (min === 0) options.push(sequence(literal('['), ws, literal(']')));
    if (max !== 0) options.push(sequence(literal('['), ws, item(0), after(1), ws, literal(']')));
    return choice(...options);
  }

  function object(nodes: Alternative, hint: string): Expression {
    const required = new Set(nodes.flatMap((node) => keyword(node, 'required') ?? []));
    const declared = new Set(nodes.flatMap((node) => Object.keys(keyword(node, 'properties') ?? {})));
    // Left out, additionalProperties means "the declared ones" where some are declared, and "any" where none are.
    const isOpen =
      declared.size === 0 || nodes.some((node) => (keyword(node, 'additionalProperties') ?? false) !== false);
    const names = [...new Set([...declared, ...required])];
    checkPropertyCounts(nodes, { names, required, isOpen });
    const nameSchemas = nodes
      .filter((node) => keyword(node, 'propertyNames') !== undefined)
      .map((node) => childNode(node, 'propertyNames'));
    const properties = names.map((name) => {
      const inner = sequence(
        literal(`${JSON.stringify(name)}:`),
        ws,
        value(propertySchemas(nodes, name), `${hint}-${name}`),
      );
      return {
        isRequired: required.has(name),
        pair: document.accepts(name, nameSchemas) ? grammar.define(`${hint}-${name}-pair`, inner) : never,
      };
    });
    const extra = isOpen ? additionalPair(nodes, nameSchemas, names, hint) : never;
    const comma = sequence(literal(','), ws);
    const countMax = Math.min(...nodes.map((node) => keyword(node, 'maxProperties') ?? Number.POSITIVE_INFINITY));
    const more = (count: number): Expression =>
      isOpen
        ? grammar.times(
            grammar.define(`${hint}-extra`, sequence(comma, extra)),
            0,
            countMax === Number.POSITIVE_INFINITY ? null : Math.max(0, countMax - count),
          )
        : empty;

    // Each property has two states, before and after the first pair is written, so rules grow with their number only.
    let followed = more(0);
    let begun: Expression = countMax === 0 ? never : sequence(extra, more(1));
    for (const [index, { isRequired, pair }] of [...properties.entries()].toReversed()) {
      const first = sequence(pair, followed);
      begun = isRequired ? first : grammar.define(`${hint}-first`, choice(first, begun));
      const next = sequence(comma, pair, followed);
      followed = isRequired ? next : grammar.define(`${hint}-rest`, choice(next, followed));
      // Long rows of required properties would nest as deep as they are long.
      if (isRequired && index % 16 === 15) followed = grammar.define(`${hint}-rest`, followed);
    }
    const options = [sequence(literal('{'), ws, begun, ws, literal('}'))];
    const countMin = Math.max(0, ...nodes.map((node) => keyword(node, 'minProperties') ?? 0));
    if (required.size === 0 && countMin === 0) options.push(sequence(literal('{'), ws, literal('}')));
    return choice(...options);
  }

  /** A pair of a name that is not among the declared, and a value. */
  function additionalPair(
    nodes: Alternative,
    nameSchemas: readonly SchemaNode[],
    names: readonly string[],
    hint: string,
  ): Expression {
    const schemas = nodes
      .filter((node) => keyword(node, 'additionalProperties') !== undefined)
      .map((node) => childNode(node, 'additionalProperties'));
    const keys = document.alternatives(nameSchemas).map((alternative) => {
      const listed = valuesOf(alternative);
      if (listed !== null) {
        const free = listed.filter(
          (name) => typeof name === 'string' && !names.includes(name) && document.accepts(name, nameSchemas),
        );
        return choice(...free.map((name) => literal(JSON.stringify(name))));
      }
      return typesOf([...alternative, stringNode]).includes('string')
        ? text(alternative, `${hint}-name`, names)
        : never;
    });
    return grammar.define(
      `${hint}-pair`,
      sequence(choice(...keys), literal(':'), ws, value(schemas, `${hint}-extra-value`)),
    );
  }

  /** Counts of properties are kept where they follow from the rest, or where no property is declared. */
  function checkPropertyCounts(
    nodes: Alternative,
    { names, required, isOpen }: { names: readonly string[]; required: ReadonlySet<string>; isOpen: boolean },
  ): void {
    for (const node of nodes) {
      const min = keyword(node, 'minProperties') ?? 0;
      const max = keyword(node, 'maxProperties') ?? Number.POSITIVE_INFINITY;
      // A name may come twice, so that two pairs can be one property.
      if (min > Math.max(1, required.size)) {
        throw schemaError(
          `${node.pointer}/minProperties`,
          'minProperties of at most 1 or the number of required properties',
          `${min}`,
          'Name the properties in required, or use an array.',
        );
      }
      const kept =
        names.length === 0
          ? max <= grammarLimits.repetitionsMax || max === Number.POSITIVE_INFINITY
          : max >= names.length && (!isOpen || max === Number.POSITIVE_INFINITY);
      if (!kept) {
        throw schemaError(
          `${node.pointer}/maxProperties`,
          'maxProperties only where no properties are declared, or at least their number',
          `${max}`,
          'Leave it out, or name what is required.',
        );
      }
    }
  }

  return { value };
}

const stringNode: SchemaNode = { schema: { type: 'string' }, pointer: '#string' };

/** Whether the schema is of whole numbers without saying so in its type. */
function isWhole(node: SchemaNode): boolean {
  const format = keyword(node, 'format') ?? '';
  const bounds = Object.hasOwn(numberFormats, format) ? numberFormats[format] : null;
  return keyword(node, 'multipleOf') !== undefined || bounds != null;
}

/** The schema without what leads to others: alternatives were chosen already. */
function ownKeywords(node: SchemaNode): SchemaNode {
  if (typeof node.schema === 'boolean') return node;
  const { $ref: _ref, allOf: _all, anyOf: _any, oneOf: _one, ...own } = node.schema;
  return { schema: own, pointer: `${node.pointer}#own` };
}

/** The place of the first of these keywords. */
function placeOf(nodes: Alternative, names: readonly Parameters<typeof keyword>[1][]): string {
  for (const name of names) {
    const node = nodes.find((candidate) => keyword(candidate, name) !== undefined);
    if (node !== undefined) return `${node.pointer}/${name}`;
  }
  return nodes[0]?.pointer ?? '';
}

/** Any JSON object. */
export function jsonObjectGbnf(): string {
  return jsonSchemaToGbnf({ type: 'object' });
}
