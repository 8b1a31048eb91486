import { fileURLToPath } from 'node:url';
import { runReadmeProgram } from '@gemma-cli/testkit';
import { expect, test } from 'vitest';
import { pdfOf } from './documents.ts';
import { folderWith } from './reading.ts';

test('the program of the README reads a folder and a pattern, and tells what it left out', async () => {
  const cwd = await folderWith({
    'docs/a.md': '# A\n',
    'docs/b.bin': Buffer.from([0, 1, 255]),
    'c.pdf': pdfOf([['Text.']]),
  });
  const { stdout, stderr } = await runReadmeProgram({
    packageFolder: fileURLToPath(new URL('..', import.meta.url)),
    replace: { 'process.cwd()': JSON.stringify(cwd) },
  });
  expect(stdout).toMatch(/^file:\S+\/docs\/a\.md A 4\nfile:\S+\/c\.pdf c\.pdf 5\n$/u);
  expect(stderr).toMatch(/docs\/b\.bin DOCUMENT_UNSUPPORTED it is binary/u);
  expect(stderr).toMatch(/\/docs\/ 2\n$/u);
});
