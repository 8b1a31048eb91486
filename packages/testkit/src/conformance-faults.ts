import { describe, expect } from 'vitest';
import type { EngineOptions, ErrorCode } from '@gemma-cli/contracts';
import { collectAnswer } from './collect-answer.ts';
import { expectAbortOfHung } from './conformance-shared.ts';
import { has, promise } from './conformance-subject.ts';
import type { EngineSubject } from './conformance-subject.ts';
import { tryEngine, untilFault, untilGone } from './engine-trial.ts';
import type { EngineTrial } from './engine-trial.ts';
import { chat, oracle, whole } from './oracle.ts';
import { processRuns, until } from './until.ts';
import type { Fault, FaultPoint, WorkerScript } from './worker-script.ts';

/** Says six bytes, one piece each; the second process says what the model itself would. */
const brief: WorkerScript = { answerWhen: [{ promptHas: 'brief', answer: { text: 'abcdef' } }] };

/** Short enough that a hang is found soon, long enough for a process to start on a busy machine. */
const deadlines: EngineOptions = { silenceMsMax: 1_000, loadMsMax: 4_000, abortMsMax: 200 };

/** Where a request may be when something happens, and the text it has shown by then. */
const stages: readonly {
  readonly at: FaultPoint;
  readonly after: number;
  readonly name: string;
  readonly text: string;
}[] = [
  { at: 'ready', after: 0, name: 'starting', text: '' },
  { at: 'load', after: 0, name: 'loading', text: '' },
  { at: 'tokenize', after: 0, name: 'tokenizing', text: '' },
  { at: 'evaluate', after: 1, name: 'evaluating', text: '' },
  { at: 'piece', after: 0, name: 'about to decode', text: '' },
  { at: 'piece', after: 3, name: 'decoding', text: 'abc' },
  { at: 'end', after: 0, name: 'about to end', text: 'abcdef' },
];

