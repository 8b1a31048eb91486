import type { EngineEvent, ImplementationName } from '@gemma-cli/contracts';
import type { Citation, Passage } from './passages.ts';

/** Which engine answers, and why not the other one. */
export interface AnswerEngine {
  readonly requested: ImplementationName;
  readonly active: ImplementationName;
  /** Why `active` is not `requested`. Absent when they are the same. */
  readonly reason?: string;
  /** What computes: `llama.cpp` or `gemma.cpp`. */
  readonly runtime: string;
}

/** The first event of every answer: who answers. */
export interface AnswerStart {
  readonly type: 'answer-start';
  readonly model: { readonly name: string; readonly path: string };
  /** `chat`: the model's own template. `completion`: the model has none, the text is continued. */
  readonly mode: 'chat' | 'completion';
  readonly engine: AnswerEngine;
  /** The answer is held to JSON. Absent otherwise. */
  readonly format?: 'json';
}

/**
 * What the user should know but did not ask. `COMPLETION_MODE`: the model continues text. `ENGINE_FALLBACK`: the other
 * implementation runs. `PROMPT_TRIMMED`: the oldest part of the conversation was left out. `ANSWER_CUT`: an answer that is
 * held to a form reached the token limit before its end, so it does not have that form. `MEMORY_SKIPPED`: what is remembered
 * could not be read, and nobody had insisted on it.
 */
export type NoticeCode = 'COMPLETION_MODE' | 'ENGINE_FALLBACK' | 'PROMPT_TRIMMED' | 'ANSWER_CUT' | 'MEMORY_SKIPPED';

/** Something that the user should know. Given once per question or session, but `PROMPT_TRIMMED` every time. */
export interface Notice {
  readonly type: 'notice';
  readonly code: NoticeCode;
  /** A sentence for people. */
  readonly message: string;
}

/** Passages stand before the question. Comes before the answer; not at all when there are none. */
export interface PassagesFound {
  readonly type: 'passages';
  /** By number. */
  readonly passages: readonly Passage[];
}

/** Where the sentences of the answer come from. Comes after its text, where passages stood before the question. */
export interface CitationsAttached {
  readonly type: 'citations';
  /** By number: in the order of the answer. */
  readonly citations: readonly Citation[];
}

/**
 * What `ask` and `send` yield: one `answer-start`, notices and passages, then the events of the engine, which end with exactly one
 * `generation-end`; or a typed error is thrown. Plain data: it survives JSON.
 */
export type AppEvent = AnswerStart | Notice | PassagesFound | CitationsAttached | EngineEvent;
