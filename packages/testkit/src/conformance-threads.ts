import { describe, expect } from 'vitest';
import type { ThreadsChanged } from '@gemma-cli/contracts';
import { collectAnswer } from './collect-answer.ts';
import type { CollectedAnswer } from './collect-answer.ts';
import { promise } from './conformance-subject.ts';
import type { EngineSubject } from './conformance-subject.ts';
import { tryEngine } from './engine-trial.ts';
import type { EngineTrial } from './engine-trial.ts';
import type { Contention, WorkerScript } from './worker-script.ts';

/** A machine that is quiet: each thread helps. */
const quiet = { 1: 20, 2: 11, 3: 8, 4: 6.5 };
/** One whose cores are taken: a thread that has to wait holds up all others. */
const busy = { 1: 36, 2: 150, 3: 300, 4: 450 };

/** Declares how the number of threads follows what other work on the machine does to it. Tokens are counted, not time. */
export function declareThreadPromises(subject: EngineSubject): void {
  const { createEngine } = subject;
  const promised = (title: string, body: () => Promise<void>): void => promise(subject, title, body, 'adaptiveThreads');

  describe('threads', () => {
    promised(
      'are stepped down within a few tokens when other work makes tokens slow, and up again when it is over',
      () => {
        const lines: string[] = [];
        return tryEngine(
          createEngine,
          {
            script: machine([
              { fromToken: 0, toToken: 60, msPerTokenByThreads: quiet },
              { fromToken: 60, toToken: 160, msPerTokenByThreads: busy },
              { fromToken: 160, msPerTokenByThreads: quiet },
            ]),
            options: { threads: 4, log: (line) => lines.push(line) },
          },
          async (trial) => {
            const controller = new AbortController();
            let tokens = 0;
            const answer = await collectAnswer(
              trial.engine.generate(trial.request('hello', { maxTokens: 1_500 }), { signal: controller.signal }),
              (event) => {
                if (event.type === 'text-delta') tokens += 1;
                // It has seen enough when threads came back after the other work was over.
                if (event.type === 'threads-changed' && event.to > event.from && tokens > 170) controller.abort();
              },
            );
            const used = threadsByToken(trial);
            expect(used.slice(0, 60).at(-1), 'on the quiet machine').toBeGreaterThan(1);
            const stepsDown = used.slice(60, 160).findIndex((threads) => threads === 1);
            expect(stepsDown, 'tokens until it computes on one thread').toBeGreaterThan(0);
            expect(stepsDown).toBeLessThanOrEqual(16);
            const cost = used.slice(60, 160).reduce((sum, threads) => sum + costOf(busy, threads), 0);
            expect(cost / 100, 'ms per token while it lasts, at best 36').toBeLessThan(2.5 * 36);
            const changes = changesOf(answer);
            expect(changes.some(({ from, to }) => to < from)).toBe(true);
            expect(changes.some(({ from, to }) => to > from)).toBe(true);
            expectChain(changes, 4);
            expect(lines.filter((line) => /thread/u.test(line)).length).toBeGreaterThanOrEqual(changes.length);
            const [process] = trial.engine.status().processes;
            expect(process?.threads).toBe(changes.at(-1)?.to);
            expect(process?.threadsReason).not.toBe('');
          },
        );
      },
    );

    promised('are found wanting within the first tokens when the other work was there before', () =>
      tryEngine(
        createEngine,
        { script: machine([{ fromToken: 0, msPerTokenByThreads: busy }]), options: { threads: 4 } },
        async (trial) => {
          const answer = await trial.ask('hello', { maxTokens: 120 });
          const used = threadsByToken(trial);
          const first = used.findIndex((threads) => threads < 4);
          expect(first, 'tokens until one less is tried').toBeGreaterThan(0);
          expect(first).toBeLessThanOrEqual(5);
          expect(used.slice(-60).filter((threads) => threads === 1).length, 'of the last 60 tokens').toBeGreaterThan(
            40,
          );
          expectChain(changesOf(answer), 4);
        },
      ),
    );

    promised('stay what they are on a machine that is quiet', () =>
      tryEngine(
        createEngine,
        { script: machine([{ fromToken: 0, msPerTokenByThreads: quiet }]), options: { threads: 3 } },
        async (trial) => {
          await trial.ask('hello', { maxTokens: 400 });
          const used = threadsByToken(trial);
          expect(used.filter((threads) => threads === 3).length / used.length).toBeGreaterThan(0.9);
          expect(used.at(-1)).toBe(3);
        },
      ),
    );

    promised('are never more than the options say, nor fewer than one', () =>
      tryEngine(
        createEngine,
        {
          script: machine(
            Array.from({ length: 12 }, (_, phase) => ({
              fromToken: phase * 25,
              toToken: phase * 25 + 25,
              msPerTokenByThreads: phase % 2 === 0 ? quiet : busy,
            })),
          ),
          options: { threads: 2 },
        },
        async (trial) => {
          const answer = await trial.ask('hello', { maxTokens: 300 });
          expect(Math.max(...threadsByToken(trial))).toBe(2);
          expect(Math.min(...threadsByToken(trial))).toBeGreaterThanOrEqual(1);
          expectChain(changesOf(answer), 2);
        },
      ),
    );

    promised('are left alone when they must not adapt', () =>
      tryEngine(
        createEngine,
        {
          script: machine([
            { fromToken: 0, toToken: 30, msPerTokenByThreads: quiet },
            { fromToken: 30, msPerTokenByThreads: busy },
          ]),
          options: { threads: 2, adaptThreads: false },
        },
        async (trial) => {
          const answer = await trial.ask('hello', { maxTokens: 70 });
          expect(new Set(threadsByToken(trial))).toEqual(new Set([2]));
          expect(changesOf(answer)).toEqual([]);
        },
      ),
    );

    promised('are not changed because others decode in the same batch, or a prompt is evaluated beside', () =>
      tryEngine(
        createEngine,
        {
          script: { ...machine([{ fromToken: 0, msPerTokenByThreads: quiet }]), evaluateMsPerToken: 1 },
          options: { threads: 4, slots: 4 },
        },
        async (trial) => {
          const prompts = ['short', 'p'.repeat(700), 'q'.repeat(400), 'r'.repeat(900)];
          await Promise.all(prompts.map((prompt) => trial.ask(prompt, { maxTokens: 150 })));
          const used = threadsByToken(trial);
          // Fewer may be tried for a batch or two; it never runs away.
          const down = used.filter((threads, place) => threads < (used[place - 1] ?? 0)).length;
          expect(down, 'steps down').toBeLessThanOrEqual(8);
          expect(used.filter((threads) => threads >= 3).length / used.length).toBeGreaterThan(0.8);
        },
      ),
    );
  });
}

function machine(contention: readonly Contention[]): WorkerScript {
  return { contention, timeScale: 0.5, journalBatches: true, answer: { repeat: 'x', times: 5_000 } };
}

/** The number of threads that computed each decoded token. */
function threadsByToken(trial: EngineTrial): readonly number[] {
  return trial
    .journal()
    .flatMap((entry) =>
      entry.event === 'batch' && entry.shares.some(({ does }) => does === 'decode') ? [entry.threads] : [],
    );
}

function costOf(msByThreads: Readonly<Record<number, number>>, threads: number): number {
  return msByThreads[threads] ?? Infinity;
}

function changesOf({ events }: CollectedAnswer): readonly ThreadsChanged[] {
  return events.filter((event) => event.type === 'threads-changed');
}

/** Each change goes on where the one before ended, from the most to nothing below one. */
function expectChain(changes: readonly ThreadsChanged[], threadsMax: number): void {
  let threads = threadsMax;
  for (const { from, to } of changes) {
    expect(from).toBe(threads);
    expect(to).toBeGreaterThanOrEqual(1);
    expect(to).toBeLessThanOrEqual(threadsMax);
    threads = to;
  }
}
