import Ajv2020 from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { expect } from 'vitest';
import { createGbnfMatcher } from '@gemma-cli/testkit';
import { jsonSchemaToGbnf } from '../src/grammar/json-schema-to-gbnf.ts';
import { mutate, randomSchema, seededRandom } from './random-schema.ts';

/** The checker that grammars are held against. */
export function createSchemaChecker(): Ajv2020.default {
  const ajv = new Ajv2020.default({ strict: false, logger: false });
  addFormats.default(ajv);
  return ajv;
}

/** Random schemas, each with valid values, values with a change, and texts written from the grammar. */
export function holdRandomSchemas(ajv: Ajv2020.default, numRuns: number): void {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (seed) => {
      const random = seededRandom(seed);
      const { schema, write } = randomSchema(random);
      const validate = ajv.compile(schema);
      const matcher = createGbnfMatcher(jsonSchemaToGbnf(schema));
      for (let count = 0; count < 6; count++) {
        const value = write(random);
        const text = JSON.stringify(value);
        expect(validate(value), `ajv: ${JSON.stringify(schema)} accepts ${text}`).toBe(true);
        expect(matcher.matches(text), `${JSON.stringify(schema)} accepts ${text}`).toBe(true);
        const changed = mutate(value, random);
        const changedText = JSON.stringify(changed);
        if (!validate(changed)) {
          expect(matcher.matches(changedText), `${JSON.stringify(schema)} refuses ${changedText}`).toBe(false);
        }
        const written = matcher.write(random);
        expect(validate(JSON.parse(written)), `${JSON.stringify(schema)} writes ${written}`).toBe(true);
        expect(matcher.matches(written)).toBe(true);
      }
    }),
    { numRuns },
  );
}
