/**
 * The protocol between an engine and its model process: JSON messages over Node's IPC channel.
 *
 * The process says `ready` once. The engine sends calls, each with an id; the process answers every call with exactly one
 * `result` or `failure` of that id, after any number of `piece` messages for a `generate`. Calls run in the order they
 * came, except `abort` and `set-threads`, which are taken at once. The process ends when the channel closes.
 *
 * @module
 */
import type { Capabilities } from './capabilities.ts';
import type { RuntimeInfo } from './engine.ts';
import type { ErrorCode } from './error-codes.ts';
import type { ChatMessage, Sampling } from './generate-request.ts';

/** Raised when a change breaks one side. A process that says another version is refused. */
export const workerProtocolVersion = 1;

/** What can be tokenized: a plain text, or a conversation for the chat template in the model file. */
export type TokenizeInput =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'chat'; readonly messages: readonly ChatMessage[] };

/** What a loaded model is. */
export interface LoadedModel {
  readonly architecture: string;
  readonly contextTokens: number;
  readonly trainContextTokens: number;
  readonly capabilities: Capabilities;
  readonly runtime: RuntimeInfo;
}

/** How a `generate` call chooses tokens: every value resolved, none left to the process. */
export type ResolvedSampling = Required<Sampling>;

/** The operations of a model process, each with its parameters and its result. */
export interface WorkerOperations {
  /** Loads a model and makes one context with `sequences` independent sequences. Once per process. */
  load: {
    params: {
      readonly path: string;
      readonly contextTokens: number;
      readonly sequences: number;
      readonly threads: number;
      /** Where the native runtime is installed; `null` = resolve it from the process's own place. */
      readonly runtimeFolder: string | null;
    };
    result: LoadedModel;
  };
  /** Tokens of a text or conversation, with the tokens that the model wants at the beginning. */
  tokenize: { params: { readonly input: TokenizeInput }; result: { readonly tokens: readonly number[] } };
  /** Cuts a sequence to at most its first `tokens` tokens. A model may be unable to keep that many: `kept` tells. */
  truncate: {
    params: { readonly sequence: number; readonly tokens: number };
    result: { readonly kept: number };
  };
  /** Appends tokens to a sequence without sampling. */
  evaluate: {
    params: { readonly sequence: number; readonly tokens: readonly number[] };
    result: { readonly length: number };
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
    };
    result: { readonly reason: 'stop' | 'length' | 'aborted'; readonly length: number };
  };
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
    }
  | { readonly type: 'result'; readonly id: number; readonly result: unknown }
  | {
      readonly type: 'failure';
      readonly id: number;
      readonly error: { readonly code: ErrorCode; readonly message: string; readonly facts?: Record<string, unknown> };
    }
  /** A line for the log: the runtime's own warnings end here. */
  | { readonly type: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly message: string };
