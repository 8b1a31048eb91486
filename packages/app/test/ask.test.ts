import { describe, expect, test } from 'vitest';
import { GemmaError } from '@gemma-cli/contracts';
import { createApp } from '../src/index.ts';
import { collect, tryApp } from './trial.ts';

describe('ask', () => {
  test('says who answers before the events of the engine, and ends with exactly one end', () =>
    tryApp({ script: { answer: { text: 'Hello.' } } }, async ({ app }) => {
      const { events, text, start } = await collect(app.ask({ prompt: 'Hi' }));
      expect(text).toBe('Hello.');
      expect(events[0]?.type).toBe('answer-start');
      expect(start?.model.name).toBe('tiny');
      expect(start?.mode).toBe('chat');
      expect(start?.engine).toEqual({ requested: 'optimized', active: 'optimized', runtime: 'llama.cpp' });
      expect(events.filter(({ type }) => type === 'generation-end')).toHaveLength(1);
      expect(events.at(-1)?.type).toBe('generation-end');
    }));

  test('every event survives JSON', () =>
    tryApp({ implementation: 'legacy', reason: 'it is not installed' }, async ({ app }) => {
      const { events } = await collect(app.ask({ prompt: 'Hi' }));
      expect(JSON.parse(JSON.stringify(events))).toEqual(events);
    }));

  test('puts what was piped in first, then files, then the text, a blank line between two', () =>
    tryApp({}, async ({ app, prompts }) => {
      await collect(app.ask({ prompt: { text: 'Q?', files: ['one\n', 'two\n\n'], input: 'piped\n' } }));
      expect(prompts()).toEqual(['<|begin|><|user|>piped\n\none\n\ntwo\n\nQ?<|end|><|assistant|>']);
    }));

  test('passes a prompt of one part on to the last space', () =>
    tryApp(
      { models: [{ name: 'base', chat: false }], script: { capabilities: { chat: false } } },
      async ({ app, prompts }) => {
        await collect(app.ask({ prompt: { text: ' Once upon a ' } }));
        expect(prompts()).toEqual(['<|begin|> Once upon a ']);
      },
    ));

  test('a system text stands before the question', () =>
    tryApp({ defaults: { system: 'Be brief.' } }, async ({ app, prompts }) => {
      await collect(app.ask({ prompt: 'A' }));
      await collect(app.ask({ prompt: 'B', system: 'Be long.' }));
      expect(prompts()).toEqual([
        '<|begin|><|system|>Be brief.<|end|><|user|>A<|end|><|assistant|>',
        '<|begin|><|system|>Be long.<|end|><|user|>B<|end|><|assistant|>',
      ]);
    }));

  test('an option of the request wins over the default, the other defaults stay', () =>
    tryApp({ defaults: { options: { sampling: { temperature: 0, seed: 7 }, maxTokens: 3 } } }, async ({ app }) => {
      const first = await collect(app.ask({ prompt: 'A' }));
      const second = await collect(app.ask({ prompt: 'A', options: { sampling: { seed: 8 } } }));
      const third = await collect(app.ask({ prompt: 'A', options: { maxTokens: 1 } }));
      expect(second.text).toBe(first.text);
      expect([first.end?.usage.outputTokens, third.end?.usage.outputTokens]).toEqual([3, 1]);
    }));

  test('an empty prompt is refused before anything starts', () =>
    tryApp({}, async ({ app, enginesMade }) => {
      const { error } = await collect(app.ask({ prompt: ' \n' }));
      expect(error?.code).toBe('REQUEST_INVALID');
      expect(enginesMade()).toBe(0);
    }));

  test('makes one engine for any number of questions at once', () =>
    tryApp({}, async ({ app, enginesMade }) => {
      await Promise.all([1, 2, 3].map((n) => collect(app.ask({ prompt: `Question ${n}` }))));
      expect(enginesMade()).toBe(1);
    }));

  test('an engine that could not be made is tried again by the next question', async () => {
    let calls = 0;
    const model = { name: 'm', path: '/m.gguf', chat: true, format: 'gguf' as const, embedding: false, problem: null };
    const app = createApp({
      engine: () => {
        calls += 1;
        return Promise.reject(new GemmaError({ code: 'IMPLEMENTATION_LOAD_FAILED', message: 'broken' }));
      },
      models: { find: () => Promise.resolve(model), list: () => Promise.resolve([model]) },
    });
    expect((await collect(app.ask({ prompt: 'A' }))).error?.code).toBe('IMPLEMENTATION_LOAD_FAILED');
    expect((await collect(app.ask({ prompt: 'A' }))).error?.code).toBe('IMPLEMENTATION_LOAD_FAILED');
    expect(calls).toBe(2);
    await app.close();
  });

  test('a fallback is told once per question, with its reason', () =>
    tryApp({ implementation: 'legacy', reason: '@gemma-cli/engine-optimized is not installed' }, async ({ app }) => {
      const { notices, start } = await collect(app.ask({ prompt: 'Hi' }));
      expect(notices).toEqual(['ENGINE_FALLBACK']);
      expect(start?.engine).toMatchObject({
        requested: 'optimized',
        active: 'legacy',
        reason: '@gemma-cli/engine-optimized is not installed',
      });
    }));

  test('a model without a template continues text, says so, and fakes no roles', () =>
    tryApp(
      { models: [{ name: 'base', chat: false }], script: { capabilities: { chat: false } } },
      async ({ app, prompts }) => {
        const { notices, start, error } = await collect(app.ask({ prompt: 'The sky is', system: 'A poem.' }));
        expect(error).toBeUndefined();
        expect(start?.mode).toBe('completion');
        expect(notices).toEqual(['COMPLETION_MODE']);
        expect(prompts()).toEqual(['<|begin|>A poem.\n\nThe sky is']);
      },
    ));

  test('an abort ends the answer with reason aborted and keeps the text', () =>
    tryApp({ script: { answer: { repeat: 'x', times: 100_000 } } }, async ({ app }) => {
      const controller = new AbortController();
      const { text, end, error } = await collect(
        app.ask({ prompt: 'Hi' }, { signal: controller.signal }),
        (_, soFar) => {
          if (soFar.length >= 3) controller.abort();
        },
      );
      expect(error).toBeUndefined();
      expect(end?.reason).toBe('aborted');
      expect(text).toMatch(/^x{3,}$/);
    }));

  test('after close, a question is refused', () =>
    tryApp({}, async ({ app }) => {
      await app.close();
      await app.close();
      expect((await collect(app.ask({ prompt: 'Hi' }))).error?.code).toBe('ENGINE_CLOSED');
    }));
});

