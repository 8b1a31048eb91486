import { it } from 'vitest';
import type { CreateEngine } from './engine-trial.ts';

/** What one engine may do and the other need not. */
export type EngineTrait =
  /** The model process serves more than one request. */
  | 'warmProcess'
  /** Tokens that a prompt shares with an earlier one are not evaluated again. */
  | 'prefixCache'
  /** One process answers several requests side by side. */
  | 'slots'
  /** Prompts are evaluated in chunks that follow the measured speed. */
  | 'adaptiveChunks'
  /** The number of threads follows what a token costs. */
  | 'adaptiveThreads'
  /** States of stable prefixes are kept on disk. */
  | 'stateCache';

/** What the engine suites are told about an engine. */
export interface EngineSubject {
  /** The title of the suite. */
  readonly name: string;
  /** The factory under test. */
  readonly createEngine: CreateEngine;
  /** Per trait, `true`, or the reason why the engine does not have it: its cases skip themselves with that reason. Default: all true. */
  readonly supports?: Partial<Record<EngineTrait, true | string>>;
}

/** Declares one promise. One that needs a trait which the engine does not have skips itself, and says why. */
export function promise(
  subject: EngineSubject,
  title: string,
  body: () => Promise<void>,
  needs?: EngineTrait,
  timeoutMs = 30_000,
): void {
  const support = needs === undefined ? true : (subject.supports?.[needs] ?? true);
  it.concurrent(title, { timeout: timeoutMs }, (context) => (support === true ? body() : context.skip(support)));
}

/** Whether the engine has a trait, for cases that promise more of one that has. */
export function has(subject: EngineSubject, trait: EngineTrait): boolean {
  return (subject.supports?.[trait] ?? true) === true;
}
