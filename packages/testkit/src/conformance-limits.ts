import { describe, expect } from 'vitest';
import { GemmaError } from '@gemma-cli/contracts';
import type { Capabilities, ChatMessage, GenerateRequest, Prompt, Speculation } from '@gemma-cli/contracts';
import { promise } from './conformance-subject.ts';
import type { EngineSubject } from './conformance-subject.ts';
import { tryEngine } from './engine-trial.ts';
import { chat, oracle, whole } from './oracle.ts';
import { tokenizeScripted } from './scripted-model.ts';

/** Declares what an engine refuses, and how it says so. */
export function declareLimitPromises(subject: EngineSubject): void {
  const { createEngine } = subject;

  describe('limits of a request', () => {
    const wrong: readonly (readonly [option: string, request: Partial<GenerateRequest>])[] = [
      ...[-0.1, 2.1, Number.NaN, Number.POSITIVE_INFINITY].map(
        (temperature) => ['temperature', { sampling: { temperature } }] as const,
      ),
      ...[-1, 1.5, Number.NaN].map((topK) => ['topK', { sampling: { topK } }] as const),
      ...[-0.1, 1.1, Number.NaN].map((topP) => ['topP', { sampling: { topP } }] as const),
      ...[-0.1, 1.1, Number.NaN].map((minP) => ['minP', { sampling: { minP } }] as const),
      ...[0.9, 2.1, Number.NaN].map((repeatPenalty) => ['repeatPenalty', { sampling: { repeatPenalty } }] as const),
      ...[-1, 1.5, 2 ** 32, Number.NaN].map((seed) => ['seed', { sampling: { seed } }] as const),
      ...[0, -1, 1.5, Number.NaN].map((maxTokens) => ['maxTokens', { maxTokens }] as const),
      ...[0, -1, 1.5, Number.NaN].map((contextTokens) => ['contextTokens', { contextTokens }] as const),
      ...[-1, 1.5, 8_193].map((repeatLastTokens) => ['repeatLastTokens', { sampling: { repeatLastTokens } }] as const),
      ...[-2.1, 2.1, Number.NaN].map(
        (frequencyPenalty) => ['frequencyPenalty', { sampling: { frequencyPenalty } }] as const,
      ),
      ...[-2.1, 2.1].map((presencePenalty) => ['presencePenalty', { sampling: { presencePenalty } }] as const),
      ...[-0.1, 5.1].map((dryMultiplier) => ['dryMultiplier', { sampling: { dryMultiplier } }] as const),
      ...[0.9, 4.1].map((dryBase) => ['dryBase', { sampling: { dryBase } }] as const),
      ...[0, 65, 1.5].map((dryAllowedLength) => ['dryAllowedLength', { sampling: { dryAllowedLength } }] as const),
      ...[-0.1, 1.1].map((xtcProbability) => ['xtcProbability', { sampling: { xtcProbability } }] as const),
      ...[-0.1, 1.1].map((xtcThreshold) => ['xtcThreshold', { sampling: { xtcThreshold } }] as const),
      ...[{ a: 1 }, { 5: 101 }, { 5: Number.NaN }, { '-1': 0 }].map(
        (logitBias) => ['logitBias', { sampling: { logitBias } }] as const,
      ),
      ...[-1, 1.5, 21, Number.NaN].map((logprobs) => ['logprobs', { logprobs }] as const),
      ['stop', { stop: Array.from({ length: 17 }, (_, index) => `stop ${index}`) }],
      ['stop', { stop: ['x'.repeat(257)] }],
      // From JSON, which no type checks.
      ['onContextOverflow', { onContextOverflow: 'cut' as 'trim' }],
      ['speculation.type', { speculation: { type: 'guess' } as unknown as Speculation }],
      ['role', { prompt: { type: 'chat', messages: [{ role: 'human' as 'user', content: 'x' }] } }],
    ];
    promise(
      subject,
      'refuses every value outside its range with REQUEST_INVALID, naming the option, without a process',
      () =>
        tryEngine(createEngine, {}, async ({ ask, journal }) => {
          for (const [option, rest] of wrong) {
            const { error } = await ask('hello', rest);
            expect({ rest, code: error?.code }).toEqual({ rest, code: 'REQUEST_INVALID' });
            expect(error?.message).toContain(option);
          }
          expect(journal()).toEqual([]);
        }),
    );

    const right: readonly Partial<GenerateRequest>[] = [
      { sampling: { temperature: 0, topK: 0, topP: 0, minP: 0, repeatPenalty: 1, seed: 0 } },
      { sampling: { temperature: 2, topK: 1_000, topP: 1, minP: 1, repeatPenalty: 2, seed: 2 ** 32 - 1 } },
      { maxTokens: 1, stop: Array.from({ length: 16 }, (_, index) => `${index}`.padEnd(256, 'x')) },
      { stop: [] },
    ];
    promise(subject, 'accepts every value at the edge of its range', () =>
      tryEngine(createEngine, {}, async ({ ask }) => {
        for (const rest of right) expect((await ask('hello', rest)).error).toBeNull();
      }),
    );

    promise(subject, 'refuses a prompt with NUL or ESC wherever it stands, without a process', () =>
      tryEngine(createEngine, {}, async ({ ask, journal }) => {
        for (const character of ['\u0000', '\u001B']) {
          const prompts: Prompt[] = [
            { type: 'completion', text: `a${character}b` },
            chat(character),
            {
              type: 'chat',
              messages: [
                { role: 'system', content: `x${character}` },
                { role: 'user', content: 'y' },
              ],
            },
          ];
          for (const prompt of prompts) expect((await ask(prompt)).error?.code).toBe('PROMPT_FORBIDDEN_CHARACTER');
        }
        expect(journal()).toEqual([]);
        expect((await ask('line\n\ttab \u0007bell')).error).toBeNull();
      }),
    );

    promise(subject, 'refuses a prompt of more than 50,000 characters by default', () =>
      tryEngine(createEngine, {}, async ({ ask, journal }) => {
        const { error } = await ask({ type: 'completion', text: 'x'.repeat(50_001) }, { contextTokens: 60_000 });
        expect(error?.code).toBe('PROMPT_TOO_LONG');
        expect(error?.message).toMatch(/50,?_?000/u);
        expect(journal()).toEqual([]);
      }),
    );

    promise(subject, 'counts the characters of all messages against promptCharsMax', () =>
      tryEngine(createEngine, { options: { promptCharsMax: 10 } }, async ({ ask }) => {
        expect((await ask(withSystem('12345', '67890'))).error).toBeNull();
        expect((await ask(withSystem('12345', '67890!'))).error?.code).toBe('PROMPT_TOO_LONG');
      }),
    );

    promise(
      subject,
      'ends an answer beyond responseBytesMax with RESPONSE_TOO_LARGE, keeps the text, and goes on',
      () =>
        tryEngine(
          createEngine,
          {
            script: { answerWhen: [{ promptHas: 'long', answer: { text: 'äöü '.repeat(100) } }] },
            options: { responseBytesMax: 100 },
          },
          async ({ ask }) => {
            const { text, error } = await ask('long', { maxTokens: 1_000 });
            expect(error?.code).toBe('RESPONSE_TOO_LARGE');
            expect(Buffer.byteLength(text)).toBeLessThanOrEqual(100);
            expect(Buffer.byteLength(text)).toBeGreaterThan(90);
            expect('äöü '.repeat(100).startsWith(text)).toBe(true);
            const next = await ask('next', { maxTokens: 10 });
            expect(whole(next.text)).toBe(oracle(chat('next'), 10).text);
          },
        ),
    );

    promise(subject, 'lets an answer of exactly responseBytesMax bytes pass', () =>
      tryEngine(
        createEngine,
        { script: { answer: { text: 'x'.repeat(100) } }, options: { responseBytesMax: 100 } },
        async ({ ask }) => {
          const { text, error } = await ask('hello');
          expect(error).toBeNull();
          expect(text).toBe('x'.repeat(100));
        },
      ),
    );
  });

  describe('check of the model file', () => {
    promise(subject, 'comes before every load, with the path', () => {
      const checked: string[] = [];
      const checkModel = async (path: string): Promise<void> => {
        checked.push(path);
      };
      return tryEngine(createEngine, { options: { checkModel } }, async ({ ask, journal, model, otherModel }) => {
        await ask('hello');
        await ask('hello');
        await ask('hello', { speculation: { type: 'draft', model: otherModel } });
        const loaded = journal().flatMap((entry) =>
          entry.event === 'call' && (entry.operation === 'load' || entry.operation === 'load-draft')
            ? [entry.params['path']]
            : [],
        );
        expect(loaded[0]).toBe(model.path);
        expect(loaded.at(-1)).toBe(otherModel.path);
        expect(checked).toEqual(loaded);
      });
    });

    promise(subject, 'comes before a draft model is loaded, and one that fails is the error of the request', () => {
      const checked: string[] = [];
      let isRefusing = true;
      const checkModel = async (path: string): Promise<void> => {
        checked.push(path);
        if (isRefusing && path.endsWith('other.gguf')) await refuseModel();
      };
      return tryEngine(createEngine, { options: { checkModel } }, async ({ ask, journal, model, otherModel }) => {
        const speculation = { type: 'draft', model: otherModel } as const;
        const drafts = (): number =>
          journal().filter((entry) => entry.event === 'call' && entry.operation === 'load-draft').length;
        const refused = await ask('hello', { speculation });
        expect(refused.error).toMatchObject({ code: 'MODEL_INVALID' });
        expect(drafts()).toBe(0);
        isRefusing = false;
        expect((await ask('hello', { speculation })).error).toBeNull();
        expect(drafts()).toBe(1);
        expect(checked.filter((path) => path === otherModel.path)).toHaveLength(2);
        expect(checked).toContain(model.path);
      });
    });

    promise(subject, 'that fails is the error of the request, and no process sees the file', () => {
      return tryEngine(
        createEngine,
        { options: { checkModel: refuseModel } },
        async ({ ask, engine, journal, model }) => {
          const { error } = await ask('hello');
          expect(error).toMatchObject({ code: 'MODEL_INVALID', facts: { offset: 4 } });
          await expect(engine.describe(model)).rejects.toMatchObject({ code: 'MODEL_INVALID' });
          expect(journal().filter(({ event }) => event === 'call')).toEqual([]);
        },
      );
    });
  });

  describe('capabilities', () => {
    const refused: readonly (readonly [capability: keyof Capabilities, request: Partial<GenerateRequest>])[] = [
      ['seed', { sampling: { seed: 1 } }],
      ['topP', { sampling: { topP: 0.5 } }],
      ['minP', { sampling: { minP: 0.1 } }],
      ['extendedSampling', { sampling: { frequencyPenalty: 0.5 } }],
      ['extendedSampling', { sampling: { logitBias: { 5: 1 } } }],
      ['schema', { format: { type: 'json' } }],
      ['schema', { format: { type: 'json-schema', schema: { type: 'object' } } }],
      ['schema', { format: { type: 'gbnf', grammar: 'root ::= "x"' } }],
      ['schema', { tools: [{ name: 'look' }] }],
      ['logprobs', { logprobs: 2 }],
      ['speculation', { speculation: { type: 'prompt-lookup' } }],
      ['repeatPenalty', { sampling: { repeatPenalty: 1.1 } }],
    ];
    for (const [capability, rest] of refused)
      promise(
        subject,
        `refuses ${JSON.stringify(rest)} of a model without ${capability}, and answers without the option`,
        () =>
          tryEngine(createEngine, { script: { capabilities: { [capability]: false } } }, async ({ ask }) => {
            const { error, text } = await ask('hello', rest);
            expect(error?.code).toBe('OPTION_UNSUPPORTED');
            expect(text).toBe('');
            expect((await ask('hello', { sampling: {} })).error).toBeNull();
          }),
      );

    promise(subject, 'refuses a conversation for a model without a chat template', () =>
      tryEngine(createEngine, { script: { capabilities: { chat: false } } }, async ({ ask, engine, model }) => {
        expect((await ask('hello')).error?.code).toBe('OPTION_UNSUPPORTED');
        await expect(engine.countTokens(model, chat('hello'))).rejects.toMatchObject({ code: 'OPTION_UNSUPPORTED' });
        expect((await ask({ type: 'completion', text: 'hello' })).error).toBeNull();
        expect(await engine.countTokens(model, { type: 'completion', text: 'hello' })).toBe(6);
      }),
    );
  });

  describe('context', () => {
    promise(subject, 'is the smaller of the training context and 8,192 tokens by default', async () => {
      for (const [trainContextTokens, expected] of [
        [4_096, 4_096],
        [32_768, 8_192],
      ] as const)
        await tryEngine(createEngine, { script: { trainContextTokens } }, async ({ engine, model }) => {
          expect(await engine.describe(model)).toMatchObject({ contextTokens: expected, trainContextTokens });
        });
    });

    promise(subject, 'of the request is what the model is loaded with', () =>
      tryEngine(createEngine, {}, async ({ ask, journal }) => {
        await ask('hello', { contextTokens: 300, maxTokens: 4 });
        await ask('hello', { contextTokens: 400, maxTokens: 4 });
        const loaded = journal().flatMap((entry) =>
          entry.event === 'call' && entry.operation === 'load' ? [entry.params['contextTokens']] : [],
        );
        // A process that was loaded with more may serve a request for less, never the other way round.
        expect(loaded).toEqual([300, 400]);
      }),
    );

    promise(subject, 'refuses a longer prompt with both counts, and evaluates nothing of it', () =>
      tryEngine(createEngine, {}, async ({ ask, journal }) => {
        for (const prompt of [chat('x'.repeat(300)), { type: 'completion', text: 'x'.repeat(300) } as const]) {
          const { error } = await ask(prompt, { contextTokens: 128 });
          expect(error?.code).toBe('CONTEXT_EXCEEDED');
          expect(error?.facts).toMatchObject({ promptTokens: tokensOf(prompt), contextTokens: 128 });
          expect(error?.message).toContain(String(tokensOf(prompt)));
        }
        expect(journal().some(({ event }) => event === 'evaluate')).toBe(false);
        const { text } = await ask('short', { contextTokens: 128, maxTokens: 5 });
        expect(whole(text)).toBe(oracle(chat('short'), 5).text);
      }),
    );

    promise(subject, 'ends an answer with reason length when it is full', () =>
      tryEngine(createEngine, { script: { answer: { repeat: 'x', times: 1_000 } } }, async ({ ask }) => {
        const { text, end, error } = await ask('hello', { contextTokens: 64, maxTokens: 1_000 });
        expect(error).toBeNull();
        expect(end?.reason).toBe('length');
        expect(text.length).toBeGreaterThan(64 - tokensOf(chat('hello')) - 3);
        expect(text.length).toBeLessThanOrEqual(64 - tokensOf(chat('hello')) + 1);
      }),
    );

    promise(
      subject,
      'trims a conversation when asked: the system message stays, the oldest turns go, and it says so',
      () =>
        tryEngine(createEngine, { script: { strictTurns: true } }, async ({ ask, journal }) => {
          const messages: ChatMessage[] = [{ role: 'system', content: 'SYSTEM' }];
          for (let turn = 1; turn <= 6; turn += 1) {
            messages.push({ role: 'user', content: `question ${turn} ${'q'.repeat(20)}` });
            if (turn < 6) messages.push({ role: 'assistant', content: `answer ${turn} ${'a'.repeat(20)}` });
          }
          const { events, end, error } = await ask(
            { type: 'chat', messages },
            { contextTokens: 200, maxTokens: 10, onContextOverflow: 'trim' },
          );
          expect(error).toBeNull();
          const trimmed = events.find((event) => event.type === 'prompt-trimmed');
          const before = tokenizeScripted({ type: 'chat', messages }).length;
          expect(trimmed).toMatchObject({ promptTokensBefore: before });
          expect(trimmed?.messagesDropped).toBeGreaterThan(0);
          expect(trimmed?.promptTokensAfter).toBeLessThan(200);
          expect(end?.usage.promptTokens).toBe(trimmed?.promptTokensAfter);
          const kept = [messages[0], ...messages.slice(1 + (trimmed?.messagesDropped ?? 0))] as ChatMessage[];
          expect(tokenizeScripted({ type: 'chat', messages: kept }).length).toBe(trimmed?.promptTokensAfter);
          const prompt = journal().findLast((entry) => entry.event === 'decode')?.prompt;
          expect(prompt?.startsWith('<|begin|><|system|>SYSTEM<|end|><|user|>question')).toBe(true);
          expect(prompt).toContain('question 6');
          expect(prompt).not.toContain('question 1 ');
        }),
    );

    promise(subject, 'refuses a conversation that is too long even without its older turns', () =>
      tryEngine(createEngine, {}, async ({ ask }) => {
        const messages = [
          { role: 'user', content: 'old' },
          { role: 'assistant', content: 'older' },
          { role: 'user', content: 'x'.repeat(300) },
        ] as const;
        const { error } = await ask({ type: 'chat', messages }, { contextTokens: 128, onContextOverflow: 'trim' });
        expect(error?.code).toBe('CONTEXT_EXCEEDED');
      }),
    );

    promise(subject, 'trims the beginning of a completion when asked, and says so', () =>
      tryEngine(createEngine, {}, async ({ ask, journal }) => {
        const text = `BEGINNING ${'x'.repeat(300)} the very end`;
        const answer = await ask(
          { type: 'completion', text },
          { contextTokens: 128, maxTokens: 10, onContextOverflow: 'trim' },
        );
        expect(answer.error).toBeNull();
        const trimmed = answer.events.find((event) => event.type === 'prompt-trimmed');
        expect(trimmed).toMatchObject({ promptTokensBefore: text.length + 1, messagesDropped: 0 });
        expect(trimmed?.promptTokensAfter).toBeLessThan(128);
        expect(answer.end?.usage.promptTokens).toBe(trimmed?.promptTokensAfter);
        const prompt = journal().findLast((entry) => entry.event === 'decode')?.prompt;
        expect(prompt).not.toContain('BEGINNING');
        expect(prompt?.endsWith('the very end')).toBe(true);
      }),
    );

    promise(subject, 'does not trim, nor say so, what fits', () =>
      tryEngine(createEngine, {}, async ({ ask }) => {
        const { events, text } = await ask('hello', { contextTokens: 128, maxTokens: 10, onContextOverflow: 'trim' });
        expect(events.map(({ type }) => type)).not.toContain('prompt-trimmed');
        expect(whole(text)).toBe(oracle(chat('hello'), 10).text);
      }),
    );
  });
}

async function refuseModel(): Promise<never> {
  throw new GemmaError({ code: 'MODEL_INVALID', message: 'The header is damaged.', facts: { offset: 4 } });
}

function withSystem(system: string, user: string): Prompt {
  return {
    type: 'chat',
    messages: [
      { role: 'system', content: system },
      { role: 'user', content: user },
    ],
  };
}

function tokensOf(prompt: Prompt): number {
  return tokenizeScripted(prompt.type === 'completion' ? { type: 'text', text: prompt.text } : prompt).length;
}
