import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Prompt } from '@gemma-cli/contracts';
import { collectAnswer } from './collect-answer.ts';
import { describeUnless } from './declare-unless.ts';
import { gemmaCppConformance } from './gemma-cpp-conformance.ts';
import type { GemmaCppSubject } from './gemma-cpp-conformance.ts';
import { tryRealGemmaCpp } from './gemma-cpp-trial.ts';
import type { GemmaCppTrial, RealGemmaCpp } from './gemma-cpp-trial.ts';
import { until } from './until.ts';

/** Where to look for a gemma.cpp and its weights. */
export interface RealGemmaCppPlace {
  /**
   * The environment. `GEMMA_EXECUTABLE` names the executable, `GEMMA_WEIGHTS` the weights; without the latter the first
   * `.sbs` file beside the executable is taken. Where there is none, the suite is skipped and says so.
   */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Loading some gigabytes from a slow disk, and a few tokens on a slow machine. */
const testMsMax = 600_000;

/**
 * Declares the conformance suite of gemma.cpp on a real one: every promise that needs no script. It asks nothing of the
 * text, which is the model's, but that the same question has the same greedy answer.
 */
export function gemmaCppRealConformance(subject: GemmaCppSubject, { env }: RealGemmaCppPlace): void {
  const { name, createEngine, isWarm } = subject;
  const real = findGemmaCpp(env);
  if (typeof real === 'string') {
    describeUnless(real, name, () => {
      it('is not there', () => {});
    });
    return;
  }
  gemmaCppConformance(subject, real);

  const trying = (title: string, body: (trial: GemmaCppTrial) => Promise<void>): void =>
    it(title, { timeout: testMsMax }, () => tryRealGemmaCpp(createEngine, { real }, body));

  describe(`${name}, whatever its weights`, () => {
    trying('gives the same greedy answer again', async (trial) => {
      const prompt = await promptOf(trial, 'The capital of France is');
      const one = await trial.ask(prompt);
      expect(one.error).toBeNull();
      expect(one.text).not.toBe('');
      expect(one.end?.usage).toMatchObject({ estimated: true });
      expect(one.end?.usage.outputTokens).toBeLessThanOrEqual(8);
      expect((await trial.ask(await promptOf(trial, 'One, two, three,'))).error).toBeNull();
      expect((await trial.ask(prompt)).text).toBe(one.text);
    });

    trying('ends an answer at an abort, keeps its text, and answers the next', async (trial) => {
      const { ask, engine, request } = trial;
      const controller = new AbortController();
      const long = request(await promptOf(trial, 'Once upon a time'), { maxTokens: 400 });
      const { end, text } = await collectAnswer(engine.generate(long, { signal: controller.signal }), (event) => {
        if (event.type === 'text-delta') controller.abort();
      });
      // A model may be done with a single token.
      expect(['aborted', 'stop']).toContain(end?.reason);
      expect(text).not.toBe('');
      expect((await ask(await promptOf(trial, 'Hello'))).error).toBeNull();
    });

    trying('makes a typed error of a process that is killed, and answers the next', async (trial) => {
      const { ask, engine, request } = trial;
      const long = request(await promptOf(trial, 'Once upon a time'), { maxTokens: 400 });
      const running = collectAnswer(engine.generate(long));
      await until('the process works', () => engine.status().processes.some(({ state }) => state === 'busy'), 120_000);
      await sleep(50);
      const pid = engine.status().processes[0]?.pid;
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
      const { error } = await running;
      // A short answer may be over before the signal.
      if (error !== null) expect(error).toMatchObject({ code: 'ENGINE_EXITED', facts: { signal: 'SIGKILL' } });
      expect((await ask(await promptOf(trial, 'Hello'))).error).toBeNull();
    });

    if (isWarm)
      trying('keeps one process for prompts of the same settings', async (trial) => {
        const { ask, engine } = trial;
        await ask(await promptOf(trial, 'Hello'));
        const [first] = engine.status().processes;
        const { events } = await ask(await promptOf(trial, 'And again'));
        expect(events[0]?.type).not.toBe('load-start');
        expect(engine.status().processes.map(({ pid }) => pid)).toEqual([first?.pid]);
      });
  });
}

/** The executable and the weights, or what is missing. */
function findGemmaCpp(env: RealGemmaCppPlace['env']): RealGemmaCpp | string {
  const executable = env['GEMMA_EXECUTABLE'];
  if (!executable) return 'GEMMA_EXECUTABLE names no gemma.cpp';
  if (!existsSync(executable)) return `GEMMA_EXECUTABLE: ${executable} is not there`;
  const named = env['GEMMA_WEIGHTS'];
  if (named) return existsSync(named) ? { executable, weights: named } : `GEMMA_WEIGHTS: ${named} is not there`;
  const folder = dirname(executable);
  const beside = readdirSync(folder)
    .filter((file) => file.endsWith('.sbs'))
    .toSorted()[0];
  if (beside === undefined) return `GEMMA_WEIGHTS names no weights, and no .sbs file lies in ${folder}`;
  return { executable, weights: join(folder, beside) };
}

/** A question of the kind that the weights take. */
async function promptOf({ engine, model }: GemmaCppTrial, text: string): Promise<Prompt> {
  const { capabilities } = await engine.describe(model, { contextTokens: 1_024 });
  return capabilities.chat
    ? { type: 'chat', messages: [{ role: 'user', content: text }] }
    : { type: 'completion', text };
}
