import { isDeepStrictEqual } from 'node:util';
import { meets } from './string-automaton.ts';
import { textConditions } from './text-conditions.ts';
import { schemaError } from './schema-error.ts';
import { checkNode, childNode, followReference, keyword } from './schema-node.ts';
import type { Json, JsonObject, JsonType, SchemaNode } from './schema-node.ts';
import { numberFormats } from './string-formats.ts';

/** Schemas that hold together, none of them with references or combinations left to follow. */
export type Alternative = readonly SchemaNode[];

const alternativesMax = 512;
/** References that lead to references, one after the other. */
const depthMax = 200;
/** Bounds the work on a schema that is made to be slow: beyond, branches count as overlapping. */
const comparisonsMax = 20_000;

/** Answers questions about the schemas of one document. */
export interface SchemaDocument {
  /**
   * The ways to meet all of these schemas: each alternative is a list of schemas of which only their own keywords count.
   *
   * @throws GemmaError `SCHEMA_UNSUPPORTED`.
   */
  alternatives(nodes: readonly SchemaNode[]): readonly Alternative[];
  /** Whether a value is valid. */
  accepts(value: Json, nodes: readonly SchemaNode[]): boolean;
}

export function createSchemaDocument(root: SchemaNode): SchemaDocument {
  const known = new Map<string, readonly Alternative[]>();
  const inProgress = new Set<string>();
  const unchecked: SchemaNode[] = [];
  let comparisons = 0;

  function alternatives(nodes: readonly SchemaNode[]): readonly Alternative[] {
    let product: readonly Alternative[] = [[]];
    for (const node of nodes) {
      const options = ofNode(node);
      if (product.length * options.length > alternativesMax) {
        throw schemaError(
          node.pointer,
          `at most ${alternativesMax} combinations of anyOf, oneOf and allOf`,
          `${product.length * options.length}`,
          'Join the alternatives, or move them down to the properties in which they differ.',
        );
      }
      product = product.flatMap((before) =>
        options.map((option) => [
          ...before,
          ...option.filter(({ pointer }) => !before.some((other) => other.pointer === pointer)),
        ]),
      );
    }
    return product;
  }

  function ofNode(node: SchemaNode): readonly Alternative[] {
    const cached = known.get(node.pointer);
    if (cached !== undefined) return cached;
    if (inProgress.has(node.pointer) || inProgress.size > depthMax) {
      throw schemaError(
        node.pointer,
        'references that go down into a value',
        'one that leads back to itself',
        'Remove it from the circle.',
      );
    }
    inProgress.add(node.pointer);
    checkNode(node);
    const found = expand(node);
    inProgress.delete(node.pointer);
    known.set(node.pointer, found);
    if (keyword(node, 'oneOf') !== undefined) unchecked.push(node);
    // Only now, because the branches may refer to what was in progress.
    while (inProgress.size === 0) {
      const next = unchecked.pop();
      if (next === undefined) break;
      requireDisjoint(next);
    }
    return found;
  }

  function expand(node: SchemaNode): readonly Alternative[] {
    if (node.schema === false) return [];
    if (node.schema === true) return [[]];
    const parts: (readonly Alternative[])[] = [[[node]]];
    if (keyword(node, '$ref') !== undefined) parts.push(ofNode(followReference(root, node)));
    const all = keyword(node, 'allOf') ?? [];
    for (const index of all.keys()) parts.push(ofNode(childNode(node, 'allOf', index)));
    for (const name of ['anyOf', 'oneOf'] as const) {
      const options = keyword(node, name);
      if (options === undefined) continue;
      const branches = [...options.keys()].map((index) => childNode(node, name, index));
      parts.push(branches.flatMap((branch) => ofNode(branch)));
    }
    let product: readonly Alternative[] = [[]];
    for (const options of parts) {
      if (product.length * options.length > alternativesMax) {
        throw schemaError(
          node.pointer,
          `at most ${alternativesMax} combinations of anyOf, oneOf and allOf`,
          `${product.length * options.length}`,
          'Join the alternatives.',
        );
      }
      product = product.flatMap((before) => options.map((option) => [...before, ...option]));
    }
    return product;
  }

  /** A grammar can say "one of these", not "of these not two": what is valid for two branches would be let through. */
  function requireDisjoint(node: SchemaNode): void {
    const branches = [...(keyword(node, 'oneOf') ?? []).keys()].map((index) => childNode(node, 'oneOf', index));
    for (const [index, branch] of branches.entries()) {
      for (const other of branches.slice(index + 1)) {
        if (areDisjoint([branch], [other], 0)) continue;
        throw schemaError(
          `${node.pointer}/oneOf`,
          'branches of which no value can meet two',
          `${branch.pointer} and ${other.pointer}, which may overlap`,
          'Use anyOf, or give each branch a required property with a const of its own.',
        );
      }
    }
  }

  /** Whether certainly no value meets both. */
  function areDisjoint(left: readonly SchemaNode[], right: readonly SchemaNode[], depth: number): boolean {
    if (depth > 8 || ++comparisons > comparisonsMax) return false;
    return alternatives(left).every((a) => alternatives(right).every((b) => differ(a, b, depth)));
  }

  function differ(left: Alternative, right: Alternative, depth: number): boolean {
    const values = valuesOf(left);
    const otherValues = valuesOf(right);
    if (values !== null && otherValues !== null) {
      return !values.some((value) => otherValues.some((other) => isDeepStrictEqual(value, other)));
    }
    if (values !== null) return !values.some((value) => accepts(value, right));
    if (otherValues !== null) return !otherValues.some((value) => accepts(value, left));
    const types = typesOf(left);
    const shared = typesOf(right).filter(
      (type) =>
        types.includes(type) ||
        (type === 'integer' && types.includes('number')) ||
        (type === 'number' && types.includes('integer')),
    );
    return shared.every((type) => {
      if (type === 'integer' || type === 'number') return numbersDiffer(left, right);
      if (type !== 'object') return false;
      const names = new Set([...left, ...right].flatMap((node) => keyword(node, 'required') ?? []));
      return [...names].some((name) =>
        areDisjoint(propertySchemas(left, name), propertySchemas(right, name), depth + 1),
      );
    });
  }

  function accepts(value: Json, nodes: readonly SchemaNode[]): boolean {
    return alternatives(nodes).some((alternative) => alternative.every((node) => holds(value, node)));
  }

  /** Whether a value meets the own keywords of a schema. */
  function holds(value: Json, node: SchemaNode): boolean {
    const type = keyword(node, 'type');
    if (type !== undefined && ![type].flat().some((name) => isOfType(value, name))) return false;
    const values = ownValues(node);
    if (values !== null && !values.some((other) => isDeepStrictEqual(value, other))) return false;
    const range = numberRange([node]);
    if (typeof value === 'number') {
      if (range.min !== null && (range.minExclusive ? value <= range.min : value < range.min)) return false;
      if (range.max !== null && (range.maxExclusive ? value >= range.max : value > range.max)) return false;
      return keyword(node, 'multipleOf') === undefined || Number.isInteger(value);
    }
    if (typeof value === 'string') {
      const length = Array.from(value).length;
      if (length < (keyword(node, 'minLength') ?? 0)) return false;
      if (length > (keyword(node, 'maxLength') ?? length)) return false;
      return [...textConditions([node]).values()].every((condition) => meets(condition, value));
    }
    if (Array.isArray(value)) {
      const items = value as readonly Json[];
      if (items.length < (keyword(node, 'minItems') ?? 0)) return false;
      if (items.length > (keyword(node, 'maxItems') ?? items.length)) return false;
      return items.every((item, index) => accepts(item, itemSchemas([node], index)));
    }
    if (typeof value === 'object' && value !== null) {
      const object = value as JsonObject;
      const names = Object.keys(object);
      if (names.length < (keyword(node, 'minProperties') ?? 0)) return false;
      if (names.length > (keyword(node, 'maxProperties') ?? names.length)) return false;
      if (!(keyword(node, 'required') ?? []).every((name) => Object.hasOwn(object, name))) return false;
      const nameSchemas = keyword(node, 'propertyNames') === undefined ? [] : [childNode(node, 'propertyNames')];
      return names.every(
        (name) => accepts(name, nameSchemas) && accepts(object[name] ?? null, propertySchemas([node], name)),
      );
    }
    return true;
  }

  return { alternatives, accepts };
}

