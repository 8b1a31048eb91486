// docs/errors.md repeats the error codes of the built contracts. `node scripts/error-table.mjs` compares, `--write` updates.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCodes } from '../packages/contracts/dist/index.js';
import { root } from './tools.mjs';

const file = join(root, 'docs', 'errors.md');
const [begin, end] = ['<!-- codes: begin -->', '<!-- codes: end -->'];

const text = readFileSync(file, 'utf8').replaceAll('\r\n', '\n');
const rows = Object.entries(errorCodes).map(([code, { exitCode, meaning }]) => [
  `\`${code}\``,
  String(exitCode),
  meaning,
]);
const table = aligned([['Code', 'Exit', 'When'], ...rows]);
const before = text.slice(0, text.indexOf(begin) + begin.length);
const updated = `${before}\n\n${table}\n\n${text.slice(text.indexOf(end))}`;

if (process.argv.includes('--write')) writeFileSync(file, updated);
else if (updated !== text) {
  console.log(
    'docs/errors.md differs from the codes of @gemma-cli/contracts. Run: node scripts/error-table.mjs --write',
  );
  process.exitCode = 1;
}

/** A Markdown table with columns of equal width, as the formatter wants it. */
function aligned(cells) {
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  const line = (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  const [head, ...body] = cells;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...body.map(line)].join('\n');
}
