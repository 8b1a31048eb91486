import { GemmaError } from '@gemma-cli/contracts';
import { assemblePrompt } from './assemble-prompt.ts';
import type { AppEvent } from './app-event.ts';
import type { ChatSession, OperationOptions, SessionMessage, SessionOptions } from './client.ts';
import type { Answer } from './answer.ts';

/** Makes a session that lives in memory. */
export function createChatSession({ answer, options }: { answer: Answer; options: SessionOptions }): ChatSession {
  let { system, model, options: answerOptions } = options;
  let messages: readonly SessionMessage[] = [];
  let busy = false;
  const told = new Set<string>();

  async function* send(text: string, { signal }: OperationOptions = {}): AsyncGenerator<AppEvent> {
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
    const past = messages;
    let reply = '';
    let complete = false;
    try {
      const events = answer({
        content: (mode) => assemblePrompt(mode, { system, past, text }),
        system,
        model,
        options: { onContextOverflow: 'trim', ...answerOptions },
        told,
        signal,
      });
      for await (const event of events) {
        if (event.type === 'text-delta') reply += event.text;
        if (event.type === 'generation-end') complete = event.reason !== 'aborted';
        yield event;
      }
    } finally {
      busy = false;
      // `clear()` during an answer wins: it has put another list in the place of `past`.
      if (messages === past && (complete || reply !== '')) {
        messages = [
          ...past,
          { role: 'user', content: text },
          { role: 'assistant', content: reply, ...(complete ? {} : { partial: true as const }) },
        ];
      }
    }
  }

  return {
    get messages() {
      return messages;
    },
    send,
    clear() {
      messages = [];
    },
    setSystem(next) {
      system = next;
    },
    setModel(next) {
      model = next;
    },
    setOptions(next) {
      answerOptions = next;
    },
  };
}
