import type { Prompt } from '@gemma-cli/contracts';
import type { AppEvent } from './app-event.ts';
import type { AnswerOptions } from './client.ts';
import type { RagMode } from './passages.ts';

/** One answer, whoever asks for it. */
export interface AnswerInput {
  /**
   * Makes the prompt once it is known whether the model can chat.
   *
   * @param context - What stands before the question: passages, or nothing.
   */
  readonly content: (mode: 'chat' | 'completion', context: string) => Prompt;
  /** What passages are looked for. */
  readonly question: string;
  /** Default: that of the app. */
  readonly rag: RagMode | undefined;
  /** The conversation in which it is asked. */
  readonly session?: string | undefined;
  readonly system: string | undefined;
  readonly model: string | undefined;
  readonly options: AnswerOptions | undefined;
  /** Notices that were given already in this question or session, so that each is given once. */
  readonly told: Set<string>;
  readonly signal: AbortSignal | undefined;
}

/** Streams one answer. */
export type Answer = (input: AnswerInput) => AsyncGenerator<AppEvent>;
