import { memoryDefaults } from '@gemma-cli/contracts';
import type { CommandDefinition } from '../command.ts';
import { memoryOption } from '../option-table.ts';
import { searchInMode, vectorsOfMode } from './memory/make-vectors.ts';
import { memoryFilterOptions, readCount, readFilter, readMode, searchOptions } from './memory/memory-options.ts';
import { withMemory } from './memory/open-memory.ts';
import { printHits, searchJson } from './memory/render-rows.ts';
import { printJson } from './print.ts';

/** `gemma recall`: memories alone, weighed by more than their words. */
export const recallCommand: CommandDefinition = {
  name: 'recall',
  summary: 'Recall memories: by relevance, importance, recency and use.',
  arguments: [
    { name: 'QUERY', summary: 'What it is about; several words are joined.', required: true, variadic: true },
  ],
  options: [...searchOptions, ...memoryFilterOptions(), memoryOption],
  examples: [
    { command: 'gemma recall "birthday"', effect: 'shows the memories that come to mind; each counts as used' },
    { command: 'gemma recall "deploy" --tier semantic --since 30d', effect: 'only lasting ones of the last month' },
  ],
  run: (context, input) => {
    const asked = readMode(input);
    return withMemory(
      context,
      input,
      async (opened) => {
        const { cwd, signal, stdout, options } = context;
        const { kind: _always, ...filter } = readFilter(input, { cwd, now: Date.now() });
        const request = {
          query: input.arguments.join(' '),
          limit: readCount(input, 'limit', { min: 1, max: memoryDefaults.limitMax }),
          filter,
          explain: input.options['explain'] === true,
        };
        const result = await searchInMode(context, opened, asked, (mode) =>
          opened.memory.recall({ ...request, mode }, { signal }),
        );
        if (options.json) printJson(stdout, searchJson(result, opened.description));
        else printHits(context, result);
        return 0;
      },
      { vectors: vectorsOfMode(asked) },
    );
  },
};
