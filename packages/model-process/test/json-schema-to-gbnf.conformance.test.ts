import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createGbnfMatcher } from '@gemma-cli/testkit';
import { jsonSchemaToGbnf } from '../src/grammar/json-schema-to-gbnf.ts';
import { seededRandom } from './random-schema.ts';
import { createSchemaChecker, holdRandomSchemas } from './schema-properties.ts';
import { refusedSchemas, schemaCases } from './schema-cases.ts';

const ajv = createSchemaChecker();

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

describe('the grammar of a schema', () => {
  it.each(schemaCases)('$title: lets through what is valid, and nothing else', ({ schema, valid, invalid }) => {
    const matcher = createGbnfMatcher(jsonSchemaToGbnf(schema));
    const validate = ajv.compile(schema);
    for (const text of valid) {
      expect(validate(parse(text)), `${text} is valid`).toBe(true);
      expect(matcher.matches(text), text).toBe(true);
    }
    for (const text of invalid) expect(matcher.matches(text), text).toBe(false);
    const random = seededRandom(1);
    for (let count = 0; count < 25; count++) {
      const text = matcher.write(random);
      expect(validate(JSON.parse(text)), text).toBe(true);
    }
  });

  it('lets through every valid value of a random schema, refuses what a checker refuses, and writes only valid values', () => {
    holdRandomSchemas(ajv, 12);
  });

  it('has bounds of numbers that hold to the last digit, next to each bound', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (seed) => {
        const random = seededRandom(seed);
        const places = Math.floor(random() * 7);
        const bound = (): number => Number(((random() - 0.5) * 10 ** Math.floor(random() * 6)).toFixed(places));
        const [min, max] = [bound(), bound()].toSorted((a, b) => a - b);
        const type = random() < 0.5 ? 'integer' : 'number';
        const schema = {
          type,
          ...(random() < 0.8 && { [random() < 0.5 ? 'minimum' : 'exclusiveMinimum']: min }),
          ...(random() < 0.8 && { [random() < 0.5 ? 'maximum' : 'exclusiveMaximum']: max }),
        };
        const validate = ajv.compile(schema);
        let matches: (text: string) => boolean = () => false;
        try {
          matches = createGbnfMatcher(jsonSchemaToGbnf(schema)).matches;
        } catch {
          // Nothing lies between the bounds, which the checker is asked to confirm.
        }
        const step = type === 'integer' ? 1 : 10 ** -(places + 1);
        for (const near of [min!, max!]) {
          for (const steps of [-12, -2, -1, -0.5, 0, 0.5, 1, 2, 12]) {
            const value = Number((near + steps * step).toFixed(places + 3)) || 0;
            const text = JSON.stringify(value);
            if (text.includes('e')) continue;
            expect(matches(text), `${JSON.stringify(schema)} and ${text}`).toBe(validate(value));
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  it('holds lengths beyond what llama.cpp can count', () => {
    const matcher = createGbnfMatcher(jsonSchemaToGbnf({ type: 'string', minLength: 2500, maxLength: 2900 }));
    const lengths = [2499, 2500, 2700, 2900, 2901].filter((length) => matcher.matches(`"${'é'.repeat(length)}"`));
    expect(lengths).toEqual([2500, 2700, 2900]);
    const items = createGbnfMatcher(jsonSchemaToGbnf({ type: 'array', items: { const: 1 }, maxItems: 600 }));
    expect(items.matches(`[${Array(600).fill(1).join(',')}]`)).toBe(true);
    expect(items.matches(`[${Array(601).fill(1).join(',')}]`)).toBe(false);
  });

  it('grows with the number of optional properties, not with their combinations', () => {
    const grammarOf = (count: number): string =>
      jsonSchemaToGbnf({
        type: 'object',
        properties: Object.fromEntries(Array.from({ length: count }, (_, index) => [`p${index}`, { type: 'boolean' }])),
      });
    expect(grammarOf(80).length).toBeLessThan(2.5 * grammarOf(40).length);
  });

  it('lets a model write only few blanks in a row', () => {
    const matcher = createGbnfMatcher(jsonSchemaToGbnf({ type: 'array', items: { type: 'integer' } }));
    expect(matcher.matches('[\n  1,\n  2\n]')).toBe(true);
    expect(matcher.matches('[1, 2]')).toBe(true);
    expect(matcher.isPrefix('[  ')).toBe(false);
    expect(matcher.isPrefix(`[\n${' '.repeat(21)}`)).toBe(false);
  });
});

describe('a schema that cannot be held to', () => {
  it.each(refusedSchemas)('$title is refused with its place', ({ schema, pointer, says }) => {
    expect(() => jsonSchemaToGbnf(schema)).toThrowError(
      expect.objectContaining({
        code: 'SCHEMA_UNSUPPORTED',
        message: expect.stringContaining(says),
        facts: expect.objectContaining({ pointer }),
      }) as Error,
    );
  });

  it('is refused, not followed into the depth or for ever', () => {
    let deep: object = { type: 'string' };
    for (let level = 0; level < 5000; level++) deep = { type: 'array', items: deep };
    const chain = Object.fromEntries(
      Array.from({ length: 3000 }, (_, index) => [`d${index}`, { $ref: `#/$defs/d${index + 1}` }]),
    );
    const wide = { anyOf: Array.from({ length: 30 }, (_, index) => ({ properties: { [`p${index}`]: true } })) };
    const circle: { self?: object } = {};
    circle.self = circle;
    for (const schema of [
      deep,
      { $defs: { ...chain, d3000: true }, $ref: '#/$defs/d0' },
      { allOf: [wide, wide, wide] },
      { type: 'string', pattern: '(a|b)*a(a|b){14}' },
      { type: 'string', pattern: '((a{1000}){1000}){1000}' },
      { type: 'string', pattern: `${'('.repeat(5000)}a${')'.repeat(5000)}` },
      { enum: ['x'.repeat(2 ** 21)] },
      circle,
    ]) {
      expect(() => jsonSchemaToGbnf(schema)).toThrowError(
        expect.objectContaining({ code: 'SCHEMA_UNSUPPORTED' }) as Error,
      );
    }
  });

  it('is refused with a code, whatever nonsense it is', () => {
    const words =
      'type enum const allOf anyOf oneOf $ref properties required additionalProperties propertyNames items prefixItems minItems maxItems minLength maxLength pattern format minimum exclusiveMaximum minProperties maxProperties $defs title __proto__ a';
    const names = fc.constantFrom(...words.split(' '));
    const { schema } = fc.letrec((tie) => ({
      schema: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.constantFrom(
          true,
          false,
          0,
          2,
          -1.5,
          1e21,
          'a',
          'object',
          'integer',
          '#',
          '#/$defs/a',
          '(a|b)*c',
          'date',
          null,
        ),
        fc.array(tie('schema'), { maxLength: 3 }),
        fc.dictionary(names, tie('schema'), { maxKeys: 4, noNullPrototype: true }),
        // Sound keywords, so that some of it is a schema.
        fc.record({
          type: fc.constantFrom('object', 'array'),
          properties: fc.dictionary(names, tie('schema'), { maxKeys: 3 }),
        }),
        fc.record({
          anyOf: fc.array(tie('schema'), { minLength: 1, maxLength: 3 }),
          $ref: fc.constantFrom('#', '#/anyOf/0'),
        }),
      ),
    }));
    let understood = 0;
    fc.assert(
      fc.property(schema, (nonsense) => {
        try {
          createGbnfMatcher(jsonSchemaToGbnf(nonsense)).write(seededRandom(1));
          understood++;
        } catch (error) {
          expect(error, JSON.stringify(nonsense)).toMatchObject({ code: 'SCHEMA_UNSUPPORTED' });
        }
      }),
      { numRuns: 200 },
    );
    expect(understood).toBeGreaterThan(5);
  });
});
