import { homedir } from 'node:os';
import { expect, it } from 'vitest';
import type { ChatMessage, Prompt } from '@gemma-cli/contracts';
import { create as createLegacy } from '@gemma-cli/engine';
import { collectAnswer, realModel } from '@gemma-cli/testkit';
import { create } from '../src/index.ts';

const place = { env: process.env, home: homedir() };
const sampling = { temperature: 0, seed: 1 };

it('legacy and optimized give the same reproducible text on a real model, also when the prefix is cached', async () => {
  await using legacy = await createLegacy({ threads: 1 });
  await using optimized = await create({ threads: 1 });
  const model = { path: realModel('gemma3:270m-base', place) };
  const story = 'The lighthouse keeper wrote down what he saw every evening. '.repeat(12);
  let cached = 0;
  for (const text of [`${story}On Monday`, `${story}On Tuesday, after the storm,`]) {
    const request = {
      model,
      prompt: { type: 'completion', text },
      sampling,
      maxTokens: 16,
      reproducible: true,
    } as const;
    const expected = await collectAnswer(legacy.generate(request));
    const { text: given, end } = await collectAnswer(optimized.generate(request));
    expect(given).not.toBe('');
    expect(given).toBe(expected.text);
    expect(end?.usage.promptTokens).toBe(expected.end?.usage.promptTokens);
    cached = end?.usage.cachedTokens ?? 0;
  }
  expect(cached, 'the second prompt takes whole chunks from the cache').toBeGreaterThanOrEqual(64);
});

it('the second turn of a real chat takes at least 90 % of what it shares with the first from the cache', async () => {
  await using engine = await create({ threads: 1 });
  const model = { path: realModel('smollm2:135m', place) };
  const messages: ChatMessage[] = [
    { role: 'user', content: 'Name three colours of the rainbow and say why. '.repeat(6) },
  ];
  const prompt = (): Prompt => ({ type: 'chat', messages: [...messages] });
  const first = await collectAnswer(engine.generate({ model, prompt: prompt(), sampling, maxTokens: 24 }));
  messages.push({ role: 'assistant', content: first.text }, { role: 'user', content: 'And the other ones?' });
  const second = await collectAnswer(engine.generate({ model, prompt: prompt(), sampling, maxTokens: 8 }));
  expect(second.end?.usage.cachedTokens).toBeGreaterThanOrEqual(0.9 * (first.end?.usage.promptTokens ?? Infinity));
});
