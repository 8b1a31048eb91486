import { GemmaError, memoryDefaults, memoryTiers } from '@gemma-cli/contracts';
import type { MemoryRow, MemoryTier, RowFilter } from '@gemma-cli/contracts';
import type { CommandDefinition, CommandInput, OptionDefinition } from '../../command.ts';
import { memoryOption } from '../../option-table.ts';
import { countOf, printJson, printLine, printNotice, printTable } from '../print.ts';
import { readStdin } from '../read-stdin.ts';
import { usageError } from '../usage-error.ts';
import { filterOptions, readCount, readFilter, readImportance, tierOption } from './memory-options.ts';
import { withMemory } from './open-memory.ts';
import { placeOf } from './render-rows.ts';

const idArgument = { name: 'ID', summary: 'As `gemma memory list` shows it.', required: true } as const;

const tagOption: OptionDefinition = {
  long: 'tag',
  value: 'TAG',
  repeatable: true,
  summary: 'A word to find it by. Repeatable.',
};

const importanceOption: OptionDefinition = {
  long: 'importance',
  value: 'NUMBER',
  summary: 'From 0 to 1: what is more important is recalled first and kept longer. Default: 0.5.',
};

/** `gemma memory add`. */
export const addCommand: CommandDefinition = {
  name: 'add',
  summary: 'Remember something.',
  arguments: [
    {
      name: 'TEXT|-',
      summary: 'What to remember; several words are joined. - reads standard input.',
      required: true,
      variadic: true,
    },
  ],
  options: [tierOption, tagOption, importanceOption, memoryOption],
  examples: [
    { command: 'gemma memory add "Ada prefers tea" --tier semantic --tag people', effect: 'remembers it for good' },
    { command: 'gemma memory add - --tier episodic < meeting.txt', effect: 'remembers a text for a week' },
  ],
  run: async (context, input) => {
    const { stdout, signal, options } = context;
    const importance = readImportance(input);
    const [only, ...others] = input.arguments;
    const text =
      only === '-' && others.length === 0
        ? await readStdin(context, 'something to remember')
        : input.arguments.join(' ');
    if (text.trim() === '') throw usageError('Expected something to remember, got nothing but white space.');
    return withMemory(context, input, async ({ memory, description }) => {
      const row = await memory.add(
        { text: text.trim(), tier: tierOf(input), importance, tags: tagsOf(input) ?? [], writer: 'user' },
        { signal },
      );
      if (options.json) printJson(stdout, { row, memory: description });
      else {
        printLine(stdout, row.id);
        printNotice(context, `Remembered in ${row.tier ?? ''}${expiryText(row)}.`);
      }
      return 0;
    });
  },
};

/** `gemma memory list`. */
export const listCommand: CommandDefinition = {
  name: 'list',
  aliases: ['ls'],
  summary: 'List what is remembered, in the order in which it came.',
  options: [
    ...filterOptions,
    { long: 'limit', short: 'n', value: 'N', summary: 'Most rows, 1 to 1,000. Default: 100.' },
    { long: 'cursor', value: 'CURSOR', summary: 'Go on where the page before ended: its `next`.' },
    memoryOption,
  ],
  examples: [
    { command: 'gemma memory list --kind memory', effect: 'memories without documents' },
    { command: 'gemma memory list --json --limit 1000', effect: 'a page of rows, and where the next one begins' },
  ],
  run: (context, input) =>
    withMemory(context, input, async ({ memory, description }) => {
      const { cwd, stdout, options } = context;
      const { cursor } = input.options;
      const page = await memory.list({
        filter: readFilter(input, { cwd, now: Date.now() }),
        limit: readCount(input, 'limit', { min: 1, max: memoryDefaults.limitMax }),
        ...(typeof cursor === 'string' ? { cursor } : {}),
      });
      if (options.json) {
        printJson(stdout, { rows: page.rows, next: page.next, memory: description });
        return 0;
      }
      if (page.rows.length === 0) {
        printNotice(
          context,
          'Nothing is remembered here. `gemma ingest` reads documents, `gemma memory add` a thought.',
        );
        return 0;
      }
      printTable(
        stdout,
        ['ID', 'WHERE', 'TEXT'],
        page.rows.map((row) => [row.id, placeOf(row, cwd), oneLine(row.text)]),
      );
      if (page.next !== null) printNotice(context, `There is more: --cursor ${page.next}`);
      return 0;
    }),
};

/** `gemma memory show`. */
export const showCommand: CommandDefinition = {
  name: 'show',
  summary: 'Show a row with everything that is known of it.',
  arguments: [idArgument],
  options: [memoryOption],
  examples: [{ command: 'gemma memory show 0198…', effect: 'text, source, tier, use and expiry' }],
  run: (context, input) =>
    withMemory(context, input, async ({ memory, description }) => {
      const [id = ''] = input.arguments;
      const row = await memory.get(id);
      if (row === null) throw noRow(id);
      if (context.options.json) printJson(context.stdout, { row, memory: description });
      else for (const line of rowLines(row)) printLine(context.stdout, line);
      return 0;
    }),
};

