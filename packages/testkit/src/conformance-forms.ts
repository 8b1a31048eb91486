import { describe, expect } from 'vitest';
import type { GenerateRequest, Prompt, ToolDefinition } from '@gemma-cli/contracts';
import { promise } from './conformance-subject.ts';
import type { EngineSubject } from './conformance-subject.ts';
import { tryEngine } from './engine-trial.ts';
import type { EngineTrial } from './engine-trial.ts';
import { chat, oracle, whole } from './oracle.ts';

/** Declares answers that are held to a form, what is told beside the text, and guessing ahead. */
export function declareFormPromises(subject: EngineSubject): void {
  const { createEngine } = subject;

  describe('form of an answer', () => {
    const schema = { type: 'object', properties: { answer: { type: 'string' } }, required: ['answer'] };
    promise(subject, 'is a grammar for the model process: JSON, a schema, or one of the caller, and nothing else', () =>
      tryEngine(createEngine, {}, async (trial) => {
        const own = 'root ::= "{" [^}]+ "}"';
        for (const format of [
          { type: 'json' },
          { type: 'json-schema', schema },
          { type: 'gbnf', grammar: own },
        ] as const) {
          const { text, end } = await trial.ask('hello', { format });
          expect(text).toBe('{"answer":"scripted"}');
          expect(end?.reason).toBe('stop');
        }
        await trial.ask('hello', { maxTokens: 4 });
        const grammars = generateParams(trial).map(({ grammar }) => grammar);
        expect(grammars).toEqual([
          expect.stringMatching(/^\s*root\s*::=/mu),
          expect.stringMatching(/^\s*root\s*::=[\s\S]*answer/mu),
          own,
          null,
        ]);
      }),
    );

    const refused: readonly (readonly [title: string, code: string, request: Partial<GenerateRequest>])[] = [
      [
        'a schema that cannot be honoured',
        'SCHEMA_UNSUPPORTED',
        { format: { type: 'json-schema', schema: { type: 'no' } } },
      ],
      ['a grammar without a root', 'GRAMMAR_INVALID', { format: { type: 'gbnf', grammar: 'start ::= "x"' } }],
      [
        'a form beside tools that may be called',
        'REQUEST_INVALID',
        { format: { type: 'json' }, tools: [{ name: 'look' }] },
      ],
      ['a name that no tool may have', 'REQUEST_INVALID', { tools: [{ name: 'not a name' }] }],
      [
        'a choice of a tool that is not there',
        'REQUEST_INVALID',
        { tools: [{ name: 'look' }], toolChoice: { name: 'x' } },
      ],
    ];
    for (const [title, code, rest] of refused)
      promise(subject, `refuses ${title} with ${code}, and answers the next`, () =>
        tryEngine(createEngine, {}, async ({ ask }) => {
          const { error, text } = await ask('hello', rest);
          expect(error?.code).toBe(code);
          expect(text).toBe('');
          expect(whole((await ask('next', { maxTokens: 9 })).text)).toBe(oracle(chat('next'), 9).text);
        }),
      );
  });

  describe('tools', () => {
    promise(subject, 'are told to the model, and a call comes as an event in place of text', () =>
      tryEngine(createEngine, { script: { grammarAnswer: lookOut } }, async (trial) => {
        for (const toolChoice of ['required', 'auto', { name: 'look_out' }] as const) {
          const { text, events, end } = await trial.ask('how is it there?', { tools, toolChoice });
          expect(text).toBe('');
          const calls = events.filter((event) => event.type === 'tool-call');
          expect(calls).toMatchObject([{ index: 0, name: 'look_out' }]);
          expect(JSON.parse(calls[0]?.arguments ?? '')).toEqual({ place: 'the sea' });
          expect(end?.reason).toBe('tool-calls');
          expect(end?.usage.outputTokens).toBe(lookOut.length);
        }
        const prompts = trial.journal().flatMap((entry) => (entry.event === 'decode' ? [entry.prompt] : []));
        for (const prompt of prompts) expect(prompt).toContain('look_out');
        for (const { grammar } of generateParams(trial)) expect(grammar).toContain('look_out');
      }),
    );

    promise(subject, 'may be several in one answer when asked for, each with an id of its own', () =>
      tryEngine(
        createEngine,
        { script: { grammarAnswer: `[${lookOut}, {"name": "wait", "arguments": {}}]` } },
        async ({ ask }) => {
          const { events, end } = await ask('both!', { tools, toolChoice: 'required', parallelToolCalls: true });
          const calls = events.filter((event) => event.type === 'tool-call');
          expect(calls.map(({ index, name }) => [index, name])).toEqual([
            [0, 'look_out'],
            [1, 'wait'],
          ]);
          expect(end?.reason).toBe('tool-calls');
        },
      ),
    );

    promise(subject, 'that may be called leave text as it is when the model prefers to talk', () =>
      tryEngine(createEngine, { script: { grammarAnswer: 'It is {sunny} there. 😀' } }, async ({ ask }) => {
        const { text, events, end } = await ask('how is it there?', { tools });
        expect(text).toBe('It is {sunny} there. 😀');
        expect(events.some(({ type }) => type === 'tool-call')).toBe(false);
        expect(end?.reason).toBe('stop');
      }),
    );

    promise(subject, 'that must not be called hold the answer to nothing', () =>
      tryEngine(createEngine, {}, async (trial) => {
        const { end } = await trial.ask('hello', { tools, toolChoice: 'none', maxTokens: 9 });
        expect(end?.reason).not.toBe('tool-calls');
        expect(generateParams(trial).map(({ grammar }) => grammar)).toEqual([null]);
      }),
    );

    promise(subject, 'whose call is cut by the token limit are not called, and what there is of it is told', () =>
      tryEngine(createEngine, { script: { grammarAnswer: lookOut } }, async ({ ask }) => {
        const { events, end } = await ask('hello', { tools, toolChoice: 'required', maxTokens: 45 });
        expect(events.some(({ type }) => type === 'tool-call')).toBe(false);
        expect(events.filter(({ type }) => type === 'tool-call-cut')).toMatchObject([
          { index: 0, name: 'look_out', arguments: lookOut.slice(lookOut.lastIndexOf('{'), 45) },
        ]);
        expect(end).toMatchObject({ reason: 'length', usage: { outputTokens: 45 } });
      }),
    );

    promise(subject, 'count as tokens of the prompt, with their calls and results', () =>
      tryEngine(createEngine, { script: { grammarAnswer: 'It rains.' } }, async ({ engine, ask, model }) => {
        const prompt: Prompt = {
          type: 'chat',
          messages: [
            { role: 'user', content: 'how is it there?' },
            { role: 'assistant', content: '', toolCalls: [{ id: 'call_1', name: 'wait', arguments: '{}' }] },
            { role: 'tool', content: 'heavy rain', toolCallId: 'call_1' },
          ],
        };
        for (const rest of [{}, { tools }]) {
          const { end } = await ask(prompt, rest);
          expect(await engine.countTokens(model, prompt, rest)).toBe(end?.usage.promptTokens);
        }
      }),
    );

    promise(subject, 'give their results to the model in the conversation', () =>
      tryEngine(createEngine, { script: { grammarAnswer: 'It rains.' } }, async (trial) => {
        const { text, error } = await trial.ask(
          {
            type: 'chat',
            messages: [
              { role: 'user', content: 'how is it there?' },
              {
                role: 'assistant',
                content: '',
                toolCalls: [{ id: 'call_1', name: 'look_out', arguments: '{"place":"the sea"}' }],
              },
              { role: 'tool', content: 'heavy rain', toolCallId: 'call_1' },
            ],
          },
          { tools },
        );
        expect(error).toBeNull();
        expect(text).toBe('It rains.');
        const prompt = trial.journal().findLast((entry) => entry.event === 'decode')?.prompt;
        expect(prompt).toContain('heavy rain');
        expect(prompt).toContain('the sea');
      }),
    );
  });

  describe('log-probabilities', () => {
    promise(
      subject,
      'tell every token with its bytes and the likeliest ones in its place, and only when asked for',
      () =>
        tryEngine(createEngine, { script: { answer: { text: 'aé😀.' } } }, async ({ ask }) => {
          const { events, text, end } = await ask('hello', { logprobs: 3 });
          expect(text).toBe('aé😀.');
          const told = events.flatMap((event) => (event.type === 'text-delta' ? (event.logprobs ?? []) : []));
          expect(told.length).toBe(end?.usage.outputTokens);
          expect(Buffer.from(told.flatMap(({ bytes }) => [...bytes])).toString()).toBe(text);
          for (const { logprob, top } of told) {
            expect(logprob).toBe(-0.25);
            expect(top.map((other) => other.logprob)).toEqual([-0.25, -0.75, -1.25]);
          }
          const plain = await ask('hello');
          expect(plain.events.some((event) => event.type === 'text-delta' && event.logprobs !== undefined)).toBe(false);
        }),
    );

    promise(subject, 'of tokens whose text is not shown come with the end', () =>
      tryEngine(createEngine, { script: { answer: { text: 'a😀' }, grammarAnswer: lookOut } }, async ({ ask }) => {
        for (const rest of [{ maxTokens: 3 }, { tools, toolChoice: 'required' as const }]) {
          const { events, text, end } = await ask('hello', { logprobs: 0, ...rest });
          const shown = events.flatMap((event) => (event.type === 'text-delta' ? (event.logprobs ?? []) : []));
          const told = [...shown, ...(end?.logprobs ?? [])];
          expect(told.length).toBe(end?.usage.outputTokens);
          expect(Buffer.from(told.flatMap(({ bytes }) => [...bytes])).length).toBeGreaterThan(Buffer.byteLength(text));
        }
      }),
    );

    promise(subject, 'of no others than the token itself are those of the tokens alone', () =>
      tryEngine(createEngine, { script: { answer: { text: 'ab' } } }, async ({ ask }) => {
        const { events } = await ask('hello', { logprobs: 0 });
        const told = events.flatMap((event) => (event.type === 'text-delta' ? (event.logprobs ?? []) : []));
        expect(told).toMatchObject([
          { text: 'a', top: [] },
          { text: 'b', top: [] },
        ]);
      }),
    );
  });

  describe('guessing ahead', () => {
    promise(subject, 'changes no text and is counted, from the prompt and by a smaller model that is loaded once', () =>
      tryEngine(createEngine, {}, async (trial) => {
        const kinds = [{ type: 'prompt-lookup' }, { type: 'draft', model: trial.otherModel }] as const;
        for (const speculation of [...kinds, ...kinds]) {
          const { text, end } = await trial.ask('hello', { maxTokens: 30, speculation });
          expect(whole(text)).toBe(oracle(chat('hello'), 30).text);
          const noted = trial.journal().findLast((entry) => entry.event === 'speculation');
          expect(noted?.type).toBe(speculation.type);
          expect(end?.usage).toMatchObject({ draftedTokens: noted?.drafted, acceptedTokens: noted?.accepted });
        }
        const drafts = trial.journal().filter((entry) => entry.event === 'call' && entry.operation === 'load-draft');
        expect(drafts.length).toBe(trial.pids().length === 1 ? 1 : 2);
        for (const draft of drafts) expect(draft).toMatchObject({ params: { path: trial.otherModel.path } });
        const { end } = await trial.ask('hello', { maxTokens: 30 });
        expect(end?.usage).not.toHaveProperty('draftedTokens');
      }),
    );
  });
}

function generateParams(trial: EngineTrial): readonly Record<string, unknown>[] {
  return trial
    .journal()
    .flatMap((entry) => (entry.event === 'call' && entry.operation === 'generate' ? [entry.params] : []));
}

/** Tools, and a call of one. */
const tools: readonly ToolDefinition[] = [
  {
    name: 'look_out',
    description: 'Tells the weather.',
    parameters: { type: 'object', properties: { place: { type: 'string' } }, required: ['place'] },
  },
  { name: 'wait' },
];
const lookOut = '{"name": "look_out", "arguments": {"place": "the sea"}}';
