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

  test('a larger context, or another model, gets the messages again that were left out before; other options do not', () =>
    tryApp(
      {
        models: [{ name: 'a' }, { name: 'b' }],
        script: { answer: { text: 'ok' }, strictTurns: true },
        defaults: { options: { contextTokens: 128 } },
      },
      async ({ app, prompts }) => {
        const session = app.openSession({ model: 'a' });
        const say = async (text: string): Promise<readonly string[]> =>
          (await collect(session.send(text.padEnd(25, '.')))).notices;
        const trims: (readonly string[])[] = [];
        for (let turn = 0; turn < 6; turn += 1) trims.push(await say(`message ${turn} `));
        expect(trims.flat()).toContain('PROMPT_TRIMMED');
        expect(prompts().at(-1)).not.toContain('message 0');

        session.setOptions({ sampling: { temperature: 0 } });
        session.setModel('a');
        session.undo();
        expect(await say('cold')).toEqual([]);
        session.setModel('b');
        session.undo();
        // All of it was sent, so that the other model could take what it has room for.
        expect(await say('other')).toEqual(['PROMPT_TRIMMED']);
        session.setOptions({ contextTokens: 1024 });
        expect(await say('large')).toEqual([]);
        expect(prompts().at(-1)).toMatch(/^<\|begin\|><\|user\|>message 0/);
      },
    ));

  test('a context that is changed in the middle of an answer counts for the messages, too', () =>
    tryApp(
      { script: { answer: { text: 'ok' }, strictTurns: true }, defaults: { options: { contextTokens: 128 } } },
      async ({ app, prompts }) => {
        const session = app.openSession();
        let trims = 0;
        for (let turn = 0; turn < 6; turn += 1) {
          const message = session.send(`message ${turn} `.padEnd(25, '.'));
          await collect(message, ({ type }) => {
            if (type !== 'prompt-trimmed') return;
            trims += 1;
            session.setOptions({ contextTokens: 1024 });
          });
        }
        expect(trims).toBe(1);
        await collect(session.send('after'));
        expect(prompts().at(-1)).toMatch(/^<\|begin\|><\|user\|>message 0/);
      },
    ));

  test('what was said is sent back without the characters that a prompt may not have', () =>
    tryApp({ script: { answer: { text: 'a\u001B[31mb\0c' } } }, async ({ app, prompts }) => {
      const session = app.openSession();
      await collect(session.send('one'));
      expect(session.messages.at(-1)?.content).toBe('a\u001B[31mb\0c');
      expect((await collect(session.send('two'))).error).toBeUndefined();
      expect(prompts().at(-1)).toContain('<|assistant|>a[31mbc<|end|>');
      // Nor may what somebody else's file says was asked.
      session.restore([
        { role: 'user', content: 'q\u001B\0' },
        { role: 'assistant', content: 'r' },
      ]);
      expect((await collect(session.send('three'))).error).toBeUndefined();
      expect(prompts().at(-1)).toContain('<|user|>q<|end|><|assistant|>r<|end|>');
    }));

  test('retry asks the last question again, with this seed, in the place of the old answer', () =>
    tryApp({}, async ({ app, prompts }) => {
      const session = app.openSession({ options: { sampling: { seed: 1 }, maxTokens: 12 } });
      await collect(session.send('one'));
      const first = await collect(session.send('two'));
      const second = await collect(session.retry({ seed: 2 }));
      expect(prompts()[2]).toBe(prompts()[1]);
      expect(second.text).not.toBe(first.text);
      expect(session.messages.map(({ content }) => content).slice(2)).toEqual(['two', second.text]);
      // The seed was of that answer alone: the session's own gives the first text again.
      expect((await collect(session.retry())).text).toBe(first.text);
    }));

  test('retry with another text replaces the question', () =>
    tryApp({ script: { answer: { text: 'ok' } } }, async ({ app, prompts }) => {
      const session = app.openSession();
      await collect(session.send('one'));
      await collect(session.send('two'));
      await collect(session.retry({ text: 'three' }));
      expect(session.messages.map(({ content }) => content)).toEqual(['one', 'ok', 'three', 'ok']);
      expect(prompts().at(-1)).not.toContain('two');
    }));

  test('a retry that gets no text leaves the old turn, and one without a question is refused', () =>
    tryApp({ script: { answer: { text: 'ok' } } }, async ({ app }) => {
      const session = app.openSession();
      expect((await collect(session.retry())).error?.code).toBe('REQUEST_INVALID');
      await collect(session.send('one'));
      await collect(session.retry({ signal: AbortSignal.abort() }));
      expect(session.messages.map(({ content }) => content)).toEqual(['one', 'ok']);
    }));

  test('undo takes the last turn back', () =>
    tryApp({ script: { answer: { text: 'ok' }, strictTurns: true } }, async ({ app, prompts }) => {
      const session = app.openSession();
      expect(session.undo()).toEqual([]);
      await collect(session.send('one'));
      await collect(session.send('two'));
      expect(session.undo().map(({ content }) => content)).toEqual(['two', 'ok']);
      await collect(session.send('three'));
      expect(prompts().at(-1)).toBe(
        '<|begin|><|user|>one<|end|><|assistant|>ok<|end|><|user|>three<|end|><|assistant|>',
      );
    }));

  test('restore goes on from another conversation, and takes complete turns only', () =>
    tryApp({ script: { answer: { text: 'ok' }, strictTurns: true } }, async ({ app, prompts }) => {
      const session = app.openSession();
      await collect(session.send('one'));
      session.restore([
        { role: 'user', content: 'before' },
        { role: 'assistant', content: 'yes', partial: true },
      ]);
      await collect(session.send('now'));
      expect(prompts().at(-1)).toBe(
        '<|begin|><|user|>before<|end|><|assistant|>yes<|end|><|user|>now<|end|><|assistant|>',
      );
      expect(() => session.restore([{ role: 'user', content: 'alone' }])).toThrow('complete turns');
      expect(session.messages).toHaveLength(4);
    }));

  test('shows what it is made with: its own options over those of the app', () =>
    tryApp({ defaults: { model: 'tiny', options: { maxTokens: 9, sampling: { topK: 3 } } } }, async ({ app }) => {
      const session = app.openSession({ system: 'S', options: { sampling: { temperature: 0 } } });
      expect(session).toMatchObject({ system: 'S', model: 'tiny' });
      expect(session.options).toEqual({ maxTokens: 9, sampling: { topK: 3, temperature: 0 } });
      await Promise.resolve();
    }));
});

