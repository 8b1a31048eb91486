import type { CommandDefinition } from '../command.ts';
import { memoryOption } from '../option-table.ts';
import { memoryFilterOptions, searchOptions } from './memory/memory-options.ts';
import { searchRows } from './memory/search-rows.ts';

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
  run: (context, input) =>
    searchRows(context, input, (memory, { filter: { kind: _always, ...filter }, ...asked }, options) =>
      memory.recall({ ...asked, filter }, options),
    ),
};
