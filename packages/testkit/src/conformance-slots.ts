import { describe, expect } from 'vitest';
import type { Prompt } from '@gemma-cli/contracts';
import { collectAnswer } from './collect-answer.ts';
import { promise } from './conformance-subject.ts';
import type { EngineSubject } from './conformance-subject.ts';
import { tryEngine, untilGone } from './engine-trial.ts';
import type { EngineTrial } from './engine-trial.ts';
import { chat, oracle, whole } from './oracle.ts';
import { until } from './until.ts';
import type { JournalEntry } from './worker-journal.ts';
import type { WorkerScript } from './worker-script.ts';

/** Says sixty tokens to everybody, in batches that take long enough for requests to meet. */
const steady: WorkerScript = { journalBatches: true, pieceMs: 3, answer: { repeat: 'x', times: 60 } };

/** Declares how an engine answers several requests of a model side by side. */
export function declareSlotPromises(subject: EngineSubject): void {
  const { createEngine } = subject;
  const promised = (title: string, body: () => Promise<void>): void => promise(subject, title, body, 'slots');

  describe('side by side', () => {
    promised('answers four requests on one process at the same time, each with its own text', () =>
      tryEngine(createEngine, { script: { journalBatches: true, pieceMs: 2 } }, async (trial) => {
        const questions = Array.from({ length: 4 }, (_, index) => `which of the four is number ${index}?`);
        const answers = await Promise.all(questions.map((question) => trial.ask(question, { maxTokens: 40 })));
        for (const [index, { text }] of answers.entries())
          expect(whole(text)).toBe(oracle(chat(questions[index] ?? ''), 40).text);
        expect(trial.pids().length).toBe(1);
        expect(Math.max(...decodingBatches(trial).map(({ length }) => length))).toBeGreaterThan(1);
      }),
    );

    promised('gives each as many tokens as the others while they decode', () =>
      tryEngine(createEngine, { script: steady, options: { slots: 4 } }, async (trial) => {
        await Promise.all(['a', 'b', 'c', 'd'].map((question) => trial.ask(question, { maxTokens: 60 })));
        const batches = decodingBatches(trial);
        const all = [...new Set(batches.flat())];
        expect(all.length).toBe(4);
        // From the batch in which the last one began to the one in which the first ended.
        const began = Math.max(...all.map((sequence) => batches.findIndex((batch) => batch.includes(sequence))));
        const ended = Math.min(...all.map((sequence) => batches.findLastIndex((batch) => batch.includes(sequence))));
        expect(ended - began, 'they decode at the same time').toBeGreaterThan(20);
        const said = all.map(
          (sequence) => batches.slice(began, ended + 1).filter((batch) => batch.includes(sequence)).length,
        );
        expect(Math.max(...said) - Math.min(...said), `tokens said meanwhile: ${said.join(', ')}`).toBeLessThanOrEqual(
          2,
        );
      }),
    );

    promised('keeps at most `slots` requests at work and the others waiting, in order of arrival', () =>
      tryEngine(createEngine, { script: steady, options: { slots: 2 } }, async (trial) => {
        const questions = ['first', 'second', 'third', 'fourth', 'fifth'];
        const answers = questions.map((question) => trial.ask(question, { maxTokens: 20 }));
        await until('three wait', () => trial.engine.status().queued === 3);
        await until('two are at work', () => countOf(trial, 'decode') === 2);
        expect(trial.engine.status().processes).toMatchObject([{ slots: 2, busySlots: 2, state: 'busy' }]);
        for (const { end } of await Promise.all(answers)) expect(end?.usage.outputTokens).toBe(20);
        expect(Math.max(...decodingBatches(trial).map(({ length }) => length))).toBe(2);
        const order = trial.journal().flatMap((entry) => (entry.event === 'decode' ? [entry.prompt] : []));
        expect(order.slice(2).map((prompt) => questions.findIndex((question) => prompt.includes(question)))).toEqual([
          2, 3, 4,
        ]);
        expect(trial.engine.status().processes).toMatchObject([{ busySlots: 0, state: 'idle' }]);
      }),
    );

    promised('with one slot answers one after the other', () =>
      tryEngine(createEngine, { script: steady, options: { slots: 1 } }, async (trial) => {
        await Promise.all(['a', 'b', 'c'].map((question) => trial.ask(question, { maxTokens: 10 })));
        expect(Math.max(...decodingBatches(trial).map(({ length }) => length))).toBe(1);
        expect(trial.engine.status().processes).toMatchObject([{ slots: 1 }]);
      }),
    );

    promised('lets a long prompt hold up a running answer by one chunk at most', () =>
      tryEngine(
        createEngine,
        { script: { ...steady, answer: { repeat: 'x', times: 300 }, pieceMs: 2, evaluateMsPerToken: 0.5 } },
        async (trial) => {
          let shown = 0;
          const first = collectAnswer(trial.engine.generate(trial.request('short', { maxTokens: 300 })), (_, text) => {
            shown = text.length;
          });
          await until('the first answer flows', () => shown > 5);
          const second = trial.ask('w'.repeat(1_500), { maxTokens: 2 });
          await Promise.all([first, second]);
          const batches = trial.journal().filter((entry) => entry.event === 'batch');
          const runner = batches.find(({ shares }) => shares.some(({ does }) => does === 'decode'))?.shares[0]
            ?.sequence;
          const last = batches.findLastIndex(({ shares }) => shares.some(({ sequence }) => sequence === runner));
          let [alone, longest, chunks] = [0, 0, 0];
          for (const { shares } of batches.slice(0, last)) {
            const others = shares.filter(({ sequence, does }) => sequence !== runner && does === 'evaluate');
            if (others.length > 0) chunks += 1;
            alone = shares.some(({ sequence }) => sequence === runner) ? 0 : alone + others.length;
            longest = Math.max(longest, alone);
          }
          expect(chunks, 'the long prompt came in chunks while the other decoded').toBeGreaterThan(3);
          expect(longest, 'chunks between two tokens of the running answer').toBeLessThanOrEqual(1);
        },
      ),
    );

    promised('goes on with the others when one is aborted, and keeps the process', () =>
      tryEngine(createEngine, { script: { pieceMs: 4 } }, async (trial) => {
        const controller = new AbortController();
        const others = [trial.ask('one of the others', { maxTokens: 60 }), trial.ask('another one', { maxTokens: 60 })];
        const aborted = await collectAnswer(
          trial.engine.generate(trial.request('the aborted', { maxTokens: 5_000 }), { signal: controller.signal }),
          (event) => {
            if (event.type === 'text-delta') controller.abort();
          },
        );
        if (aborted.end?.reason !== 'stop') expect(aborted.end?.reason).toBe('aborted');
        expect(oracle(chat('the aborted'), 5_000).text.startsWith(whole(aborted.text))).toBe(true);
        for (const [index, { text }] of (await Promise.all(others)).entries())
          expect(whole(text)).toBe(oracle(chat(index === 0 ? 'one of the others' : 'another one'), 60).text);
        expect(whole((await trial.ask('next', { maxTokens: 9 })).text)).toBe(oracle(chat('next'), 9).text);
        expect(trial.pids().length).toBe(1);
      }),
    );

    promised('of a crash tells exactly the requests on that process, each with its text so far', () =>
      tryEngine(
        createEngine,
        {
          script: {
            pieceMs: 3,
            // It is the second process that dies, when its first answer has shown five tokens.
            faults: [{ at: 'piece', after: 5, do: 'exit', code: 17, process: 2 }],
            answer: { repeat: 'ab', times: 80 },
          },
        },
        async (trial) => {
          const survivor = trial.ask('survivor', { maxTokens: 80, model: trial.otherModel });
          await until('the first process is loaded', () => countOf(trial, 'decode') === 1);
          const victims = await Promise.all(['a', 'b', 'c'].map((question) => trial.ask(question, { maxTokens: 80 })));
          for (const { error, text } of victims) {
            expect(error).toMatchObject({ code: 'ENGINE_EXITED', facts: { exitCode: 17 } });
            expect('ab'.repeat(80).startsWith(text)).toBe(true);
          }
          expect(Math.max(...victims.map(({ text }) => text.length))).toBe(10);
          expect((await survivor).text).toBe('ab'.repeat(80));
          await untilGone(trial.pids()[1]);
          expect((await trial.ask('next', { maxTokens: 80 })).text).toBe('ab'.repeat(80));
          expect(trial.pids().length).toBe(3);
        },
      ),
    );

    promised('loads a cold model once for eight requests at once', () =>
      tryEngine(createEngine, { script: { faults: [{ at: 'load', do: 'delay', ms: 150 }] } }, async (trial) => {
        const questions = Array.from({ length: 8 }, (_, index) => `question ${index}`);
        const answers = await Promise.all(questions.map((question) => trial.ask(question, { maxTokens: 12 })));
        for (const [index, { text }] of answers.entries())
          expect(whole(text)).toBe(oracle(chat(questions[index] ?? ''), 12).text);
        expect(trial.pids().length).toBe(1);
        expect(trial.journal().filter((entry) => entry.event === 'call' && entry.operation === 'load').length).toBe(1);
      }),
    );

    promised('goes on loading for the others when the first who asked leaves', () =>
      tryEngine(createEngine, { script: { faults: [{ at: 'load', do: 'delay', ms: 300 }] } }, async (trial) => {
        const controller = new AbortController();
        const first = trial.ask('first', {}, { signal: controller.signal });
        await until('the first loads', () => trial.pids().length === 1);
        const second = trial.ask('second', { maxTokens: 12 });
        await until('both wait for it', () => trial.engine.status().processes[0]?.busySlots === 2);
        controller.abort();
        expect((await first).end?.reason).toBe('aborted');
        expect(whole((await second).text)).toBe(oracle(chat('second'), 12).text);
        expect(trial.pids().length).toBe(1);
      }),
    );

    promised('tells everybody who waits for a load that it failed, and loads anew for the next', () =>
      tryEngine(
        createEngine,
        { script: { faults: [{ at: 'load', do: 'exit', code: 3, process: 1 }] } },
        async (trial) => {
          const answers = await Promise.all(['a', 'b', 'c'].map((question) => trial.ask(question, { maxTokens: 5 })));
          const failed = answers.filter(({ error }) => error !== null);
          expect(failed.length).toBeGreaterThan(0);
          for (const { error } of failed) expect(error?.facts).toMatchObject({ exitCode: 3 });
          expect(whole((await trial.ask('next', { maxTokens: 9 })).text)).toBe(oracle(chat('next'), 9).text);
          expect(trial.pids().length).toBe(2);
        },
      ),
    );

    promised('answers a reproducible request alike, alone and among others', () =>
      tryEngine(createEngine, { script: { batchSensitive: true, pieceMs: 2 } }, async (trial) => {
        const long = 'word '.repeat(60);
        const ask = (): ReturnType<EngineTrial['ask']> => trial.ask(long, { reproducible: true, maxTokens: 40 });
        const alone = await ask();
        const others = ['a', 'b', 'c'].map((question) => trial.ask(question, { maxTokens: 60 }));
        const among = await ask();
        expect(among.text).toBe(alone.text);
        await Promise.all(others);
      }),
    );
  });

  describe('several conversations', () => {
    promised('stay cached while the user switches between them', () =>
      tryEngine(createEngine, {}, async (trial) => {
        const talks = ['the sea', 'the mountains', 'the desert'].map((topic) => conversation(trial, topic.repeat(30)));
        for (const talk of talks) await talk.say('and tell me more');
        for (const [index, talk] of talks.entries()) {
          const { usage, shared } = await talk.say('go on');
          expect(usage?.cachedTokens, `conversation ${index}`).toBeGreaterThanOrEqual(0.9 * shared);
        }
        expect(trial.pids().length).toBe(1);
      }),
    );

    promised('share the state of one system prompt, and none loses its own by that', () =>
      tryEngine(createEngine, {}, async (trial) => {
        const system = 'You are a patient teacher of everything. '.repeat(12);
        const [one, other] = [conversation(trial, '', system), conversation(trial, '', system)];
        await one.say('what is a whale?'.repeat(6));
        const { usage } = await other.say('what is a volcano?'.repeat(6));
        expect(usage?.cachedTokens, 'of the other, the system prompt').toBeGreaterThanOrEqual(0.9 * system.length);
        const { usage: again, shared } = await one.say('and a dolphin?');
        expect(again?.cachedTokens, 'of the first, all').toBeGreaterThanOrEqual(0.9 * shared);
      }),
    );

    promised('may be more than there are slots: each is answered right', () =>
      tryEngine(createEngine, { options: { slots: 2 } }, async (trial) => {
        const talks = Array.from({ length: 4 }, (_, index) => conversation(trial, `topic ${index} `.repeat(20)));
        for (let turn = 0; turn < 2; turn += 1) for (const talk of talks) await talk.say(`turn ${turn}`);
      }),
    );

    promised('take over what comes before an edit, far back', () =>
      tryEngine(createEngine, {}, async ({ ask }) => {
        const messages = Array.from({ length: 9 }, (_, index) => ({
          role: index % 2 === 0 ? ('user' as const) : ('assistant' as const),
          content: `message ${index} `.repeat(20),
        }));
        await ask({ type: 'chat', messages }, { maxTokens: 20 });
        const edited: Prompt = {
          type: 'chat',
          messages: [...messages.slice(0, 4), { role: 'user', content: 'something else' }],
        };
        const { text, end } = await ask(edited, { maxTokens: 20 });
        expect(whole(text)).toBe(oracle(edited, 20).text);
        // Four messages of some 220 tokens come before the edit.
        expect(end?.usage.cachedTokens).toBeGreaterThanOrEqual(800);
      }),
    );

    promised('of a model with a sliding window come back to what they share, however far back', () =>
      tryEngine(createEngine, { script: { cutTokensMax: 64 } }, async ({ ask, journal }) => {
        const system = { role: 'system', content: 'You know all rules of this house by heart. '.repeat(20) } as const;
        for (const [turn, question] of ['first', 'second', 'third'].entries()) {
          const prompt: Prompt = { type: 'chat', messages: [system, { role: 'user', content: question.repeat(60) }] };
          const { text, end } = await ask(prompt, { maxTokens: 20 });
          expect(whole(text)).toBe(oracle(prompt, 20).text);
          if (turn > 0) expect(end?.usage.cachedTokens).toBeGreaterThanOrEqual(0.9 * system.content.length);
        }
        expect(journal().some((entry) => entry.event === 'call' && entry.operation === 'checkpoint')).toBe(true);
      }),
    );
  });
}

