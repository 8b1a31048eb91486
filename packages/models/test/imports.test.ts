import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

/** Files of this package that are loaded with `entry`, and the packages they load: static imports of values only. */
async function loadedWith(entry: URL, files = new Set<string>(), packages = new Set<string>()) {
  if (files.has(entry.href)) return packages;
  files.add(entry.href);
  const source = await readFile(entry, 'utf8');
  for (const [, name = ''] of source.matchAll(/^(?:import|export) (?!type )[^;]*?from '([^']+)';/gm)) {
    if (name.startsWith('.')) await loadedWith(new URL(name, entry), files, packages);
    else packages.add(name);
  }
  return packages;
}

test('finding a model loads neither HTTP nor pip nor zip, which cost many times as much as the rest', async () => {
  const src = new URL('../src/', import.meta.url);
  const atOnce = [...(await loadedWith(new URL('index.ts', src)))].filter((name) => !name.startsWith('node:'));
  expect(atOnce).toEqual(['@gemma-cli/contracts']);
  const pulling = await loadedWith(new URL('pull-model.ts', src));
  expect([...pulling]).toEqual(expect.arrayContaining(['undici', 'execa', 'yauzl']));
});
