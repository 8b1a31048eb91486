// Puts the tables of committed results into docs/benchmarks.md, each between `<!-- results: FILE -->` and
// `<!-- end of results -->`. With `--check` it changes nothing and fails when a table is not that of its file, or a file
// has no table: no figure of the page is written by hand.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseResults, renderMarkdown } from '@gemma-cli/bench-kit';

const docs = new URL('../../../docs/', import.meta.url);
const page = new URL('benchmarks.md', docs);
const before = readFileSync(page, 'utf8');

const shown = [];
const after = before.replaceAll(/(<!-- results: (\S+) -->)[^]*?(<!-- end of results -->)/g, (_, start, file, end) => {
  shown.push(file);
  return `${start}\n\n${renderMarkdown(parseResults(readFileSync(new URL(file, docs), 'utf8')))}\n${end}`;
});
const unshown = readdirSync(new URL('benchmarks/', docs))
  .map((name) => `benchmarks/${name}`)
  .filter((file) => !shown.includes(file));

if (shown.length === 0 || unshown.length > 0) {
  process.stderr.write(`docs/benchmarks.md shows ${shown.length} results and lacks: ${unshown.join(', ') || 'all'}\n`);
  process.exitCode = 1;
} else if (!process.argv.includes('--check')) {
  writeFileSync(page, after);
  process.stdout.write(`${fileURLToPath(page)} written; format it with npx oxfmt.\n`);
} else if (withoutPadding(before) !== withoutPadding(after)) {
  process.stderr.write('docs/benchmarks.md does not show its results: node packages/bench/scripts/write-tables.mjs\n');
  process.exitCode = 1;
}

/** The formatter pads the cells of tables and trims blank lines. */
function withoutPadding(text) {
  return text
    .replaceAll(/-{3,}/g, '---')
    .replaceAll(/[ \t]+/g, ' ')
    .replaceAll(/\n{2,}/g, '\n\n');
}
