import { readFile, rename, writeFile } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import type { Writable } from 'node:stream';
import { parseArgs } from 'node:util';
import { gitIn, parseResults, renderMarkdown, runBenchmarks } from '@gemma-cli/bench-kit';
import type { BenchmarkProgress, BenchmarkResults, MachineLoad } from '@gemma-cli/bench-kit';
import { GemmaError, isGemmaError, toGemmaError } from '@gemma-cli/contracts';
import { findEmbeddingModel, findModel } from './find-model.ts';
import { ownFolder } from './built-files.ts';
import { runQuality } from './quality/quality-command.ts';
import type { Suite, SuitePlan } from './suite.ts';
import { abortSuite } from './suites/abort.ts';
import { cacheSuite } from './suites/cache.ts';
import { chatSuite } from './suites/chat.ts';
import { concurrencySuite } from './suites/concurrency.ts';
import { decodeSuite } from './suites/decode.ts';
import { embeddingSuite } from './suites/embedding.ts';
import { firstTokenSuite } from './suites/first-token.ts';
import { microSuite } from './suites/micro.ts';
import { restoreSuite } from './suites/restore.ts';
import { searchSuite } from './suites/search.ts';
import { speculationSuite } from './suites/speculation.ts';
import { startupSuite } from './suites/startup.ts';
import { threadsSuite } from './suites/threads.ts';
import { writesSuite } from './suites/writes.ts';

/** The world of one run of `gemma-bench`. */
export interface MainOptions {
  /** Arguments after the program's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute working directory. */
  readonly cwd: string;
  /** The user's home folder, where models are looked for. Default: none. */
  readonly home?: string;
  /** Tables, JSON, help. */
  readonly stdout: Writable;
  /** Progress, warnings, errors. */
  readonly stderr: Writable;
  /** Aborted by Ctrl-C. */
  readonly signal?: AbortSignal;
  /** Default: the suites of this package. */
  readonly suites?: readonly Suite[];
  /** Looks at how busy the machine is. Default: watches it for half a second. */
  readonly readLoad?: () => Promise<MachineLoad>;
}

/** The suites of this package, quick ones first. */
export function allSuites(): readonly Suite[] {
  return [
    startupSuite(),
    microSuite(),
    firstTokenSuite(),
    chatSuite(),
    decodeSuite(),
    restoreSuite(),
    concurrencySuite(),
    abortSuite(),
    embeddingSuite(),
    threadsSuite(),
    speculationSuite(),
    cacheSuite(),
    writesSuite(),
    searchSuite(),
  ];
}

const usage = `Usage: gemma-bench [run] [SUITE…] [options]   measure; default: every suite
       gemma-bench list                        what can be measured
       gemma-bench render FILE…                tables of results that were written with --out
       gemma-bench quality --collection DIR [--implementation legacy|optimized] [--mode lexical|dense|hybrid] [--run FILE]
                                               how well the memory finds: nDCG@10, Recall@100, MRR@10

  --rounds N    rounds of every benchmark; default: what each says
  --model FILE|NAME  default: GEMMA_BENCH_MODEL, else the small Gemma 3 that was pulled or fetched for the tests
  --embedding-model FILE|NAME  default: GEMMA_BENCH_EMBEDDING_MODEL, else embeddinggemma:300m where it was pulled, or
                the small MiniLM beside the checkout
  --threads N   threads of the engines; default: their choice
  --quick       one round of shorter work, to see whether everything runs: its figures say nothing
  --seed N      seed of the bootstrap; default: 1
  --out FILE    also write the results, raw samples included, as JSON
  --json        print the results as JSON in place of tables
  -h, --help    this text

Of quality:
  --collection DIR  corpus.jsonl, queries.jsonl and qrels.tsv, or the questions about the docs that come with this package
  --implementation NAME  default: optimized
  --mode MODE   default: lexical; dense and hybrid take --embedding-model
  --run FILE    write the run for trec_eval, 100 hits for each query
  --against FILE  compare with another run by a paired randomisation test
  --qrels FILE  judgements, in the folder of the collection; default: qrels.tsv
  --store DIR   keep the store here, and take over what it has; default: a temporary one

Of search: --passages DIR (or GEMMA_BENCH_PASSAGES) where scripts/build-passages.mjs has put them, --sizes N,N,… for other
numbers of passages than 1000,10000,100000. GEMMA_BENCH_PYTHON names a Python that has tantivy and bm25s.

GEMMA_BENCH_LLAMA_CPP names a folder with llama-server and llama-bench to measure beside; default: those in PATH.
Progress goes to stderr, figures to stdout. Measure on a quiet machine.
`;

