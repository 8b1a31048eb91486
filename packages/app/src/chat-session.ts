import { GemmaError, type PromptTrimmed } from '@gemma-cli/contracts';
import { assemblePrompt } from './assemble-prompt.ts';
import type { AppEvent } from './app-event.ts';
import type { AnswerOptions, ChatSession, OperationOptions, SessionMessage, SessionOptions } from './client.ts';
import type { Answer } from './answer.ts';
import type { TurnKeeper } from './turn-keeper.ts';

/** What {@link createChatSession} takes. */
export interface ChatSessionParts {
  readonly answer: Answer;
  readonly options: SessionOptions & { readonly model: string };
  /** Puts the options of the session over those of the app. */
  readonly mergeOptions: (options: AnswerOptions | undefined) => AnswerOptions;
  /** Keeps what is said. `undefined` = nobody does. */
  readonly keeper: TurnKeeper | undefined;
  /** Makes a name for a conversation. */
  readonly newId: () => string;
}

/** Makes a session that lives in memory. */
export function createChatSession({ answer, options, mergeOptions, keeper, newId }: ChatSessionParts): ChatSession {
  let { system, model, rag, options: answerOptions } = options;
  let id = newId();
  let remembers = keeper !== undefined && options.remember === true;
  /** Questions that were asked elsewhere: keeping what is said here does not include them. */
  let restored: ReadonlySet<SessionMessage> = new Set();
  let messages: readonly SessionMessage[] = [];
  /** How many of the oldest messages no longer fit the context, and are not sent any more. */
  let forgotten = 0;
  /** How often what decides that has changed: the model, its context, the system message. */
  let rooms = 0;
  let busy = false;
  const told = new Set<string>();

  /** What did not fit before may fit now: the engine is asked again with all of it. */
  function changeRoom(): void {
    rooms += 1;
    forgotten = 0;
  }

  /** Keeps the turns of this conversation that are not kept yet. */
  function keepTurns(): void {
    if (!remembers) return;
    for (let index = 0; index + 1 < messages.length; index += 2) {
      const [question, reply] = messages.slice(index, index + 2);
      if (question === undefined || reply === undefined || restored.has(question)) continue;
      // As in the history of the terminal: what begins with a space is nobody else's business.
      if (question.content.startsWith(' ')) continue;
      keeper?.keep(id, { question, answer: reply });
    }
  }

  /** What follows is another conversation. */
  function beginAnew(next: readonly SessionMessage[]): void {
    messages = next;
    restored = new Set(next);
    forgotten = 0;
    id = newId();
  }

  function contextTokens(): number | undefined {
    return mergeOptions(answerOptions).contextTokens;
  }

  /** Answers `text` as the message after `past`; what was said becomes that turn at the end of `past`. */
  async function* turn(
    text: string,
    past: readonly SessionMessage[],
    { signal, seed }: OperationOptions & { readonly seed?: number | undefined },
  ): AsyncGenerator<AppEvent> {
    if (text.trim() === '') {
      throw new GemmaError({ code: 'REQUEST_INVALID', message: 'The message is empty. Say something.' });
    }
    if (busy) {
      throw new GemmaError({
        code: 'REQUEST_INVALID',
        message: 'This session is still answering. Wait for the end of the answer, or abort it.',
      });
    }
    busy = true;
    const before = messages;
    const room = rooms;
    const skipped = Math.min(forgotten, past.length);
    const sent = past.slice(skipped);
    let forgottenNow = skipped;
    let reply = '';
    let passages = '';
    let complete = false;
    try {
      const events = answer({
        content: (mode, context) => {
          passages = context;
          return assemblePrompt(mode, { system, past: sent, text, context });
        },
        question: text,
        rag,
        session: id,
        system,
        model,
        options: {
          ...answerOptions,
          onContextOverflow: answerOptions?.onContextOverflow ?? 'trim',
          ...(seed === undefined ? {} : { sampling: { ...answerOptions?.sampling, seed } }),
        },
        told,
        signal,
      });
      for await (const event of events) {
        if (event.type === 'text-delta') reply += event.text;
        if (event.type === 'prompt-trimmed') forgottenNow = skipped + messagesTrimmed(event, sent, text);
        if (event.type === 'generation-end') complete = event.reason !== 'aborted';
        yield event;
      }
    } finally {
      busy = false;
      // `clear()` during an answer wins: it has put another list in the place of `before`.
      if (messages === before && (complete || reply !== '')) {
        forgotten = room === rooms ? forgottenNow : 0;
        messages = [
          ...past,
          { role: 'user', content: text, ...(passages === '' ? {} : { context: passages }) },
          { role: 'assistant', content: reply, ...(complete ? {} : { partial: true as const }) },
        ];
        void keeper?.forget(before.slice(past.length));
        keepTurns();
      }
    }
  }

  return {
    get id() {
      return id;
    },
    get remembers() {
      return remembers;
    },
    get messages() {
      return messages;
    },
    get system() {
      return system;
    },
    get model() {
      return model;
    },
    get rag() {
      return rag;
    },
    get options() {
      return mergeOptions(answerOptions);
    },
    async *send(text, sendOptions = {}) {
      yield* turn(text, messages, sendOptions);
    },
    async *retry({ text, seed, signal } = {}) {
      const asked = messages.at(-2);
      if (asked === undefined) {
        throw new GemmaError({ code: 'REQUEST_INVALID', message: 'Nothing was asked yet. Say something first.' });
      }
      yield* turn(text ?? asked.content, messages.slice(0, -2), { seed, signal });
    },
    undo() {
      const taken = messages.slice(-2);
      messages = messages.slice(0, -2);
      forgotten = Math.min(forgotten, messages.length);
      void keeper?.forget(taken);
      return taken;
    },
    restore(next) {
      const isWhole =
        next.length % 2 === 0 && next.every(({ role }, index) => role === (index % 2 === 0 ? 'user' : 'assistant'));
      if (!isWhole) {
        throw new GemmaError({
          code: 'REQUEST_INVALID',
          message: 'Expected complete turns: a message of the user, its answer, and so on.',
        });
      }
      beginAnew([...next]);
    },
    clear() {
      beginAnew([]);
    },
    setSystem(next) {
      if (next !== system) changeRoom();
      system = next;
    },
    setModel(next) {
      if (next !== model) changeRoom();
      model = next;
    },
    setRag(next) {
      rag = next;
    },
    setOptions(next) {
      const before = contextTokens();
      answerOptions = next;
      // Other options change no room: what was left out stays out, and the prompt keeps the beginning that is cached.
      if (contextTokens() !== before) changeRoom();
    },
    setRemember(next) {
      remembers = keeper !== undefined && next;
      keepTurns();
    },
    async forgetRemembered() {
      remembers = false;
      return (await keeper?.forget(messages)) ?? 0;
    },
  };
}

/**
 * How many of the messages that were sent the engine left out, so that the next prompt begins where this one did: it
 * shares its prefix, and it does not grow past every limit. Of a document the engine cuts tokens: whole turns that lie
 * within that part are left out, judged by their share of the text.
 */
function messagesTrimmed(
  { messagesDropped, promptTokensBefore, promptTokensAfter }: PromptTrimmed,
  sent: readonly SessionMessage[],
  text: string,
): number {
  if (messagesDropped > 0) return messagesDropped;
  const chars = sent.reduce((sum, message) => sum + charsOf(message), text.length);
  let cutChars = chars * (1 - promptTokensAfter / promptTokensBefore);
  let dropped = 0;
  for (let index = 0; index + 1 < sent.length; index += 2) {
    cutChars -= charsOf(sent[index]) + charsOf(sent[index + 1]);
    if (cutChars < 0) break;
    dropped = index + 2;
  }
  return dropped;
}

function charsOf(message: SessionMessage | undefined): number {
  return message === undefined ? 0 : (message.context ?? '').length + message.content.length;
}
