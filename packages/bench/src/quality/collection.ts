import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { GemmaError } from '@gemma-cli/contracts';
import { idOf, invalid, readJsonLines, readText, refuseTwice } from './collection-files.ts';
import { readPagesCollection } from './pages-collection.ts';

/** Something that is searched: it becomes one chunk. */
export interface CollectionEntry {
  readonly id: string;
  /** `null` where it has none. */
  readonly title: string | null;
  readonly text: string;
  /** Entries of one group are searched apart from all others. `null` where the collection has no groups. */
  readonly group: string | null;
}

/** A question of a collection. */
export interface CollectionQuery {
  readonly id: string;
  readonly text: string;
  /** The group that is searched. `null` = all entries. */
  readonly group: string | null;
  /** Kind of question, for figures by kind. `null` where the collection tells none. */
  readonly category: string | null;
}

/** How relevant entries are to queries: by query id, by entry id. What is not there is not relevant. */
export type Judgements = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** Texts, questions, and which text answers which question. */
export interface Collection {
  readonly name: string;
  readonly entries: readonly CollectionEntry[];
  readonly queries: readonly CollectionQuery[];
  readonly judgements: Judgements;
}

/**
 * Reads a collection from a folder: `corpus.jsonl` with `{id, title?, text, group?}`, `queries.jsonl` with
 * `{id, text, group?, category?}`, `qrels.tsv` with `query-id`, `doc-id` and `score` between tabs. A folder with a
 * `collection.json` instead is made from Markdown pages: see {@link readPagesCollection}.
 *
 * @param qrels - Another file of judgements, from the folder on. Default `qrels.tsv`.
 * @throws GemmaError `FILE_UNREADABLE`, `REQUEST_INVALID` with file and line.
 */
export async function readCollection(
  folder: string,
  { qrels = 'qrels.tsv' }: { readonly qrels?: string } = {},
): Promise<Collection> {
  const description = await readOptional(join(folder, 'collection.json'));
  if (description !== undefined) return readPagesCollection(folder, description);
  const corpusFile = join(folder, 'corpus.jsonl');
  const queriesFile = join(folder, 'queries.jsonl');
  const qrelsFile = join(folder, qrels);
  const entries = readJsonLines(corpusFile, await readText(corpusFile)).map(({ value, fail }) => ({
    id: idOf(value['id'], fail),
    title: textOrNull(value['title'], 'title', fail),
    text: textOrNull(value['text'], 'text', fail) ?? '',
    group: textOrNull(value['group'], 'group', fail),
  }));
  const queries = readJsonLines(queriesFile, await readText(queriesFile)).map(({ value, fail }) => ({
    id: idOf(value['id'], fail),
    text: textOrNull(value['text'], 'text', fail) ?? fail('a query needs a text'),
    group: textOrNull(value['group'], 'group', fail),
    category: categoryOf(value['category'], fail),
  }));
  const judgements = readJudgements(qrelsFile, await readText(qrelsFile));
  refuseTwice(corpusFile, entries);
  refuseTwice(queriesFile, queries);
  return { name: basename(resolve(folder)), entries, queries, judgements };
}

function readJudgements(file: string, text: string): Judgements {
  const judgements = new Map<string, Map<string, number>>();
  for (const [index, line] of text.split('\n').entries()) {
    const [query = '', entry = '', score = '', ...rest] = line.replace(/\r$/, '').split('\t');
    if (line.trim() === '' || (index === 0 && query === 'query-id')) continue;
    if (query === '' || entry === '' || rest.length > 0 || !/^-?\d+$/.test(score)) {
      throw invalid(file, index + 1, 'expected query-id, doc-id and a whole number between tabs');
    }
    const ofQuery = judgements.get(query) ?? new Map<string, number>();
    judgements.set(query, ofQuery.set(entry, Number(score)));
  }
  return judgements;
}

function textOrNull(value: unknown, field: string, fail: (why: string) => never): string | null {
  if (value === undefined || value === null) return null;
  return typeof value === 'string' ? value : fail(`expected text in "${field}", got ${JSON.stringify(value)}`);
}

/** LoCoMo's are numbers. */
function categoryOf(value: unknown, fail: (why: string) => never): string | null {
  return typeof value === 'number' ? String(value) : textOrNull(value, 'category', fail);
}

async function readOptional(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new GemmaError({
      code: 'FILE_UNREADABLE',
      message: `Expected the description of a collection at ${file}; it cannot be read.`,
      facts: { file },
      cause: error,
    });
  }
}