/** Runs the command and gives its exit code; never throws. */
export async function main(options: MainOptions): Promise<number> {
  try {
    return await dispatch(options);
  } catch (thrown) {
    const error = toGemmaError(thrown);
    options.stderr.write(`gemma-bench: ${error.message} [${error.code}]\n`);
    return error.exitCode;
  }
}

async function dispatch(options: MainOptions): Promise<number> {
  const { values, positionals } = parse(options.argv);
  const [first, ...rest] = positionals;
  if (values.help === true || first === 'help') {
    options.stdout.write(usage);
    return 0;
  }
  if (first === 'list') return list(options);
  if (first === 'render') return render(rest, options);
  if (first === 'quality') return quality(rest, values, options);
  return run(first === 'run' ? rest : positionals, values, options);
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        rounds: { type: 'string' },
        model: { type: 'string' },
        'embedding-model': { type: 'string' },
        quick: { type: 'boolean' },
        threads: { type: 'string' },
        seed: { type: 'string' },
        out: { type: 'string' },
        json: { type: 'boolean' },
        collection: { type: 'string' },
        implementation: { type: 'string' },
        mode: { type: 'string' },
        run: { type: 'string' },
        against: { type: 'string' },
        qrels: { type: 'string' },
        store: { type: 'string' },
        passages: { type: 'string' },
        sizes: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (cause) {
    throw new GemmaError({ code: 'USAGE', message: `${(cause as Error).message} See gemma-bench --help.`, cause });
  }
}

function list({ stdout, suites = allSuites() }: MainOptions): number {
  for (const { name, summary } of suites) stdout.write(`${name.padEnd(14)}${summary}\n`);
  return 0;
}

async function render(files: readonly string[], { cwd, stdout }: MainOptions): Promise<number> {
  if (files.length === 0) throw new GemmaError({ code: 'USAGE', message: 'Expected FILE after render, got nothing.' });
  for (const file of files) {
    const text = await readFile(resolve(cwd, file), 'utf8').catch((cause: unknown) => {
      throw new GemmaError({
        code: 'FILE_UNREADABLE',
        message: `Expected results at ${file}; the file cannot be read.`,
        facts: { file },
        cause,
      });
    });
    stdout.write(`${renderMarkdown(parseResults(text))}\n`);
  }
  return 0;
}

async function quality(
  rest: readonly string[],
  values: ReturnType<typeof parse>['values'],
  { env, cwd, stdout, stderr, signal, home }: MainOptions,
): Promise<number> {
  const path = (name: string | undefined): string | undefined => (name === undefined ? undefined : resolve(cwd, name));
  const collection = path(values.collection);
  if (collection === undefined || rest.length > 0) {
    const got = rest.length > 0 ? `"${rest.join(' ')}"` : 'nothing';
    throw new GemmaError({ code: 'USAGE', message: `Expected quality --collection DIR, got ${got}.` });
  }
  const mode = oneOf('mode', values.mode ?? 'lexical', ['lexical', 'dense', 'hybrid']);
  await runQuality({
    collection,
    implementation: oneOf('implementation', values.implementation ?? 'optimized', ['legacy', 'optimized']),
    mode,
    qrels: values.qrels,
    run: path(values.run),
    against: path(values.against),
    store: path(values.store),
    embeddingModel:
      mode === 'lexical'
        ? undefined
        : await findEmbeddingModel({
            named: values['embedding-model'] ?? env['GEMMA_BENCH_EMBEDDING_MODEL'],
            env,
            cwd,
            home,
          }),
    threads: wholeNumber('threads', values.threads, 1),
    seed: wholeNumber('seed', values.seed, 0),
    json: values.json === true,
    stdout,
    stderr,
    signal,
  });
  return 0;
}

function oneOf<Name extends string>(option: string, value: string, names: readonly Name[]): Name {
  const found = names.find((name) => name === value);
  if (found !== undefined) return found;
  throw new GemmaError({
    code: 'USAGE',
    message: `Expected ${names.join(', ')} after --${option}, got "${value}".`,
    facts: { option, got: value },
  });
}