interface Conversation {
  /** Says something, checks the answer, and tells the usage beside the tokens that could be cached. */
  say(text: string): Promise<{
    readonly usage: NonNullable<Awaited<ReturnType<EngineTrial['ask']>>['end']>['usage'] | undefined;
    readonly shared: number;
  }>;
}

function conversation(trial: EngineTrial, beginning: string, system = ''): Conversation {
  const messages: { role: 'system' | 'user' | 'assistant'; content: string }[] =
    system === '' ? [] : [{ role: 'system', content: system }];
  let shared = 0;
  return {
    async say(text) {
      messages.push({ role: 'user', content: messages.length < 2 ? `${beginning}${text}` : text });
      const prompt: Prompt = { type: 'chat', messages: [...messages] };
      const { text: answer, end, error } = await trial.ask(prompt, { maxTokens: 20 });
      expect(error).toBeNull();
      expect(whole(answer)).toBe(oracle(prompt, 20).text);
      messages.push({ role: 'assistant', content: answer });
      const before = shared;
      shared = end?.usage.promptTokens ?? 0;
      return { usage: end?.usage, shared: before };
    },
  };
}

/** The sequences that decoded in each batch, in order. */
function decodingBatches(trial: EngineTrial): readonly (readonly number[])[] {
  return trial.journal().flatMap((entry) => {
    if (entry.event !== 'batch') return [];
    const decoding = entry.shares.filter(({ does }) => does === 'decode').map(({ sequence }) => sequence);
    return decoding.length === 0 ? [] : [decoding];
  });
}

function countOf(trial: EngineTrial, event: JournalEntry['event']): number {
  return trial.journal().filter((entry) => entry.event === event).length;
}
