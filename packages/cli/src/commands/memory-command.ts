import type { CommandDefinition } from '../command.ts';
import { addCommand, forgetCommand, listCommand, showCommand, updateCommand } from './memory/row-commands.ts';
import {
  auditCommand,
  consolidateCommand,
  embedCommand,
  exportCommand,
  importCommand,
  statsCommand,
  verifyCommand,
} from './memory/store-commands.ts';

/** `gemma memory`: what is remembered, row by row and as a whole. */
export const memoryCommand: CommandDefinition = {
  name: 'memory',
  summary: 'Add, show, change and check what is remembered.',
  examples: [
    { command: 'gemma memory add "The release is on Friday" --tier long_term', effect: 'remembers it for 30 days' },
    { command: 'gemma memory stats', effect: 'shows what there is of everything' },
  ],
  subcommands: [
    addCommand,
    listCommand,
    showCommand,
    updateCommand,
    forgetCommand,
    statsCommand,
    consolidateCommand,
    embedCommand,
    auditCommand,
    verifyCommand,
    exportCommand,
    importCommand,
  ],
};
