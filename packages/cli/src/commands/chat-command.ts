import { chatCommands, chatKeys, commandRow } from '../chat/chat-commands.ts';
import type { CommandContext, CommandDefinition, CommandInput } from '../command.ts';
import type { CommandServices } from '../command-services.ts';
import { chatOptions } from '../option-table.ts';

/** `gemma chat`: a conversation, message by message. */
export function chatCommand(services: CommandServices): CommandDefinition {
  return {
    name: 'chat',
    summary: 'Hold a conversation.',
    options: chatOptions,
    examples: [
      { command: 'gemma chat', effect: 'talks with the default model; /help lists commands and keys' },
      { command: 'gemma chat -m gemma3:1b -s "Answer in one sentence"', effect: 'another model, with an instruction' },
      { command: 'gemma chat --stats', effect: 'shows tokens and times after each answer' },
    ],
    topics: [
      { title: 'Commands of the chat', rows: chatCommands.map(commandRow) },
      { title: 'Keys', rows: chatKeys },
    ],
    run: (context, input) => chat(context, input, services),
  };
}

/** Runs a chat until its user leaves, or its input ends. Gives the exit code. */
export async function chat(context: CommandContext, input: CommandInput, services: CommandServices): Promise<number> {
  // Loaded here: help for this command needs none of it.
  const { chat: run } = await import('../chat/chat.ts');
  return run(context, input, services);
}
