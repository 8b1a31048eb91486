import { describe, expect, test } from 'vitest';
import { collect, tryApp } from './trial.ts';

const base = { models: [{ name: 'base', chat: false }], script: { capabilities: { chat: false } } } as const;

describe.each(['legacy', 'optimized'] as const)('a session over the %s engine', (implementation) => {
  test('sends the whole conversation with each message', () =>
    tryApp({ implementation, script: { answer: { text: 'ok' }, strictTurns: true } }, async ({ app, prompts }) => {
      const session = app.openSession({ system: 'S' });
      await collect(session.send('one'));
      await collect(session.send('two'));
      expect(prompts().at(-1)).toBe(
        '<|begin|><|system|>S<|end|><|user|>one<|end|><|assistant|>ok<|end|><|user|>two<|end|><|assistant|>',
      );
      expect(session.messages.map(({ role, content }) => `${role}: ${content}`)).toEqual([
        'user: one',
        'assistant: ok',
        'user: two',
        'assistant: ok',
      ]);
    }));

  test('a base model continues one growing document', () =>
    tryApp(
      { ...base, implementation, script: { ...base.script, answer: { text: ' blue.' } } },
      async ({ app, prompts }) => {
        const session = app.openSession();
        const first = await collect(session.send('The sky is'));
        const second = await collect(session.send('The sea is'));
        expect(prompts()).toEqual(['<|begin|>The sky is', '<|begin|>The sky is blue.\nThe sea is']);
        expect([first.notices, second.notices]).toEqual([['COMPLETION_MODE'], []]);
      },
    ));

  test('an aborted answer keeps its part, and the next message goes on from it', () =>
    tryApp(
      {
        implementation,
        script: {
          strictTurns: true,
          answerWhen: [{ promptHas: 'two', answer: { text: 'ok' } }],
          answer: { repeat: 'x', times: 100_000 },
        },
      },
      async ({ app, prompts }) => {
        const session = app.openSession();
        const controller = new AbortController();
        const { text } = await collect(session.send('one', { signal: controller.signal }), (_, soFar) => {
          if (soFar.length >= 2) controller.abort();
        });
        expect(session.messages).toEqual([
          { role: 'user', content: 'one' },
          { role: 'assistant', content: text, partial: true },
        ]);
        expect((await collect(session.send('two'))).text).toBe('ok');
        expect(prompts().at(-1)).toContain(`<|assistant|>${text}<|end|>`);
      },
    ));

  test('a crash in mid-answer is a typed error, its part stays, the next message is answered', () =>
    tryApp(
      {
        implementation,
        script: {
          answer: { text: 'hello' },
          strictTurns: true,
          faults: [{ at: 'piece', after: 3, process: 1, do: 'kill', signal: 'SIGKILL' }],
        },
      },
      async ({ app }) => {
        const session = app.openSession();
        const first = await collect(session.send('one'));
        expect(first.error?.code).toBe('ENGINE_EXITED');
        expect(first.error?.facts).toMatchObject({ signal: 'SIGKILL' });
        expect(first.text).toMatch(/^h/);
        expect(session.messages.at(-1)).toEqual({ role: 'assistant', content: first.text, partial: true });
        const second = await collect(session.send('two'));
        expect(second.error).toBeUndefined();
        expect(second.text).toBe('hello');
      },
    ));
});

