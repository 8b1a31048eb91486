import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { createGbnfMatcher, realModel } from '@gemma-cli/testkit';
import { checkGbnf } from '../src/grammar/check-gbnf.ts';
import { jsonObjectGbnf, jsonSchemaToGbnf } from '../src/grammar/json-schema-to-gbnf.ts';
import { toolCallGrammar } from '../src/grammar/tool-call-grammar.ts';
import { createToolCallReader } from '../src/grammar/tool-call-reader.ts';
import type { AddonContext, AddonGrammar, AddonModel, LlamaAddon } from '../src/llama/addon-types.ts';
import { loadLlamaAddon } from '../src/llama/llama-addon.ts';
import { startGrammar } from '../src/llama/sampling.ts';
import { randomSchema, seededRandom } from './random-schema.ts';
import { schemaCases } from './schema-cases.ts';
import { createSchemaChecker } from './schema-properties.ts';

let addon: LlamaAddon;
let lastError: () => Promise<string | undefined>;
beforeAll(async () => {
  ({ addon, lastError } = await loadLlamaAddon({ runtimeFolder: null, log: () => {} }));
});

function parsed(grammar: string): AddonGrammar {
  return new addon.AddonGrammar(grammar, { addonExports: addon, rootRuleName: 'root' });
}

const ajv = createSchemaChecker();

describe('llama.cpp and our oracle', () => {
  it.each(schemaCases)('agree about $title', ({ schema, valid, invalid }) => {
    const grammar = jsonSchemaToGbnf(schema);
    const theirs = parsed(grammar);
    const ours = createGbnfMatcher(grammar);
    const random = seededRandom(3);
    const written = Array.from({ length: 10 }, () => ours.write(random));
    for (const text of [...valid, ...invalid, ...written, ...written.map((text) => text.slice(0, -1))]) {
      expect(theirs.isTextCompatible(text), text).toBe(ours.matches(text));
    }
  });

  it('agree about the grammars of random schemas', () => {
    for (let seed = 1; seed <= 150; seed++) {
      const random = seededRandom(seed);
      const { schema, write } = randomSchema(random);
      const grammar = jsonSchemaToGbnf(schema);
      const theirs = parsed(grammar);
      const ours = createGbnfMatcher(grammar);
      for (let count = 0; count < 3; count++) {
        expect(theirs.isTextCompatible(JSON.stringify(write(random))), `seed ${seed}`).toBe(true);
        const text = ours.write(random);
        expect(theirs.isTextCompatible(text), `seed ${seed}: ${text}`).toBe(true);
        expect(theirs.isTextCompatible(`${text}x`), `seed ${seed}: ${text}x`).toBe(false);
      }
    }
  });

  it('agree about lengths that llama.cpp cannot count by itself', () => {
    // The reason for blocks: here is the bound that it forgets.
    expect(parsed('root ::= "a"{0,2001}').isTextCompatible('a'.repeat(2002))).toBe(true);
    for (const [min, max] of [
      [1, 2001],
      [2500, 2600],
      [4096, 4096],
      [1, 65_536],
    ] as const) {
      const grammar = parsed(jsonSchemaToGbnf({ type: 'string', minLength: min, maxLength: max }));
      const lengths = [min - 1, min, max, max + 1].map((length) => grammar.isTextCompatible(`"${'a'.repeat(length)}"`));
      expect(lengths, `${min} to ${max}`).toEqual([false, true, true, false]);
    }
  });

  it('agree about the grammars that come with llama.cpp', () => {
    const entry = createRequire(import.meta.url).resolve('node-llama-cpp');
    const folder = join(dirname(dirname(entry)), 'llama', 'grammars');
    const files = readdirSync(folder).filter((name) => name.endsWith('.gbnf'));
    expect(files.length).toBeGreaterThan(4);
    for (const file of files) {
      const grammar = readFileSync(join(folder, file), 'utf8');
      const theirs = parsed(grammar);
      const ours = createGbnfMatcher(grammar);
      const random = seededRandom(5);
      for (let count = 0; count < 5; count++) {
        const text = ours.write(random, 6);
        for (const other of [text, text.slice(1), text.slice(0, -2), `${text}\u00e9`]) {
          expect(theirs.isTextCompatible(other), `${file}: ${other}`).toBe(ours.matches(other));
        }
      }
    }
  });

  it('agree that what passed our check is a grammar', () => {
    const random = seededRandom(9);
    const symbols = 'root a "x" [a-c] ( ) | * ? {1,2} {0,3} [^x] "\\n" . ""'.split(' ');
    let passed = 0;
    for (let count = 0; count < 3000; count++) {
      const parts = Array.from(
        { length: Math.floor(random() * 9) },
        () => symbols[Math.floor(random() * symbols.length)],
      );
      const grammar = `root ::= ${parts.join(' ')}\na ::= "y"?`;
      try {
        checkGbnf(grammar);
      } catch {
        continue;
      }
      passed++;
      const ours = createGbnfMatcher(grammar);
      for (const text of ['', 'x', 'xy', 'yx', 'aab']) {
        expect(() => parsed(grammar), grammar).not.toThrow();
        expect(parsed(grammar).isTextCompatible(text), `${grammar}: ${text}`).toBe(ours.matches(text));
      }
    }
    expect(passed).toBeGreaterThan(300);
  });

  it('refuse what is no grammar, and llama.cpp says why', async () => {
    for (const grammar of ['root ::= (', 'root ::= missing', 'other ::= "a"', 'root ::= "a"{3000}']) {
      expect(() => parsed(grammar), grammar).toThrow('Failed to parse grammar');
      expect(() => createGbnfMatcher(grammar), grammar).toThrow('Expected');
    }
    const model = {} as AddonModel;
    await expect(startGrammar(addon, model, 'root ::= (', lastError)).rejects.toMatchObject({
      code: 'GRAMMAR_INVALID',
    });
  });
});

