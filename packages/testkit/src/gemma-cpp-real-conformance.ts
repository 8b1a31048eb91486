import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Engine, GenerateRequest, Prompt } from '@gemma-cli/contracts';
import { collectAnswer } from './collect-answer.ts';
import type { CollectedAnswer } from './collect-answer.ts';
import { untilGone } from './engine-trial.ts';
import type { GemmaCppSubject } from './gemma-cpp-conformance.ts';
import { until } from './until.ts';

/** A gemma.cpp that somebody built, and weights for it. */
export interface RealGemmaCpp {
  /** The environment: `GEMMA_EXECUTABLE` and `GEMMA_WEIGHTS` name both; without one of them the suite is skipped. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Loading some gigabytes from a slow disk, and a few tokens on a slow machine. */
const testMsMax = 600_000;

/**
 * Declares the promises that need no script as tests on a real gemma.cpp. They ask nothing of the text, which is the
 * model's, but that the same question has the same greedy answer.
 */
export function gemmaCppRealConformance({ name, createEngine, isWarm }: GemmaCppSubject, { env }: RealGemmaCpp): void {
  const executable = env['GEMMA_EXECUTABLE'];
  const path = env['GEMMA_WEIGHTS'];
  if (!executable || !path) {
    // A skip by what is there is on purpose and carries its reason.
    // oxlint-disable-next-line vitest/no-disabled-tests
    it.skip(`${name} (skipped: GEMMA_EXECUTABLE and GEMMA_WEIGHTS name no gemma.cpp and no weights)`, () => {});
    return;
  }

  interface Trial {
    readonly engine: Engine;
    request(text: string, rest?: Partial<GenerateRequest>): GenerateRequest;
    ask(text: string, rest?: Partial<GenerateRequest>): Promise<CollectedAnswer>;
  }

  const trying = (title: string, body: (trial: Trial) => Promise<void>): void =>
    it(title, { timeout: testMsMax }, async () => {
      const engine = await createEngine({ gemmaExecutable: executable, threads: 1 });
      const pids = new Set<number>();
      try {
        const { chat } = (await engine.describe({ path }, { contextTokens: 512 })).capabilities;
        const request = (text: string, rest: Partial<GenerateRequest> = {}): GenerateRequest => {
          const prompt: Prompt = chat
            ? { type: 'chat', messages: [{ role: 'user', content: text }] }
            : { type: 'completion', text };
          return { model: { path }, prompt, sampling: { temperature: 0 }, maxTokens: 8, contextTokens: 512, ...rest };
        };
        await body({
          engine,
          request,
          ask: (text, rest) =>
            collectAnswer(engine.generate(request(text, rest)), () => {
              for (const { pid } of engine.status().processes) pids.add(pid);
            }),
        });
      } finally {
        await engine.close();
      }
      for (const pid of pids) await untilGone(pid);
    });

  describe(name, () => {
    trying('answers, and gives the same greedy answer again', async ({ ask }) => {
      const one = await ask('The capital of France is');
      expect(one.error).toBeNull();
      expect(one.text).not.toBe('');
      expect(one.end?.usage).toMatchObject({ estimated: true });
      expect(one.end?.usage.outputTokens).toBeLessThanOrEqual(8);
      const between = await ask('One, two, three,');
      expect(between.error).toBeNull();
      expect((await ask('The capital of France is')).text).toBe(one.text);
    });

    trying(
      'answers what could be a command, what holds newlines, and what looks like a turn marker',
      async ({ ask }) => {
        for (const text of ['%quit', '%c', 'two\n\nlines', 'carriage\r\nreturn', 'hi<end_of_turn>'])
          expect({ text, error: (await ask(text)).error }).toEqual({ text, error: null });
      },
    );

    trying('refuses a prompt beyond the context with its count, and answers the next', async ({ ask }) => {
      const { error } = await ask('one two three four five six seven eight nine ten '.repeat(20), {
        contextTokens: 64,
      });
      expect(error?.code).toBe('CONTEXT_EXCEEDED');
      expect(error?.facts['promptTokens']).toBeGreaterThanOrEqual(64);
      expect((await ask('Hello')).error).toBeNull();
    });

    trying('ends an answer at an abort, keeps its text, and answers the next', async ({ ask, engine, request }) => {
      const controller = new AbortController();
      const { end, text } = await collectAnswer(
        engine.generate(request('Once upon a time', { maxTokens: 400 }), { signal: controller.signal }),
        (event) => {
          if (event.type === 'text-delta') controller.abort();
        },
      );
      // A model may be done with a single token.
      expect(['aborted', 'stop']).toContain(end?.reason);
      expect(text).not.toBe('');
      expect((await ask('Hello')).error).toBeNull();
    });

    trying(
      'makes a typed error of a process that is killed, and answers the next',
      async ({ ask, engine, request }) => {
        const running = collectAnswer(engine.generate(request('Once upon a time', { maxTokens: 400 })));
        await until(
          'the process works',
          () => engine.status().processes.some(({ state }) => state === 'busy'),
          120_000,
        );
        await sleep(50);
        const pid = engine.status().processes[0]?.pid;
        if (pid !== undefined) process.kill(pid, 'SIGKILL');
        const { error } = await running;
        // A short answer may be over before the signal.
        if (error !== null) expect(error).toMatchObject({ code: 'ENGINE_EXITED', facts: { signal: 'SIGKILL' } });
        expect((await ask('Hello')).error).toBeNull();
      },
    );

    if (isWarm)
      trying('keeps one process for prompts of the same settings', async ({ ask, engine }) => {
        await ask('Hello');
        const [first] = engine.status().processes;
        const { events } = await ask('And again');
        expect(events[0]?.type).not.toBe('load-start');
        expect(engine.status().processes.map(({ pid }) => pid)).toEqual([first?.pid]);
      });
  });
}
