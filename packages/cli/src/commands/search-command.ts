import type { CommandDefinition } from '../command.ts';
import { memoryOption } from '../option-table.ts';
import { filterOptions, searchOptions } from './memory/memory-options.ts';
import { searchRows } from './memory/search-rows.ts';

/** `gemma search`: what documents and memories say about something. */
export const searchCommand: CommandDefinition = {
  name: 'search',
  summary: 'Search documents and memories.',
  arguments: [{ name: 'QUERY', summary: 'What to find; several words are joined.', required: true, variadic: true }],
  options: [...searchOptions, ...filterOptions, memoryOption],
  examples: [
    { command: 'gemma search "how long does a model stay loaded"', effect: 'shows the ten best passages' },
    { command: 'gemma search keep_alive --source docs --limit 3', effect: 'only what was read below docs/' },
    {
      command: 'gemma search "release date" --kind memory --explain',
      effect: 'memories, with the parts of each score',
    },
    { command: 'gemma search "release date" --json', effect: 'prints one JSON object' },
  ],
  run: (context, input) => searchRows(context, input, (memory, asked, options) => memory.search(asked, options)),
};
