// Puts what committed results say into the documents that show it, each between two comments that stay:
//
//   <!-- results of: SUITE --> … <!-- end of results -->             its tables in docs/benchmarks.md,
//   <!-- results by variant of: SUITE --> … <!-- end of results -->  with a row a variant,
//   <!-- quality --> … <!-- end of quality -->                       figures of scripts/measure-quality.mjs,
//   <!-- timeline: BENCHMARK --> … <!-- end of timeline -->          tokens under load, in READMEs,
//   <!-- summary: SUITE --> … <!-- end of summary -->                a short form, in READMEs.
//
// The newest docs/benchmarks/DATE-SUITE.json of a suite counts. With `--check` it changes nothing and fails when something
// is not that of its file, or a file has no place: no figure is written by hand.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { drawTimeline, median, parseResults, renderMarkdown } from '@gemma-cli/bench-kit';

const root = new URL('../../../', import.meta.url);
const folder = new URL('docs/benchmarks/', root);
const notYet = 'Not measured yet on a quiet machine.';
/** Questions of the suite `search`: whoever takes a minute for fewer answers no more. */
const queriesAsked = 500;
/** The mean of nDCG@10 over the six collections that the best single BM25 reached. */
const lexicalMeanGoal = 0.454;

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
      .replaceAll(/(<!-- results by variant of: (\S+) -->)[^]*?(<!-- end of results -->)/g, (_, start, suite, end) => {
        const results = resultsOf(suite);
        const shownBy = { rowsBy: 'variant' };
        return `${start}\n\n${results === undefined ? notYet : renderMarkdown(results, shownBy).trimEnd()}\n\n${end}`;
      })
      .replaceAll(/(<!-- timeline: (\S+) -->)[^]*?(<!-- end of timeline -->)/g, (_, start, name, end) => {
        return `${start}\n\n${timelineOf(name) ?? notYet}\n\n${end}`;
      })
      .replaceAll(/(<!-- summary: (\S+) -->)[^]*?(<!-- end of summary -->)/g, (_, start, suite, end) => {
        const summary = { 'first-token': firstTokenSummary, startup: startupSummary, search: searchSummary }[suite];
        return `${start}\n\n${summary?.() ?? notYet}\n\n${end}`;
      })
      .replaceAll(/(<!-- quality -->)[^]*?(<!-- end of quality -->)/g, (_, start, end) => {
        return `${start}\n\n${qualityTable() ?? notYet}\n\n${end}`;
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

/**
 * Goals of the lexical and of the hybrid mode for nDCG@10, each with the smallest difference that is real there: 1.96
 * standard errors of a paired difference. A figure that lies less than that below the goal has reached it.
 */
function goalOf({ collection: { name }, mode }) {
  return {
    lexical: {
      cranfield: [0.375, 0.007],
      cacm: [0.475, 0.05],
      'cosqa-dev': [0.38, 0.014],
      codechunks: [0.68, 0.03],
      'locomo-dev': [0.45, 0.006],
      'qmsum-val': [0.388, 0.006],
    },
    hybrid: { cranfield: [0.425, 0.007], cacm: [0.545, 0.05], codechunks: [0.69, 0.03], 'locomo-dev': [0.48, 0.006] },
  }[mode]?.[name];
}

/** How well the memory finds: a line for each collection and mode, with its goal. */
function qualityTable() {
  const name = files.get('quality');
  if (name === undefined) return undefined;
  shown.add(name);
  const { format, version, startedAt, machine, results } = JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
  if (format !== 'gemma-quality-results' || version !== 1)
    throw new Error(`${name} is no file of measure-quality.mjs.`);
  // Both implementations have the same figures, or there would be no file.
  const once = results.filter(
    (result, index) =>
      results.findIndex((one) => one.collection.name === result.collection.name && one.mode === result.mode) === index,
  );
  const implementations = [...new Set(results.map(({ implementation }) => implementation))].join(' and ');
  const verdict = (ndcg10, least) => (ndcg10 >= least ? 'reached' : 'missed');
  const rows = once.map((result) => {
    const { collection, mode, figures } = result;
    const goal = goalOf(result);
    const lexical = once.find((one) => one.collection.name === collection.name && one.mode === 'lexical');
    const goals = [
      ...(goal === undefined ? [] : [`${goal[0]} - ${goal[1]}: ${verdict(figures.ndcg10, goal[0] - goal[1])}`]),
      ...(mode === 'hybrid' && lexical !== undefined
        ? [`own lexical - 0.005: ${verdict(figures.ndcg10, lexical.figures.ndcg10 - 0.005)}`]
        : []),
    ];
    const values = [figures.ndcg10, figures.recall100, figures.mrr10].map((value) => value.toFixed(4));
    return `| ${collection.name} | ${collection.entries} | ${collection.judged} | ${mode} | ${values.join(' | ')} | ${goals.join('; ')} |`;
  });
  const six = once.filter((result) => result.mode === 'lexical' && goalOf(result) !== undefined);
  const mean = six.reduce((sum, { figures }) => sum + figures.ndcg10, 0) / six.length;
  const [model] = once.flatMap(({ embedId }) => embedId ?? []);
  return [
    `Measured ${startedAt.slice(0, 10)}, commit ${machine.commit?.slice(0, 12) ?? 'unknown'}, ranking ${once[0]?.rankingVersion}, ${implementations}${model === undefined ? '' : `, vectors of ${model}`}.`,
    '',
    '| collection | entries | judged queries | mode | nDCG@10 | Recall@100 | MRR@10 | goal for nDCG@10 |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
    ...(six.length === 6
      ? [
          '',
          `Mean of the six collections with a lexical goal: ${mean.toFixed(4)} (goal ${lexicalMeanGoal}: ${verdict(mean, lexicalMeanGoal)}).`,
        ]
      : []),
  ].join('\n');
}

/** Waits for the first token of both engines, as a table with a sentence before it. */
function firstTokenSummary() {
  const run = resultsOf('first-token');
  const chat = resultsOf('chat');
  const rows = [
    { prompt: 'the first, model not loaded', metric: 'coldTtftMs' },
    { prompt: 'another question', metric: 'otherTtftMs' },
    ...[100, 1000, 4000].map((tokens) => ({
      prompt: `one behind ${tokens.toLocaleString('en')} tokens that were there before`,
      benchmark: tokens === 4000 ? 'first-token-4000' : 'first-token',
      metric: `shared${tokens}TtftMs`,
      evaluated: [`shared${tokens}EvaluatedTokens`],
    })),
    {
      prompt: 'a later turn of a chat of ten about 1,000 tokens',
      results: chat,
      benchmark: 'chat',
      metric: 'laterTtftMs',
      evaluated: Array.from({ length: 9 }, (_, turn) => `turn${turn + 2}EvaluatedTokens`),
    },
  ].flatMap(({ prompt, results = run, benchmark = 'first-token', metric, evaluated = [] }) => {
    const [legacy, optimized] = ['legacy', 'optimized'].map((variant) => {
      const waitMs = medianOf(results, benchmark, variant, metric);
      if (waitMs === undefined) return undefined;
      const counts = evaluated.flatMap((name) => medianOf(results, benchmark, variant, name) ?? []);
      return `${whole(waitMs)} ms${counts.length === 0 ? '' : `, ${whole(median(counts))} tokens evaluated`}`;
    });
    return legacy === undefined || optimized === undefined ? [] : [`| ${prompt} | ${legacy} | ${optimized} |`];
  });
  // A run of an earlier suite has other metrics.
  if (medianOf(run, 'first-token', 'optimized', 'otherTtftMs') === undefined) return undefined;
  const { notes, machine, startedAt, warnings } = run;
  const rounds = run.benchmarks.map((benchmark) => benchmark.rounds);
  const fewest = Math.min(...rounds);
  const most = Math.max(...rounds);
  return [
    `Time to the first token, both engines in the same run: ${notes.model}, threads: ${notes.threads}, ${machine.coresAvailable} cores (${machine.cpuModel}), ${startedAt.slice(0, 10)}, medians of ${fewest === most ? most : `${fewest} to ${most}`} fresh processes each${warnings.length === 0 ? '' : ' (the machine was not quiet: upper bounds)'}:`,
    '',
    '| prompt | legacy | optimized |',
    '| --- | --- | --- |',
    ...rows,
  ].join('\n');
}

/** What a start costs beyond bare Node, in a sentence. */
function startupSummary() {
  const results = resultsOf('startup');
  const beyond = (benchmark, variant, baseline, metric) => {
    const [own, other] = [variant, baseline].map((name) => medianOf(results, benchmark, name, metric));
    return own === undefined || other === undefined ? undefined : `${(own - other).toFixed(1)} ms`;
  };
  const [version, help, sent] = [
    beyond('startup-command', 'gemma --version', 'node empty.mjs', 'wallMs'),
    beyond('startup-command', 'gemma --help', 'node empty.mjs', 'wallMs'),
    beyond('startup-thin', 'gemma "prompt"', 'node first-byte.mjs', 'sentByteMs'),
  ];
  if (version === undefined || help === undefined || sent === undefined) return undefined;
  return `Beyond bare Node, \`gemma --version\` takes ${version} and \`gemma --help\` ${help}; the first byte of a question is ready to be sent after ${sent}.`;
}

/** CPU time of a search by the number of passages, ours beside others, as a table with a sentence before it. */
function searchSummary() {
  const runs = ['search', 'search-100000', 'search-1000000'].flatMap((suite) => resultsOf(suite) ?? []);
  const benchmarks = runs.flatMap((run) => run.benchmarks.map((benchmark) => ({ run, benchmark })));
  if (benchmarks.length === 0) return undefined;
  const columns = ['legacy', 'optimized', 'index', 'tantivy', 'SQLite FTS5', 'FlexSearch', 'MiniSearch', 'Orama'];
  const rows = benchmarks.map(({ run, benchmark: { name } }) => {
    const cells = columns.map((variant) => {
      const ms = medianOf(run, name, variant, 'cpuMsP50');
      if (ms === undefined) return '';
      const queries = medianOf(run, name, variant, 'queries');
      return `${threeDigits(ms)}${queries < queriesAsked ? ` (of ${queries})` : ''}`;
    });
    return `| ${[Number(name.slice('search-'.length)).toLocaleString('en'), ...cells].join(' | ')} |`;
  });
  const { machine, startedAt } = runs[0];
  const quiet = runs.every(({ warnings }) => warnings.length === 0);
  return [
    `CPU time of a search in milliseconds, the median of 500 questions about real text, of fewer where a minute was over, ten hits, no query cache, ${machine.cpuModel}, ${startedAt.slice(0, 10)}, each size in one run${quiet ? '' : ' (the machine was not quiet: compare within a line)'}:`,
    '',
    `| passages | ${columns.join(' | ')} |`,
    `| ${['passages', ...columns].map(() => '---').join(' | ')} |`,
    ...rows,
  ].join('\n');
}

function threeDigits(value) {
  return value >= 100 ? whole(value) : String(Number(value.toPrecision(3)));
}

function medianOf(results, benchmarkName, variantName, metric) {
  return results?.benchmarks
    .find(({ name }) => name === benchmarkName)
    ?.variants.find(({ name }) => name === variantName)?.metrics[metric]?.summary?.median;
}

function whole(value) {
  return Math.round(value).toLocaleString('en');
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
