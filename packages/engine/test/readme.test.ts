import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { embeddingFamilies } from '@gemma-cli/model-process';
import { expect, test } from 'vitest';

const readme = readFileSync(fileURLToPath(new URL('../README.md', import.meta.url)), 'utf8');

test('the README says for every family of embedding models what is put before its texts', () => {
  const table = readme.slice(readme.indexOf('<!-- embedding families'));
  const rows = table
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(1)
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim().replace(/\s+/g, ' ').replaceAll('\\|', '|')),
    )
    .filter(([name]) => !name?.startsWith('--'));
  const cell = (prefix: string): string =>
    prefix === '' ? 'nothing' : `\`${prefix.replaceAll('\n', '⏎')}\``.replace(/\s+/g, ' ');
  expect(rows).toEqual(
    embeddingFamilies.map(({ name, queryPrefix, documentPrefix, shorterDimensions }) => [
      name,
      cell(queryPrefix),
      cell(documentPrefix),
      shorterDimensions.length === 0 ? 'no' : shorterDimensions.join(', '),
    ]),
  );
});