/** Declares what happens when a request is aborted, and when a model process fails. */
export function declareFaultPromises(subject: EngineSubject): void {
  const { createEngine } = subject;

  describe('abort', () => {
    for (const { at, after, name, text } of stages)
      promise(
        subject,
        `of a request that is ${name} in a process that hangs keeps the text, kills the process, frees the slot`,
        () =>
          tryEngine(
            createEngine,
            { script: { ...brief, faults: [{ at, after, do: 'hang', process: 1 }] }, options: { abortMsMax: 200 } },
            (trial) =>
              expectAbortOfHung(
                {
                  ...trial,
                  untilFault: () => untilFault(trial),
                  expectNextAnswered: () => expectNextAnswered(trial),
                },
                text,
              ),
          ),
      );

    promise(subject, 'of a request that waits ends it at once and lets the others pass', () =>
      tryEngine(
        createEngine,
        {
          script: { faults: [{ at: 'piece', after: 1, do: 'delay', ms: 600, process: 1 }] },
          options: { slots: 1 },
        },
        async (trial) => {
          const controller = new AbortController();
          let firstDone = false;
          const first = trial.ask('first', { maxTokens: 5 }).then((answer) => {
            firstDone = true;
            return answer;
          });
          await untilFault(trial);
          const second = trial.ask('second', {}, { signal: controller.signal });
          const third = trial.ask('third', { maxTokens: 5 });
          await until('two requests wait', () => trial.engine.status().queued === 2);
          controller.abort();
          const aborted = await second;
          expect(firstDone, 'the first request still runs').toBe(false);
          expect(aborted.events.map(({ type }) => type)).toEqual(['generation-end']);
          expect(aborted.end).toMatchObject({ reason: 'aborted', timings: { ttftMs: null, promptMs: null } });
          expect(trial.engine.status().queued).toBe(1);
          expect((await first).error).toBeNull();
          expect(whole((await third).text)).toBe(oracle(chat('third'), 5).text);
        },
      ),
    );

    promise(subject, 'that came before the request starts nothing', () =>
      tryEngine(createEngine, {}, async ({ ask, journal }) => {
        const { events, end } = await ask('hello', {}, { signal: AbortSignal.abort() });
        expect(events.map(({ type }) => type)).toEqual(['generation-end']);
        expect(end).toMatchObject({ reason: 'aborted', timings: { ttftMs: null } });
        expect(journal()).toEqual([]);
      }),
    );

    promise(subject, 'while decoding ends an answer that would be long, and a sound process may stay', () =>
      tryEngine(
        createEngine,
        {
          script: { answerWhen: [{ promptHas: 'endless', answer: { repeat: 'ab ', times: 60_000 } }] },
          options: { abortMsMax: 5_000 },
        },
        async (trial) => {
          const controller = new AbortController();
          const { text, end } = await collectAnswer(
            trial.engine.generate(trial.request('endless', { maxTokens: 60_000, contextTokens: 65_000 }), {
              signal: controller.signal,
            }),
            (event) => {
              if (event.type === 'text-delta') controller.abort();
            },
          );
          expect(end?.reason).toBe('aborted');
          expect(text.length).toBeGreaterThan(0);
          expect('ab '.repeat(60_000).startsWith(text)).toBe(true);
          expect(end?.usage.outputTokens).toBeGreaterThan(0);
          const sent = trial.journal().flatMap((entry) => (entry.event === 'pieces' ? [entry.count] : []));
          expect(Math.max(...sent)).toBeLessThan(59_000);
          const next = await trial.ask('next', { maxTokens: 8, contextTokens: 65_000 });
          expect(whole(next.text)).toBe(oracle(chat('next'), 8).text);
          if (has(subject, 'warmProcess')) expect(trial.pids().length).toBe(1);
        },
      ),
    );

    promise(subject, 'while a long prompt is evaluated does not wait for its end', () =>
      tryEngine(
        createEngine,
        // 4,000 tokens at 5 ms are 20 s: longer than this test lets a condition take.
        { script: { evaluateMsPerToken: 5 }, options: { abortMsMax: 1_000 } },
        async (trial) => {
          const controller = new AbortController();
          const running = trial.ask('x'.repeat(4_000), {}, { signal: controller.signal });
          await until('the prompt is being evaluated', () => trial.journal().some(({ event }) => event === 'evaluate'));
          controller.abort();
          let done = false;
          void running.then(() => {
            done = true;
          });
          await until('the request ended', () => done);
          const { end, text } = await running;
          expect(text).toBe('');
          expect(end).toMatchObject({ reason: 'aborted', timings: { ttftMs: null, tpotMs: null } });
          expect(end?.usage.outputTokens ?? 0).toBe(0);
          const next = await trial.ask('next', { maxTokens: 5 });
          expect(whole(next.text)).toBe(oracle(chat('next'), 5).text);
        },
      ),
    );

    promise(subject, 'that comes after the end changes nothing', () =>
      tryEngine(createEngine, {}, async ({ ask }) => {
        const controller = new AbortController();
        expect((await ask('hello', {}, { signal: controller.signal })).end?.reason).toBe('stop');
        controller.abort();
        expect((await ask('hello')).error).toBeNull();
      }),
    );

    promise(subject, 'leaves no listener on a signal that many requests share', () =>
      tryEngine(createEngine, {}, async ({ ask }) => {
        const controller = new AbortController();
        let listeners = 0;
        const { signal } = controller;
        const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
        signal.addEventListener = (...given: Parameters<typeof add>) => {
          // A listener with a signal of its own goes when that one fires; only the plain ones must be removed by hand.
          if (typeof given[2] !== 'object' || given[2].signal === undefined) listeners += 1;
          add(...given);
        };
        signal.removeEventListener = (...given: Parameters<typeof remove>) => {
          listeners -= 1;
          remove(...given);
        };
        for (let turn = 0; turn < 3; turn += 1) await ask('hello', { maxTokens: 2 }, { signal });
        expect(listeners).toBeLessThanOrEqual(0);
      }),
    );

    promise(subject, 'in a process that stalls behind a stop string is whole, and the next prompt is answered', () =>
      tryEngine(
        createEngine,
        {
          script: {
            ...brief,
            answer: { text: 'abc.def' },
            faults: [{ at: 'piece', after: 4, do: 'hang', process: 1 }],
          },
          options: { abortMsMax: 200 },
        },
        async ({ ask }) => {
          const { text, end, error } = await ask('hello', { stop: ['.'] });
          expect([error, text, end?.reason]).toEqual([null, 'abc', 'stop']);
          expect(end?.usage.evaluatedTokens).toBe(end?.usage.promptTokens);
          expect((await ask('next')).text).toBe('abc.def');
        },
      ),
    );

    promise(
      subject,
      'by leaving the loop frees the slot, in a process that answers and in one that hangs',
      async () => {
        for (const faults of [[], [{ at: 'piece', after: 3, do: 'hang', process: 1 }]] satisfies Fault[][])
          await tryEngine(
            createEngine,
            { script: { ...brief, faults }, options: { abortMsMax: 200 } },
            async (trial) => {
              for await (const event of trial.engine.generate(trial.request('brief')))
                if (event.type === 'text-delta') break;
              await expectNextAnswered(trial, null);
              if (faults.length > 0) await untilGone(trial.pids()[0]);
            },
          );
      },
    );

    promise(subject, 'by leaving the loop at load-start frees the slot', () =>
      tryEngine(
        createEngine,
        { script: { faults: [{ at: 'load', do: 'hang', process: 1 }] }, options: { abortMsMax: 200 } },
        async (trial) => {
          for await (const event of trial.engine.generate(trial.request('brief'))) {
            expect(event.type).toBe('load-start');
            await untilFault(trial);
            break;
          }
          await expectNextAnswered(trial, null);
        },
      ),
    );

    promise(subject, 'by return() before the first next() starts nothing', () =>
      tryEngine(createEngine, {}, async ({ engine, request, journal }) => {
        const iterator = engine.generate(request('hello'))[Symbol.asyncIterator]();
        await iterator.return?.();
        expect((await iterator.next()).done).toBe(true);
        expect(journal()).toEqual([]);
        expect(engine.status().queued).toBe(0);
      }),
    );
  });

  describe('crash', () => {
    for (const { at, after, name, text } of stages)
      for (const action of [
        { do: 'exit', code: 42, stderr: 'first line\nlast words of the runtime\n' },
        { do: 'kill', signal: 'SIGKILL', stderr: 'last words of the runtime\n' },
      ] as const)
        promise(
          subject,
          `of a process that is ${name} (${action.do}) is a typed error with its facts, and the next request is answered`,
          () =>
            tryEngine(
              createEngine,
              { script: { ...brief, faults: [{ at, after, ...action, process: 1 }] } },
              async (trial) => {
                const answer = await trial.ask('brief');
                const codes: readonly ErrorCode[] =
                  at === 'ready'
                    ? ['ENGINE_START_FAILED']
                    : at === 'load'
                      ? ['ENGINE_EXITED', 'ENGINE_LOAD_FAILED']
                      : ['ENGINE_EXITED'];
                expect(codes).toContain(answer.error?.code);
                expect(answer.error?.facts).toMatchObject(
                  action.do === 'exit' ? { exitCode: 42, signal: null } : { exitCode: null, signal: 'SIGKILL' },
                );
                expect(answer.error?.facts['stderrTail']).toContain('last words of the runtime');
                expect(answer.error?.message).toContain(action.do === 'exit' ? '42' : 'SIGKILL');
                expect(answer.text).toBe(text);
                await untilGone(trial.pids()[0]);
                await expectNextAnswered(trial);
              },
            ),
        );

    promise(subject, 'with exit code 0 in the middle of an answer is an error too', () =>
      tryEngine(
        createEngine,
        { script: { ...brief, faults: [{ at: 'piece', after: 2, do: 'exit', code: 0, process: 1 }] } },
        async (trial) => {
          const { text, error } = await trial.ask('brief');
          expect(text).toBe('ab');
          expect(error).toMatchObject({ code: 'ENGINE_EXITED', facts: { exitCode: 0 } });
          await expectNextAnswered(trial);
        },
      ),
    );

    promise(subject, 'keeps only the tail of much stderr', () =>
      tryEngine(
        createEngine,
        {
          script: {
            faults: [
              { at: 'ready', do: 'noise', stream: 'stderr', bytes: 2_000_000 },
              { at: 'piece', after: 1, do: 'exit', code: 3, stderr: 'last words' },
            ],
          },
        },
        async ({ ask }) => {
          const { error } = await ask('brief');
          const tail = error?.facts['stderrTail'];
          expect(typeof tail).toBe('string');
          expect(String(tail).endsWith('last words')).toBe(true);
          expect(String(tail).length).toBeLessThanOrEqual(65_536);
        },
      ),
    );

    promise(subject, 'of one request does not touch the ones that wait', () =>
      tryEngine(
        createEngine,
        {
          script: { ...brief, faults: [{ at: 'piece', after: 2, do: 'kill', signal: 'SIGSEGV', process: 1 }] },
          options: { slots: 1 },
        },
        async (trial) => {
          const [first, second, third] = await Promise.all([
            trial.ask('brief'),
            trial.ask('second', { maxTokens: 6 }),
            trial.ask('third', { maxTokens: 6 }),
          ]);
          expect(first.error).toMatchObject({ code: 'ENGINE_EXITED', facts: { signal: 'SIGSEGV' } });
          expect(whole(second.text)).toBe(oracle(chat('second'), 6).text);
          expect(whole(third.text)).toBe(oracle(chat('third'), 6).text);
        },
      ),
    );

    promise(
      subject,
      'of an idle process is met by a fresh one: the next request is answered, without an error',
      () =>
        tryEngine(createEngine, {}, async (trial) => {
          await trial.ask('one', { maxTokens: 4 });
          const pid = trial.pids()[0] ?? 0;
          process.kill(pid, 'SIGKILL');
          await untilGone(pid);
          await until('the dead process is not listed', () => trial.engine.status().processes.length === 0);
          const { text, events } = await trial.ask('two', { maxTokens: 4 });
          expect(whole(text)).toBe(oracle(chat('two'), 4).text);
          expect(events[0]?.type).toBe('load-start');
        }),
      'warmProcess',
    );

    promise(subject, 'of every process is an error of every request, without an endless loop of starts', () =>
      tryEngine(createEngine, { script: { faults: [{ at: 'load', do: 'exit', code: 9 }] } }, async (trial) => {
        for (let turn = 0; turn < 3; turn += 1) expect((await trial.ask('hello')).error).not.toBeNull();
        expect(trial.pids().length).toBeLessThanOrEqual(6);
      }),
    );

    promise(subject, 'cannot be told from a program that does not exist: ENGINE_START_FAILED', () =>
      tryEngine(createEngine, { options: { worker: { module: '/nowhere/no-such-worker.js' } } }, async ({ ask }) => {
        const { error, text } = await ask('hello');
        expect(error?.code).toBe('ENGINE_START_FAILED');
        expect(error?.facts['stderrTail']).toContain('no-such-worker.js');
        expect(text).toBe('');
      }),
    );
  });

  describe('hang', () => {
    for (const { at, after, name, text } of stages)
      promise(
        subject,
        `of a process that is ${name} ends at its deadline with a typed error, the process is killed, the next request answered`,
        () =>
          tryEngine(
            createEngine,
            { script: { ...brief, faults: [{ at, after, do: 'hang', process: 1 }] }, options: deadlines },
            async (trial) => {
              const answer = await trial.ask('brief');
              const codes: readonly ErrorCode[] =
                at === 'ready'
                  ? ['ENGINE_LOAD_TIMEOUT', 'ENGINE_START_FAILED']
                  : [at === 'load' ? 'ENGINE_LOAD_TIMEOUT' : 'ENGINE_UNRESPONSIVE'];
              expect(codes).toContain(answer.error?.code);
              expect(answer.error?.facts, 'it did not end by itself').not.toHaveProperty('exitCode');
              expect(answer.text).toBe(text);
              await untilGone(trial.pids()[0]);
              await expectNextAnswered(trial);
            },
          ),
      );

    promise(subject, 'with a blocked event loop is killed too', () =>
      tryEngine(
        createEngine,
        {
          script: { ...brief, faults: [{ at: 'piece', after: 2, do: 'hang', block: true, process: 1 }] },
          options: deadlines,
        },
        async (trial) => {
          const { text, error } = await trial.ask('brief');
          expect(error?.code).toBe('ENGINE_UNRESPONSIVE');
          expect(text).toBe('ab');
          await untilGone(trial.pids()[0]);
          await expectNextAnswered(trial);
        },
      ),
    );

    promise(
      subject,
      'by SIGSTOP in the middle of an answer ends at the deadline, and the next prompt is answered',
      () =>
        tryEngine(
          createEngine,
          { script: { ...brief, pieceMs: 5, answer: { repeat: 'x', times: 5_000 } }, options: deadlines },
          async (trial) => {
            let stopped = 0;
            const { text, error } = await collectAnswer(
              trial.engine.generate(trial.request('stop me', { maxTokens: 5_000 })),
              (_, shown) => {
                if (shown.length < 3 || stopped !== 0) return;
                stopped = trial.pids()[0] ?? 0;
                process.kill(stopped, 'SIGSTOP');
              },
            );
            expect(error?.code).toBe('ENGINE_UNRESPONSIVE');
            expect(text.length).toBeGreaterThanOrEqual(3);
            expect('x'.repeat(5_000).startsWith(text)).toBe(true);
            await untilGone(stopped);
            expect((await trial.ask('brief')).text).toBe('abcdef');
          },
        ),
    );

    promise(subject, 'by SIGSTOP that ends before the deadline costs nothing but time', () =>
      tryEngine(createEngine, { script: { pieceMs: 2, answer: { repeat: 'x', times: 60 } } }, async (trial) => {
        let stopped = false;
        const { text, error } = await collectAnswer(
          trial.engine.generate(trial.request('pause', { maxTokens: 60 })),
          (_, shown) => {
            if (shown === '' || stopped) return;
            stopped = true;
            const [pid = 0] = trial.pids();
            process.kill(pid, 'SIGSTOP');
            setTimeout(() => process.kill(pid, 'SIGCONT'), 300);
          },
        );
        expect(error).toBeNull();
        expect(text).toBe('x'.repeat(60));
      }),
    );

    promise(
      subject,
      'by SIGSTOP while it idles is met by a fresh process: the next prompt is answered',
      () =>
        tryEngine(createEngine, { options: deadlines }, async (trial) => {
          await trial.ask('one', { maxTokens: 4 });
          const [pid = 0] = trial.pids();
          process.kill(pid, 'SIGSTOP');
          const { text, error } = await trial.ask('two', { maxTokens: 4 });
          expect(error).toBeNull();
          expect(whole(text)).toBe(oracle(chat('two'), 4).text);
          await untilGone(pid);
        }),
      'warmProcess',
    );

    promise(subject, 'of a load under describe and countTokens ends at its deadline too', () =>
      tryEngine(
        createEngine,
        { script: { faults: [{ at: 'load', do: 'hang' }] }, options: { ...deadlines, loadMsMax: 1_500 } },
        async ({ engine, model }) => {
          await expect(engine.describe(model)).rejects.toMatchObject({ code: 'ENGINE_LOAD_TIMEOUT' });
          await expect(engine.countTokens(model, chat('x'))).rejects.toMatchObject({ code: 'ENGINE_LOAD_TIMEOUT' });
        },
      ),
    );

    promise(subject, 'is not seen in a process that is slow but alive, while it evaluates and while it decodes', () =>
      tryEngine(
        createEngine,
        {
          script: { evaluateMsPerToken: 4, pieceMs: 60, answer: { text: 'x'.repeat(40) } },
          options: { silenceMsMax: 2_000 },
        },
        async ({ ask }) => {
          // Evaluating takes 3.2 s in all and decoding 2.4 s, each longer than the deadline of one sign of life.
          const { text, error } = await ask('w'.repeat(800));
          expect(error).toBeNull();
          expect(text).toBe('x'.repeat(40));
        },
      ),
    );
  });

  describe('garbage', () => {
    const garbage: readonly { readonly title: string; readonly script: WorkerScript; readonly text?: string }[] = [
      { title: 'another protocol version in ready', script: { protocol: 99 } },
      { title: 'no protocol version in ready', script: { protocol: null } },
      { title: 'another first message than ready', script: sends('ready', { type: 'hello' }) },
      { title: 'a load result of the wrong shape', script: answers('load', { architecture: 7 }) },
      { title: 'a load result that is null', script: answers('load', null) },
      { title: 'tokens that are no numbers', script: answers('tokenize', { tokens: ['a'] }) },
      { title: 'no tokens', script: answers('tokenize', {}) },
      { title: 'an unknown message type', script: sends('piece', { type: 'surprise' }, 2), text: 'ab' },
      { title: 'a message that is no object', script: sends('piece', 'surprise', 2), text: 'ab' },
      { title: 'a message that is null', script: sends('piece', null, 2), text: 'ab' },
      { title: 'a message that is a list', script: sends('piece', [1, 2], 2), text: 'ab' },
      { title: 'a second ready', script: sends('piece', { type: 'ready', protocol: 2 }, 2), text: 'ab' },
      {
        title: 'a result for an unknown call',
        script: sends('piece', { type: 'result', id: 987_654, result: {} }, 2),
        text: 'ab',
      },
      {
        title: 'a failure for an unknown call',
        script: sends('piece', { type: 'failure', id: 987_654, error: { code: 'INTERNAL', message: 'x' } }, 2),
        text: 'ab',
      },
      {
        title: 'a piece for an unknown call',
        script: sends('piece', { type: 'piece', id: 987_654, token: 20, text: 'x' }, 2),
        text: 'ab',
      },
      {
        title: 'a piece with text and bytes',
        script: sends('piece', { type: 'piece', id: '$id', token: 20, text: 'x', bytes: 'eA==' }, 2),
        text: 'ab',
      },
      {
        title: 'a piece with neither text nor bytes',
        script: sends('piece', { type: 'piece', id: '$id', token: 20 }, 2),
        text: 'ab',
      },
      {
        title: 'a piece with a number as text',
        script: sends('piece', { type: 'piece', id: '$id', token: 20, text: 5 }, 2),
        text: 'ab',
      },
      {
        title: 'a piece without a token',
        script: sends('piece', { type: 'piece', id: '$id', text: 'x' }, 2),
        text: 'ab',
      },
      { title: 'a failure without an error', script: sends('piece', { type: 'failure', id: '$id' }, 2), text: 'ab' },
      { title: 'a failure with an unknown code', script: failsWith('NOBODY_KNOWS', 2), text: 'ab' },
      {
        title: 'an end with an unknown reason',
        script: answers('end', { reason: 'tired', length: 3 }),
        text: 'abcdef',
      },
      { title: 'an end without a length', script: answers('end', { reason: 'stop' }), text: 'abcdef' },
      { title: 'an end that is a string', script: answers('end', 'done'), text: 'abcdef' },
    ];
    for (const { title, script, text = '' } of garbage)
      promise(subject, `${title} is ENGINE_PROTOCOL, keeps the text, and the process is replaced`, () =>
        tryEngine(createEngine, { script: { ...brief, ...script } }, async (trial) => {
          const answer = await trial.ask('brief');
          expect(answer.error?.code).toBe('ENGINE_PROTOCOL');
          expect(answer.text).toBe(text);
          await untilGone(trial.pids()[0]);
          // A wrong version is said by every process: there is no sound one to follow.
          if (script.protocol === undefined) await expectNextAnswered(trial);
        }),
      );

    for (const [title, action] of [
      ['two results of one call', 'two-results'],
      ['a piece after the end', 'piece-after-end'],
    ] as const)
      promise(subject, `${title} never reaches the next answer, and the process is replaced`, () =>
        tryEngine(
          createEngine,
          { script: { ...brief, faults: [{ at: 'end', do: action, process: 1 }] } },
          async (trial) => {
            const answer = await trial.ask('brief');
            expect(answer.text).toBe('abcdef');
            if (answer.error !== null) expect(answer.error.code).toBe('ENGINE_PROTOCOL');
            // What comes too late kills a process that stays; one that is ended anyway may not have been heard.
            await untilGone(trial.pids()[0]);
            await expectNextAnswered(trial);
          },
        ),
      );
  });

  describe('failure', () => {
    const failures: readonly {
      readonly at: FaultPoint;
      readonly after?: number;
      readonly code: ErrorCode;
      readonly text: string;
    }[] = [
      { at: 'load', code: 'MODEL_INVALID', text: '' },
      { at: 'load', code: 'RUNTIME_NOT_INSTALLED', text: '' },
      { at: 'load', code: 'ENGINE_LOAD_FAILED', text: '' },
      { at: 'tokenize', code: 'ENGINE_FAILED', text: '' },
      { at: 'evaluate', after: 1, code: 'ENGINE_FAILED', text: '' },
      { at: 'piece', after: 3, code: 'ENGINE_FAILED', text: 'abc' },
      { at: 'end', code: 'ENGINE_FAILED', text: 'abcdef' },
    ];
    for (const { at, after = 0, code, text } of failures)
      promise(subject, `${code} at ${at} passes its code, message and facts, and the next request is answered`, () =>
        tryEngine(
          createEngine,
          {
            script: {
              ...brief,
              faults: [
                { at, after, do: 'failure', code, message: 'what went wrong', facts: { detail: 17 }, process: 1 },
              ],
            },
          },
          async (trial) => {
            const answer = await trial.ask('brief');
            expect(answer.error?.code).toBe(code);
            expect(answer.error?.message).toContain('what went wrong');
            expect(answer.error?.facts).toMatchObject({ detail: 17 });
            expect(answer.text).toBe(text);
            await expectNextAnswered(trial, null);
          },
        ),
      );
  });
}

/** The engine still works: a request of its own is answered right, by a process that runs. */
async function expectNextAnswered(
  trial: EngineTrial,
  replaces: number | null = trial.pids()[0] ?? null,
): Promise<void> {
  const { text, error } = await trial.ask('what now?', { maxTokens: 12 });
  expect(error).toBeNull();
  expect(whole(text)).toBe(oracle(chat('what now?'), 12).text);
  if (replaces === null) return;
  expect(trial.pids().length, 'a fresh process').toBeGreaterThan(1);
  expect(processRuns(replaces)).toBe(false);
}

function sends(at: FaultPoint, message: unknown, after = 0): WorkerScript {
  return { faults: [{ at, after, do: 'send', message, process: 1 }] };
}

function answers(at: FaultPoint, result: unknown): WorkerScript {
  return { faults: [{ at, do: 'result', result, process: 1 }] };
}

function failsWith(code: string, after: number): WorkerScript {
  return { faults: [{ at: 'piece', after, do: 'failure', code, message: 'x', process: 1 }] };
}