/** `gemma memory update`. */
export const updateCommand: CommandDefinition = {
  name: 'update',
  summary: 'Change a memory. Of a chunk of a document only the tags can be changed.',
  arguments: [idArgument],
  options: [
    { long: 'text', value: 'TEXT', summary: 'What it says from now on.' },
    { ...tierOption, summary: 'The tier it moves to. Moving up never shortens its life.' },
    { ...tagOption, summary: 'Its tags from now on, all of them. Repeatable; --tag "" takes all away.' },
    importanceOption,
    memoryOption,
  ],
  examples: [{ command: 'gemma memory update 0198… --tier long_term', effect: 'keeps it for 30 days' }],
  run: async (context, input) => {
    const { text } = input.options;
    const changes = {
      ...(typeof text === 'string' ? { text } : {}),
      tier: tierOf(input),
      tags: tagsOf(input)?.filter((tag) => tag !== ''),
      importance: readImportance(input),
    };
    if (Object.values(changes).every((value) => value === undefined))
      throw usageError('Expected --text, --tier, --tag or --importance, got none. Say what to change.');
    return withMemory(context, input, async ({ memory, description }) => {
      const [id = ''] = input.arguments;
      const row = await memory.update(id, changes, { signal: context.signal });
      if (row === null) throw noRow(id);
      if (context.options.json) printJson(context.stdout, { row, memory: description });
      else for (const line of rowLines(row)) printLine(context.stdout, line);
      return 0;
    });
  },
};

/** `gemma memory forget`. */
export const forgetCommand: CommandDefinition = {
  name: 'forget',
  summary: 'Forget rows for good: by their ids, or all that pass a filter.',
  arguments: [{ name: 'ID', summary: 'As `gemma memory list` shows it.', variadic: true }],
  options: [...filterOptions, memoryOption],
  examples: [
    { command: 'gemma memory forget 0198…', effect: 'forgets one' },
    { command: 'gemma memory forget --source notes', effect: 'forgets every document that was read below notes/' },
    { command: 'gemma memory forget --tier working', effect: 'forgets the working memory' },
  ],
  run: async (context, input) => {
    const ids = input.arguments;
    const filter = readFilter(input, { cwd: context.cwd, now: Date.now() });
    const isFiltered = Object.keys(filter).length > 0;
    if (ids.length === 0 && !isFiltered)
      throw usageError('Expected ids or a filter such as --source or --tier, got neither. Say what to forget.');
    if (ids.length > 0 && isFiltered) throw usageError('Expected ids or a filter, got both.');
    return withMemory(context, input, async ({ memory, description }) => {
      const { signal, stdout, options } = context;
      const documents = await documentsOf(filter, (prefix) => memory.documents(prefix));
      let forgotten = documents.length === 0 ? 0 : await memory.removeDocuments(documents, { signal });
      forgotten += await memory.forget(isFiltered ? { filter } : { ids }, { signal });
      if (options.json) printJson(stdout, { forgotten, documents: documents.length, memory: description });
      else printNotice(context, `${forgotten} ${forgotten === 1 ? 'row is' : 'rows are'} forgotten.`);
      // Scripts that name a row want to know that it was not there.
      return forgotten === 0 && ids.length > 0 ? 1 : 0;
    });
  },
};

/** Documents that a filter takes whole: those of an address, where nothing else is asked for. */
async function documentsOf(
  { source, kind, ...others }: RowFilter,
  documents: (prefix: string) => Promise<readonly { readonly uri: string }[]>,
): Promise<readonly string[]> {
  if (kind === 'memory' || Object.keys(others).length > 0 || (source === undefined && kind === undefined)) return [];
  return (await documents(source ?? '')).map(({ uri }) => uri);
}

function noRow(id: string): GemmaError {
  return new GemmaError({
    code: 'REQUEST_INVALID',
    message: `Expected the id of a row, got ${JSON.stringify(id)}, which nothing here has, or no longer. \`gemma memory list\` shows ids.`,
    facts: { id },
  });
}

function tierOf({ options }: CommandInput): MemoryTier | undefined {
  const { tier } = options;
  return memoryTiers.find((name) => name === tier);
}

function tagsOf({ options }: CommandInput): readonly string[] | undefined {
  const { tag } = options;
  return Array.isArray(tag) ? (tag as readonly string[]) : undefined;
}

function expiryText({ expiresAt }: MemoryRow): string {
  return expiresAt === null ? ', for good' : `, until ${new Date(expiresAt).toISOString()}`;
}

function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.length <= 80 ? line : `${line.slice(0, 79)}…`;
}

function rowLines(row: MemoryRow): readonly string[] {
  const { id, kind, tier, title, tags, source, session, writer, importance, accessCount, accessedAt, expiresAt } = row;
  const time = (at: number): string => new Date(at).toISOString();
  const facts: readonly (readonly [string, string | null])[] = [
    ['id', id],
    ['kind', kind],
    ['tier', tier],
    ['title', title],
    ['tags', tags.length === 0 ? null : tags.join(', ')],
    ['source', source === null ? null : `${source.uri} [${source.start}, ${source.end})`],
    ['hash', source === null ? null : source.hash],
    ['session', session],
    ['writer', writer],
    ['created', time(row.createdAt)],
    ['updated', row.updatedAt === row.createdAt ? null : time(row.updatedAt)],
    ['importance', importance === null ? null : String(importance)],
    [
      'used',
      accessCount === null
        ? null
        : `${countOf(accessCount, 'time')}${accessCount > 0 && accessedAt !== null ? `, last ${time(accessedAt)}` : ''}`,
    ],
    ['expires', kind === 'document' ? null : expiresAt === null ? 'never' : time(expiresAt)],
  ];
  return [
    ...facts.flatMap(([name, value]) => (value === null ? [] : [`${name.padEnd(11)}${value}`])),
    '',
    ...row.text.split('\n'),
  ];
}
