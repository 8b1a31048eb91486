import { requestDefaults } from '@gemma-cli/contracts';
import type { ChatMessage, GenerateRequest, Prompt } from '@gemma-cli/contracts';
import type { TokenizeInput } from '@gemma-cli/contracts/worker-protocol';
import { describe, expect, it } from 'vitest';
import { createAdmissionQueue, singleSeat } from '../src/admission-queue.ts';
import { resolveEngineOptions } from '../src/engine-settings.ts';
import { eventStream } from '../src/event-stream.ts';
import { fitPrompt } from '../src/fit-prompt.ts';
import { trimPrompt } from '../src/gemma-cpp/prepare-prompt.ts';
import { resolveRequest } from '../src/resolve-request.ts';
import { createTokenLedger, evaluationChunkTokens } from '../src/token-ledger.ts';

const model = { path: '/models/a.gguf' };
const prompt: Prompt = { type: 'completion', text: 'hello' };

function resolve(request: Partial<GenerateRequest>) {
  return resolveRequest({ model, prompt, ...request }, {});
}

describe('resolveRequest', () => {
  it('fills in the documented defaults', () => {
    expect(resolve({})).toMatchObject({
      model: { path: '/models/a.gguf', name: 'a.gguf' },
      sampling: { temperature: 0.7, topK: 40, topP: 0.95, minP: 0.05, repeatPenalty: 1 },
      maxTokens: 2048,
      contextTokens: 8192,
      reproducible: false,
      onContextOverflow: 'refuse',
      grammar: null,
      logprobs: null,
      speculation: null,
      asked: { sampling: false, seed: false, minP: false, repeatPenalty: false, extendedSampling: false },
    });
  });

  it('draws a new seed for each request that gives none', () => {
    const seeds = new Set(Array.from({ length: 8 }, () => resolve({}).sampling.seed));
    expect(seeds.size).toBeGreaterThan(1);
  });

  it.each([
    ['temperature', { sampling: { temperature: 2.1 } }],
    ['temperature', { sampling: { temperature: Number.NaN } }],
    ['topK', { sampling: { topK: 1.5 } }],
    ['topP', { sampling: { topP: -0.1 } }],
    ['minP', { sampling: { minP: 1.1 } }],
    ['repeatPenalty', { sampling: { repeatPenalty: 0.9 } }],
    ['seed', { sampling: { seed: 2 ** 32 } }],
    ['repeatLastTokens', { sampling: { repeatLastTokens: 9000 } }],
    ['frequencyPenalty', { sampling: { frequencyPenalty: 3 } }],
    ['dryAllowedLength', { sampling: { dryAllowedLength: 0 } }],
    ['xtcThreshold', { sampling: { xtcThreshold: 1.1 } }],
    ['logitBias', { sampling: { logitBias: { hello: 1 } } }],
    ['logitBias[7]', { sampling: { logitBias: { 7: 101 } } }],
    ['logprobs', { logprobs: 21 }],
    ['format', { format: { type: 'xml' } }],
    ['maxTokens', { maxTokens: 0 }],
    ['contextTokens', { contextTokens: 1.5 }],
    ['stop', { stop: [''] }],
    ['stop', { stop: Array.from({ length: 17 }, String) }],
    ['model.path', { model: { path: '' } }],
    ['prompt.messages', { prompt: { type: 'chat', messages: [] } }],
    ['prompt.messages', { prompt: { type: 'chat' } }],
    ['prompt.messages[0].role', { prompt: { type: 'chat', messages: [{ role: 'human', content: 'a' }] } }],
    ['prompt.messages[0].content', { prompt: { type: 'chat', messages: [{ role: 'user' }] } }],
    [
      'prompt.messages[0].toolCalls',
      { prompt: { type: 'chat', messages: [{ role: 'assistant', content: '', toolCalls: [{ id: 'a', name: 'b' }] }] } },
    ],
    ['prompt.type', { prompt: { type: 'text', text: 'a' } }],
    ['prompt.text', { prompt: { type: 'completion' } }],
    ['onContextOverflow', { onContextOverflow: 'cut' }],
    ['speculation.type', { speculation: { type: 'guess' } }],
    ['speculation.model.path', { speculation: { type: 'draft' } }],
  ] as const)('refuses %s out of range and names it', (option, request) => {
    expect(() => resolve(request as unknown as Partial<GenerateRequest>)).toThrow(
      expect.objectContaining({ code: 'REQUEST_INVALID', facts: expect.objectContaining({ option }) }),
    );
  });

  it('refuses NUL and ESC with the place', () => {
    expect(() => resolve({ prompt: { type: 'completion', text: 'ab\u001B[2J' } })).toThrow(
      expect.objectContaining({ code: 'PROMPT_FORBIDDEN_CHARACTER', facts: { character: 'ESC', index: 2 } }),
    );
  });

  const call = { id: 'call_1', name: 'get', arguments: '{"a":1}' };
  const tools = [{ name: 'get' }];

  it('refuses NUL and ESC in the arguments of a call', () => {
    const messages: ChatMessage[] = [
      { role: 'user', content: 'Go.' },
      { role: 'assistant', content: '', toolCalls: [{ ...call, arguments: '{"a":"\u001B[2J"}' }] },
      { role: 'tool', content: 'done', toolCallId: 'call_1' },
    ];
    expect(() => resolve({ prompt: { type: 'chat', messages } })).toThrow(
      expect.objectContaining({ code: 'PROMPT_FORBIDDEN_CHARACTER' }),
    );
  });

  it('counts the description of tools among the characters of the prompt', () => {
    const large = [{ name: 'get', description: 'x'.repeat(requestDefaults.promptCharsMax) }];
    const chat: Prompt = { type: 'chat', messages: [{ role: 'user', content: 'Go.' }] };
    expect(() => resolve({ prompt: chat, tools: large })).toThrow(expect.objectContaining({ code: 'PROMPT_TOO_LONG' }));
  });

  it('finds the end of a stable prefix within results that became one message', () => {
    const messages: ChatMessage[] = [
      { role: 'user', content: 'Go.' },
      { role: 'assistant', content: '', toolCalls: [call, { ...call, id: 'call_2' }] },
      { role: 'tool', content: 'one', toolCallId: 'call_1' },
      { role: 'tool', content: 'two', toolCallId: 'call_2' },
      { role: 'user', content: 'And?' },
    ];
    const { prompt: told, stablePrefix } = resolve({
      prompt: { type: 'chat', messages },
      tools,
      stablePrefix: { messages: 4 },
    });
    const { messages: rendered } = told as Extract<Prompt, { type: 'chat' }>;
    expect(rendered).toHaveLength(4);
    expect(stablePrefix).toEqual({ messages: 3, characters: rendered[3]?.content.indexOf('\n\nAnd?') });
  });

  it('refuses a prompt over the limit, all messages counted', () => {
    const content = 'x'.repeat(requestDefaults.promptCharsMax / 2);
    const messages = [0, 1, 2].map(() => ({ role: 'user' as const, content }));
    expect(() => resolve({ prompt: { type: 'chat', messages } })).toThrow(
      expect.objectContaining({ code: 'PROMPT_TOO_LONG' }),
    );
  });
});

