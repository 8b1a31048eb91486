import { memoryDefaults } from '@gemma-cli/contracts';
import type { CommandDefinition } from '../command.ts';
import { memoryOption } from '../option-table.ts';
import { searchInMode, vectorsOfMode } from './memory/make-vectors.ts';
import { filterOptions, readCount, readFilter, readMode, searchOptions } from './memory/memory-options.ts';
import { withMemory } from './memory/open-memory.ts';
import { printHits, searchJson } from './memory/render-rows.ts';
import { printJson } from './print.ts';

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
  run: (context, input) => {
    const asked = readMode(input);
    return withMemory(
      context,
      input,
      async (opened) => {
        const { cwd, signal, stdout, options } = context;
        const filter = readFilter(input, { cwd, now: Date.now() });
        const request = {
          query: input.arguments.join(' '),
          limit: readCount(input, 'limit', { min: 1, max: memoryDefaults.limitMax }),
          filter,
          explain: input.options['explain'] === true,
        };
        const result = await searchInMode(context, opened, asked, (mode) =>
          opened.memory.search({ ...request, mode }, { signal }),
        );
        if (options.json) printJson(stdout, searchJson(result, opened.description));
        else printHits(context, result);
        return 0;
      },
      { vectors: vectorsOfMode(asked) },
    );
  },
};
