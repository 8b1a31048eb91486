import { readFile } from 'node:fs/promises';
import { GemmaError } from '@gemma-cli/contracts';

/** One line of a file of JSON lines, and how to complain about it. */
export interface JsonLine {
  readonly value: Readonly<Record<string, unknown>>;
  readonly fail: (why: string) => never;
}

/** Objects, one a line; empty lines are passed over. */
export function readJsonLines(file: string, text: string): readonly JsonLine[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return [];
    const fail = (why: string): never => {
      throw invalid(file, index + 1, why);
    };
    const value: unknown = parseJson(line, fail);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return fail('expected a JSON object');
    return [{ value: value as Record<string, unknown>, fail }];
  });
}

/** An id as a run can hold it: a text, or a number, without white space. */
export function idOf(value: unknown, fail: (why: string) => never): string {
  const id = typeof value === 'number' ? String(value) : value;
  if (typeof id !== 'string' || id === '' || /\s/u.test(id)) {
    return fail(`expected an id without white space, got ${JSON.stringify(value)}`);
  }
  return id;
}

/** Reads a file of the collection. */
export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new GemmaError({
      code: 'FILE_UNREADABLE',
      message: `Expected a file of a collection at ${file}; it cannot be read. --collection takes a folder with corpus.jsonl, queries.jsonl and qrels.tsv.`,
      facts: { file },
      cause,
    });
  }
}

/** Refuses a collection in which one id names two things. */
export function refuseTwice(file: string, items: readonly { readonly id: string }[]): void {
  const seen = new Set<string>();
  for (const { id } of items) {
    if (seen.has(id)) throw invalid(file, null, `the id ${JSON.stringify(id)} is there twice`);
    seen.add(id);
  }
}

/** What is wrong with a file of a collection, with its line where it is one. */
export function invalid(file: string, line: number | null, why: string): GemmaError {
  const place = line === null ? file : `${file}, line ${line}`;
  return new GemmaError({ code: 'REQUEST_INVALID', message: `${place}: ${why}.`, facts: { file, line } });
}

function parseJson(line: string, fail: (why: string) => never): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    return fail((error as Error).message);
  }
}