async function run(
  names: readonly string[],
  values: ReturnType<typeof parse>['values'],
  { env, cwd, stdout, stderr, signal, suites = allSuites(), readLoad, home }: MainOptions,
): Promise<number> {
  const chosen = choose(names, suites);
  const quick = values.quick === true;
  const rounds = wholeNumber('rounds', values.rounds, 1) ?? (quick ? 1 : undefined);
  const threads = wholeNumber('threads', values.threads, 1);
  const seed = wholeNumber('seed', values.seed, 0);
  const model = await findModel({ named: values.model ?? env['GEMMA_BENCH_MODEL'], env, cwd, home });
  const embeddingModel = await findEmbeddingModel({
    named: values['embedding-model'] ?? env['GEMMA_BENCH_EMBEDDING_MODEL'],
    env,
    cwd,
    home,
  });

  const passages = values.passages ?? env['GEMMA_BENCH_PASSAGES'];
  const sizes = values.sizes?.split(',').map((size) => wholeNumber('sizes', size, 1) ?? 0);

  const plans: SuitePlan[] = [];
  const leftOut: string[] = [];
  for (const suite of chosen) {
    try {
      plans.push(
        await suite.plan({
          model,
          embeddingModel,
          threads,
          quick,
          env,
          home,
          passages: passages === undefined ? undefined : resolve(cwd, passages),
          sizes,
        }),
      );
    } catch (error) {
      // Who asks for everything gets what can be measured; who names a suite is told that it cannot.
      const isLacking =
        isGemmaError(error) &&
        ((error.code === 'MODEL_NOT_FOUND' && error.facts['path'] === undefined) ||
          error.facts['lacking'] === 'passages');
      if (names.length > 0 || !isLacking) throw error;
      leftOut.push(error.message);
    }
  }
  leftOut.push(...plans.flatMap((plan) => plan.leftOut));
  for (const what of leftOut) stderr.write(`left out: ${what}\n`);
  const results = await runBenchmarks({
    benchmarks: plans.flatMap((plan) => plan.benchmarks).map((item) => (quick ? { ...item, warmups: 0 } : item)),
    env,
    rounds,
    ...(seed === undefined ? {} : { seed }),
    ...(readLoad === undefined ? {} : { readLoad }),
    signal,
    ...(isCheckout(ownFolder()) ? { runGit: gitIn(ownFolder()) } : {}),
    notes: Object.assign({}, ...plans.map((plan) => plan.notes)) as Record<string, string>,
    leftOut,
    onProgress: (progress) => stderr.write(progressLine(progress)),
  });
  if (values.out !== undefined) await writeResults(resolve(cwd, values.out), results);
  stdout.write(values.json === true ? `${JSON.stringify(results)}\n` : `${renderMarkdown(results)}\n`);
  return 0;
}

/** An installed package may lie in somebody else's checkout, whose commit says nothing about these figures. */
function isCheckout(folder: string): boolean {
  return !folder.split(sep).includes('node_modules');
}

function choose(names: readonly string[], suites: readonly Suite[]): readonly Suite[] {
  if (names.length === 0) return suites;
  return names.map((name) => {
    const suite = suites.find((candidate) => candidate.name === name);
    if (suite !== undefined) return suite;
    const known = suites.map((candidate) => candidate.name).join(', ');
    throw new GemmaError({ code: 'USAGE', message: `Expected a suite (${known}), got "${name}".`, facts: { name } });
  });
}

function wholeNumber(option: string, text: string | undefined, min: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= min) return value;
  throw new GemmaError({
    code: 'USAGE',
    message: `Expected a whole number of at least ${min} after --${option}, got "${text}".`,
    facts: { option, got: text },
  });
}

/** The file appears whole or not at all: figures in documents are made from it. */
async function writeResults(path: string, results: BenchmarkResults): Promise<void> {
  const part = `${path}.part`;
  try {
    await writeFile(part, resultsText(results));
    await rename(part, path);
  } catch (cause) {
    throw new GemmaError({
      code: 'FILE_UNREADABLE',
      message: `The results could not be written to ${path}: ${(cause as Error).message}.`,
      facts: { path },
      cause,
    });
  }
}

/** JSON with one line per list of numbers or names, so that a committed file stays short and its diff readable. */
function resultsText(results: BenchmarkResults): string {
  const text = JSON.stringify(results, null, 1);
  return `${text.replaceAll(/\[\n\s+([^[\]{}]*?)\n\s+\]/g, (_, list: string) => `[${list.replaceAll(/\n\s+/g, ' ')}]`)}\n`;
}

function progressLine(progress: BenchmarkProgress): string {
  switch (progress.type) {
    case 'warning':
      return `warning: ${progress.message}\n`;
    case 'benchmark-start':
      return `${progress.benchmark}: ${progress.warmups} warm-up rounds, ${progress.rounds} rounds\n`;
    case 'run-end': {
      const round = progress.round < 0 ? 'warm-up' : `round ${progress.round + 1}`;
      return `  ${round}: ${progress.variant} ${Math.round(progress.wallMs)} ms\n`;
    }
    case 'benchmark-end':
      return '';
  }
}