describe('resolveEngineOptions', () => {
  it('starts threads from the cores really available, never from the library default', () => {
    expect(resolveEngineOptions({}).threads).toBeGreaterThanOrEqual(1);
  });

  it.each([{ threads: 0 }, { queueMax: -1 }, { loadMsMax: 0 }, { keepAliveMs: -1 }, { threads: 1.5 }])(
    'refuses %j',
    (options) => {
      expect(() => resolveEngineOptions(options)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID' }));
    },
  );
});

describe('fitPrompt', () => {
  /** One token a character; a message costs two more. */
  const tokenize = async (input: TokenizeInput): Promise<number[]> =>
    input.type === 'text'
      ? [1, ...Array.from(input.text, (character) => character.charCodeAt(0))]
      : [1, ...input.messages.flatMap(({ content }) => [2, ...Array.from(content, (c) => c.charCodeAt(0)), 3])];

  it('refuses a prompt that leaves no room for an answer, with the counts', async () => {
    const long: Prompt = { type: 'completion', text: 'x'.repeat(99) };
    await expect(fitPrompt(long, { contextTokens: 100 }, 'refuse', tokenize)).rejects.toMatchObject({
      code: 'CONTEXT_EXCEEDED',
      facts: { promptTokens: 100, contextTokens: 100 },
    });
    const fits: Prompt = { type: 'completion', text: 'x'.repeat(98) };
    expect((await fitPrompt(fits, { contextTokens: 100 }, 'refuse', tokenize)).tokens).toHaveLength(99);
  });

  it('keeps the first token and the end of a completion that it trims', async () => {
    const long: Prompt = { type: 'completion', text: `${'a'.repeat(200)}THE END` };
    const { tokens, trimmed } = await fitPrompt(long, { contextTokens: 100 }, 'trim', tokenize);
    expect(tokens).toHaveLength(75);
    expect(tokens[0]).toBe(1);
    expect(String.fromCharCode(...tokens.slice(-7))).toBe('THE END');
    expect(trimmed).toEqual({
      type: 'prompt-trimmed',
      promptTokensBefore: 208,
      promptTokensAfter: 75,
      messagesDropped: 0,
    });
  });

  it('drops the oldest messages, keeps the system message and goes on with a user', async () => {
    const messages = [
      { role: 'system' as const, content: 'SYS' },
      ...Array.from({ length: 20 }, (_, index) => ({
        role: index % 2 === 0 ? ('user' as const) : ('assistant' as const),
        content: String(index).padStart(8, '.'),
      })),
      { role: 'user' as const, content: 'LAST' },
    ];
    const { tokens, trimmed } = await fitPrompt({ type: 'chat', messages }, { contextTokens: 100 }, 'trim', tokenize);
    const text = String.fromCharCode(...tokens);
    expect(text).toContain('SYS');
    expect(text).toContain('LAST');
    expect(tokens.length).toBeLessThanOrEqual(75);
    // One turn more would not have fitted.
    expect(tokens.length + 2 * 10).toBeGreaterThan(75);
    expect(trimmed?.messagesDropped).toBe(14);
  });

  it('never goes on with the result of a tool whose call it dropped', async () => {
    const call = { id: 'call_1', name: 'get', arguments: '{}' };
    const { prompt: told } = resolveRequest(
      {
        model,
        prompt: {
          type: 'chat',
          messages: [
            { role: 'user', content: 'x'.repeat(60) },
            { role: 'assistant', content: '', toolCalls: [call] },
            { role: 'tool', content: 'r'.repeat(20), toolCallId: 'call_1' },
            { role: 'assistant', content: 'It is so.' },
            { role: 'user', content: 'LAST' },
          ],
        },
      },
      {},
    );
    const { tokens, trimmed } = await fitPrompt(told, { contextTokens: 120 }, 'trim', tokenize);
    expect(trimmed?.messagesDropped).toBe(4);
    expect(String.fromCharCode(...tokens)).not.toContain('result');
    const left = trimPrompt(told, 130, 120);
    expect(left?.prompt).toEqual({ type: 'chat', messages: [{ role: 'user', content: 'LAST' }] });
  });

  it('refuses what cannot be trimmed enough', async () => {
    const messages = [{ role: 'user' as const, content: 'x'.repeat(200) }];
    await expect(fitPrompt({ type: 'chat', messages }, { contextTokens: 100 }, 'trim', tokenize)).rejects.toMatchObject(
      { code: 'CONTEXT_EXCEEDED' },
    );
  });
});

describe('createTokenLedger', () => {
  const chunk = Array.from({ length: evaluationChunkTokens }, (_, index) => index);

  it('counts whole chunks from the beginning as aligned', () => {
    const ledger = createTokenLedger();
    ledger.append(chunk, true);
    ledger.append(chunk, true);
    ledger.append([1, 2, 3], true);
    expect(ledger.alignedTokens).toBe(2 * evaluationChunkTokens);
    expect(ledger.tokens).toHaveLength(2 * evaluationChunkTokens + 3);
  });

  it('does not count a chunk that follows tokens of another batch shape', () => {
    const ledger = createTokenLedger();
    ledger.append([1], true);
    ledger.append(chunk, true);
    expect(ledger.alignedTokens).toBe(0);
  });

  it('does not count a chunk that shared its batch with other sequences', () => {
    const ledger = createTokenLedger();
    ledger.append(chunk, false);
    expect(ledger.alignedTokens).toBe(0);
    expect(ledger.tokens).toHaveLength(evaluationChunkTokens);
  });

  it('takes over the beginning of another sequence, aligned as far as that one was', () => {
    const donor = createTokenLedger();
    donor.append(chunk, true);
    donor.append(chunk, false);
    const ledger = createTokenLedger();
    ledger.append([9, 9], true);
    ledger.replace(donor, evaluationChunkTokens + 3);
    expect(ledger.tokens).toEqual([...chunk, 0, 1, 2]);
    expect(ledger.alignedTokens).toBe(evaluationChunkTokens);
    expect(donor.tokens).toHaveLength(2 * evaluationChunkTokens);
  });

  it('cuts what is aligned on a chunk boundary when it is truncated', () => {
    const ledger = createTokenLedger();
    ledger.append(chunk, true);
    ledger.append(chunk, true);
    ledger.truncate(evaluationChunkTokens + 5);
    expect(ledger.alignedTokens).toBe(evaluationChunkTokens);
    ledger.append([1], true);
    ledger.append(chunk, true);
    expect(ledger.alignedTokens).toBe(evaluationChunkTokens);
  });
});

describe('createAdmissionQueue', () => {
  it('lets one in at a time, in order of arrival', async () => {
    const queue = createAdmissionQueue({ waitingMax: 10 });
    const { take } = singleSeat();
    const order: number[] = [];
    let inside = 0;
    await Promise.all(
      [0, 1, 2, 3].map(async (index) => {
        const leave = await queue.enter(take);
        inside += 1;
        expect(inside).toBe(1);
        await new Promise((done) => setImmediate(done));
        order.push(index);
        inside -= 1;
        leave();
        leave();
      }),
    );
    expect(order).toEqual([0, 1, 2, 3]);
  });

  it('lets as many in as there are seats, and nobody before whoever came first', async () => {
    const queue = createAdmissionQueue({ waitingMax: 10 });
    let seats = 2;
    const takeSeats = (count: number) => () => {
      if (seats < count) return undefined;
      seats -= count;
      return () => {
        seats += count;
      };
    };
    const leaveFirst = await queue.enter(takeSeats(1));
    const order: string[] = [];
    const both = queue.enter(takeSeats(2)).then((leave) => {
      order.push('both');
      return leave;
    });
    // A seat is free, but somebody who needs two of them came before.
    const one = queue.enter(takeSeats(1)).then((leave) => {
      order.push('one');
      return leave;
    });
    await new Promise((done) => setImmediate(done));
    expect(order).toEqual([]);
    leaveFirst();
    (await both)();
    (await one)();
    expect(order).toEqual(['both', 'one']);
    expect(seats).toBe(2);
  });

  it('asks again when room is made in another way', async () => {
    const queue = createAdmissionQueue({ waitingMax: 10 });
    let isOpen = false;
    const entered = queue.enter(() => (isOpen ? () => {} : undefined));
    isOpen = true;
    queue.retry();
    (await entered)();
    expect(queue.waiting).toBe(0);
  });

  it('refuses one more than may wait', async () => {
    const queue = createAdmissionQueue({ waitingMax: 1 });
    const { take } = singleSeat();
    await queue.enter(take);
    const waiting = queue.enter(take);
    waiting.catch(() => {});
    await expect(queue.enter(take)).rejects.toMatchObject({
      code: 'ENGINE_BUSY',
      facts: { waiting: 1, waitingMax: 1 },
    });
  });

  it('gives up the place of one who aborts', async () => {
    const queue = createAdmissionQueue({ waitingMax: 2 });
    const { take } = singleSeat();
    const leave = await queue.enter(take);
    const controller = new AbortController();
    const aborted = queue.enter(take, controller.signal);
    const next = queue.enter(take);
    controller.abort();
    await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' });
    expect(queue.waiting).toBe(1);
    leave();
    (await next)();
  });

  it('keeps the order of arrival of those who still look for where the seats are', async () => {
    const queue = createAdmissionQueue({ waitingMax: 1 });
    const { take } = singleSeat();
    const order: string[] = [];
    let found: (seat: typeof take) => void = () => {};
    const looking = new Promise<typeof take>((resolve) => {
      found = resolve;
    });
    const first = queue.enter(looking).then((leave) => {
      order.push('first');
      leave();
    });
    const second = queue.enter(take).then((leave) => {
      order.push('second');
      leave();
    });
    await new Promise((done) => setImmediate(done));
    expect(order).toEqual([]);
    found(take);
    await Promise.all([first, second]);
    expect(order).toEqual(['first', 'second']);
  });

  it('lets others pass by one who looks too long, and counts it among those who wait', async () => {
    const queue = createAdmissionQueue({ waitingMax: 1, lookMsMax: 5 });
    const { take } = singleSeat();
    const controller = new AbortController();
    const stuck = queue.enter(new Promise<never>(() => {}), controller.signal);
    const leave = await queue.enter(take);
    await expect(queue.enter(take)).rejects.toMatchObject({ code: 'ENGINE_BUSY' });
    leave();
    controller.abort();
    await expect(stuck).rejects.toMatchObject({ code: 'ABORTED' });
    expect(queue.waiting).toBe(0);
  });

  it('turns nobody away behind one who still looks, as long as there are seats', async () => {
    const queue = createAdmissionQueue({ waitingMax: 1 });
    const take = () => () => {};
    const entered = [queue.enter(Promise.resolve(take)), queue.enter(take), queue.enter(take)];
    for (const leave of await Promise.all(entered)) leave();
    expect(queue.waiting).toBe(0);
  });

  it('turns away whoever is one too many once those before are known', async () => {
    const queue = createAdmissionQueue({ waitingMax: 1 });
    const { take } = singleSeat();
    const inside = await queue.enter(take);
    const first = queue.enter(Promise.resolve(take));
    const second = queue.enter(Promise.resolve(take));
    await expect(second).rejects.toMatchObject({ code: 'ENGINE_BUSY', facts: { waiting: 1 } });
    inside();
    (await first)();
  });

  it('fails those who wait and those who come when it is closed', async () => {
    const queue = createAdmissionQueue({ waitingMax: 2 });
    const { take } = singleSeat();
    await queue.enter(take);
    const waiting = queue.enter(take);
    queue.close();
    await expect(waiting).rejects.toMatchObject({ code: 'ENGINE_CLOSED' });
    await expect(queue.enter(take)).rejects.toMatchObject({ code: 'ENGINE_CLOSED' });
  });
});

describe('eventStream', () => {
  it('starts nothing before the first next()', async () => {
    let started = false;
    const stream = eventStream<number>(async () => {
      started = true;
    });
    const iterator = stream[Symbol.asyncIterator]();
    await new Promise((done) => setImmediate(done));
    expect(started).toBe(false);
    await iterator.next();
    expect(started).toBe(true);
  });

  it('gives every event to a slow reader, then the error', async () => {
    const stream = eventStream<number>(async (emit) => {
      for (let index = 0; index < 1000; index += 1) emit(index);
      throw new Error('after the last');
    });
    const seen: number[] = [];
    await expect(
      (async () => {
        for await (const event of stream) {
          seen.push(event);
          if (event % 100 === 0) await new Promise((done) => setImmediate(done));
        }
      })(),
    ).rejects.toThrow('after the last');
    expect(seen).toEqual(Array.from({ length: 1000 }, (_, index) => index));
  });

  it('aborts the producer when the reader leaves while it waits for the first event', async () => {
    let cleaned = false;
    const stream = eventStream<number>(async (_, signal) => {
      await new Promise<void>((done) => signal.addEventListener('abort', () => done()));
      cleaned = true;
    });
    const iterator = stream[Symbol.asyncIterator]();
    const pending = iterator.next();
    await iterator.return?.();
    expect(cleaned).toBe(true);
    expect((await pending).done).toBe(true);
  });

  it('aborts the producer and waits for it when the reader leaves', async () => {
    let cleaned = false;
    const stream = eventStream<number>(async (emit, signal) => {
      emit(1);
      await new Promise<void>((done) => signal.addEventListener('abort', () => setImmediate(done)));
      cleaned = true;
    });
    for await (const _ of stream) break;
    expect(cleaned).toBe(true);
  });
});
