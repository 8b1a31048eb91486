import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { GemmaError } from '@gemma-cli/contracts';
import type { Embedder, ImplementationName, SearchMode } from '@gemma-cli/contracts';
import { inspectModelFile } from '@gemma-cli/models';
import { fusionVersion, rankingVersion } from '@gemma-cli/rag-core';
import { readCollection } from './collection.ts';
import type { Collection } from './collection.ts';
import { comparePaired, evaluateRun, meanOf } from './retrieval-metrics.ts';
import type { PairedComparison, RetrievalFigures, RunEvaluation } from './retrieval-metrics.ts';
import { searchCollection } from './search-collection.ts';
import { formatTrecRun, parseTrecRun } from './trec-run.ts';

/** What `gemma-bench quality` was asked for; paths are absolute. */
export interface QualityOptions {
  /** Folder of the collection. */
  readonly collection: string;
  readonly implementation: ImplementationName;
  readonly mode: SearchMode;
  /** File of judgements in the folder of the collection. Default `qrels.tsv`. */
  readonly qrels?: string | undefined;
  /** File that the run is written to. Default: none is. */
  readonly run?: string | undefined;
  /** Another run to compare with. Default: none. */
  readonly against?: string | undefined;
  /** Folder in which the store stays. Default: a temporary one. */
  readonly store?: string | undefined;
  /** Model for `dense` and `hybrid`. */
  readonly embeddingModel?: string | undefined;
  readonly threads?: number | undefined;
  /** Seed of the randomisation test. Default 1. */
  readonly seed?: number | undefined;
  /** Print JSON. Default false. */
  readonly json: boolean;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly signal?: AbortSignal | undefined;
}

/** What `gemma-bench quality --json` prints. */
export interface QualityResult {
  readonly collection: {
    readonly name: string;
    readonly entries: number;
    /** Entries without any text. */
    readonly empty: number;
    readonly queries: number;
    /** Queries with judgements: the figures are means over them. */
    readonly judged: number;
  };
  readonly implementation: ImplementationName;
  readonly mode: SearchMode;
  readonly rankingVersion: number;
  /** Of the joining of both sides. `null` in the other modes. */
  readonly fusionVersion: number | null;
  /** `null` in the mode `lexical`. */
  readonly embedId: string | null;
  readonly figures: RetrievalFigures;
  /** Means by category, where the collection has categories. */
  readonly byCategory: Readonly<Record<string, RetrievalFigures & { readonly queries: number }>>;
  readonly indexMs: number;
  readonly searchMs: number;
  readonly run: string | null;
  /** The run to compare with, and this one minus that one. */
  readonly against: {
    readonly run: string;
    readonly figures: RetrievalFigures;
    readonly comparison: Readonly<Record<keyof RetrievalFigures, PairedComparison>>;
  } | null;
}

/** Searches a collection, writes the run and prints how good it is. */
export async function runQuality(options: QualityOptions): Promise<void> {
  const { implementation, mode, run: runFile, json, stdout, stderr, signal, qrels } = options;
  const collection = await readCollection(options.collection, qrels === undefined ? {} : { qrels });
  const against = options.against === undefined ? null : parseTrecRun(await readRun(options.against));
  const embedder = mode === 'lexical' ? undefined : await openEmbedder(options);
  const folder = options.store ?? (await mkdtemp(join(tmpdir(), 'gemma-quality-')));
  try {
    const { run, empty, indexMs, searchMs } = await searchCollection({
      collection,
      implementation,
      mode,
      folder,
      embedder,
      signal,
      onProgress: (message) => stderr.write(`${collection.name}: ${message}\n`),
    });
    if (runFile !== undefined) await writeRun(runFile, formatTrecRun(run, `gemma-${implementation}-${mode}`));
    const evaluation = evaluateRun(run, collection.judgements);
    const result: QualityResult = {
      collection: {
        name: collection.name,
        entries: collection.entries.length,
        empty,
        queries: collection.queries.length,
        judged: evaluation.byQuery.size,
      },
      implementation,
      mode,
      rankingVersion,
      fusionVersion: mode === 'hybrid' ? fusionVersion : null,
      embedId: embedder?.embedId ?? null,
      figures: evaluation.mean,
      byCategory: byCategory(collection, evaluation),
      indexMs,
      searchMs,
      run: runFile ?? null,
      against:
        against === null || options.against === undefined
          ? null
          : { run: options.against, ...compare(evaluation, evaluateRun(against, collection.judgements), options.seed) },
    };
    stdout.write(json ? `${JSON.stringify(result)}\n` : describe(result));
  } finally {
    await embedder?.close();
    if (options.store === undefined) await rm(folder, { recursive: true, force: true });
  }
}

