import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isGemmaError } from '@gemma-cli/contracts';
import { readSchema } from '../src/index.ts';

/** The path that the error names. */
function pathOf(text: string): unknown {
  try {
    readSchema(text);
  } catch (error) {
    if (!isGemmaError(error)) throw error;
    expect(error.code).toBe('SCHEMA_UNSUPPORTED');
    return error.facts['path'];
  }
  throw new Error(`Expected ${text} to be refused.`);
}

describe('the short notation', () => {
  test('makes an object of required fields, with types and descriptions', () => {
    expect(readSchema('name, age int, height float, alive bool, bio: one sentence')).toEqual({
      type: 'object',
      properties: {
        name: { type: 'string' },
        age: { type: 'integer' },
        height: { type: 'number' },
        alive: { type: 'boolean' },
        bio: { type: 'string', description: 'one sentence' },
      },
      required: ['name', 'age', 'height', 'alive', 'bio'],
      additionalProperties: false,
    });
  });

  test('takes one field a line, so that descriptions may hold commas and colons', () => {
    expect(readSchema('\n  name: first, last\r\n  time str: such as 10:30, local\n\n')).toMatchObject({
      properties: {
        name: { type: 'string', description: 'first, last' },
        time: { type: 'string', description: 'such as 10:30, local' },
      },
      required: ['name', 'time'],
    });
  });

  test('a list has the values under items', () => {
    expect(readSchema('name', { list: true })).toEqual({
      type: 'object',
      properties: { items: { type: 'array', items: readSchema('name') } },
      required: ['items'],
      additionalProperties: false,
    });
  });

  test('names that objects of JavaScript have are names like others', () => {
    expect(readSchema('constructor, __proto__ int')).toMatchObject({ required: ['constructor', '__proto__'] });
    expect(Object.keys((readSchema('toString, __proto__ int') as { properties: object }).properties)).toEqual([
      'toString',
      '__proto__',
    ]);
  });

  test.each([
    ['', '#'],
    [' , ', '#'],
    ['name, age integer', 'field 2 ("age integer")'],
    ['name, a b c', 'field 2 ("a b c")'],
    ['na.me', 'field 1 ("na.me")'],
    [': text', 'field 1 (": text")'],
    ['name, name int', 'field 2 ("name int")'],
  ])('refuses %j and names the field', (text, place) => {
    expect(pathOf(text)).toBe(place);
  });

  const name = fc.stringMatching(/^[A-Za-z_$][\w$-]{0,8}$/);
  const fieldOf = (description: fc.Arbitrary<string>) =>
    fc.record({ name, type: fc.constantFrom('', 'str', 'int', 'float', 'bool'), description });
  const blank = fc.constantFrom('', ' ', '\t', '  ');

  test.each([
    ['commas', ',', fc.stringMatching(/^[^,\r\n]{0,12}$/)],
    ['lines', '\n', fc.stringMatching(/^[^\r\n]{0,12}$/)],
  ] as const)('is read back from any fields between %s, whatever the blanks', (_title, separator, description) => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fieldOf(description), { minLength: 2, maxLength: 6, selector: (field) => field.name }),
        blank,
        (fields, pad) => {
          const text = fields
            .map(({ name: field, type, description: words }) => `${pad}${field} ${type}${pad}:${words}${pad}`)
            .join(separator);
          const types: Record<string, string> = { int: 'integer', float: 'number', bool: 'boolean' };
          const schema = readSchema(text) as { properties: Record<string, unknown>; required: string[] };
          expect(schema.required).toEqual(fields.map((field) => field.name));
          for (const { name: field, type, description: words } of fields) {
            const trimmed = words.trim();
            expect(Object.entries(schema.properties).find(([key]) => key === field)?.[1]).toEqual({
              type: types[type] ?? 'string',
              ...(trimmed === '' ? {} : { description: trimmed }),
            });
          }
        },
      ),
    );
  });

  test('any text is a schema or a typed error, nothing else', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(',', ':', '\n', ' ', 'a', 'int', '{', '"') })),
        (text) => {
          let schema: unknown = {};
          try {
            schema = readSchema(text);
          } catch (error) {
            if (!isGemmaError(error)) throw error;
            expect(error.code).toBe('SCHEMA_UNSUPPORTED');
          }
          expect(schema).toBeTypeOf('object');
        },
      ),
    );
  });
});

describe('a JSON Schema', () => {
  test('passes as it is', () => {
    const schema = {
      type: 'object',
      properties: {
        kind: { enum: ['a', 'b'] },
        next: { $ref: '#' },
        tags: { type: 'array', items: { $ref: '#/$defs/a~1b' } },
      },
      $defs: { 'a/b': { type: ['string', 'null'], pattern: '^x' } },
      required: ['kind'],
      $comment: 'unknown keywords are for others',
    };
    expect(readSchema(JSON.stringify(schema))).toEqual(schema);
  });

  test('that is no JSON is refused as a whole; what it says is for the engine', () => {
    expect(pathOf('{"type": "object"')).toBe('#');
    expect(readSchema('{"type": "strng"}')).toEqual({ type: 'strng' });
  });
});
