import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Aim, Benchmark, Variant } from '@gemma-cli/bench-kit';
import { GemmaError } from '@gemma-cli/contracts';
import { createAnalyzer } from '@gemma-cli/rag-core';
import { childModule } from '../built-files.ts';
import { searchMetrics } from '../children/search-metrics.ts';
import type { SearchPeerName } from '../children/search-peers.ts';
import type { SearchOrders } from '../children/search-worker.ts';
import { findPythonPeers, versionOfPackage } from '../find-peers.ts';
import type { PythonPeers } from '../find-peers.ts';
import { contentFile, defaultPassagesFolder, ensureSynthetic, passagesFiles } from '../passages-folder.ts';
import type { PassagesFacts } from '../passages-folder.ts';
import type { Suite, SuiteOptions } from '../suite.ts';
import { reported } from '../suite-parts.ts';

/** One of the things that search: which code, which queries, up to how many passages. */
interface Searcher {
  readonly name: string;
  readonly peer: SearchPeerName | 'tantivy' | 'bm25s';
  readonly implementation: string;
  /** Whether its queries come without stop words: for peers that know none, so that both sides look for the same terms. */
  readonly content?: boolean;
  /** Package that has to be installed. */
  readonly needs?: string;
  readonly sizeMax?: number;
}

const searchers: readonly Searcher[] = [
  { name: 'optimized', peer: 'optimized', implementation: 'optimized' },
  { name: 'legacy', peer: 'legacy', implementation: 'legacy', sizeMax: 100_000 },
  { name: 'index', peer: 'index', implementation: 'optimized' },
  { name: 'index, all words', peer: 'index-all-words', implementation: 'optimized', sizeMax: 100_000 },
  { name: 'tantivy', peer: 'tantivy', implementation: 'tantivy', needs: 'tantivy', content: true },
  { name: 'tantivy, all words', peer: 'tantivy', implementation: 'tantivy', needs: 'tantivy', sizeMax: 100_000 },
  { name: 'bm25s', peer: 'bm25s', implementation: 'bm25s', needs: 'bm25s' },
  { name: 'SQLite FTS5', peer: 'fts5', implementation: 'sqlite-fts5', content: true },
  { name: 'FlexSearch', peer: 'flexsearch', implementation: 'flexsearch', needs: 'flexsearch', sizeMax: 100_000 },
  { name: 'MiniSearch', peer: 'minisearch', implementation: 'minisearch', needs: 'minisearch', sizeMax: 100_000 },
  {
    name: 'MiniSearch, our analyzer',
    peer: 'minisearch-stemmed',
    implementation: 'minisearch',
    needs: 'minisearch',
    sizeMax: 100_000,
  },
  { name: 'Orama', peer: 'orama', implementation: 'orama', needs: '@orama/orama', sizeMax: 100_000 },
];

/** Engines that do not build their index in this time are told as that, and have no figures. */
const peerBuildMsMax = 120_000;

const pythonModules = ['tantivy', 'bm25s', 'PyStemmer'];
const defaultSizes = [1_000, 10_000, 100_000];

/** How fast, small and ready a search is, beside others on the same passages. */
export function searchSuite(): Suite {
  return {
    name: 'search',
    summary: 'searching 1,000 to 1,000,000 passages, beside legacy and other engines (needs passages)',
    async plan(options) {
      const { quick = false, env = {} } = options;
      const { files, facts } = await findPassages(options);
      const sizes = options.sizes ?? (quick ? [Math.min(500, facts.passages)] : defaultSizes);
      const python = findPythonPeers(pythonModules, env);
      const versions = versionsOf(python);
      const possible = sizes.filter((size) => size <= facts.passages);
      const content = await contentFile(files.queries, await createAnalyzer());
      return {
        benchmarks: possible.map((size) =>
          benchmark(size, { quick, files, content, facts, python, isThere: (name) => versions[name] !== undefined }),
        ),
        notes: {
          passages: `${facts.kind}, ${facts.passages} of ${facts.wordsMean.toFixed(1)} words on average, seed ${facts.seed}${facts.packages.length === 0 ? '' : `, from ${facts.packages.join(', ')}`}`,
          peers: Object.entries(versions)
            .map(([name, version]) => `${name} ${version}`)
            .join(', '),
        },
        leftOut: [
          ...sizes
            .filter((size) => size > facts.passages)
            .map((size) => `search-${size}: there are ${facts.passages} passages.`),
          ...searchers.flatMap(({ name, needs }) =>
            needs === undefined || versions[needs] !== undefined ? [] : [`search, ${name}: ${missing(needs, python)}`],
          ),
          ...possible
            .filter((size) => size > 100_000)
            .map(
              (size) =>
                `search-${size}: legacy, the engines of JavaScript and queries with all words are measured up to 100,000.`,
            ),
        ],
      };
    },
  };
}