describe('Gemma 3 270M held to a grammar', () => {
  let model: AddonModel;
  let context: AddonContext;
  beforeAll(async () => {
    const path = realModel('gemma3:270m-base', { env: process.env, home: homedir() });
    model = new addon.AddonModel(path, { addonExports: addon, gpuLayers: 0, useMmap: true, useMlock: false });
    await model.init();
    context = new addon.AddonContext(model, {
      contextSize: 1024,
      batchSize: 512,
      sequences: 1,
      flashAttention: false,
      threads: 1,
      embeddings: false,
      ranking: false,
    });
    await context.init();
  });

  /** What the model writes after a prompt; `isWhole` when it ended by itself. */
  async function write(prompt: string, grammar: string, seed: number): Promise<{ text: string; isWhole: boolean }> {
    const sampler = new addon.AddonSampler(model);
    const state = new addon.AddonGrammarEvaluationState(model, parsed(grammar));
    sampler.applyConfig({ temperature: 0.8, topK: 40, topP: 0.95, seed, grammarEvaluationState: state });
    context.disposeSequence(0);
    const tokens = Uint32Array.from([model.tokenBos(), ...model.tokenize(prompt, false)]);
    let next = tokens;
    let position = 0;
    const written: Buffer[] = [];
    for (let count = 0; count < 400; count++) {
      context.initBatch(next.length);
      const [output = 0] = context.addToBatch(0, position, next, Uint32Array.from([next.length - 1]));
      await context.decodeBatch();
      position += next.length;
      const token = await context.sampleToken(output, sampler);
      if (token < 0 || model.isEogToken(token)) return { text: Buffer.concat(written).toString(), isWhole: true };
      written.push(bytesOf(model.getTokenString(token) ?? ''));
      next = Uint32Array.from([token]);
    }
    return { text: Buffer.concat(written).toString(), isWhole: false };
  }

  const schemas: Readonly<Record<string, object>> = {
    'a person': {
      type: 'object',
      properties: {
        name: { type: 'string', minLength: 3, maxLength: 20 },
        age: { type: 'integer', minimum: 18, maximum: 99 },
        email: { type: 'string', format: 'email', maxLength: 30 },
      },
      required: ['name', 'age', 'email'],
      additionalProperties: false,
    },
    'a short text': { type: 'string', minLength: 1, maxLength: 30 },
    'a share': { type: 'number', minimum: 0, maximum: 1 },
    'an integer in bounds': { type: 'integer', exclusiveMinimum: 1066, maximum: 1492 },
    'three colours': { type: 'array', items: { enum: ['red', 'green', 'blue'] }, minItems: 3, maxItems: 3 },
    'a date in a list': { type: 'array', items: { type: 'string', format: 'date' }, minItems: 1, maxItems: 2 },
    'nested objects': {
      type: 'object',
      properties: {
        city: {
          type: 'object',
          properties: { name: { type: 'string', maxLength: 15 }, capital: { type: 'boolean' } },
          required: ['name', 'capital'],
        },
        sizes: { type: 'array', prefixItems: [{ type: 'integer' }, { type: 'null' }], items: false, minItems: 2 },
      },
      required: ['city', 'sizes'],
    },
    'one of two kinds': {
      oneOf: [
        {
          type: 'object',
          properties: { kind: { const: 'circle' }, radius: { type: 'integer', minimum: 1 } },
          required: ['kind', 'radius'],
        },
        {
          type: 'object',
          properties: { kind: { const: 'square' }, side: { type: 'integer', minimum: 1 } },
          required: ['kind', 'side'],
        },
      ],
    },
    'a pattern': { type: 'string', pattern: '^[A-Z]{2}-[0-9]{3,5}$' },
    'a map': {
      type: 'object',
      propertyNames: { pattern: '^[a-z]{2}$' },
      additionalProperties: { type: 'boolean' },
      minProperties: 1,
      maxProperties: 3,
    },
  };

  it.each(Object.entries(schemas))('writes %s that a checker accepts', async (title, schema) => {
    const grammar = jsonSchemaToGbnf(schema);
    const { text, isWhole } = await write(`An example in JSON of ${title}:\n`, grammar, 11);
    expect(isWhole, text).toBe(true);
    const validate = ajv.compile(schema);
    expect(validate(JSON.parse(text)), `${text} ${JSON.stringify(validate.errors)}`).toBe(true);
    expect(createGbnfMatcher(grammar).matches(text), text).toBe(true);
  });

  it('writes any object', async () => {
    const { text, isWhole } = await write('{"colour": "red"}\n{"size": 3}\n', jsonObjectGbnf(), 5);
    // A small model may go on for ever; then what it wrote is still the beginning of an object.
    if (isWhole) expect(JSON.parse(text)).toBeTypeOf('object');
    expect(createGbnfMatcher(jsonObjectGbnf()).isPrefix(text)).toBe(true);
  });

  it('calls a tool that it must call', async () => {
    const tools = [
      {
        name: 'get_weather',
        parameters: { type: 'object', properties: { city: { type: 'string', maxLength: 12 } }, required: ['city'] },
      },
      { name: 'get_time' },
    ];
    const grammar = toolCallGrammar({ tools, toolChoice: 'required' }) ?? '';
    const { text } = await write('The weather in Paris: ', grammar, 3);
    const reader = createToolCallReader({ tools, toolChoice: 'required' });
    const calls = [...reader.push(text), ...reader.end()].filter((part) => part.type === 'tool-call');
    expect(calls, text).toHaveLength(1);
    expect(tools.map(({ name }) => name)).toContain(calls[0]?.name);
  });
});

/** The bytes of a token of Gemma: `▁` is a blank, `<0x0A>` a byte. */
function bytesOf(piece: string): Buffer {
  const byte = /^<0x([0-9A-F]{2})>$/.exec(piece)?.[1];
  return byte === undefined ? Buffer.from(piece.replaceAll('▁', ' ')) : Buffer.from([Number.parseInt(byte, 16)]);
}
