import type { CommandDefinition } from '../command.ts';
import type { CommandServices } from '../command-services.ts';
import { runOptions, singleAnswerOptions } from '../option-table.ts';
import { answerOnce } from '../thin/answer-once.ts';
import { chat } from './chat-command.ts';
import { usageError } from './usage-error.ts';

/** `gemma run MODEL [TEXT]`: what users of Ollama type. */
export function runCommand(services: CommandServices): CommandDefinition {
  return {
    name: 'run',
    summary: 'Chat with a model, or answer one prompt with it.',
    arguments: [
      { name: 'MODEL', summary: 'An installed name or a file.', required: true, completes: 'models-or-files' },
      { name: 'TEXT', summary: 'The prompt. Without one, on a terminal, a chat begins.', variadic: true },
    ],
    options: runOptions,
    examples: [
      { command: 'gemma run gemma3:270m', effect: 'opens a chat' },
      { command: 'gemma run gemma3:270m "Why is the sky blue?"', effect: 'answers once' },
      { command: 'gemma run ./model.gguf "Once upon a time"', effect: 'runs a file' },
    ],
    async run(context, { arguments: [model = '', ...words], options }) {
      const input = { arguments: words, options: { ...options, model } };
      const isChat = words.length === 0 && options['file'] === undefined && context.stdin.isTTY === true;
      const single = singleAnswerOptions.find(({ long }) => options[long] !== undefined);
      if (isChat && single !== undefined)
        throw usageError(`Expected TEXT with --${single.long}, got none: it is for a single answer, not for a chat.`);
      return isChat ? chat(context, input, services) : answerOnce({ ...context, connect: services.connect }, input);
    },
  };
}
