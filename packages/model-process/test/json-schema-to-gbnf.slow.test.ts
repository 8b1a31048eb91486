import { expect, it } from 'vitest';
import { createSchemaChecker, holdRandomSchemas } from './schema-properties.ts';

it('holds a thousand random schemas to what a checker says of values and of texts written from the grammar', () => {
  expect(() => holdRandomSchemas(createSchemaChecker(), 1000)).not.toThrow();
});
