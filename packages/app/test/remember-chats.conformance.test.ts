import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Engine, GenerateRequest, MemoryRow, MemoryStore } from '@gemma-cli/contracts';
import { createApp, type App, type AppEvent } from '../src/index.ts';
import { createConversationMemory, createRetrieval } from '../src/memory/index.ts';
import { tryMemory } from './memory-trial.ts';

interface World {
  readonly app: App;
  readonly requests: GenerateRequest[];
  readonly warnings: string[];
}

let conversations = 0;
beforeEach(() => {
  conversations = 0;
});

/** An app that keeps what is said in a memory, over an engine that says what it is told to say. */
function appOver(
  memory: MemoryStore,
  says: string | ((count: number) => string),
  closeEngine: () => Promise<void> = () => Promise.resolve(),
): World {
  const requests: GenerateRequest[] = [];
  const warnings: string[] = [];
  const timings = { queueMs: 0, loadMs: 0, promptMs: 0, ttftMs: 0, tpotMs: 0, totalMs: 0 };
  const usage = { promptTokens: 1, cachedTokens: 0, evaluatedTokens: 1, outputTokens: 1 };
  const engine = {
    async *generate(request: GenerateRequest, { signal }: { signal?: AbortSignal }) {
      requests.push(request);
      yield { type: 'text-delta', text: typeof says === 'string' ? says : says(requests.length) };
      yield { type: 'generation-end', reason: signal?.aborted === true ? 'aborted' : 'stop', usage, timings };
    },
    close: closeEngine,
  } as unknown as Engine;
  const model = { name: 'm', path: '/m.gguf', chat: true, format: 'gguf' as const, embedding: false, problem: null };
  const app = createApp({
    engine: () =>
      Promise.resolve({ engine, resolution: { contract: 'engine', requested: 'optimized', active: 'optimized' } }),
    models: { find: () => Promise.resolve(model), list: () => Promise.resolve([model]) },
    // The test closes its memory itself.
    retrieval: () => Promise.resolve({ ...createRetrieval({ memory }), close: () => Promise.resolve() }),
    conversations: () => Promise.resolve({ ...createConversationMemory({ memory }), close: () => Promise.resolve() }),
    newId: () => `chat ${(conversations += 1)}`,
    warn: (message) => warnings.push(message),
  });
  return { app, requests, warnings };
}

async function all(events: AsyncIterable<AppEvent>): Promise<readonly AppEvent[]> {
  const list: AppEvent[] = [];
  for await (const event of events) list.push(event);
  return list;
}

async function kept(memory: MemoryStore): Promise<readonly string[]> {
  const { rows } = await memory.list();
  return rows.map(({ session, writer, text }) => `${session}: ${writer}: ${text}`);
}

function textOf(request: GenerateRequest | undefined): string {
  const prompt = request?.prompt;
  return prompt?.type === 'chat' ? prompt.messages.map(({ content }) => content).join('\n') : '';
}

