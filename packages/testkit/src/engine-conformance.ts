import { describe } from 'vitest';
import { declareFaultPromises } from './conformance-faults.ts';
import { declareLifePromises } from './conformance-life.ts';
import { declareLimitPromises } from './conformance-limits.ts';
import { declareStreamPromises } from './conformance-stream.ts';
import type { EngineSubject } from './conformance-subject.ts';

/**
 * Declares the promises of the engine contract as tests of one engine, over the scripted worker: what a sound model
 * process gives. Call it at the top of a test file. Every case runs on an engine of its own, several at a time, and fails
 * when a model process outlives it.
 */
export function engineConformance(subject: EngineSubject): void {
  describe(subject.name, () => {
    declareStreamPromises(subject);
    declareLimitPromises(subject);
    declareLifePromises(subject);
  });
}

/**
 * Declares the other half: aborts at every stage, and model processes that crash, hang, or talk garbage. Apart because it
 * starts and kills some two hundred processes, which takes most of a minute on two busy cores.
 */
export function engineFaultConformance(subject: EngineSubject): void {
  describe(`${subject.name}, faults`, () => {
    declareFaultPromises(subject);
  });
}