describe('prepare', () => {
  test('loads the model, so that the first answer loads nothing', () =>
    tryApp({ script: { answer: { text: 'ok' } } }, async ({ app, journal }) => {
      const prepared = await app.prepare({ options: { contextTokens: 512 } });
      expect(prepared).toMatchObject({ name: 'tiny', mode: 'chat', contextTokens: 512 });
      const { events } = await collect(app.openSession({ options: { contextTokens: 512 } }).send('one'));
      expect(events.map(({ type }) => type)).not.toContain('load-start');
      expect(journal().filter(({ event }) => event === 'spawn')).toHaveLength(1);
    }));

  test('starts no legacy process, but says what is wrong with the name', () =>
    tryApp({ implementation: 'legacy' }, async ({ app, journal }) => {
      expect(await app.prepare()).toMatchObject({ name: 'tiny', contextTokens: null });
      expect(journal()).toEqual([]);
      await expect(app.prepare({ model: 'nope' })).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    }));

  test('can be aborted', () =>
    tryApp(
      { script: { answer: { text: 'ok' }, faults: [{ at: 'load', do: 'delay', ms: 60_000 }] } },
      async ({ app }) => {
        const controller = new AbortController();
        const prepared = app.prepare({ signal: controller.signal });
        controller.abort();
        await expect(prepared).rejects.toMatchObject({ code: 'ABORTED' });
      },
    ));
});