describe('a session', () => {
  test('takes at least 90 % of the tokens that a turn shares with the one before from the cache', () =>
    tryApp({ script: { answer: { text: 'A fine answer of some length, told in one sentence.' } } }, async ({ app }) => {
      const session = app.openSession({ system: 'Answer in one sentence.' });
      const first = await collect(session.send('What is a river, and where does it go?'));
      const second = await collect(session.send('And a lake?'));
      const shared = (first.end?.usage.promptTokens ?? 0) + (first.end?.usage.outputTokens ?? 0);
      expect(shared).toBeGreaterThan(50);
      expect(second.end?.usage.cachedTokens).toBeGreaterThanOrEqual(0.9 * shared);
    }));

  test('a base document takes at least 90 % of what is shared from the cache', () =>
    tryApp(
      { ...base, script: { ...base.script, answer: { text: ' a long body of water, flowing to the sea.' } } },
      async ({ app }) => {
        const session = app.openSession();
        const first = await collect(session.send('A river is'));
        const second = await collect(session.send('A lake is'));
        const shared = (first.end?.usage.promptTokens ?? 0) + (first.end?.usage.outputTokens ?? 0);
        expect(second.end?.usage.cachedTokens).toBeGreaterThanOrEqual(0.9 * shared);
      },
    ));

  test('a message that got no text at all is taken back', () =>
    tryApp(
      {
        script: {
          strictTurns: true,
          answer: { text: 'ok' },
          faults: [{ at: 'evaluate', process: 1, do: 'exit', code: 3 }],
        },
      },
      async ({ app, prompts }) => {
        const session = app.openSession();
        expect((await collect(session.send('one'))).error?.code).toBe('ENGINE_EXITED');
        expect(session.messages).toEqual([]);
        expect((await collect(session.send('two'))).text).toBe('ok');
        expect(prompts().at(-1)).toBe('<|begin|><|user|>two<|end|><|assistant|>');
      },
    ));

  test('leaving the loop keeps what came', () =>
    tryApp({ script: { answer: { repeat: 'y', times: 100_000 } } }, async ({ app }) => {
      const session = app.openSession();
      for await (const event of session.send('one')) if (event.type === 'text-delta') break;
      expect(session.messages.at(-1)).toMatchObject({ role: 'assistant', partial: true });
      expect(session.messages.at(-1)?.content).toMatch(/^y/);
    }));

  test('a second message while the first is answered is refused and disturbs nothing', () =>
    tryApp({ script: { answer: { text: 'ok' } } }, async ({ app }) => {
      const session = app.openSession();
      const first = session.send('one')[Symbol.asyncIterator]();
      await first.next();
      expect((await collect(session.send('two'))).error?.code).toBe('REQUEST_INVALID');
      for (;;) if ((await first.next()).done === true) break;
      expect(session.messages.map(({ content }) => content)).toEqual(['one', 'ok']);
    }));

  test('clear forgets what was said and keeps the system message', () =>
    tryApp({ script: { answer: { text: 'ok' } } }, async ({ app, prompts }) => {
      const session = app.openSession({ system: 'S' });
      await collect(session.send('one'));
      session.clear();
      expect(session.messages).toEqual([]);
      await collect(session.send('two'));
      expect(prompts().at(-1)).toBe('<|begin|><|system|>S<|end|><|user|>two<|end|><|assistant|>');
    }));

  test('a new system message, model and options count from the next message on', () =>
    tryApp(
      { models: [{ name: 'a' }, { name: 'b' }], script: { answer: { text: 'abcdef' } } },
      async ({ app, prompts }) => {
        const session = app.openSession({ model: 'a', system: 'S' });
        await collect(session.send('one'));
        session.setSystem(undefined);
        session.setModel('b');
        session.setOptions({ maxTokens: 2 });
        const second = await collect(session.send('two'));
        expect(second.start?.model.name).toBe('b');
        expect(second.text).toBe('ab');
        expect(prompts().at(-1)).toBe(
          '<|begin|><|user|>one<|end|><|assistant|>abcdef<|end|><|user|>two<|end|><|assistant|>',
        );
      },
    ));

  test('a conversation longer than the context is trimmed with a notice, and later prompts begin where the trimmed one did', () =>
    tryApp(
      { script: { answer: { text: 'ok' }, strictTurns: true }, defaults: { options: { contextTokens: 128 } } },
      async ({ app, prompts }) => {
        const session = app.openSession({ system: 'S' });
        const notices: string[][] = [];
        for (let turn = 0; turn < 6; turn += 1) {
          const { notices: told, error } = await collect(session.send(`message ${turn} `.padEnd(25, '.')));
          expect(error).toBeUndefined();
          notices.push([...told]);
        }
        expect(notices.flat()).toContain('PROMPT_TRIMMED');
        expect(session.messages).toHaveLength(12);
        // Room was made once, for several turns: not every turn is trimmed anew.
        expect(notices.filter((told) => told.length > 0).length).toBeLessThan(3);
        expect(prompts().at(-1)).toMatch(/^<\|begin\|><\|system\|>S<\|end\|><\|user\|>message [1-5]/);
      },
    ));

  test('what the model said is sent back without the characters that a prompt may not have', () =>
    tryApp({ script: { answer: { text: 'a\u001B[31mb\0c' } } }, async ({ app, prompts }) => {
      const session = app.openSession();
      await collect(session.send('one'));
      expect(session.messages.at(-1)?.content).toBe('a\u001B[31mb\0c');
      expect((await collect(session.send('two'))).error).toBeUndefined();
      expect(prompts().at(-1)).toContain('<|assistant|>a[31mbc<|end|>');
    }));
});