/** The schemas that the property of this name must meet. */
export function propertySchemas(nodes: Alternative, name: string): readonly SchemaNode[] {
  return nodes.flatMap((node) => {
    const properties = keyword(node, 'properties');
    if (properties !== undefined && Object.hasOwn(properties, name)) return [childNode(node, 'properties', name)];
    return keyword(node, 'additionalProperties') === undefined ? [] : [childNode(node, 'additionalProperties')];
  });
}

/** The schemas that the item at this place must meet. */
export function itemSchemas(nodes: Alternative, index: number): readonly SchemaNode[] {
  return nodes.flatMap((node) => {
    const prefix = keyword(node, 'prefixItems') ?? [];
    if (index < prefix.length) return [childNode(node, 'prefixItems', index)];
    return keyword(node, 'items') === undefined ? [] : [childNode(node, 'items')];
  });
}

/** The only values that are allowed, by enum and const; `null` = not listed. */
export function valuesOf(nodes: Alternative): readonly Json[] | null {
  let values: readonly Json[] | null = null;
  for (const node of nodes) {
    const own = ownValues(node);
    if (own === null) continue;
    values = values === null ? own : values.filter((value) => own.some((other) => isDeepStrictEqual(value, other)));
  }
  return values;
}

function ownValues(node: SchemaNode): readonly Json[] | null {
  const list = keyword(node, 'enum') ?? null;
  const only = keyword(node, 'const');
  if (only === undefined) return list;
  return list === null || list.some((value) => isDeepStrictEqual(value, only)) ? [only] : [];
}

