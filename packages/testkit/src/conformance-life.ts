import { describe, expect } from 'vitest';
import type { EngineEvent } from '@gemma-cli/contracts';
import { collectAnswer } from './collect-answer.ts';
import { expectCloseOfHung } from './conformance-shared.ts';
import { has, promise } from './conformance-subject.ts';
import type { EngineSubject } from './conformance-subject.ts';
import { tryEngine, untilFault, untilGone } from './engine-trial.ts';
import type { EngineTrial } from './engine-trial.ts';
import { chat, oracle, whole } from './oracle.ts';
import { until } from './until.ts';

/** Declares how an engine lives: concurrency, questions about models, status, processes, the end. */
export function declareLifePromises(subject: EngineSubject): void {
  const { createEngine } = subject;

  describe('concurrency', () => {
    promise(subject, 'answers concurrent requests each with its own text, in order of arrival', () =>
      tryEngine(createEngine, { options: { slots: 1 } }, async (trial) => {
        const questions = Array.from({ length: 8 }, (_, index) => `question number ${index}`);
        const answers = await Promise.all(questions.map((question) => trial.ask(question, { maxTokens: 20 })));
        for (const [index, { text }] of answers.entries())
          expect(whole(text)).toBe(oracle(chat(questions[index] ?? ''), 20).text);
        const order = decodedPrompts(trial).map((prompt) => /question number \d+/u.exec(prompt)?.[0]);
        expect(order).toEqual(questions);
      }),
    );

    promise(subject, 'lets queueMax requests wait and refuses one more with ENGINE_BUSY', () =>
      tryEngine(
        createEngine,
        {
          script: { faults: [{ at: 'piece', after: 1, do: 'delay', ms: 700, process: 1 }] },
          options: { queueMax: 2, slots: 1 },
        },
        async (trial) => {
          const first = trial.ask('first', { maxTokens: 5 });
          await untilFault(trial);
          const waiting = [trial.ask('second', { maxTokens: 5 }), trial.ask('third', { maxTokens: 5 })];
          await until('two requests wait', () => trial.engine.status().queued === 2);
          const refused = await trial.ask('fourth');
          expect(refused.error?.code).toBe('ENGINE_BUSY');
          expect(refused.events).toEqual([]);
          for (const { end, error } of await Promise.all([first, ...waiting])) {
            expect(error).toBeNull();
            expect(end).not.toBeNull();
          }
          expect(trial.engine.status().queued).toBe(0);
          expect((await trial.ask('fifth')).error).toBeNull();
        },
      ),
    );

    promise(subject, 'counts the time in the queue', () =>
      tryEngine(
        createEngine,
        {
          script: { faults: [{ at: 'piece', after: 1, do: 'delay', ms: 400, process: 1 }] },
          options: { slots: 1 },
        },
        async (trial) => {
          const first = trial.ask('first', { maxTokens: 5 });
          await untilFault(trial);
          const { end } = await trial.ask('second', { maxTokens: 5 });
          // The wait is longer than nothing by construction; how long, no test can promise.
          expect(end?.timings.queueMs).toBeGreaterThan(0);
          await first;
        },
      ),
    );

    promise(subject, 'serves two models in turn, each with its own load', () =>
      tryEngine(createEngine, {}, async (trial) => {
        for (const model of [trial.model, trial.otherModel, trial.model]) {
          const { text } = await trial.ask('hello', { model, maxTokens: 10 });
          expect(whole(text)).toBe(oracle(chat('hello'), 10).text);
        }
        const paths = trial
          .journal()
          .flatMap((entry) => (entry.event === 'call' && entry.operation === 'load' ? [entry.params['path']] : []));
        expect(paths.slice(0, 2)).toEqual([trial.model.path, trial.otherModel.path]);
      }),
    );
  });

  describe('questions about a model', () => {
    promise(subject, 'describe tells what the model process said', () =>
      tryEngine(
        createEngine,
        { script: { trainContextTokens: 2_048, capabilities: { minP: false, chat: false } } },
        async ({ engine, model }) => {
          expect(await engine.describe(model)).toEqual({
            name: 'scripted',
            architecture: 'scripted',
            contextTokens: 2_048,
            trainContextTokens: 2_048,
            runtime: { name: 'scripted', version: '1.0.0' },
            capabilities: expect.objectContaining({ seed: true, minP: false, chat: false, embeddings: false }),
          });
        },
      ),
    );

    promise(subject, 'countTokens counts what generate evaluates', () =>
      tryEngine(createEngine, {}, async ({ engine, model, ask }) => {
        for (const prompt of [chat('how many?'), { type: 'completion', text: 'so viele: ü😀' } as const]) {
          const counted = await engine.countTokens(model, prompt);
          expect(counted).toBe((await ask(prompt, { maxTokens: 1 })).end?.usage.promptTokens);
        }
      }),
    );

    promise(
      subject,
      'describe and countTokens fail with the typed error of a process that dies, and work again after',
      () =>
        tryEngine(
          createEngine,
          {
            script: {
              faults: [
                { at: 'load', do: 'exit', code: 5, process: 1 },
                { at: 'tokenize', do: 'exit', code: 6, process: 2 },
              ],
            },
          },
          async ({ engine, model }) => {
            await expect(engine.describe(model)).rejects.toMatchObject({ facts: { exitCode: 5 } });
            await expect(engine.countTokens(model, chat('x'))).rejects.toMatchObject({
              code: 'ENGINE_EXITED',
              facts: { exitCode: 6 },
            });
            expect(await engine.describe(model)).toMatchObject({ architecture: 'scripted' });
          },
        ),
    );

    promise(subject, 'describe and countTokens reject with ABORTED when their signal fires', () =>
      tryEngine(
        createEngine,
        { script: { faults: [{ at: 'load', do: 'hang', process: 1 }] }, options: { abortMsMax: 100 } },
        async (trial) => {
          const { engine, model } = trial;
          await expect(engine.describe(model, { signal: AbortSignal.abort() })).rejects.toMatchObject({
            code: 'ABORTED',
          });
          const controller = new AbortController();
          const counting = engine.countTokens(model, chat('x'), { signal: controller.signal });
          await Promise.all([
            expect(counting).rejects.toMatchObject({ code: 'ABORTED' }),
            untilFault(trial).then(() => {
              controller.abort();
            }),
          ]);
          await untilGone(trial.pids()[0]);
          expect(await engine.countTokens(model, chat('x'))).toBe(5);
        },
      ),
    );
  });

  describe('processes', () => {
    promise(
      subject,
      'one process serves every request of a model, loaded once',
      () =>
        tryEngine(createEngine, {}, async ({ ask, engine, model, pids }) => {
          expect((await ask('one')).events[0]?.type).toBe('load-start');
          const { events, end } = await ask('two');
          expect(events[0]?.type).not.toBe('load-start');
          expect(end?.timings.loadMs).toBe(0);
          await engine.describe(model);
          await engine.countTokens(model, chat('three'));
          expect(pids().length).toBe(1);
          expect(engine.status().processes).toMatchObject([{ pid: pids()[0], model: 'scripted', state: 'idle' }]);
          expect(engine.status().processes[0]?.cachedTokens).toBeGreaterThan(0);
        }),
      'warmProcess',
    );

    if (!has(subject, 'warmProcess'))
      promise(subject, 'every request has a process of its own, which is gone afterwards', () =>
        tryEngine(createEngine, {}, async ({ ask, engine, pids }) => {
          for (const question of ['one', 'two']) expect((await ask(question)).events[0]?.type).toBe('load-start');
          expect(new Set(pids()).size).toBe(2);
          for (const pid of pids()) await untilGone(pid);
          await until('no process is listed', () => engine.status().processes.length === 0);
        }),
      );

    promise(
      subject,
      'an idle process is ended after keepAliveMs, and the next request loads again',
      () =>
        tryEngine(createEngine, { options: { keepAliveMs: 60 } }, async ({ ask, engine, pids }) => {
          await ask('one');
          await untilGone(pids()[0]);
          await until('no process is listed', () => engine.status().processes.length === 0);
          expect((await ask('two')).events[0]?.type).toBe('load-start');
          expect(pids().length).toBe(2);
        }),
      'warmProcess',
    );

    promise(subject, 'status shows the process while it loads and while it works', () =>
      tryEngine(
        createEngine,
        {
          script: {
            answer: { text: 'abcdef' },
            faults: [
              { at: 'load', do: 'delay', ms: 400 },
              { at: 'piece', after: 2, do: 'delay', ms: 400 },
            ],
          },
          options: { threads: 3 },
        },
        async (trial) => {
          expect(trial.engine.status()).toEqual({
            implementation: trial.engine.implementation,
            queued: 0,
            processes: [],
            stateCache: null,
          });
          const answer = trial.ask('hello', { maxTokens: 5 });
          await untilFault(trial, 1);
          expect(trial.engine.status().processes).toMatchObject([
            { pid: trial.pids()[0], state: 'loading', model: 'scripted' },
          ]);
          await untilFault(trial, 2);
          expect(trial.engine.status().processes).toMatchObject([{ pid: trial.pids()[0], state: 'busy', threads: 3 }]);
          await answer;
        },
      ),
    );

    promise(
      subject,
      'the model process gets the threads and the environment of the options, and none of the caller',
      () =>
        tryEngine(
          createEngine,
          { options: { threads: 2, env: { GEMMA_TESTKIT_GIVEN: 'yes' } } },
          async ({ ask, journal }) => {
            await ask('hello');
            const spawned = journal().find((entry) => entry.event === 'spawn');
            expect(spawned?.environment).toContain('GEMMA_TESTKIT_GIVEN');
            expect(spawned?.environment).toContain('UV_THREADPOOL_SIZE');
            // The runner of these tests sets this for itself; a model process that has it has inherited too much.
            expect(spawned?.environment).not.toContain('VITEST');
            const load = journal().find((entry) => entry.event === 'call' && entry.operation === 'load');
            expect(load).toMatchObject({ params: { threads: 2 } });
          },
        ),
    );

    promise(subject, 'a noisy process is drained and answers: stdout, stderr and log lines', () =>
      tryEngine(
        createEngine,
        {
          script: {
            faults: [
              { at: 'ready', do: 'noise', stream: 'stderr', bytes: 400_000 },
              { at: 'load', do: 'noise', stream: 'stdout', bytes: 400_000 },
              { at: 'load', do: 'log', message: 'a warning of the runtime' },
              { at: 'piece', after: 1, do: 'noise', stream: 'stderr', bytes: 3_000_000 },
            ],
          },
        },
        async ({ ask }) => {
          const { text } = await ask('hello', { maxTokens: 20 });
          expect(whole(text)).toBe(oracle(chat('hello'), 20).text);
        },
      ),
    );
  });

  describe('close', () => {
    promise(subject, 'is safe to call twice, before any request and after one', () =>
      tryEngine(createEngine, {}, async ({ engine, ask }) => {
        await ask('hello');
        await Promise.all([engine.close(), engine.close()]);
        await engine.close();
        expect(engine.status()).toMatchObject({ queued: 0, processes: [] });
      }),
    );

    promise(subject, 'refuses everything afterwards with ENGINE_CLOSED', () =>
      tryEngine(createEngine, {}, async ({ engine, ask, model, journal }) => {
        await engine.close();
        expect((await ask('hello')).error?.code).toBe('ENGINE_CLOSED');
        await expect(engine.describe(model)).rejects.toMatchObject({ code: 'ENGINE_CLOSED' });
        await expect(engine.countTokens(model, chat('x'))).rejects.toMatchObject({ code: 'ENGINE_CLOSED' });
        expect(journal()).toEqual([]);
      }),
    );

    promise(subject, 'refuses an answer that was asked for before and not begun', () =>
      tryEngine(createEngine, {}, async ({ engine, request, journal }) => {
        const answer = engine.generate(request('hello'));
        await engine.close();
        expect((await collectAnswer(answer)).error?.code).toBe('ENGINE_CLOSED');
        expect(journal()).toEqual([]);
      }),
    );

    for (const at of ['ready', 'load', 'evaluate', 'piece'] as const)
      promise(
        subject,
        `ends a running request, stuck at ${at}, and a waiting one with ENGINE_CLOSED, and leaves no process`,
        () =>
          tryEngine(
            createEngine,
            {
              script: { faults: [{ at, after: at === 'piece' ? 2 : 0, do: 'hang' }], answer: { text: 'abcdef' } },
              options: { abortMsMax: 100, slots: 1 },
            },
            (trial) => expectCloseOfHung({ ...trial, untilFault: () => untilFault(trial) }, at === 'piece' ? 'ab' : ''),
          ),
      );

    promise(subject, 'happens at the end of an `await using` block', () =>
      tryEngine(createEngine, {}, async ({ engine, ask, request }) => {
        let unread: AsyncIterable<EngineEvent> | null = null;
        {
          await using disposed = engine;
          await ask('hello');
          unread = disposed.generate(request('later'));
        }
        expect((await collectAnswer(unread)).error?.code).toBe('ENGINE_CLOSED');
      }),
    );
  });
}

function decodedPrompts(trial: EngineTrial): readonly string[] {
  return trial.journal().flatMap((entry) => (entry.event === 'decode' ? [entry.prompt] : []));
}
