import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Engine, EngineOptions, GenerateRequest, ModelFile, Prompt } from '@gemma-cli/contracts';
import { collectAnswer } from './collect-answer.ts';
import type { CollectedAnswer } from './collect-answer.ts';
import { withTemporaryFolder } from './temporary-folder.ts';
import { processRuns, until } from './until.ts';
import { journalPids, openJournal } from './worker-journal.ts';
import type { JournalEntry } from './worker-journal.ts';
import { scriptedWorker } from './worker-script.ts';
import type { WorkerScript } from './worker-script.ts';

/** After this time a close() that never settles shows as the processes that it left, in milliseconds. */
const closeMsMax = 8_000;

/** Makes an engine. */
export type CreateEngine = (options: EngineOptions) => Promise<Engine>;

/** One engine over a scripted worker, with the worker's journal. */
export interface EngineTrial {
  readonly engine: Engine;
  /** An existing file; the scripted worker never reads it. */
  readonly model: ModelFile;
  /** Another one. */
  readonly otherModel: ModelFile;
  /** What the model processes did so far. */
  journal(): readonly JournalEntry[];
  /** The model processes in the order of their start. */
  pids(): readonly number[];
  /** A greedy request with few tokens; a bare text is one user message. */
  request(prompt: string | Prompt, rest?: Partial<GenerateRequest>): GenerateRequest;
  /** Sends that request and reads the whole answer. */
  ask(
    prompt: string | Prompt,
    rest?: Partial<GenerateRequest>,
    options?: { readonly signal?: AbortSignal },
  ): Promise<CollectedAnswer>;
}

/**
 * Runs `body` on a new engine over a scripted worker, closes the engine, and fails when a model process is left: so every
 * trial is a test for leaks too.
 */
export async function tryEngine(
  createEngine: CreateEngine,
  { script = {}, options = {} }: { readonly script?: WorkerScript; readonly options?: EngineOptions },
  body: (trial: EngineTrial) => Promise<void>,
): Promise<void> {
  await withTemporaryFolder(async (folder) => {
    const journalPath = join(folder, 'journal.jsonl');
    const model = { path: join(folder, 'scripted.gguf'), name: 'scripted' };
    const otherModel = { path: join(folder, 'other.gguf'), name: 'other' };
    await Promise.all([writeFile(model.path, 'GGUF'), writeFile(otherModel.path, 'GGUF')]);
    const engine = await createEngine({ worker: scriptedWorker({ journal: journalPath, ...script }), ...options });
    const journal = openJournal(journalPath);
    const pids = (): readonly number[] => journalPids(journal());
    const request = (prompt: string | Prompt, rest: Partial<GenerateRequest> = {}): GenerateRequest => ({
      model,
      prompt: typeof prompt === 'string' ? { type: 'chat', messages: [{ role: 'user', content: prompt }] } : prompt,
      sampling: { temperature: 0 },
      maxTokens: 200,
      ...rest,
    });
    try {
      await body({
        engine,
        model,
        otherModel,
        journal,
        pids,
        request,
        ask: (prompt, rest, callOptions) => collectAnswer(engine.generate(request(prompt, rest), callOptions)),
      });
    } finally {
      await endTrial(engine, pids);
    }
  });
}

/** Closes the engine of a trial, and fails when a process outlives it. */
export async function endTrial(engine: Engine, pids: () => readonly number[]): Promise<void> {
  await Promise.race([engine.close(), sleep(closeMsMax, undefined, { ref: false })]);
  const left = pids().filter((pid) => processRuns(pid));
  // One that hangs would outlive the test run; the test fails below all the same.
  for (const pid of left) process.kill(pid, 'SIGKILL');
  expect(left, 'processes that outlived close()').toEqual([]);
}

/** Waits until the n-th model process was hit by its n-th planned fault. */
export async function untilFault(trial: EngineTrial, count = 1): Promise<void> {
  await until(`${count} faults struck`, () => trial.journal().filter(({ event }) => event === 'fault').length >= count);
}

/** Waits until a process is gone, as an engine promises after an error or an abort it could not settle. */
export async function untilGone(pid: number | undefined): Promise<void> {
  expect(pid, 'a process that was spawned').toBeDefined();
  await until(`process ${pid} is gone`, () => !processRuns(pid ?? 0));
}
