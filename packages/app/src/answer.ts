import type { Prompt } from '@gemma-cli/contracts';
import type { AppEvent } from './app-event.ts';
import type { AnswerOptions } from './client.ts';

/** One answer, whoever asks for it. */
export interface AnswerInput {
  /** Makes the prompt once it is known whether the model can chat. */
  readonly content: (mode: 'chat' | 'completion') => Prompt;
  readonly system: string | undefined;
  readonly model: string | undefined;
  readonly options: AnswerOptions | undefined;
  /** Notices that were given already in this question or session, so that each is given once. */
  readonly told: Set<string>;
  readonly signal: AbortSignal | undefined;
}

/** Streams one answer. */
export type Answer = (input: AnswerInput) => AsyncGenerator<AppEvent>;
