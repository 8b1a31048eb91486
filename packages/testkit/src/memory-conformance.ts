import { describe } from 'vitest';
import { declareConversationPromises } from './memory-conversation-promises.ts';
import { declareFindPromises } from './memory-find-promises.ts';
import { declareLifePromises } from './memory-life-promises.ts';
import { declareMeaningPromises } from './memory-meaning-promises.ts';
import { declareRowPromises } from './memory-row-promises.ts';
import { declareSharingPromises } from './memory-sharing-promises.ts';
import { declareTierPromises } from './memory-tier-promises.ts';
import type { MemorySubject } from './memory-trial.ts';

/**
 * Declares the promises of the memory contract as tests of one memory. Call it at the top of a test file. Every case runs
 * in a folder of its own, under a clock that is driven by hand.
 */
export function memoryConformance(subject: MemorySubject): void {
  describe(subject.name, () => {
    declareRowPromises(subject);
    declareFindPromises(subject);
    declareMeaningPromises(subject);
    declareTierPromises(subject);
    declareConversationPromises(subject);
    declareLifePromises(subject);
    declareSharingPromises(subject);
  });
}
