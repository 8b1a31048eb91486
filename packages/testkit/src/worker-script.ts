import { fileURLToPath } from 'node:url';
import type { Capabilities, ErrorCode, WorkerSpec } from '@gemma-cli/contracts';

/** A place in the life of a scripted worker at which a fault may strike. */
export type FaultPoint =
  /** Before `ready` is said. */
  | 'ready'
  /** When `load` begins. */
  | 'load'
  /** When `tokenize` begins. */
  | 'tokenize'
  /** When `truncate` begins. */
  | 'truncate'
  /** When `checkpoint`, `copy`, `save-state`, `load-state`, `load-draft`, `embed`, `rank` or `memory` begins. */
  | 'checkpoint'
  | 'copy'
  | 'save-state'
  | 'load-state'
  | 'load-draft'
  | 'embed'
  | 'rank'
  | 'memory'
  /** After `after` tokens were appended to sequences, by `evaluate` or at the beginning of `generate`. */
  | 'evaluate'
  /** After `after` pieces of one `generate`. */
  | 'piece'
  /** Before the result of a `generate`. */
  | 'end';

/** What a fault does. */
export type FaultAction =
  | { readonly do: 'exit'; readonly code: number; readonly stderr?: string }
  | { readonly do: 'kill'; readonly signal: NodeJS.Signals; readonly stderr?: string }
  /** Never goes on, answers no call, ignores SIGTERM and the end of the channel. `block` stops the event loop too. */
  | { readonly do: 'hang'; readonly block?: boolean }
  | { readonly do: 'delay'; readonly ms: number }
  | { readonly do: 'noise'; readonly stream: 'stdout' | 'stderr'; readonly bytes: number }
  | { readonly do: 'log'; readonly message: string }
  /** Answers the call with a failure. Sent as it is, so that the code may be one that nobody knows. */
  | {
      readonly do: 'failure';
      readonly code: ErrorCode | (string & {});
      readonly message: string;
      readonly facts?: Record<string, unknown>;
    }
  /** Sends something that is not in the protocol, then goes on. `$id` in a value stands for the id of the call. */
  | { readonly do: 'send'; readonly message: unknown }
  /** Answers the call with this result, whatever its shape, and not with the true one. */
  | { readonly do: 'result'; readonly result: unknown }
  /** Of `save-state`: writes half of the file, then fails with `DISK_FULL`. */
  | { readonly do: 'disk-full' }
  /** Answers the call twice. */
  | { readonly do: 'two-results' }
  /** Answers the call, then sends one more piece of it. */
  | { readonly do: 'piece-after-end' };

/** One planned fault. */
export type Fault = FaultAction & {
  readonly at: FaultPoint;
  /** How many tokens or pieces, or passages of `rank`, pass before it. Default 0. */
  readonly after?: number;
  /** Strikes only in the process that was spawned as the n-th, counted from 1. Default: in every one. */
  readonly process?: number;
  /** Strikes whenever its point is reached. Default false: once in a process. */
  readonly always?: boolean;
};

/** Other work on the machine while an answer is made: what a token costs meanwhile. */
export interface Contention {
  /** The tokens that the process decodes in this time, over all its answers: from this one, counted from 0, … */
  readonly fromToken: number;
  /** … to this one, which is no longer among them. Default: for ever. */
  readonly toToken?: number;
  /** Milliseconds of a decoded token by the number of threads; one that is not listed costs what the next lower one does. */
  readonly msPerTokenByThreads: Readonly<Record<number, number>>;
}

/** What a `generate` says in place of the model's own text. */
export type ScriptedText =
  /** Cut into pieces of `pieceBytes` bytes. */
  | { readonly text: string }
  /** One piece each, as they are. */
  | { readonly pieces: readonly string[] }
  /** Raw bytes in hexadecimal, one piece per byte. */
  | { readonly hex: string }
  /** The same piece `times` times. */
  | { readonly repeat: string; readonly times: number };

