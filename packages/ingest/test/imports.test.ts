import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

/** Packages that are loaded with `entry` and the files of this package that it loads: static imports of values only. */
async function loadedWith(name: string, files = new Set<string>(), packages = new Set<string>()) {
  const entry = new URL(name, new URL('../src/', import.meta.url));
  if (files.has(entry.href)) return packages;
  files.add(entry.href);
  const source = await readFile(entry, 'utf8');
  for (const [, from = ''] of source.matchAll(/^(?:import|export) (?!type )[^;]*?from '([^']+)';/gm)) {
    if (from.startsWith('.')) await loadedWith(new URL(from, entry).href, files, packages);
    else if (!from.startsWith('node:')) packages.add(from);
  }
  return packages;
}

test('the library of a format, of pages and of encodings is loaded when its first document comes', async () => {
  expect([...(await loadedWith('index.ts'))].toSorted()).toEqual(['@gemma-cli/contracts', 'ignore', 'picomatch']);
  expect([...(await loadedWith('extract-worker.ts'))]).toEqual(['@gemma-cli/contracts']);
  for (const [file, library] of [
    ['formats/html.ts', 'htmlparser2'],
    ['formats/pdf.ts', 'unpdf'],
    ['formats/docx.ts', 'yauzl'],
    ['formats/csv.ts', 'papaparse'],
    ['formats/mail.ts', 'postal-mime'],
    ['fetch-page.ts', 'undici'],
  ] as const) {
    expect([...(await loadedWith(file))]).toContain(library);
  }
});
