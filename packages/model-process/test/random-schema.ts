export { seededRandom } from '@gemma-cli/testkit';

/** A source of chance: numbers from 0 to 1. */
export type Random = () => number;

/** A schema, and a writer of values that are valid for it, with the properties in the order of the schema. */
export interface RandomSchema {
  readonly schema: Record<string, unknown>;
  readonly write: (random: Random) => unknown;
}

/** A schema of the supported subset. */
export function randomSchema(random: Random, depth = 3): RandomSchema {
  const whole = (min: number, max: number): number => min + Math.floor(random() * (max - min + 1));
  const simple = [integer, decimal, text, patternText, formatText, listed, flag, nothing];
  const nested = [object, object, map, list, tuple, either, reference, together];
  const kinds = depth > 0 && random() < 0.7 ? nested : simple;
  return (kinds[whole(0, kinds.length - 1)] ?? flag)();

  function integer(): RandomSchema {
    const min = random() < 0.7 ? whole(-1200, 1200) : undefined;
    const max = random() < 0.7 ? (min ?? whole(-1200, 1200)) + whole(0, 1500) : undefined;
    const exclusive = random() < 0.3 && max !== undefined && max > (min ?? max - 1);
    return {
      schema: {
        type: 'integer',
        ...(min !== undefined && { minimum: min }),
        ...(max !== undefined && (exclusive ? { exclusiveMaximum: max } : { maximum: max })),
      },
      write: (chance) => {
        const last = (max ?? (min ?? 0) + 5000) - (exclusive ? 1 : 0);
        const first = min ?? last - 5000;
        return first + Math.floor(chance() * (last - first + 1)) || 0;
      },
    };
  }
  function decimal(): RandomSchema {
    const min = random() < 0.6 ? whole(-300, 300) / 4 : undefined;
    const max = random() < 0.6 ? (min ?? whole(-300, 300) / 4) + whole(1, 200) / 8 : undefined;
    return {
      schema: {
        type: 'number',
        ...(min !== undefined && { minimum: min }),
        ...(max !== undefined && (random() < 0.5 ? { exclusiveMaximum: max } : { maximum: max })),
      },
      write: (chance) => {
        const last = max ?? (min ?? 0) + 50;
        const first = min ?? last - 50;
        return Number((first + chance() * (last - first) * 0.999).toFixed(6)) || Math.max(first, 0);
      },
    };
  }
  function text(): RandomSchema {
    const min = random() < 0.5 ? whole(0, 4) : undefined;
    const max = random() < 0.5 ? (min ?? 0) + whole(0, 5) : undefined;
    return {
      schema: {
        type: 'string',
        ...(min !== undefined && { minLength: min }),
        ...(max !== undefined && { maxLength: max }),
      },
      write: (chance) =>
        letters(chance, min ?? 0, max ?? (min ?? 0) + 6, ['a', 'Z', '"', '\\', '\n', 'é', '😀', '\u0001']),
    };
  }
  function patternText(): RandomSchema {
    const max = whole(4, 9);
    return {
      schema: { type: 'string', pattern: '^(ab|[c-f])+[0-9]{1,2}$', maxLength: max },
      write: (chance) => `${letters(chance, 1, max - 2, ['c', 'd', 'f'])}${Math.floor(chance() * 100)}`,
    };
  }
  function formatText(): RandomSchema {
    const day = (chance: Random): string => new Date(Math.floor(chance() * 4e12)).toISOString();
    return random() < 0.5
      ? { schema: { type: 'string', format: 'date-time' }, write: day }
      : { schema: { type: 'string', format: 'date' }, write: (chance) => day(chance).slice(0, 10) };
  }
  function listed(): RandomSchema {
    const values = ['red', 'gr"een', 7, -1.5, null, true, { a: [1, 'x'] }].slice(whole(0, 3), whole(4, 7));
    return {
      schema: random() < 0.3 ? { const: values[0] } : { enum: values },
      write: () => values[0],
    };
  }
  function flag(): RandomSchema {
    return { schema: { type: ['boolean', 'null'] }, write: (chance) => [true, false, null][Math.floor(chance() * 3)] };
  }
  function nothing(): RandomSchema {
    return { schema: { type: 'null', title: 'nothing', description: 'of the kind' }, write: () => null };
  }
  function object(): RandomSchema {
    const names = ['a', 'ab', 'b"c', 'é', 'name', 'value'].filter(() => random() < 0.6);
    const inner = names.map((name) => ({ name, isRequired: random() < 0.5, ...randomSchema(random, depth - 1) }));
    const extra = random() < 0.3 ? randomSchema(random, 0) : null;
    return {
      schema: {
        type: 'object',
        properties: Object.fromEntries(inner.map(({ name, schema }) => [name, schema])),
        required: inner.filter(({ isRequired }) => isRequired).map(({ name }) => name),
        additionalProperties: extra === null ? false : extra.schema,
      },
      write: (chance) => {
        const written = inner.filter(({ isRequired }) => isRequired || chance() < 0.5);
        const pairs = written.map(({ name, write }) => [name, write(chance)] as const);
        const more =
          extra !== null && chance() < 0.5
            ? [[`x${letters(chance, 0, 3, ['a', '"'])}`, extra.write(chance)] as const]
            : [];
        return Object.fromEntries([...pairs, ...more]);
      },
    };
  }
  function map(): RandomSchema {
    const inner = randomSchema(random, depth - 1);
    return {
      schema: { type: 'object', additionalProperties: inner.schema, propertyNames: { maxLength: 4 }, maxProperties: 3 },
      write: (chance) =>
        Object.fromEntries(['k', 'ke"y', '😀'].filter(() => chance() < 0.5).map((name) => [name, inner.write(chance)])),
    };
  }
  function list(): RandomSchema {
    const inner = randomSchema(random, depth - 1);
    const min = whole(0, 2);
    const max = random() < 0.5 ? min + whole(0, 3) : undefined;
    return {
      schema: { type: 'array', items: inner.schema, minItems: min, ...(max !== undefined && { maxItems: max }) },
      write: (chance) =>
        Array.from({ length: min + Math.floor(chance() * ((max ?? min + 2) - min + 1)) }, () => inner.write(chance)),
    };
  }
  function tuple(): RandomSchema {
    const inner = Array.from({ length: whole(1, 3) }, () => randomSchema(random, depth - 1));
    const min = whole(0, inner.length);
    return {
      schema: { type: 'array', prefixItems: inner.map(({ schema }) => schema), items: false, minItems: min },
      write: (chance) =>
        inner.slice(0, min + Math.floor(chance() * (inner.length - min + 1))).map(({ write }) => write(chance)),
    };
  }
  function either(): RandomSchema {
    const inner = [randomSchema(random, depth - 1), randomSchema(random, depth - 1)];
    return {
      schema: { anyOf: inner.map(({ schema }) => schema) },
      write: (chance) => inner[Math.floor(chance() * 2)]?.write(chance),
    };
  }
  /** A list whose nodes refer to the definition around them. */
  function reference(): RandomSchema {
    const inner = randomSchema(random, 0);
    const node = {
      type: 'object',
      properties: { item: inner.schema, next: { anyOf: [{ type: 'null' }, { $ref: '#' }] } },
      required: ['item', 'next'],
      additionalProperties: false,
    };
    // Only the whole schema is '#': deeper, the reference would mean something else.
    if (depth < 3)
      return { schema: { type: 'array', items: inner.schema, maxItems: 2 }, write: (chance) => [inner.write(chance)] };
    const write = (chance: Random): unknown => ({
      item: inner.write(chance),
      next: chance() < 0.5 ? null : write(chance),
    });
    return { schema: node, write };
  }
  function together(): RandomSchema {
    const inner = randomSchema(random, 0);
    return {
      schema: {
        type: 'object',
        properties: { a: { type: 'integer', minimum: 2 }, b: true },
        allOf: [
          { properties: { a: { maximum: 9 }, b: inner.schema }, required: ['b'] },
          { anyOf: [{ required: ['a'] }, { properties: { a: { const: 5 } } }] },
        ],
      },
      write: (chance) => ({
        ...(chance() < 0.7 && { a: 2 + Math.floor(chance() * 8) }),
        b: inner.write(chance),
      }),
    };
  }
}

