import { truncate } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { promise } from './conformance-subject.ts';
import type { EngineSubject } from './conformance-subject.ts';
import { tryEngine, untilGone } from './engine-trial.ts';
import { chat, oracle, whole } from './oracle.ts';
import { until } from './until.ts';

const gibibyte = 2 ** 30;

/** Declares how loaded models are kept, and when they have to go. */
export function declareMemoryPromises(subject: EngineSubject): void {
  const { createEngine } = subject;
  const promised = (title: string, body: () => Promise<void>): void => promise(subject, title, body, 'warmProcess');

  describe('memory', () => {
    promised('unloads the least recently used idle model when another one does not fit beside it', () =>
      tryEngine(createEngine, { options: { memoryBytesMax: 2.5 * gibibyte } }, async (trial) => {
        // Empty files of this length: nobody reads them, and what they would take is what counts.
        for (const { path } of [trial.model, trial.otherModel]) await truncate(path, 1.5 * gibibyte);
        for (const [turn, model] of [trial.model, trial.otherModel, trial.model].entries()) {
          const { text } = await trial.ask('hello', { model, maxTokens: 9 });
          expect(whole(text)).toBe(oracle(chat('hello'), 9).text);
          expect(trial.engine.status().processes.length, 'one of them at a time').toBe(1);
          expect(trial.pids().length).toBe(turn + 1);
          if (turn > 0) await untilGone(trial.pids()[turn - 1]);
        }
      }),
    );

    promised('keeps several models that fit', () =>
      tryEngine(createEngine, { options: { memoryBytesMax: 8 * gibibyte } }, async (trial) => {
        for (const model of [trial.model, trial.otherModel, trial.model])
          await trial.ask('hello', { model, maxTokens: 4 });
        expect(trial.pids().length).toBe(2);
      }),
    );

    promised('waits for a busy model to end before it loads one that does not fit beside it', () =>
      tryEngine(
        createEngine,
        { script: { pieceMs: 5, answer: { repeat: 'x', times: 40 } }, options: { memoryBytesMax: 2.5 * gibibyte } },
        async (trial) => {
          for (const { path } of [trial.model, trial.otherModel]) await truncate(path, 1.5 * gibibyte);
          const first = trial.ask('first', { maxTokens: 40 });
          await until('the first is answered', () => trial.journal().some(({ event }) => event === 'decode'));
          const second = trial.ask('second', { model: trial.otherModel, maxTokens: 40 });
          for (const { text } of await Promise.all([first, second])) expect(text).toBe('x'.repeat(40));
        },
      ),
    );

    promised('refuses a model that cannot fit at all with MEMORY_EXCEEDED and both figures', () =>
      tryEngine(createEngine, { options: { memoryBytesMax: gibibyte } }, async (trial) => {
        await truncate(trial.model.path, 4 * gibibyte);
        const { error } = await trial.ask('hello');
        expect(error?.code).toBe('MEMORY_EXCEEDED');
        expect(error?.facts).toMatchObject({ neededBytes: expect.any(Number), limitBytes: gibibyte });
        expect((await trial.ask('hello', { model: trial.otherModel, maxTokens: 4 })).error).toBeNull();
      }),
    );

    promised('replaces a process whose anonymous memory grew past the limit, between two requests', () => {
      const lines: string[] = [];
      return tryEngine(
        createEngine,
        {
          script: { memory: { residentBytes: 5_000_000, anonymousBytes: 1_000_000, growthBytes: 400_000 } },
          options: { growthBytesMax: 1_000_000, log: (line) => lines.push(line) },
        },
        async (trial) => {
          for (let turn = 0; turn < 3; turn += 1) expect((await trial.ask('hello', { maxTokens: 4 })).error).toBeNull();
          await untilGone(trial.pids()[0]);
          const { text } = await trial.ask('next', { maxTokens: 9 });
          expect(whole(text)).toBe(oracle(chat('next'), 9).text);
          expect(trial.pids().length).toBe(2);
          expect(lines.some((line) => /grew/u.test(line))).toBe(true);
        },
      );
    });

    promised('does not replace one that does not grow, nor where the system does not tell', async () => {
      for (const memory of [
        { residentBytes: 9e9, anonymousBytes: 8e9, growthBytes: 10 },
        { residentBytes: 9e9, anonymousBytes: null, growthBytes: 1e9 },
      ])
        await tryEngine(createEngine, { script: { memory }, options: { growthBytesMax: 1_000_000 } }, async (trial) => {
          for (let turn = 0; turn < 4; turn += 1) await trial.ask('hello', { maxTokens: 4 });
          expect(trial.pids().length).toBe(1);
        });
    });

    promised('shows when an idle model goes, and nothing of the kind while it is busy', () =>
      tryEngine(createEngine, { script: { pieceMs: 5 }, options: { keepAliveMs: 60_000 } }, async (trial) => {
        const before = Date.now();
        const answer = trial.ask('hello', { maxTokens: 20 });
        await until('it is busy', () => trial.engine.status().processes[0]?.state === 'busy');
        expect(trial.engine.status().processes[0]?.until).toBeNull();
        await answer;
        const unloadedAt = trial.engine.status().processes[0]?.until ?? 0;
        expect(unloadedAt - 60_000).toBeGreaterThanOrEqual(before);
        expect(unloadedAt - 60_000).toBeLessThanOrEqual(Date.now());
      }),
    );
  });
}
