import { expect } from 'vitest';
import type { Engine, GenerateRequest } from '@gemma-cli/contracts';
import { collectAnswer } from './collect-answer.ts';
import { untilGone } from './engine-trial.ts';
import { processRuns, until } from './until.ts';

/** What these promises need of a trial, whatever computes in it. */
export interface SharedTrial {
  readonly engine: Engine;
  /** The processes in the order of their start. */
  pids(): readonly number[];
  request(prompt: string): GenerateRequest;
  /** Waits until a planned fault has struck. */
  untilFault(): Promise<void>;
  /** Whatever happened before, a new question gets its own answer. */
  expectNextAnswered(): Promise<void>;
}

/**
 * An abort of a request whose process hangs: the same promise for llama.cpp and gemma.cpp. The request is `brief`.
 *
 * @param text - What the process has said by then.
 */
export async function expectAbortOfHung(trial: SharedTrial, text: string): Promise<void> {
  const controller = new AbortController();
  let seen = '';
  const running = collectAnswer(
    trial.engine.generate(trial.request('brief'), { signal: controller.signal }),
    (_, shown) => {
      seen = shown;
    },
  );
  await trial.untilFault();
  await until(`${JSON.stringify(text)} is shown`, () => seen === text);
  controller.abort();
  const answer = await running;
  expect(answer.end?.reason).toBe('aborted');
  expect(answer.text).toBe(text);
  await untilGone(trial.pids()[0]);
  await trial.expectNextAnswered();
}

/**
 * A close while one request hangs and one waits: the same promise for llama.cpp and gemma.cpp.
 *
 * @param text - What the process has said by then.
 */
export async function expectCloseOfHung(trial: Omit<SharedTrial, 'expectNextAnswered'>, text: string): Promise<void> {
  let seen = '';
  const running = collectAnswer(trial.engine.generate(trial.request('brief')), (_, shown) => {
    seen = shown;
  });
  await trial.untilFault();
  await until('the text so far is shown', () => seen === text);
  const waiting = collectAnswer(trial.engine.generate(trial.request('waiting')));
  await until('one request waits', () => trial.engine.status().queued === 1);
  await trial.engine.close();
  expect(trial.pids().filter((pid) => processRuns(pid))).toEqual([]);
  const answers = await Promise.all([running, waiting]);
  expect(answers.map(({ error }) => error?.code)).toEqual(['ENGINE_CLOSED', 'ENGINE_CLOSED']);
  expect(answers[0].text).toBe(text);
}
