import { homedir } from 'node:os';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { llamaWorker, startModelProcess } from '@gemma-cli/model-process';
import type { ModelProcess } from '@gemma-cli/model-process';
import { realModel } from '@gemma-cli/testkit';
import { estimateTokens, tokensAtMost } from '../src/gemma-cpp/render-prompt.ts';

const words = fc.constantFrom(
  ...'the a of and lighthouse keeper wrote down what he saw every evening nobody asked him why storm, crew. Monday'.split(
    ' ',
  ),
  ...'However, international communication requires understanding; she said: "Perhaps!" (unbelievable) - it\'s'.split(
    ' ',
  ),
);
const joined = (unit: fc.Arbitrary<string>, by = ''): fc.Arbitrary<string> =>
  fc.array(unit, { minLength: 1, maxLength: 60 }).map((parts) => parts.join(by));

/** Texts as people write them, by what they are made of. */
const kinds: Readonly<Record<string, fc.Arbitrary<string>>> = {
  'ASCII prose': joined(words, ' '),
  code: joined(
    fc.constantFrom(
      'for (let i = 0; i < items.length; i += 1) {\n',
      '    const value = items[i] ?? null;\n',
      '\tif (!value) continue;\n',
      'export function parse(text: string): Json {\n',
      "  return JSON.parse(text, (_, entry) => entry === 'x' ? 1 : entry);\n}\n\n",
      'SELECT id, name FROM users WHERE age >= 18;\n',
    ),
  ),
  Chinese: joined(fc.constantFrom('今天', '天气', '很好', '我们', '去', '公园', '散步', '，', '。', '因为', '所以')),
  Japanese: joined(fc.constantFrom('今日は', 'とても', '良い', '天気', 'です', '。', 'ありがとう', 'コンピュータ')),
  Korean: joined(fc.constantFrom('오늘은', '날씨가', '매우', '좋습니다', '감사합니다', '우리'), ' '),
  Russian: joined(fc.constantFrom('Сегодня', 'очень', 'хорошая', 'погода', 'и', 'мы', 'идём', 'гулять'), ' '),
  German: joined(fc.constantFrom('Grüße', 'über', 'Straßenbahn', 'schön', 'das', 'Wetter', 'heute'), ' '),
  emoji: joined(fc.constantFrom('😀', '👍', '🎉', '❤️', '👩‍🚀', '🇩🇪', '🔥', '👋🏽')),
  digits: joined(fc.integer({ min: 0, max: 9 }).map(String)),
  'whitespace runs': joined(
    fc
      .tuple(words, fc.constantFrom('  ', '    ', '\n', '\n\n', '\t', '\n    ', ' '.repeat(24)))
      .map((parts) => parts.join('')),
  ),
};

const letters = 'abcdefghijklmnopqrstuvwxyz';
const letter = fc.constantFrom(...letters.split(''), ...letters.toUpperCase().split(''));

/** Texts that nobody writes by hand, and that the tokenizer cuts finely. */
const oddKinds: Readonly<Record<string, fc.Arbitrary<string>>> = {
  'random letters': joined(letter),
  'short odd words': joined(
    fc.array(letter, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('')),
    ' ',
  ),
  base64: joined(fc.uint8Array({ minLength: 3, maxLength: 30 }).map((bytes) => Buffer.from(bytes).toString('base64'))),
  'rare characters': joined(fc.string({ unit: 'binary', minLength: 1, maxLength: 4 })),
  'rare Chinese': joined(fc.integer({ min: 0x3400, max: 0x9f_ff }).map((code) => String.fromCodePoint(code))),
  'runs of spaces': joined(fc.tuple(words, fc.integer({ min: 1, max: 90 })).map(([word, n]) => word + ' '.repeat(n))),
};

describe('the estimate of tokens, against the tokenizer of Gemma', () => {
  let worker: ModelProcess;
  const count = async (text: string): Promise<number> =>
    (await worker.call('tokenize', { input: { type: 'text', text } })).tokens.length - 1;
  beforeAll(async () => {
    worker = await startModelProcess({
      worker: llamaWorker,
      env: {},
      startMsMax: 60_000,
      silenceMsMax: 120_000,
      abortMsMax: 60_000,
      log: () => {},
    });
    await worker.call('load', {
      path: realModel('gemma3:270m-base', { env: process.env, home: homedir() }),
      contextTokens: 512,
      sequences: 1,
      threads: 1,
      runtimeFolder: null,
      purpose: 'generate',
      compactCache: false,
    });
    expect(await count(''), 'one token before every text').toBe(0);
  });
  afterAll(() => worker?.close());

  it.each(Object.entries(kinds))('is never too small for text as people write it: %s', async (_, texts) => {
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        expect(estimateTokens(text), JSON.stringify(text)).toBeGreaterThanOrEqual(await count(text));
      }),
      { numRuns: 150 },
    );
  });

  it.each(Object.entries({ ...kinds, ...oddKinds }))('has a bound that no text exceeds: %s', async (_, texts) => {
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        expect(tokensAtMost(text), JSON.stringify(text)).toBeGreaterThanOrEqual(await count(text));
      }),
      { numRuns: 200 },
    );
  });
});
