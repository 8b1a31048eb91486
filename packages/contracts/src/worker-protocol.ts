/**
 * The protocol between an engine and its model process: JSON messages over Node's IPC channel.
 *
 * The process says `ready` once. The engine sends calls, each with an id; the process answers every call with exactly one
 * `result` or `failure` of that id, after any number of `piece` messages for a `generate`. Calls of one sequence run in
 * the order they came; calls of different sequences run side by side, and none keeps another waiting for longer than its
 * own batch. `load` comes first. `abort` and `set-threads` are taken at once. The process ends when the channel closes.
 *
 * @module
 */
import type { Capabilities } from './capabilities.ts';
import type { RuntimeInfo } from './engine.ts';
import type { ErrorCode } from './error-codes.ts';
import type { ChatMessage, Sampling } from './generate-request.ts';

/** Raised when a change breaks one side. A process that says another version is refused. */
export const workerProtocolVersion = 2;

/** What can be tokenized: a plain text, or a conversation for the chat template in the model file. */
export type TokenizeInput =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'chat'; readonly messages: readonly ChatMessage[] };

/** What a loaded model is. */
export interface LoadedModel {
  readonly architecture: string;
  /** Tokens of context that each sequence has. */
  readonly contextTokens: number;
  readonly trainContextTokens: number;
  /** Most tokens of one `evaluate`, and of the last part of a prompt in `generate`. */
  readonly batchTokens: number;
  readonly capabilities: Capabilities;
  readonly runtime: RuntimeInfo;
  /** Of an embedding model: length of its vectors and how it pools; otherwise `null`. */
  readonly embedding: { readonly dimensions: number; readonly pooling: string } | null;
}

/** How a `generate` call chooses tokens: every value resolved, none left to the process. */
export type ResolvedSampling = Required<Sampling>;

/** A token and its natural log-probability; the text may cut a character, so its bytes are base64. */
export interface WorkerLogprob {
  readonly bytes: string;
  readonly logprob: number;
}

