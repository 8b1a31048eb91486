import type { CommandDefinition } from './command.ts';
import type { CommandServices } from './command-services.ts';

/** A command by name, loaded when it is needed. */
export interface CommandEntry {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** The same sentence as in the definition; a test compares them. */
  readonly summary: string;
  /** Everything after the name goes to the command as it is. */
  readonly passThrough?: true;
  readonly load: (services: CommandServices) => Promise<CommandDefinition>;
}

/** Every command, in the order of the help. Names and summaries stand here so that `--help` loads nothing else. */
export const commandTable: readonly CommandEntry[] = [
  {
    name: 'ask',
    summary: 'Answer one prompt. `gemma "prompt"` does the same.',
    load: async (services) => (await import('./commands/ask-command.ts')).askCommand(services),
  },
  {
    name: 'chat',
    summary: 'Hold a conversation.',
    load: async (services) => (await import('./commands/chat-command.ts')).chatCommand(services),
  },
  {
    name: 'run',
    summary: 'Chat with a model, or answer one prompt with it.',
    load: async (services) => (await import('./commands/run-command.ts')).runCommand(services),
  },
  {
    name: 'ingest',
    summary: 'Put documents into the memory: files, folders, patterns, web pages, standard input.',
    load: async () => (await import('./commands/ingest-command.ts')).ingestCommand,
  },
  {
    name: 'search',
    summary: 'Search documents and memories.',
    load: async () => (await import('./commands/search-command.ts')).searchCommand,
  },
  {
    name: 'recall',
    summary: 'Recall memories: by relevance, importance, recency and use.',
    load: async () => (await import('./commands/recall-command.ts')).recallCommand,
  },
  {
    name: 'memory',
    summary: 'Add, show, change and check what is remembered.',
    load: async () => (await import('./commands/memory-command.ts')).memoryCommand,
  },
  {
    name: 'setup',
    summary: 'Set up what a first answer needs: a model, the runtime, one preference.',
    load: async (services) => (await import('./commands/setup-command.ts')).setupCommand(services),
  },
  {
    name: 'pull',
    summary: 'Fetch a model.',
    load: async () => (await import('./commands/pull-command.ts')).pullCommand,
  },
  {
    name: 'list',
    aliases: ['ls'],
    summary: 'List installed models.',
    load: async () => (await import('./commands/list-command.ts')).listCommand,
  },
  {
    name: 'show',
    summary: 'Show what is known of a model.',
    load: async () => (await import('./commands/show-command.ts')).showCommand,
  },
  {
    name: 'rm',
    summary: 'Remove installed models.',
    load: async () => (await import('./commands/rm-command.ts')).rmCommand,
  },
  {
    name: 'import',
    summary: 'Use a model file that is already on this machine.',
    load: async () => (await import('./commands/import-command.ts')).importCommand,
  },
  {
    name: 'runtime',
    summary: 'Install and list the native runtimes that compute.',
    load: async () => (await import('./commands/runtime-command.ts')).runtimeCommand,
  },
  {
    name: 'role',
    summary: 'Show and write roles: instructions and prompt templates with a name.',
    load: async () => (await import('./commands/role-command.ts')).roleCommand,
  },
  {
    name: 'config',
    summary: 'Show and change the configuration.',
    load: async () => (await import('./commands/config-command.ts')).configCommand,
  },
  {
    name: 'completion',
    summary: 'Print the completion script of a shell.',
    load: async (services) => (await import('./commands/completion-command.ts')).completionCommand(services),
  },
  {
    name: 'doctor',
    summary: 'Check whether a prompt can be answered here, and why not.',
    load: async (services) => (await import('./commands/doctor-command.ts')).doctorCommand(services),
  },
  {
    name: 'bench',
    summary: 'Run the benchmarks.',
    passThrough: true,
    load: async (services) => (await import('./commands/bench-command.ts')).benchCommand(services),
  },
];

/** The command of a name or alias. */
export function findCommand(name: string): CommandEntry | undefined {
  return commandTable.find((entry) => entry.name === name || entry.aliases?.includes(name) === true);
}
