import type { AnswerOptions, AppEvent, PromptParts, RagMode } from '@gemma-cli/app';
import type { GemmaErrorJson, ImplementationName } from '@gemma-cli/contracts';

/** The version of the lines below; `answer-once.ts` has the number. This file holds types alone, so that nothing loads it. */
export type ConnectionProtocol = 1;

/** The one line that the thin entry sends for an answer. */
export interface AskLine {
  readonly type: 'ask';
  readonly protocol: ConnectionProtocol;
  /** Absolute working directory: where project files are looked for and relative model files stand. */
  readonly cwd: string;
  /** The `GEMMA_*` variables, and those that say where executables and graphics cards are. */
  readonly env: Readonly<Record<string, string>>;
  readonly flags: AnswerFlags;
  readonly prompt: PromptParts;
}

/** Flags that change the answer. */
export interface AnswerFlags {
  readonly model?: string;
  readonly system?: string;
  readonly engine?: ImplementationName;
  readonly options?: AnswerOptions;
  /** Whether the answer uses what is remembered. */
  readonly rag?: RagMode;
  /** Which memory: its namespace. */
  readonly memory?: string;
  /** Name of a role. What stands beside it here wins over what the role says. */
  readonly role?: string;
  /** Values for the places of the role. */
  readonly params?: Readonly<Record<string, string>>;
  /** The form of the answer, as it was written: the answering side reads it. */
  readonly form?: AnswerForm;
}

/** What an answer is held to. */
export type AnswerForm =
  /** JSON Schema or the short notation; `list`: a list of what it describes. */
  | { readonly type: 'schema'; readonly text: string; readonly list: boolean }
  /** GBNF. */
  | { readonly type: 'grammar'; readonly text: string };

/** What may be sent: a question, and the wish to end its answer. */
export type ClientLine = AskLine | { readonly type: 'abort' };

/** What comes back, one JSON line each: the events of the answer, log lines, and at most one error, which is the last. */
export type Frame =
  | AppEvent
  /** What the role says of how the answer is shown. Comes before the answer. */
  | { readonly type: 'style'; readonly extract: 'first' | 'last' }
  /** `warn`: about the configuration, for every user. `info`: for who asks with `--verbose`. */
  | { readonly type: 'log'; readonly level: 'warn' | 'info'; readonly message: string }
  | { readonly type: 'error'; readonly error: GemmaErrorJson; readonly exitCode: number };

/** A way to whoever answers: this process, later also the warm one. */
export interface Connection {
  /** Sends one line, its newline included. */
  send(line: string): void;
  /** The lines that come back, without newlines. Ends after the answer. */
  readonly lines: AsyncIterable<string>;
  /** Frees everything. Safe to call twice. */
  close(): Promise<void>;
}

/** Opens a connection. */
export type Connect = () => Promise<Connection>;