/** The operations of a model process, each with its parameters and its result. */
export interface WorkerOperations {
  /** Loads a model and makes one context with `sequences` independent sequences. Once per process. */
  load: {
    params: {
      readonly path: string;
      /** Tokens of context of each sequence. */
      readonly contextTokens: number;
      readonly sequences: number;
      readonly threads: number;
      /** Where the native runtime is installed; `null` = resolve it from the process's own place. */
      readonly runtimeFolder: string | null;
      /** What the context is for. */
      readonly purpose: 'generate' | 'embed' | 'rank';
      /** Attention cache in 8 bits. */
      readonly compactCache: boolean;
    };
    result: LoadedModel;
  };
  /** Loads a smaller model that guesses ahead for `generate` calls with `speculation: 'draft'`. */
  'load-draft': { params: { readonly path: string }; result: { readonly architecture: string } };
  /** Tokens of a text or conversation, with the tokens that the model wants at the beginning. */
  tokenize: { params: { readonly input: TokenizeInput }; result: { readonly tokens: readonly number[] } };
  /**
   * Cuts a sequence to at most its first `tokens` tokens. A model may be unable to keep that many (a sliding window forgot
   * what they attend to): it then goes back to the nearest checkpoint before, or to 0. `kept` tells.
   */
  truncate: {
    params: { readonly sequence: number; readonly tokens: number };
    result: { readonly kept: number };
  };
  /**
   * Remembers the state of a sequence as it is now, so that a later `truncate` can come back to it. Keeps the `keepMax`
   * newest. Costs `bytes` of memory: 0 where the model needs no checkpoint to be cut anywhere.
   */
  checkpoint: {
    params: { readonly sequence: number; readonly keepMax: number };
    result: { readonly bytes: number };
  };
  /**
   * Makes a sequence hold what another one holds, at most its first `tokens` tokens, and its checkpoints up to there. `kept` tells how many. A call of both
   * sequences: it runs after what came before it for either, and before what comes after.
   */
  copy: {
    params: { readonly from: number; readonly to: number; readonly tokens: number };
    result: { readonly kept: number };
  };
  /** Appends tokens to a sequence without sampling. `alone`: in a batch of its own, so that its numbers are always the same. */
  evaluate: {
    params: { readonly sequence: number; readonly tokens: readonly number[]; readonly alone: boolean };
    result: {
      readonly length: number;
      /** Milliseconds that the batch took, and the tokens that were in it. */
      readonly ms: number;
      readonly batchTokens: number;
    };
  };
  /**
   * Appends at least one token to a sequence and samples on from there, at most `maxTokens` tokens.
   * `length` is the number of tokens that the sequence holds afterwards: the last sampled token is not among them.
   */
  generate: {
    params: {
      readonly sequence: number;
      readonly tokens: readonly number[];
      readonly maxTokens: number;
      readonly sampling: ResolvedSampling;
      readonly alone: boolean;
      /** GBNF that the output is held to; `null` = free. */
      readonly grammar: string | null;
      /** How many likeliest tokens each piece tells; `null` = no log-probabilities. */
      readonly logprobs: number | null;
      readonly speculation: 'prompt-lookup' | 'draft' | null;
    };
    result: {
      readonly reason: 'stop' | 'length' | 'aborted';
      readonly length: number;
      readonly draftedTokens: number;
      readonly acceptedTokens: number;
    };
  };
  /** Writes the state of a sequence to a new file. */
  'save-state': {
    params: { readonly sequence: number; readonly path: string };
    result: { readonly bytes: number; readonly tokens: number };
  };
  /** Puts the state in a file in the place of what a sequence holds. The file was written by `save-state` with the same model and load parameters. */
  'load-state': {
    params: { readonly sequence: number; readonly path: string; readonly tokens: readonly number[] };
    result: { readonly kept: number };
  };
  /** Vectors of tokenized texts, as the model gives them: base64 of little-endian 32-bit floats. */
  embed: {
    params: { readonly inputs: readonly (readonly number[])[] };
    result: { readonly vectors: readonly string[] };
  };
  /** Raw scores (logits) of pairs of a question and a passage, each tokenized together as the model wants. */
  rank: {
    params: { readonly query: string; readonly passages: readonly string[]; readonly truncate: boolean };
    result: { readonly scores: readonly number[] };
  };
  /** Memory of the process in bytes; `anonymous` (not backed by files, swapped parts included) is `null` where the system does not tell. */
  memory: { params: Record<string, never>; result: { readonly resident: number; readonly anonymous: number | null } };
  /** Sets the number of threads that compute, from the next token on. */
  'set-threads': { params: { readonly threads: number }; result: { readonly threads: number } };
  /** Stops a running or waiting call as soon as the runtime can. The call ends with `aborted` or a failure `ABORTED`. */
  abort: { params: { readonly call: number }; result: Record<string, never> };
}

/** The name of an operation. */
export type WorkerOperation = keyof WorkerOperations;

/** Engine to process. */
export type WorkerCall = {
  [Operation in WorkerOperation]: {
    readonly type: 'call';
    readonly id: number;
    readonly operation: Operation;
    readonly params: WorkerOperations[Operation]['params'];
  };
}[WorkerOperation];

/** Process to engine. */
export type WorkerMessage =
  | { readonly type: 'ready'; readonly protocol: number }
  | {
      /** One sampled token, or -1 for text of earlier tokens. The text may be empty while a character is incomplete. */
      readonly type: 'piece';
      readonly id: number;
      readonly token: number;
      /** The piece as UTF-8 text, or as base64 of bytes that may cut a character. Exactly one of the two. */
      readonly text?: string;
      readonly bytes?: string;
      /** Milliseconds that its batch took, sampling included, and the tokens that were in the batch. Left out for text of earlier tokens. */
      readonly ms?: number;
      readonly batchTokens?: number;
      /** When asked for: the token itself, then the likeliest ones, before any sampling option. */
      readonly logprobs?: readonly [WorkerLogprob, ...WorkerLogprob[]];
    }
  | { readonly type: 'result'; readonly id: number; readonly result: unknown }
  | {
      readonly type: 'failure';
      readonly id: number;
      readonly error: { readonly code: ErrorCode; readonly message: string; readonly facts?: Record<string, unknown> };
    }
  /** A line for the log: the runtime's own warnings end here. */
  | { readonly type: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly message: string };