const typeOfKeyword: Readonly<Record<string, JsonType>> = {
  properties: 'object',
  required: 'object',
  additionalProperties: 'object',
  propertyNames: 'object',
  minProperties: 'object',
  maxProperties: 'object',
  items: 'array',
  prefixItems: 'array',
  minItems: 'array',
  maxItems: 'array',
  minLength: 'string',
  maxLength: 'string',
  pattern: 'string',
  minimum: 'number',
  maximum: 'number',
  exclusiveMinimum: 'number',
  exclusiveMaximum: 'number',
  multipleOf: 'number',
};

/**
 * The types that are written. A schema that names none, but has keywords of some, means those: what is left out then is
 * valid too, and nobody wants it.
 */
export function typesOf(nodes: Alternative): readonly JsonType[] {
  let types: readonly JsonType[] | null = null;
  for (const node of nodes) {
    const own = keyword(node, 'type');
    if (own === undefined) continue;
    const names = [own].flat();
    types = types === null ? names : meetTypes(types, names);
  }
  if (types !== null) return types;
  const implied = new Set<JsonType>();
  for (const node of nodes) {
    if (typeof node.schema === 'boolean') continue;
    for (const name of Object.keys(node.schema)) {
      const type = Object.hasOwn(typeOfKeyword, name) ? typeOfKeyword[name] : undefined;
      if (type !== undefined) implied.add(type);
    }
    const format = keyword(node, 'format');
    if (format !== undefined) implied.add(Object.hasOwn(numberFormats, format) ? 'number' : 'string');
  }
  return implied.size > 0 ? [...implied] : ['null', 'boolean', 'number', 'string', 'object', 'array'];
}

function meetTypes(left: readonly JsonType[], right: readonly JsonType[]): readonly JsonType[] {
  const both = new Set<JsonType>();
  for (const type of left) {
    if (right.includes(type)) both.add(type);
    else if (type === 'integer' && right.includes('number')) both.add('integer');
    else if (type === 'number' && right.includes('integer')) both.add('integer');
  }
  return [...both];
}

function isOfType(value: Json, type: JsonType): boolean {
  switch (type) {
    case 'null':
      return value === null;
    case 'integer':
      return Number.isInteger(value);
    case 'array':
      return Array.isArray(value);
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    default:
      return typeof value === type;
  }
}

/** The narrowest bounds of numbers. */
export function numberRange(nodes: Alternative): {
  min: number | null;
  minExclusive: boolean;
  max: number | null;
  maxExclusive: boolean;
} {
  const range = { min: null as number | null, minExclusive: false, max: null as number | null, maxExclusive: false };
  const raise = (bound: number | undefined, exclusive: boolean): void => {
    if (bound === undefined || (range.min !== null && bound < range.min)) return;
    range.minExclusive = bound === range.min ? range.minExclusive || exclusive : exclusive;
    range.min = bound;
  };
  const lower = (bound: number | undefined, exclusive: boolean): void => {
    if (bound === undefined || (range.max !== null && bound > range.max)) return;
    range.maxExclusive = bound === range.max ? range.maxExclusive || exclusive : exclusive;
    range.max = bound;
  };
  for (const node of nodes) {
    raise(keyword(node, 'minimum'), false);
    raise(keyword(node, 'exclusiveMinimum'), true);
    lower(keyword(node, 'maximum'), false);
    lower(keyword(node, 'exclusiveMaximum'), true);
    const format = keyword(node, 'format') ?? '';
    const bounds = Object.hasOwn(numberFormats, format) ? numberFormats[format] : null;
    if (bounds != null) {
      raise(bounds.min, false);
      lower(bounds.max, false);
    }
  }
  return range;
}

function numbersDiffer(left: Alternative, right: Alternative): boolean {
  const a = numberRange(left);
  const b = numberRange(right);
  const below = (max: number | null, maxExclusive: boolean, min: number | null, minExclusive: boolean): boolean =>
    max !== null && min !== null && (max < min || (max === min && (maxExclusive || minExclusive)));
  return below(a.max, a.maxExclusive, b.min, b.minExclusive) || below(b.max, b.maxExclusive, a.min, a.minExclusive);
}
