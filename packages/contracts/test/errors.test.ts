import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  contractVersions,
  errorCodes,
  GemmaError,
  ImplementationLoadError,
  isGemmaError,
  requestDefaults,
  toGemmaError,
  UnsupportedError,
} from '../src/index.ts';

describe('GemmaError', () => {
  test('gives code, message and facts as plain data, and no fact can hide the code or the message', () => {
    const error = new GemmaError({
      code: 'CONTEXT_EXCEEDED',
      message: 'Expected at most 8192 tokens, got 9000. Shorten the prompt.',
      facts: { promptTokens: 9000, code: 'FORGED', message: 'forged' },
    });
    expect(JSON.parse(JSON.stringify({ error }))).toEqual({
      error: {
        code: 'CONTEXT_EXCEEDED',
        message: 'Expected at most 8192 tokens, got 9000. Shorten the prompt.',
        promptTokens: 9000,
      },
    });
  });

  test('keeps the error behind it, and has none where none was given', () => {
    const cause = new Error('the disk is gone');
    expect(new GemmaError({ code: 'FILE_UNREADABLE', message: 'x', cause }).cause).toBe(cause);
    expect('cause' in new GemmaError({ code: 'FILE_UNREADABLE', message: 'x' })).toBe(false);
  });

  test('takes its exit code from the table', () => {
    for (const [code, { exitCode }] of Object.entries(errorCodes)) {
      expect(new GemmaError({ code: code as keyof typeof errorCodes, message: 'x' }).exitCode).toBe(exitCode);
    }
  });

  test('is known by its brand across copies of the package', async () => {
    // The query makes the runner load the module a second time: other classes, same brand.
    const path = '../src/errors.ts?copy';
    const copy = (await import(/* @vite-ignore */ path)) as typeof import('../src/errors.ts');
    const error = new copy.GemmaError({ code: 'USAGE', message: 'x' });
    expect(error).not.toBeInstanceOf(GemmaError);
    expect(isGemmaError(error)).toBe(true);
    expect(toGemmaError(error)).toBe(error);
  });

  test.each([undefined, null, 'USAGE', 2, new Error('USAGE'), { code: 'USAGE', message: 'x', facts: {} }])(
    'is not what merely looks like one: %s',
    (value) => {
      expect(isGemmaError(value)).toBe(false);
    },
  );
});

test('toGemmaError wraps what is foreign as INTERNAL and keeps it as the cause', () => {
  const foreign = new TypeError('x is not a function');
  expect(toGemmaError(foreign)).toMatchObject({ code: 'INTERNAL', message: 'x is not a function', cause: foreign });
  expect(toGemmaError('thrown text')).toMatchObject({ code: 'INTERNAL', message: 'thrown text', cause: 'thrown text' });
});

test('the two errors of the resolver carry their codes', () => {
  expect(new UnsupportedError({ message: 'x' })).toMatchObject({ name: 'UnsupportedError', code: 'UNSUPPORTED' });
  expect(new ImplementationLoadError({ message: 'x' })).toMatchObject({
    name: 'ImplementationLoadError',
    code: 'IMPLEMENTATION_LOAD_FAILED',
  });
});

test('every code is in capitals and every meaning is one sentence', () => {
  for (const [code, { meaning }] of Object.entries(errorCodes)) {
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)*$/u);
    expect(meaning, code).toMatch(/^[A-Z][^\n]*\.$/u);
  }
});

test('defaults of a request are those that the documentation promises', () => {
  expect(requestDefaults).toMatchObject({
    temperature: 0.7,
    contextTokens: 8192,
    promptCharsMax: 50_000,
    responseBytesMax: 10_485_760,
    maxTokens: 2048,
  });
});

test('the contract of the engine has a version, and the package has no dependency', () => {
  expect(contractVersions).toEqual({ engine: 1, memory: 1 });
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as object;
  expect(manifest).not.toHaveProperty('dependencies');
});
