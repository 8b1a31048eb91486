import { describe, expect } from 'vitest';
import { collectAnswer } from './collect-answer.ts';
import { promise } from './conformance-subject.ts';
import type { EngineSubject } from './conformance-subject.ts';
import { tryEngine } from './engine-trial.ts';
import type { EngineTrial } from './engine-trial.ts';
import { chat, oracle, whole } from './oracle.ts';
import { until } from './until.ts';

/** Declares in which pieces a prompt is evaluated. */
export function declareChunkPromises(subject: EngineSubject): void {
  const { createEngine } = subject;

  describe('chunks of a prompt', () => {
    promise(subject, 'are so small that an abort is obeyed after the one that is under way', () =>
      tryEngine(
        createEngine,
        { script: { evaluateMsPerToken: 2 }, options: { chunkMsMax: 200, abortMsMax: 5_000 } },
        async (trial) => {
          const controller = new AbortController();
          const running = trial.ask('x'.repeat(2_000), {}, { signal: controller.signal });
          await until('three chunks began', () => chunks(trial).length >= 3);
          controller.abort();
          const begun = chunks(trial).length;
          const { end } = await running;
          expect(end?.reason).toBe('aborted');
          expect(chunks(trial).length - begun, 'chunks that began after the abort').toBeLessThanOrEqual(1);
          expect(whole((await trial.ask('next', { maxTokens: 9 })).text)).toBe(oracle(chat('next'), 9).text);
        },
      ),
    );

    promise(
      subject,
      'grow where evaluating is fast and stay within chunkMsMax where it is slow',
      async () => {
        const sizes: number[] = [];
        for (const evaluateMsPerToken of [0.05, 1, 6])
          await tryEngine(
            createEngine,
            { script: { evaluateMsPerToken, timeScale: 0 }, options: { chunkMsMax: 200 } },
            async (trial) => {
              const { text } = await trial.ask('x'.repeat(3_000), { maxTokens: 9 });
              expect(whole(text)).toBe(oracle(chat('x'.repeat(3_000)), 9).text);
              const all = chunks(trial);
              sizes.push(Math.max(...all));
              // The first chunks measure the speed. Where a tile of 64 tokens takes too long, chunks get smaller than it.
              for (const tokens of all.slice(2)) expect(tokens * evaluateMsPerToken).toBeLessThanOrEqual(200);
            },
          );
        const [fast = 0, middle = 0, slow = 0] = sizes;
        expect(fast, 'as large as a batch').toBeGreaterThanOrEqual(400);
        expect(middle).toBeLessThan(fast);
        expect(slow).toBeLessThan(middle);
      },
      'adaptiveChunks',
    );

    promise(
      subject,
      'are smaller while another answer flows',
      () =>
        tryEngine(
          createEngine,
          {
            script: {
              evaluateMsPerToken: 0.5,
              pieceMs: 1,
              answer: { repeat: 'x', times: 1_500 },
              journalBatches: true,
            },
            options: { chunkMsMax: 250 },
          },
          async (trial) => {
            await trial.ask('w'.repeat(2_000), { maxTokens: 1 });
            const alone = Math.max(...chunks(trial));
            let shown = 0;
            const controller = new AbortController();
            const running = collectAnswer(
              trial.engine.generate(trial.request('short', { maxTokens: 1_500 }), { signal: controller.signal }),
              (_, text) => {
                shown = text.length;
              },
            );
            await until('an answer flows', () => shown > 5);
            const before = chunks(trial).length;
            await trial.ask('y'.repeat(1_500), { maxTokens: 1 });
            controller.abort();
            await running;
            const beside = Math.max(...chunks(trial).slice(before));
            expect(beside).toBeLessThan(alone);
            expect(beside * 0.5, 'milliseconds that it holds the other one up').toBeLessThanOrEqual(150);
          },
        ),
      'adaptiveChunks',
    );

    promise(
      subject,
      'keep to one schedule when the text must be reproducible, however fast the machine is',
      async () => {
        const schedules: (readonly number[])[] = [];
        for (const evaluateMsPerToken of [0.05, 8])
          await tryEngine(createEngine, { script: { evaluateMsPerToken, timeScale: 0 } }, async (trial) => {
            await trial.ask('x'.repeat(900), { maxTokens: 2, reproducible: true });
            schedules.push(chunks(trial));
          });
        expect(schedules[0]?.length).toBeGreaterThan(2);
        expect(schedules[1]).toEqual(schedules[0]);
      },
    );
  });
}

/** Tokens of each chunk so far, in order. */
function chunks(trial: EngineTrial): readonly number[] {
  return trial.journal().flatMap((entry) => (entry.event === 'evaluate' ? [entry.tokens] : []));
}