async function openEmbedder({ mode, embeddingModel, threads }: QualityOptions): Promise<Embedder> {
  if (embeddingModel === undefined) {
    throw new GemmaError({
      code: 'MODEL_NOT_FOUND',
      message: `The mode ${mode} needs an embedding model. Give one with --embedding-model FILE or GEMMA_BENCH_EMBEDDING_MODEL, or run \`gemma pull embeddinggemma:300m\`.`,
    });
  }
  // Loaded here because the lexical mode needs no engine.
  const { createEmbedder } = await import('@gemma-cli/engine-optimized');
  return createEmbedder({ model: { path: embeddingModel }, checkModel: inspectModelFile, threads });
}

const metrics = ['ndcg10', 'recall100', 'mrr10'] as const satisfies readonly (keyof RetrievalFigures)[];
const titles: Readonly<Record<keyof RetrievalFigures, string>> = {
  ndcg10: 'nDCG@10',
  recall100: 'Recall@100',
  mrr10: 'MRR@10',
};

function compare(
  one: RunEvaluation,
  other: RunEvaluation,
  seed = 1,
): Pick<NonNullable<QualityResult['against']>, 'figures' | 'comparison'> {
  const queries = [...one.byQuery.keys()];
  const values = ({ byQuery }: RunEvaluation, metric: keyof RetrievalFigures): readonly number[] =>
    queries.map((query) => byQuery.get(query)?.[metric] ?? 0);
  const of = (metric: keyof RetrievalFigures): PairedComparison =>
    comparePaired(values(one, metric), values(other, metric), { seed });
  return {
    figures: other.mean,
    comparison: { ndcg10: of('ndcg10'), recall100: of('recall100'), mrr10: of('mrr10') },
  };
}

function byCategory({ queries }: Collection, { byQuery }: RunEvaluation): QualityResult['byCategory'] {
  const categories = [...new Set(queries.flatMap(({ category }) => (category === null ? [] : [category])))].toSorted();
  return Object.fromEntries(
    categories.map((category) => {
      const figures = queries.flatMap((query) =>
        query.category === category ? [byQuery.get(query.id)].filter((one) => one !== undefined) : [],
      );
      return [category, { ...meanOf(figures), queries: figures.length }];
    }),
  );
}

function describe(result: QualityResult): string {
  const { collection, implementation, mode, figures, against } = result;
  const lines = [
    `${collection.name}: ${collection.entries} entries${collection.empty === 0 ? '' : ` (${collection.empty} without text)`}, ${collection.queries} queries, ${collection.judged} judged`,
    `${implementation}, ${mode}, ranking ${result.rankingVersion}${result.fusionVersion === null ? '' : `, fusion ${result.fusionVersion}`}${result.embedId === null ? '' : `, ${result.embedId}`}`,
    ...metrics.map((metric) => `${titles[metric].padEnd(10)} ${figures[metric].toFixed(4)}`),
  ];
  for (const [category, of] of Object.entries(result.byCategory)) {
    const values = metrics.map((metric) => `${titles[metric]} ${of[metric].toFixed(4)}`).join(', ');
    lines.push(`  ${category} (${of.queries}): ${values}`);
  }
  if (against !== null) {
    lines.push(`against ${against.run}:`);
    for (const metric of metrics) {
      const { difference, smallestReal, p } = against.comparison[metric];
      lines.push(
        `${titles[metric].padEnd(10)} ${against.figures[metric].toFixed(4)}, ${difference < 0 ? '' : '+'}${difference.toFixed(4)} (smallest real difference ${smallestReal.toFixed(4)}, p ${p.toFixed(4)})`,
      );
    }
  }
  lines.push(
    `indexed in ${(result.indexMs / 1000).toFixed(1)} s, searched in ${(result.searchMs / 1000).toFixed(1)} s`,
  );
  if (result.run !== null) lines.push(`run: ${result.run}`);
  return `${lines.join('\n')}\n`;
}

async function readRun(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new GemmaError({
      code: 'FILE_UNREADABLE',
      message: `Expected a run to compare with at ${file}; it cannot be read.`,
      facts: { file },
      cause,
    });
  }
}

async function writeRun(file: string, text: string): Promise<void> {
  const path = resolve(file);
  try {
    await writeFile(`${path}.part`, text);
    await rename(`${path}.part`, path);
  } catch (cause) {
    throw new GemmaError({
      code: 'FILE_UNREADABLE',
      message: `The run could not be written to ${path}: ${(cause as Error).message}.`,
      facts: { path },
      cause,
    });
  }
}
