import type { ToolCall } from './generate-request.ts';

/** The model starts to load. Only on a cold request. */
export interface LoadStart {
  readonly type: 'load-start';
  readonly model: string;
}

/** The model is ready. Follows every `load-start` unless the request ends first. */
export interface LoadEnd {
  readonly type: 'load-end';
  readonly model: string;
  /** Milliseconds from spawn to ready. */
  readonly loadMs: number;
}

/** The prompt was longer than the context and was trimmed, as the request asked. Comes before any text. */
export interface PromptTrimmed {
  readonly type: 'prompt-trimmed';
  /** Tokens of the prompt as given. */
  readonly promptTokensBefore: number;
  /** Tokens of the prompt that is evaluated. */
  readonly promptTokensAfter: number;
  /** Messages left out; 0 for a completion, whose beginning was cut. */
  readonly messagesDropped: number;
}

/** A token and how likely the model thought it, before any sampling option. */
export interface TokenLogprob {
  /** The token's text; `bytes` where that is not the whole truth. */
  readonly text: string;
  /** The token's own bytes: a token may hold part of a character. */
  readonly bytes: readonly number[];
  /** Natural logarithm of its probability. */
  readonly logprob: number;
}

/** A token of the answer, and the likeliest tokens in its place. */
export interface RankedTokenLogprob extends TokenLogprob {
  /** Likeliest first. */
  readonly top: readonly TokenLogprob[];
}

/** A piece of the answer. Never ends inside a UTF-8 character and is never empty. */
export interface TextDelta {
  readonly type: 'text-delta';
  readonly text: string;
  /** When asked for: each token since the delta before, with the likeliest tokens in its place. */
  readonly logprobs?: readonly RankedTokenLogprob[];
}

/** The model wants a tool called. Comes when the call is complete; the answer then ends with reason `tool-calls`. */
export interface ToolCallEvent extends ToolCall {
  readonly type: 'tool-call';
  /** Place among the calls of this answer, from 0. */
  readonly index: number;
}

/**
 * The answer ended within a call, by the token limit, a stop string or an abort: what there is of it. Not to be called; a
 * call whose name was not whole yet is not told.
 */
export interface ToolCallCut extends ToolCall {
  readonly type: 'tool-call-cut';
  /** Place among the calls of this answer, from 0. */
  readonly index: number;
}

/** The number of threads that compute was changed while this answer was made. */
export interface ThreadsChanged {
  readonly type: 'threads-changed';
  readonly from: number;
  readonly to: number;
  /** Why, in words: what a token cost and what it costs at best. */
  readonly reason: string;
}

/** Why an answer ended: the model or a stop string said so, the token limit came, tools are called, the caller aborted. */
export type FinishReason = 'stop' | 'length' | 'tool-calls' | 'aborted';

/** Token counts. `null` = the runtime cannot know; never 0 in its place. */
export interface Usage {
  /** Tokens of the prompt: `cachedTokens + evaluatedTokens`. */
  readonly promptTokens: number | null;
  /** Of these, taken from the prefix cache. */
  readonly cachedTokens: number | null;
  /** Of these, computed for this request. Less than the rest when the request was aborted on the way. */
  readonly evaluatedTokens: number | null;
  /** Tokens of the answer, the end-of-turn token not counted. */
  readonly outputTokens: number | null;
  /** Of the cached tokens, those whose state came from disk. Left out when none did. */
  readonly restoredTokens?: number;
  /** With speculation: tokens that were guessed ahead, and how many of these the model confirmed. */
  readonly draftedTokens?: number;
  readonly acceptedTokens?: number;
  /** The counts are estimates: the runtime does not tell them. */
  readonly estimated?: true;
}

/** Where the time went, in milliseconds, measured where the work happens. `null` = the stage was not reached. */
export interface Timings {
  /** From request to admission. */
  readonly queueMs: number;
  /** From spawn to ready. 0 when the model was warm. */
  readonly loadMs: number;
  /** Evaluating the prompt. */
  readonly promptMs: number | null;
  /** From request to first token. */
  readonly ttftMs: number | null;
  /** Mean gap between tokens after the first. `null` below two tokens. */
  readonly tpotMs: number | null;
  /** From request to end. */
  readonly totalMs: number;
}

/** The one end of an answer. */
export interface GenerationEnd {
  readonly type: 'generation-end';
  readonly reason: FinishReason;
  /**
   * When asked for, and there are any: the tokens behind the last delta, whose text is not shown: those of calls, of a stop
   * string, of half a character at the token limit. With those of the deltas they are all that `outputTokens` counts.
   */
  readonly logprobs?: readonly RankedTokenLogprob[];
  readonly usage: Usage;
  readonly timings: Timings;
}

/**
 * What `generate` yields: `load-start` and `load-end` (cold only), at most one `prompt-trimmed`, any number of
 * `text-delta` and `tool-call`, at most one `tool-call-cut`, then exactly one `generation-end`; `threads-changed` at any place before it. Instead of the end, one typed error may be thrown; text before it
 * stays valid.
 */
export type EngineEvent =
  | LoadStart
  | LoadEnd
  | PromptTrimmed
  | ThreadsChanged
  | TextDelta
  | ToolCallEvent
  | ToolCallCut
  | GenerationEnd;
