import { settings } from './settings.ts';
import type { ChatCommand } from './chat-commands.ts';

/** What the word before the cursor could become. */
export interface Completion {
  /** Where the word begins. */
  readonly start: number;
  /** Whole words, sorted. */
  readonly candidates: readonly string[];
}

/** What {@link completeLine} takes: where names come from. */
export interface CompletionSources {
  readonly commands: readonly ChatCommand[];
  readonly models: () => Promise<readonly string[]>;
  readonly chats: () => Promise<readonly string[]>;
}

/** Completes the names of commands, and after them what the command takes. Other text has no completions. */
export async function completeLine(before: string, sources: CompletionSources): Promise<Completion> {
  if (!before.startsWith('/') || before.includes('\n')) return { start: before.length, candidates: [] };
  const [, word = '', space = '', argument = ''] = /^(\/\S*)(\s*)(.*)$/.exec(before) ?? [];
  if (space === '') {
    const names = sources.commands.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
    const own = sources.commands.map(({ name }) => name);
    // Aliases only when nothing else fits: they would drown the names.
    const fitting = own.filter((name) => name.startsWith(word));
    return {
      start: 0,
      candidates: (fitting.length > 0 ? fitting : names.filter((name) => name.startsWith(word))).toSorted(),
    };
  }
  const command = sources.commands.find(({ name, aliases = [] }) => name === word || aliases.includes(word));
  if (argument.includes(' ')) return { start: before.length, candidates: [] };
  const words = await candidatesOf(command?.completes, sources);
  const start = word.length + space.length;
  return { start, candidates: words.filter((candidate) => candidate.startsWith(argument)).toSorted() };
}

async function candidatesOf(
  what: ChatCommand['completes'],
  { models, chats, commands }: CompletionSources,
): Promise<readonly string[]> {
  switch (what) {
    case 'model':
      return models();
    case 'chat':
      return chats();
    case 'setting':
      return Object.keys(settings);
    case 'command':
      return commands.map(({ name }) => name.slice(1));
    case undefined:
      return [];
  }
}
