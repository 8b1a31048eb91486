import { memoryDefaults } from '@gemma-cli/contracts';
import type { MemoryOptions, MemoryStore, RowFilter, SearchRequest, SearchResult } from '@gemma-cli/contracts';
import type { CommandContext, CommandInput } from '../../command.ts';
import { printJson } from '../print.ts';
import { usageError } from '../usage-error.ts';
import { searchInMode, vectorsOfMode } from './make-vectors.ts';
import { readCount, readFilter, readMode } from './memory-options.ts';
import { withMemory } from './open-memory.ts';
import { printHits, searchJson } from './render-rows.ts';

/** What is asked for, besides the mode and the filter. */
type Asked = Pick<SearchRequest, 'query' | 'mode' | 'limit' | 'explain'>;

/**
 * Asks the memory what the command line asks for, and shows the hits.
 *
 * @param find - Asks one of the questions that a memory answers.
 */
export async function searchRows(
  context: CommandContext,
  input: CommandInput,
  find: (
    memory: MemoryStore,
    asked: Asked & { readonly filter: RowFilter },
    options: MemoryOptions,
  ) => Promise<SearchResult>,
): Promise<number> {
  const { cwd, signal, stdout, options } = context;
  const mode = readMode(input);
  // What is wrong with the command line is told before a memory is opened.
  const asked = {
    query: readQuery(input),
    limit: readCount(input, 'limit', { min: 1, max: memoryDefaults.limitMax }),
    filter: readFilter(input, { cwd, now: Date.now() }),
    explain: input.options['explain'] === true,
  };
  return withMemory(
    context,
    input,
    async (opened) => {
      const result = await searchInMode(context, opened, mode, (by) =>
        find(opened.memory, { ...asked, mode: by }, { signal }),
      );
      if (options.json) printJson(stdout, searchJson(result, opened.description));
      else printHits(context, result);
      return 0;
    },
    { vectors: vectorsOfMode(mode) },
  );
}

function readQuery({ arguments: words }: CommandInput): string {
  const query = words.join(' ');
  if (query.trim() === '') throw usageError('Expected something to find, got nothing but white space.');
  return query;
}