/** How a scripted worker behaves. Every part has a default; the default worker is a sound one. */
export interface WorkerScript {
  /** File that gets one JSON line per event. Needed when a fault names a `process`. Default: none. */
  readonly journal?: string;
  /** The protocol version said in `ready`. Default: the true one. */
  readonly protocol?: unknown;
  /** Default 65,536. */
  readonly trainContextTokens?: number;
  /** Default: everything but embeddings and ranking. */
  readonly capabilities?: Partial<Capabilities>;
  /** What `load` says of an embedding model. Default: 8 dimensions, mean pooling, when the capability is there. */
  readonly embedding?: { readonly dimensions: number; readonly pooling: string };
  /** Most tokens of one call. Default 512. */
  readonly batchTokens?: number;
  /** What every `generate` says. Default: text that depends on every evaluated token and the seed. */
  readonly answer?: ScriptedText;
  /** What a `generate` says whose prompt contains a text; the first that fits wins over `answer`. */
  readonly answerWhen?: readonly { readonly promptHas: string; readonly answer: ScriptedText }[];
  /** What a `generate` with a grammar says when no `answerWhen` fits. Default: `{"answer":"scripted"}`. */
  readonly grammarAnswer?: string;
  /** Bytes of one piece of a scripted text. Default 1. */
  readonly pieceBytes?: number;
  /**
   * Whether pieces carry base64 `bytes`, or `text` that is empty while a character is incomplete, as the protocol allows
   * both. Default 'bytes'.
   */
  readonly encoding?: 'bytes' | 'text';
  /** Milliseconds of each batch that decodes, for all its sequences together. Default 0. */
  readonly pieceMs?: number;
  /** Milliseconds per token of a prompt. Default 0. */
  readonly evaluateMsPerToken?: number;
  /** Other work on the machine, in place of `pieceMs` while it lasts. Default: none. */
  readonly contention?: readonly Contention[];
  /**
   * Milliseconds that pass for each scripted one; what a batch is said to take stays the same. 0 = none pass. A worker that
   * runs ahead of its engine hears it late, so where something must follow soon, let some pass. Default 1.
   */
  readonly timeScale?: number;
  /** Whether every batch is in the journal. Default false: it is a line for each token. */
  readonly journalBatches?: boolean;
  /** Whether an abort is seen between the tokens of one call. Default false: like llama.cpp, at the end of the call. */
  readonly abortsWhileEvaluating?: boolean;
  /** An answer depends on the batches its prompt was evaluated in. Default false. */
  readonly batchSensitive?: boolean;
  /**
   * A cut further back than this many tokens, counted from the most that the sequence held since it was last restored,
   * keeps nothing beyond the nearest checkpoint, as models with a sliding window do. Default: no limit.
   */
  readonly cutTokensMax?: number;
  /** Bytes that a checkpoint costs. Default: 64 per token where cuts have a limit, otherwise 0. */
  readonly checkpointBytes?: number;
  /** Memory of the process and how much it grows with every `generate`, in bytes. Default: 64 MiB that stay. */
  readonly memory?: {
    readonly residentBytes: number;
    readonly anonymousBytes: number | null;
    readonly growthBytes: number;
    /** What a draft model takes. Default 0. */
    readonly draftBytes?: number;
  };
  /** Every cut keeps this many tokens fewer than asked. Default 0. */
  readonly cutLoss?: number;
  /** A conversation that does not alternate between user and assistant is refused, as Gemma's template does. Default false. */
  readonly strictTurns?: boolean;
  readonly faults?: readonly Fault[];
}

/** The scripted worker as an engine's model process. */
export function scriptedWorker(script: WorkerScript): WorkerSpec {
  return { module: scriptedWorkerModule(), args: [encodeWorkerScript(script)] };
}

/** A script as one argument. */
export function encodeWorkerScript(script: WorkerScript): string {
  return `base64:${Buffer.from(JSON.stringify(script)).toString('base64')}`;
}

/** Reads what {@link encodeWorkerScript} wrote; anything else is the path of a JSON file, read with `readFile`. */
export function decodeWorkerScript(argument: string, readFile: (path: string) => string): WorkerScript {
  const json = argument.startsWith('base64:')
    ? Buffer.from(argument.slice('base64:'.length), 'base64').toString('utf8')
    : readFile(argument);
  return JSON.parse(json) as WorkerScript;
}

/** The compiled program, also when this file runs from its source. */
function scriptedWorkerModule(): string {
  return fileURLToPath(new URL('../dist/scripted-worker.js', import.meta.url));
}
