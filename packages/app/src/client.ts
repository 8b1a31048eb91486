import type { ChatMessage, OutputFormat, Sampling } from '@gemma-cli/contracts';
import type { AppEvent } from './app-event.ts';
import type { RagMode } from './passages.ts';
import type { PromptTemplate } from './prompt-template.ts';

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
  /** The form that the answer is held to, token by token. Default: free text. */
  readonly format?: OutputFormat | undefined;
  /**
   * The model is told the schema of `format` behind the system text: the grammar alone shows it neither descriptions nor
   * what comes next. Default false: the prompt stays as it is.
   */
  readonly describeFormat?: boolean | undefined;
  /** Gives each token's log-probability, and those of this many likeliest tokens in its place. 0..20. Default: none. */
  readonly logprobs?: number | undefined;
  /** Guessing ahead. Default: none. */
  readonly speculation?: AnswerSpeculation | undefined;
}

/** Guessing ahead: from the prompt itself, or with a smaller model of the same vocabulary, by name or path. */
export type AnswerSpeculation = { readonly type: 'prompt-lookup' } | { readonly type: 'draft'; readonly model: string };

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
  /** Stands around the prompt. With one that has no place for it, the prompt may be empty. Default: none. */
  readonly template?: PromptTemplate | undefined;
  /** Instruction that stands before the conversation. Default: the app's. */
  readonly system?: string | undefined;
  /** Name or path of a model. Default: the app's; `auto` chooses among the installed ones. */
  readonly model?: string | undefined;
  readonly options?: AnswerOptions | undefined;
  /** Whether the answer uses what is remembered. Default: the app's. */
  readonly rag?: RagMode | undefined;
}

/** What a session begins with; see {@link AskRequest}. */
export interface SessionOptions extends Omit<AskRequest, 'prompt'> {
  /** What is said is kept in the memory of the app, so that later conversations find it. Default false. */
  readonly remember?: boolean | undefined;
}

/** A message of a session. */
export interface SessionMessage extends ChatMessage {
  /** The answer was aborted or broke off: what is here is what came. */
  readonly partial?: true;
  /** Passages that stood before this message in the prompt. Absent = none. They stay, so that the prompt only grows at its end. */
  readonly context?: string;
}

/** Ways to stop an operation. */
export interface OperationOptions {
  /** Ends the answer with reason `aborted`; what came so far is kept. */
  readonly signal?: AbortSignal | undefined;
}

/** How the last question is asked again. */
export interface RetryOptions extends OperationOptions {
  /** Takes the place of the question. Default: the same question. */
  readonly text?: string | undefined;
  /** Seed of this answer alone. Default: that of the options. */
  readonly seed?: number | undefined;
}

/** A conversation. Answers one message at a time. */
export interface ChatSession {
  /** Names the conversation in the memory. Another one after `clear` and `restore`. */
  readonly id: string;
  /** What is said is kept. False where the app has no memory for it. */
  readonly remembers: boolean;
  /** What was said, oldest first, the system message not included: complete turns, each message with its answer. */
  readonly messages: readonly SessionMessage[];
  /** The system message. `undefined` = none. */
  readonly system: string | undefined;
  /** Name or path of the model, as it was asked for; `auto` chooses among the installed ones. */
  readonly model: string;
  /** Whether answers use what is remembered. `undefined` = as the app does. */
  readonly rag: RagMode | undefined;
  /** What the next answer is made with: the options of the session over those of the app. */
  readonly options: AnswerOptions;
  /**
   * Says something and streams the answer. When the answer is aborted or breaks off, the session keeps the message and
   * the part that came; when nothing came, it takes the message back.
   *
   * @throws GemmaError `REQUEST_INVALID` while another answer is under way, and whatever the engine throws.
   */
  send(text: string, options?: OperationOptions): AsyncIterable<AppEvent>;
  /**
   * Asks the last question again and puts the new answer in the place of the old one. When nothing comes, the old turn
   * stays.
   *
   * @throws GemmaError `REQUEST_INVALID` when nothing was asked yet, and what `send` throws.
   */
  retry(options?: RetryOptions): AsyncIterable<AppEvent>;
  /** Takes the last turn back. Gives its messages; none when nothing was said. */
  undo(): readonly SessionMessage[];
  /**
   * Replaces what was said.
   *
   * @throws GemmaError `REQUEST_INVALID` unless these are complete turns: user, assistant, user, assistant, …
   */
  restore(messages: readonly SessionMessage[]): void;
  /** Forgets what was said. The system message stays. */
  clear(): void;
  /** Replaces the system message; `undefined` removes it. Counts from the next message on. */
  setSystem(system: string | undefined): void;
  /** Replaces the model. Counts from the next message on. */
  setModel(model: string): void;
  /** Replaces how what is remembered is used. Counts from the next message on. */
  setRag(rag: RagMode): void;
  /** Replaces the options. Counts from the next message on. */
  setOptions(options: AnswerOptions): void;
  /**
   * Begins or ends keeping what is said. A beginning includes what was said so far in this conversation, but not what was
   * restored; a message that begins with a space is left out with its answer; an end leaves what is kept where it is.
   * Turns are kept after their answers, without delaying the next one; an answer that is retried, and a turn that is taken
   * back, are forgotten there too.
   */
  setRemember(remember: boolean): void;
  /** Forgets for good what is kept of this conversation, and ends keeping it. Tells how many rows went. */
  forgetRemembered(): Promise<number>;
}

/** What is made ready; see {@link Client.prepare}. */
export interface PrepareOptions extends OperationOptions {
  /** Name or path of a model. Default: the app's. */
  readonly model?: string | undefined;
  /** Those of the answers to come: a model is loaded once for each context. */
  readonly options?: AnswerOptions | undefined;
}

/** A model that is ready. */
export interface PreparedModel {
  readonly name: string;
  /** Absolute path of the weights. */
  readonly path: string;
  /** `chat`: the model's own template. `completion`: the model has none, the text is continued. */
  readonly mode: 'chat' | 'completion';
  /** Tokens of context that answers get. `null` when only an answer would tell. */
  readonly contextTokens: number | null;
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
  /**
   * Loads a model before it is asked something, so that its first answer comes sooner. An engine that keeps no process
   * loads nothing; whether the model exists is checked all the same.
   *
   * @throws GemmaError what an answer would throw for this model, `ABORTED` when `signal` was aborted.
   */
  prepare(options?: PrepareOptions): Promise<PreparedModel>;
  /** Frees what the client holds. Safe to call twice. */
  close(): Promise<void>;
}
