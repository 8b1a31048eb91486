import { readdir } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { GemmaError } from '@gemma-cli/contracts';
import { idOf, readJsonLines, readText, refuseTwice } from './collection-files.ts';
import type { Collection, CollectionEntry, CollectionQuery, Judgements } from './collection.ts';
import { markdownSections } from './markdown-sections.ts';

/**
 * Reads a collection whose texts are the sections of Markdown pages. `collection.json` has `name` and `pages`, the
 * folder of the pages from its own on; `questions.jsonl` has `{id, text, category, sections}`, where `sections` says how
 * well a section answers (2 = it is the answer, 1 = it helps), by page and heading.
 *
 * @throws GemmaError `FILE_UNREADABLE`; `REQUEST_INVALID` where a judged section does not exist.
 */
export async function readPagesCollection(folder: string, description: string): Promise<Collection> {
  const { name, pages } = readDescription(join(folder, 'collection.json'), description);
  const entries = await sectionsOf(join(folder, pages));
  const known = new Set(entries.map(({ id }) => id));
  const file = join(folder, 'questions.jsonl');
  const queries: CollectionQuery[] = [];
  const judgements = new Map<string, ReadonlyMap<string, number>>();
  for (const { value, fail } of readJsonLines(file, await readText(file))) {
    const { text, category, sections } = value;
    const id = idOf(value['id'], fail);
    if (typeof text !== 'string' || typeof category !== 'string') return fail('a question needs a text and a category');
    if (typeof sections !== 'object' || sections === null) return fail('a question needs sections');
    const judged = Object.entries(sections as Record<string, unknown>).map(([section, grade]) => {
      if (!known.has(section)) return fail(`there is no section ${section}; name it by page and heading`);
      if (grade !== 1 && grade !== 2) return fail(`expected 1 or 2 for ${section}, got ${JSON.stringify(grade)}`);
      return [section, grade] as const;
    });
    if (judged.length === 0) return fail('a question needs at least one section');
    queries.push({ id, text, group: null, category });
    judgements.set(id, new Map(judged));
  }
  refuseTwice(file, queries);
  return { name, entries, queries, judgements: judgements satisfies Judgements };
}

/** Sections that have text, in the order of the pages' names. */
async function sectionsOf(folder: string): Promise<readonly CollectionEntry[]> {
  const entries: CollectionEntry[] = [];
  for (const page of await pagesOf(folder)) {
    for (const { id, headings, text } of markdownSections(page, await readText(join(folder, page)))) {
      if (text !== '')
        entries.push({ id, title: headings.length === 0 ? null : headings.join(' > '), text, group: null });
    }
  }
  return entries;
}

async function pagesOf(folder: string): Promise<readonly string[]> {
  try {
    const names = await readdir(folder, { recursive: true });
    return names
      .filter((name) => name.endsWith('.md'))
      .map((name) => name.split(sep).join('/'))
      .toSorted();
  } catch (cause) {
    throw new GemmaError({
      code: 'FILE_UNREADABLE',
      message: `Expected Markdown pages in ${folder}; the folder cannot be read. This collection needs a checkout of the project.`,
      facts: { folder },
      cause,
    });
  }
}

function readDescription(file: string, text: string): { readonly name: string; readonly pages: string } {
  const [line] = readJsonLines(file, text.replaceAll(/\s*\n\s*/g, ' '));
  const { name, pages } = line?.value ?? {};
  if (typeof name === 'string' && typeof pages === 'string') return { name, pages };
  throw new GemmaError({
    code: 'REQUEST_INVALID',
    message: `${file}: expected an object with "name" and "pages".`,
    facts: { file },
  });
}
