import { describe, expect } from 'vitest';
import type { GenerateRequest } from '@gemma-cli/contracts';
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
