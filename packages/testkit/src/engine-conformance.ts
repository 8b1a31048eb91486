import { describe } from 'vitest';
import { declareChunkPromises } from './conformance-chunks.ts';
import { declareFaultPromises } from './conformance-faults.ts';
import { declareFormPromises } from './conformance-forms.ts';
import { declareLifePromises } from './conformance-life.ts';
import { declareLimitPromises } from './conformance-limits.ts';
import { declareMemoryPromises } from './conformance-memory.ts';
import { declareSlotPromises } from './conformance-slots.ts';
import { declareStatePromises } from './conformance-states.ts';
import { declareStreamPromises } from './conformance-stream.ts';
import type { EngineSubject } from './conformance-subject.ts';
import { declareThreadPromises } from './conformance-threads.ts';

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
    declareFormPromises(subject);
    declareChunkPromises(subject);
    declareThreadPromises(subject);
    declareSlotPromises(subject);
    declareStatePromises(subject);
    declareMemoryPromises(subject);
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