describe('a conversation', () => {
  test('is kept turn by turn where its user said yes, and not before', () =>
    tryMemory(async ({ memory }) => {
      const silent = appOver(memory, 'Hello.');
      await all(silent.app.openSession().send('one'));
      await silent.app.close();
      expect(await kept(memory)).toEqual([]);

      const { app, warnings } = appOver(memory, (count) => `Answer ${count}.`);
      const session = app.openSession({ remember: true });
      await all(session.send('two'));
      await all(session.send('three'));
      await app.close();
      expect(await kept(memory)).toEqual([
        'chat 2: user: two',
        'chat 2: model: Answer 1.',
        'chat 2: user: three',
        'chat 2: model: Answer 2.',
      ]);
      const { rows } = await memory.list();
      for (const row of rows) expect(row).toMatchObject({ kind: 'memory', tier: 'working', tags: ['chat'] });
      expect(warnings).toEqual([]);
    }));

  test('is kept even where the engine makes trouble at the end', () =>
    tryMemory(async ({ memory }) => {
      const { app } = appOver(memory, 'Hello.', () => Promise.reject(new Error('stuck')));
      await all(app.openSession({ remember: true }).send('one'));
      await expect(app.close()).rejects.toThrow('stuck');
      expect(await kept(memory)).toEqual(['chat 1: user: one', 'chat 1: model: Hello.']);
    }));

  test('that is asked to remember later keeps what was said so far, but not what was restored or begins with a space', () =>
    tryMemory(async ({ memory }) => {
      const { app } = appOver(memory, 'Yes.');
      const session = app.openSession();
      session.restore([
        { role: 'user', content: 'from a file' },
        { role: 'assistant', content: 'Long ago.' },
      ]);
      await all(session.send('said before'));
      await all(session.send(' between us'));
      session.setRemember(true);
      await all(session.send('said after'));
      session.setRemember(false);
      await all(session.send('said at last'));
      await app.close();
      expect((await kept(memory)).filter((line) => line.includes('user'))).toEqual([
        'chat 2: user: said before',
        'chat 2: user: said after',
      ]);
    }));

  test('forgets what is taken back or asked again, and all of it when it is told to', () =>
    tryMemory(async ({ memory }) => {
      const { app } = appOver(memory, (count) => `Answer ${count}.`);
      const session = app.openSession({ remember: true });
      await all(session.send('one'));
      await all(session.send('two'));
      await all(session.retry());
      await all(session.send('three'));
      session.undo();
      await all(session.retry({ text: 'better two' }));
      expect(await session.forgetRemembered()).toBe(4);
      expect(await kept(memory)).toEqual([]);
      expect((await memory.stats()).removed.forgotten).toBe(10);
      await all(session.send('four'));
      await app.close();
      expect(await kept(memory)).toEqual([]);
    }));

  test('an answer that was stopped is not kept, its question is', () =>
    tryMemory(async ({ memory }) => {
      const { app } = appOver(memory, 'Half of');
      const session = app.openSession({ remember: true });
      const stop = new AbortController();
      for await (const event of session.send('a question', { signal: stop.signal }))
        if (event.type === 'text-delta') stop.abort();
      await app.close();
      expect(await kept(memory)).toEqual(['chat 1: user: a question']);
    }));

  test('a text that was pasted becomes a few rows that fit into a prompt', () =>
    tryMemory(async ({ memory }) => {
      const { app } = appOver(memory, 'Long.');
      const pasted = Array.from({ length: 3_000 }, (_, n) => `Sentence number ${n} of it.`).join(' ');
      await all(app.openSession({ remember: true }).send(pasted));
      await app.close();
      const { rows } = await memory.list();
      const mine = rows.filter(({ writer }) => writer === 'user');
      expect(mine).toHaveLength(8);
      for (const { text } of mine) expect(text.length).toBeLessThanOrEqual(1_800);
    }));

  test('is answered all the same when it cannot be kept, with one warning', () =>
    tryMemory(async ({ memory }) => {
      const { app, warnings } = appOver(memory, 'Hello.');
      const session = app.openSession({ remember: true, rag: 'off' });
      await memory.close();
      for (const text of ['one', 'two'])
        expect((await all(session.send(text))).at(-1)).toMatchObject({ type: 'generation-end', reason: 'stop' });
      await app.close();
      expect(warnings).toEqual([expect.stringContaining('This conversation is not remembered: ')]);
    }));

  test('is not waited for by its next answer: the memory is opened after the first one', () =>
    tryMemory(async ({ memory }) => {
      const order: string[] = [];
      const counting = Object.create(memory, {
        addMany: {
          value: (...parameters: Parameters<MemoryStore['addMany']>) => {
            order.push('kept');
            return memory.addMany(...parameters);
          },
        },
      }) as MemoryStore;
      const { app } = appOver(counting, 'Hello.');
      const session = app.openSession({ remember: true, rag: 'off' });
      for (const text of ['one', 'two'])
        for await (const { type } of session.send(text)) if (type === 'generation-end') order.push('answered');
      order.push('leaving');
      await app.close();
      // Turns are written while nobody waits: at the latest when the app closes.
      expect(order.filter((step) => step !== 'leaving')).toEqual(
        expect.arrayContaining(['answered', 'answered', 'kept', 'kept']),
      );
      expect(order[0]).toBe('answered');
      expect(order.indexOf('leaving')).toBeGreaterThanOrEqual(2);
      expect(await kept(memory)).toHaveLength(4);
    }));
});

describe('what was said in another conversation', () => {
  test('stands before a question that it fits, as its user said it; of this one nothing does, nor what the model said', () =>
    tryMemory(async ({ memory }) => {
      const yesterday = appOver(memory, 'What a lovely name Miso is for a cat.');
      await all(yesterday.app.openSession({ remember: true }).send('My cat is called Miso.'));
      await yesterday.app.close();

      const { app, requests } = appOver(memory, 'It is called Miso.');
      const session = app.openSession({ remember: true });
      const events = await all(session.send('What is my cat called?'));
      expect(events.find(({ type }) => type === 'passages')).toMatchObject({
        passages: [{ n: 1, kind: 'memory', text: 'My cat is called Miso.', session: 'chat 1', hash: null }],
      });
      expect(textOf(requests[0])).toContain('[1] said by the user in another chat\n> My cat is called Miso.');
      expect(textOf(requests[0])).not.toContain('lovely');
      expect(events.find(({ type }) => type === 'citations')).toMatchObject({
        citations: [{ n: 1, quote: 'My cat is called Miso.', checked: true }],
      });
      // The same question again: it stands in the prompt, and answers nothing.
      const again = await all(session.send('What is my cat called?'));
      const passages = again.flatMap((event) => (event.type === 'passages' ? event.passages : []));
      expect(passages.map(({ text }) => text)).toEqual(['My cat is called Miso.']);
      await app.close();

      const third = appOver(memory, 'Miso.');
      await all(third.app.openSession({ rag: 'on' }).send('What is my cat called?'));
      expect(textOf(third.requests[0]).match(/^> .*/gm)).toEqual(['> My cat is called Miso.']);
      await third.app.close();
    }));

  test('the model’s words stay findable for their user, and say whose they are', () =>
    tryMemory(async ({ memory }) => {
      const { app } = appOver(memory, 'Sea Breeze would suit a boat.');
      await all(app.openSession({ remember: true }).send('Suggest a name.'));
      await app.close();
      const { hits } = await memory.recall({ query: 'name for my boat' });
      const row: Partial<MemoryRow> = { writer: 'model', session: 'chat 1', text: 'Sea Breeze would suit a boat.' };
      expect(hits.map((hit) => hit.row)).toContainEqual(expect.objectContaining(row));
    }));

  test('after /clear another conversation begins, and finds what was said before', () =>
    tryMemory(async ({ memory }) => {
      const { app, requests } = appOver(memory, 'Noted.');
      const session = app.openSession({ remember: true });
      await all(session.send('My boat is called Argo.'));
      session.clear();
      await vi.waitFor(async () => expect(await kept(memory)).toHaveLength(2));
      await all(session.send('What is my boat called?'));
      await app.close();
      expect(textOf(requests[1])).toContain('> My boat is called Argo.');
    }));
});
