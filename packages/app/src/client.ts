import type { ChatMessage, Sampling } from '@gemma-cli/contracts';
import type { AppEvent } from './app-event.ts';

/** How an answer is made. Everything left out has the default of the app, then that of the engine. */
export interface AnswerOptions {
  readonly sampling?: Sampling | undefined;
  /** Most tokens of the answer. */
  readonly maxTokens?: number | undefined;
  /** The answer ends before the first of these. */
  readonly stop?: readonly string[] | undefined;
  /** Same prompt, options and machine give the same text in both implementations. */
  readonly reproducible?: boolean | undefined;
  /** Tokens of context. */
  readonly contextTokens?: number | undefined;
  /**
   * What happens to a prompt that is longer than the context. Default `refuse` for a single answer, `trim` (with a
   * notice) in a session.
   */
  readonly onContextOverflow?: 'refuse' | 'trim' | undefined;
}

/** What a single question is made of. The parts stand in this order, a blank line between two. */
export interface PromptParts {
  /** What came in on a pipe. */
  readonly input?: string | undefined;
  /** Contents of files, in the order of their mention. */
  readonly files?: readonly string[] | undefined;
  /** What the user typed. */
  readonly text?: string | undefined;
}

/** One question without a past. */
export interface AskRequest {
  readonly prompt: string | PromptParts;
  /** Instruction that stands before the conversation. Default: the app's. */
  readonly system?: string | undefined;
  /** Name or path of a model. Default: the app's; `auto` chooses among the installed ones. */
  readonly model?: string | undefined;
  readonly options?: AnswerOptions | undefined;
}

/** What a session begins with; see {@link AskRequest}. */
export type SessionOptions = Omit<AskRequest, 'prompt'>;

/** A message of a session. */
export interface SessionMessage extends ChatMessage {
  /** The answer was aborted or broke off: what is here is what came. */
  readonly partial?: true;
}

/** Ways to stop an operation. */
export interface OperationOptions {
  /** Ends the answer with reason `aborted`; what came so far is kept. */
  readonly signal?: AbortSignal | undefined;
}

/** A conversation. Answers one message at a time. */
export interface ChatSession {
  /** What was said, oldest first, the system message not included. */
  readonly messages: readonly SessionMessage[];
  /**
   * Says something and streams the answer. When the answer is aborted or breaks off, the session keeps the message and
   * the part that came; when nothing came, it takes the message back.
   *
   * @throws GemmaError `REQUEST_INVALID` while another answer is under way, and whatever the engine throws.
   */
  send(text: string, options?: OperationOptions): AsyncIterable<AppEvent>;
  /** Forgets what was said. The system message stays. */
  clear(): void;
  /** Replaces the system message; `undefined` removes it. Counts from the next message on. */
  setSystem(system: string | undefined): void;
  /** Replaces the model. Counts from the next message on. */
  setModel(model: string): void;
  /** Replaces the options. Counts from the next message on. */
  setOptions(options: AnswerOptions): void;
}

/**
 * How a transport (command, server) reaches the operations: in its own process, or over a socket to a warm one. Nothing
 * happens before the first event is asked for.
 */
export interface Client extends AsyncDisposable {
  /** Answers one question. */
  ask(request: AskRequest, options?: OperationOptions): AsyncIterable<AppEvent>;
  /** Begins a conversation. */
  openSession(options?: SessionOptions): ChatSession;
  /** Frees what the client holds. Safe to call twice. */
  close(): Promise<void>;
}