function letters(random: Random, min: number, max: number, alphabet: readonly string[]): string {
  const count = min + Math.floor(random() * (max - min + 1));
  return Array.from({ length: count }, () => alphabet[Math.floor(random() * alphabet.length)] ?? '').join('');
}

/** The value with one thing in it changed: mostly not valid any more. */
export function mutate(value: unknown, random: Random): unknown {
  const others = [null, true, -1, 1.25, 99_999, '', 'a long text of many words', [], {}, [null], { z: 0 }];
  const other = others[Math.floor(random() * others.length)];
  if (Array.isArray(value) && value.length > 0 && random() < 0.8) {
    const at = Math.floor(random() * value.length);
    const chance = random();
    if (chance < 0.2) return value.toSpliced(at, 1);
    return chance < 0.4 ? [...value, other] : value.with(at, mutate(value[at], random));
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && random() < 0.8) {
    const pairs = Object.entries(value);
    const at = Math.floor(random() * pairs.length);
    const [name, inner] = pairs[at] ?? ['z', other];
    const chance = random();
    if (chance < 0.2) return Object.fromEntries(pairs.toSpliced(at, 1));
    if (chance < 0.4) return { ...value, zz: other };
    return { ...value, [name]: mutate(inner, random) };
  }
  if (typeof value === 'string' && random() < 0.5) return random() < 0.5 ? `${value}xy` : value.slice(1);
  if (typeof value === 'number' && random() < 0.5) return random() < 0.5 ? value + 1000 : value - 0.5;
  return other;
}
