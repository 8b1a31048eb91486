// Puts the tables of committed results into docs/benchmarks.md, each between `<!-- results of: SUITE -->` and
// `<!-- end of results -->`, and the course of tokens under load into the READMEs that show it, between
// `<!-- timeline: BENCHMARK -->` and `<!-- end of timeline -->`. The newest docs/benchmarks/DATE-SUITE.json of a suite
// counts. With `--check` it changes nothing and fails when something is not that of its file, or a file has no place: no
// figure is written by hand.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { drawTimeline, parseResults, renderMarkdown } from '@gemma-cli/bench-kit';

const root = new URL('../../../', import.meta.url);
const folder = new URL('docs/benchmarks/', root);
const notYet = 'Not measured yet on a quiet machine.';

/** Newest file of every suite, by its name. */
const files = new Map(
  readdirSync(folder)
    .toSorted()
    .map((name) => [/^\d{4}-\d{2}-\d{2}-(.+)\.json$/.exec(name)?.[1] ?? name, name]),
);
const shown = new Set();

const pages = ['docs/benchmarks.md', 'README.md', 'packages/engine-optimized/README.md']
  .map((path) => new URL(path, root))
  .filter((url) => existsSync(url))
  .map((url) => {
    const before = readFileSync(url, 'utf8');
    const after = before
      .replaceAll(/(<!-- results of: (\S+) -->)[^]*?(<!-- end of results -->)/g, (_, start, suite, end) => {
        const results = resultsOf(suite);
        return `${start}\n\n${results === undefined ? notYet : renderMarkdown(results).trimEnd()}\n\n${end}`;
      })
      .replaceAll(/(<!-- timeline: (\S+) -->)[^]*?(<!-- end of timeline -->)/g, (_, start, name, end) => {
        return `${start}\n\n${timelineOf(name) ?? notYet}\n\n${end}`;
      });
    return { url, before, after };
  });

const unshown = readdirSync(folder).filter((name) => !shown.has(name));
const different = pages.filter(({ before, after }) => withoutPadding(before) !== withoutPadding(after));
if (unshown.length > 0) {
  process.stderr.write(
    `docs/benchmarks.md has no place for: ${unshown.join(', ')}. Older results of a suite are deleted; a new suite gets a section.\n`,
  );
  process.exitCode = 1;
} else if (!process.argv.includes('--check')) {
  for (const { url, after } of different) {
    writeFileSync(url, after);
    process.stdout.write(`${fileURLToPath(url)} written; format it with npx oxfmt.\n`);
  }
} else if (different.length > 0) {
  const names = different.map(({ url }) => url.href.slice(root.href.length)).join(', ');
  process.stderr.write(`${names} does not show its results: node packages/bench/scripts/write-tables.mjs\n`);
  process.exitCode = 1;
}

function resultsOf(suite) {
  const name = files.get(suite);
  if (name === undefined) return undefined;
  shown.add(name);
  return parseResults(readFileSync(new URL(name, folder), 'utf8'));
}

/** The courses of the last round of a benchmark. */
function timelineOf(benchmarkName) {
  const results = resultsOf(benchmarkName);
  const benchmark = results?.benchmarks.find(({ name }) => name === benchmarkName);
  const lines = (benchmark?.variants ?? []).flatMap(({ name, timelines = [] }) => {
    const timeline = timelines.at(-1)?.timelines[0];
    return timeline === undefined ? [] : [{ name, timeline }];
  });
  if (lines.length === 0) return undefined;
  const width = Math.max(...lines.map(({ name }) => name.length));
  return [
    '```text',
    ...lines.map(({ name, timeline }) => `${name.padEnd(width)}  ${drawTimeline(timeline)}`),
    '```',
  ].join('\n');
}

/** The formatter pads the cells of tables and trims blank lines. */
function withoutPadding(text) {
  return text
    .replaceAll(/-{3,}/g, '---')
    .replaceAll(/[ \t]+/g, ' ')
    .replaceAll(/\n{2,}/g, '\n\n');
}
