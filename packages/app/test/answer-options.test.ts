import { describe, expect, test } from 'vitest';
import type { Engine, GenerateRequest, GenerationEnd } from '@gemma-cli/contracts';
import { createApp, type AnswerOptions, type App } from '../src/index.ts';
import { collect } from './trial.ts';

/** An app over an engine that keeps what it is asked, and says one word. */
function recordingApp(reason: GenerationEnd['reason'] = 'stop'): { app: App; requests: GenerateRequest[] } {
  const requests: GenerateRequest[] = [];
  const timings = { queueMs: 0, loadMs: 0, promptMs: 0, ttftMs: 0, tpotMs: 0, totalMs: 0 };
  const usage = { promptTokens: 1, cachedTokens: 0, evaluatedTokens: 1, outputTokens: 1 };
  const engine = {
    async *generate(request: GenerateRequest) {
      requests.push(request);
      yield { type: 'text-delta', text: '{' };
      yield { type: 'generation-end', reason, usage, timings };
    },
    close: () => Promise.resolve(),
  } as unknown as Engine;
  const models = ['big', 'small', 'changed'].map((name) => ({
    name,
    sha256: name === 'small' ? null : 'b1'.repeat(32),
    changed: name === 'changed',
    path: `/${name}.gguf`,
    chat: true,
    format: 'gguf' as const,
    embedding: false,
    problem: null,
  }));
  const app = createApp({
    engine: () =>
      Promise.resolve({ engine, resolution: { contract: 'engine', requested: 'optimized', active: 'optimized' } }),
    models: {
      find: (reference) => Promise.resolve(models.find(({ name }) => name === reference)),
      list: () => Promise.resolve(models),
    },
    defaults: { model: 'big' },
  });
  return { app, requests };
}

describe('what an answer is made with', () => {
  test('every option reaches the engine as it is, and nothing that was not given', async () => {
    const options: AnswerOptions = {
      sampling: { frequencyPenalty: 0.5, logitBias: { '7': -100 } },
      format: { type: 'gbnf', grammar: 'root ::= "a"' },
      logprobs: 3,
      speculation: { type: 'prompt-lookup' },
    };
    const { app, requests } = recordingApp();
    await collect(app.ask({ prompt: 'Hi', options }));
    await collect(app.ask({ prompt: 'Hi' }));
    expect(requests[0]).toMatchObject(options);
    expect(Object.keys(requests[1] ?? {}).toSorted()).toEqual(['model', 'prompt', 'sampling']);
  });

  test('the engine is told the hash of the weights where it is known, and the file is still what was hashed', async () => {
    const { app, requests } = recordingApp();
    await collect(app.ask({ prompt: 'Hi' }));
    await collect(app.ask({ prompt: 'Hi', model: 'small' }));
    await collect(app.ask({ prompt: 'Hi', model: 'changed' }));
    expect(requests.map(({ model }) => model)).toStrictEqual([
      { name: 'big', path: '/big.gguf', sha256: 'b1'.repeat(32) },
      { name: 'small', path: '/small.gguf' },
      { name: 'changed', path: '/changed.gguf' },
    ]);
  });

  test('the model that guesses ahead is an installed one', async () => {
    const { app, requests } = recordingApp();
    await collect(app.ask({ prompt: 'Hi', options: { speculation: { type: 'draft', model: 'small' } } }));
    expect(requests[0]?.speculation).toEqual({ type: 'draft', model: { name: 'small', path: '/small.gguf' } });
    const { error } = await collect(
      app.ask({ prompt: 'Hi', options: { speculation: { type: 'draft', model: 'no' } } }),
    );
    expect(error?.code).toBe('MODEL_NOT_FOUND');
  });

  test.each([
    [{ type: 'json-schema', schema: {} }, 'json', /its JSON was complete/],
    [{ type: 'gbnf', grammar: '' }, undefined, /its grammar was complete/],
  ] as const)('an answer held to %j that was cut is told before its end', async (format, told, message) => {
    const { app } = recordingApp('length');
    const { events, start, notices } = await collect(app.ask({ prompt: 'Hi', options: { format } }));
    expect(start?.format).toBe(told);
    expect(notices).toEqual(['ANSWER_CUT']);
    expect(events.at(-2)).toMatchObject({ type: 'notice', message: expect.stringMatching(message) as string });
  });

  test.each([
    [
      'with a system text',
      'Be kind.',
      ['system', 'Be kind.\n\nAnswer with JSON and nothing else, by this JSON Schema:\n{"type":"object"}'],
    ],
    [
      'without one',
      undefined,
      ['system', 'Answer with JSON and nothing else, by this JSON Schema:\n{"type":"object"}'],
    ],
  ] as const)('the model is told the schema when that is asked for, %s', async (_title, system, [role, content]) => {
    const { app, requests } = recordingApp();
    const options: AnswerOptions = { format: { type: 'json-schema', schema: { type: 'object' } } };
    await collect(app.ask({ prompt: 'Hi', system, options: { ...options, describeFormat: true } }));
    await collect(app.ask({ prompt: 'Hi', system: 'S', options }));
    expect(requests[0]?.prompt).toEqual({
      type: 'chat',
      messages: [
        { role, content },
        { role: 'user', content: 'Hi' },
      ],
    });
    expect(requests[0]).not.toHaveProperty('describeFormat');
    expect(JSON.stringify(requests[1]?.prompt)).not.toContain('JSON Schema');
  });

  test('free text that was cut gets no notice, nor does a form that is complete', async () => {
    const free = await collect(recordingApp('length').app.ask({ prompt: 'Hi' }));
    const complete = await collect(recordingApp().app.ask({ prompt: 'Hi', options: { format: { type: 'json' } } }));
    expect([free.notices, complete.notices]).toEqual([[], []]);
  });

  test('a template stands around the question, or for it', async () => {
    const { app, requests } = recordingApp();
    await collect(app.ask({ prompt: { input: 'x', text: 'y' }, template: { text: '<{{input}}>' } }));
    await collect(app.ask({ prompt: {}, template: { text: 'Tell a {{what}}.', values: { what: 'joke' } } }));
    expect(requests.map(({ prompt }) => (prompt.type === 'chat' ? prompt.messages[0]?.content : ''))).toEqual([
      '<x\n\ny>',
      'Tell a joke.',
    ]);
    const { error } = await collect(app.ask({ prompt: {}, template: { text: '<{{input}}>' } }));
    expect(error?.code).toBe('REQUEST_INVALID');
  });
});