interface SearchWork {
  readonly quick: boolean;
  readonly files: { readonly passages: string; readonly queries: string };
  /** The queries without stop words. */
  readonly content: string;
  readonly facts: PassagesFacts;
  readonly python: PythonPeers | undefined;
  readonly isThere: (name: string) => boolean;
}

function benchmark(size: number, work: SearchWork): Benchmark {
  const { quick, files, content, facts, isThere } = work;
  const queryCount = quick ? 40 : 500;
  const variants = searchers
    .filter(
      ({ needs, sizeMax = Number.POSITIVE_INFINITY }) => size <= sizeMax && (needs === undefined || isThere(needs)),
    )
    .map((searcher): Variant => {
      const orders = {
        peer: searcher.peer,
        passages: files.passages,
        count: size,
        queries: searcher.content === true ? content : files.queries,
        queryCount,
        searchMsMax: quick ? 5_000 : 60_000,
        ...(searcher.needs !== undefined ? { buildMsMax: peerBuildMsMax } : {}),
      };
      return variant(searcher, orders, size, work);
    });
  return {
    name: `search-${size}`,
    summary: `${size.toLocaleString('en')} ${facts.kind} passages of about 40 words, built in one process, opened in another and asked ${queryCount} different queries after the first 20, ten hits each, no query cache, and all of them again (again). CPU time of a query, its analysis included. Building counts everything until the index can be opened again: the index reads the passages from its record, the memory writes them durably first, others have them at hand.${size > 10_000 ? ` Whoever has no figures did not build its index within ${peerBuildMsMax / 1000} s.` : ''}`,
    variants,
    metrics: searchMetrics.map(([name, unit, better]) => reported(name, unit, better)),
    rounds: quick || size > 100_000 ? 1 : size > 10_000 ? 3 : 5,
    warmups: 0,
    timeoutMs: 1_800_000,
    aims: quick
      ? []
      : aims(
          size,
          variants.map(({ name }) => name),
        ),
  };
}

function variant(
  { name, peer, implementation }: Searcher,
  orders: Omit<SearchOrders, 'peer'>,
  size: number,
  { python }: SearchWork,
): Variant {
  const args = [JSON.stringify({ ...orders, peer })];
  const expects = { implementation };
  if (peer === 'tantivy' || peer === 'bm25s') {
    const script = fileURLToPath(new URL('../../scripts/search-peer.py', import.meta.url));
    return {
      name,
      program: { type: 'command', command: python?.python ?? 'python3', args: [script, ...args] },
      expects,
    };
  }
  // Building a million in the heaps of JavaScript takes more than Node allows itself by default.
  const nodeArgs = size > 10_000 ? ['--max-old-space-size=8192'] : [];
  return { name, program: { type: 'node', module: childModule('search-worker.js'), args, nodeArgs }, expects };
}