describe('the default model', () => {
  const cases: readonly [
    title: string,
    models: readonly { name: string; chat?: boolean; embedding?: boolean; problem?: string | null }[],
    expected: string,
  ][] = [
    [
      'is gemma3:270m',
      [{ name: 'a' }, { name: 'gemma3:270m-base', chat: false }, { name: 'gemma3:270m' }],
      'gemma3:270m',
    ],
    ['else gemma3:270m-base', [{ name: 'a' }, { name: 'gemma3:270m-base', chat: false }], 'gemma3:270m-base'],
    ['else the first that can chat', [{ name: 'a', chat: false }, { name: 'b' }], 'b'],
    [
      'else the first',
      [
        { name: 'a', chat: false },
        { name: 'b', chat: false },
      ],
      'a',
    ],
    [
      'is never an embedding model',
      [
        { name: 'e', chat: true, embedding: true },
        { name: 'b', chat: false },
      ],
      'b',
    ],
    ['is never one whose file has gone', [{ name: 'gemma3:270m', problem: 'its file is gone' }, { name: 'b' }], 'b'],
  ];
  test.each(cases)('%s', (_title, models, expected) =>
    tryApp({ models }, async ({ app }) => {
      expect((await collect(app.ask({ prompt: 'Hi' }))).start?.model.name).toBe(expected);
    }),
  );

  test('none: the error names the command that fetches one', () =>
    tryApp({ models: [] }, async ({ app }) => {
      const { error } = await collect(app.ask({ prompt: 'Hi' }));
      expect(error?.code).toBe('MODEL_NOT_FOUND');
      expect(error?.message).toContain('gemma pull gemma3:270m');
    }));

  test('a model that is not there is an error that names it', () =>
    tryApp({}, async ({ app }) => {
      const { error } = await collect(app.ask({ prompt: 'Hi', model: 'nope' }));
      expect(error?.code).toBe('MODEL_NOT_FOUND');
      expect(error?.facts).toMatchObject({ model: 'nope' });
    }));

  test('an embedding model asked for by name is refused', () =>
    tryApp({ models: [{ name: 'e', embedding: true }] }, async ({ app }) => {
      expect((await collect(app.ask({ prompt: 'Hi', model: 'e' }))).error?.code).toBe('MODEL_UNSUPPORTED');
    }));
});