/** Goals of the project, against those that are there. */
function aims(size: number, variants: readonly string[]): readonly Aim[] {
  const timesOfLegacy = { 1_000: 25, 10_000: 75, 100_000: 100 }[size];
  const all: readonly Aim[] = [
    ...(timesOfLegacy === undefined
      ? []
      : [{ variant: 'optimized', metric: 'cpuMsP50', timesMax: 1 / timesOfLegacy, of: 'legacy' }]),
    ...(size === 10_000 ? [{ variant: 'optimized', metric: 'queriedAnonMiB', timesMax: 0.5, of: 'legacy' }] : []),
    ...(size === 100_000
      ? [
          { variant: 'index', metric: 'cpuMsP50', timesMax: 1, of: 'tantivy' },
          { variant: 'index, all words', metric: 'cpuMsP50', timesMax: 0.5, of: 'tantivy, all words' },
          { variant: 'index', metric: 'cpuMsP99', timesMax: 1.3, of: 'tantivy' },
          { variant: 'index', metric: 'againCpuMsP99', timesMax: 1.3, of: 'tantivy' },
          ...['FlexSearch', 'MiniSearch', 'MiniSearch, our analyzer', 'Orama'].map((of) => ({
            variant: 'optimized',
            metric: 'cpuMsP50',
            timesMax: 0.2,
            of,
          })),
          { variant: 'optimized', metric: 'indexBytesPerPassage', atMost: 80 },
          // 20 MB
          { variant: 'optimized', metric: 'queriedAnonMiB', atMost: 19 },
          { variant: 'optimized', metric: 'reopenMs', atMost: 20 },
          { variant: 'index', metric: 'buildCpuS', timesMax: 1, of: 'tantivy' },
        ]
      : []),
    ...(size === 1_000_000 ? [{ variant: 'optimized', metric: 'cpuMsP50', atMost: 5 }] : []),
  ];
  return all.filter((aim) => !('of' in aim) || variants.includes(aim.of));
}

async function findPassages({
  passages,
  env = {},
  home,
  quick = false,
}: SuiteOptions): Promise<{ readonly files: ReturnType<typeof passagesFiles>; readonly facts: PassagesFacts }> {
  const folder = passages ?? defaultPassagesFolder(env, home);
  const files = folder === undefined ? undefined : passagesFiles(folder);
  try {
    if (files !== undefined) {
      return { files, facts: JSON.parse(await readFile(files.facts, 'utf8')) as PassagesFacts };
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || passages !== undefined) {
      throw new GemmaError({
        code: 'FILE_UNREADABLE',
        message: `Expected passages in ${folder}; ${(error as Error).message}. Make them with node packages/bench/scripts/build-passages.mjs.`,
        facts: { folder },
        cause: error,
      });
    }
  }
  if (quick) return ensureSynthetic();
  throw new GemmaError({
    code: 'FILE_UNREADABLE',
    message:
      'The suite search needs passages. Make them with node packages/bench/scripts/build-passages.mjs, or name their folder with --passages DIR.',
    facts: { lacking: 'passages' },
  });
}

function versionsOf(python: PythonPeers | undefined): Readonly<Record<string, string>> {
  const packages = searchers.flatMap(({ needs }) => {
    if (needs === undefined || needs === 'tantivy' || needs === 'bm25s') return [];
    const version = versionOfPackage(needs);
    return version === undefined ? [] : [[needs, version] as const];
  });
  const { bm25s, tantivy, PyStemmer } = python?.versions ?? {};
  return {
    ...Object.fromEntries(packages),
    ...(tantivy === undefined ? {} : { tantivy }),
    // Without the stemmer it would look for other terms.
    ...(bm25s === undefined || PyStemmer === undefined ? {} : { bm25s, PyStemmer }),
  };
}

function missing(needs: string, python: PythonPeers | undefined): string {
  if (needs !== 'tantivy' && needs !== 'bm25s') return `${needs} is not installed beside this package.`;
  if (python === undefined) return 'neither GEMMA_BENCH_PYTHON nor PATH has a Python.';
  return `${python.python} does not have ${needs === 'bm25s' ? 'bm25s with PyStemmer' : needs}; name one that has it with GEMMA_BENCH_PYTHON.`;
}
