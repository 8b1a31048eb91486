// . = ./dist/index.d.ts

// dist/index.d.ts
export { allSuites, main } from './main.ts';
export type { MainOptions } from './main.ts';
export type { Suite, SuiteOptions, SuitePlan } from './suite.ts';
export { startupSuite } from './suites/startup.ts';
export { abortSuite } from './suites/abort.ts';
export { cacheSuite } from './suites/cache.ts';
export { chatSuite } from './suites/chat.ts';
export { concurrencySuite } from './suites/concurrency.ts';
export { decodeSuite } from './suites/decode.ts';
export { embeddingSuite } from './suites/embedding.ts';
export { firstTokenSuite } from './suites/first-token.ts';
export { restoreSuite } from './suites/restore.ts';
export { speculationSuite } from './suites/speculation.ts';
export { threadsSuite } from './suites/threads.ts';
export { microSuite } from './suites/micro.ts';
export { searchSuite } from './suites/search.ts';
export { writesSuite } from './suites/writes.ts';
export { readCollection } from './quality/collection.ts';
export type { Collection, CollectionEntry, CollectionQuery, Judgements } from './quality/collection.ts';
export { markdownSections } from './quality/markdown-sections.ts';
export type { MarkdownSection } from './quality/markdown-sections.ts';
export { comparePaired, evaluateRun, figuresOf } from './quality/retrieval-metrics.ts';
export type { PairedComparison, RetrievalFigures, RunEvaluation } from './quality/retrieval-metrics.ts';
export { formatTrecRun, parseTrecRun } from './quality/trec-run.ts';
export type { RankedEntry, TrecRun } from './quality/trec-run.ts';
export { searchCollection } from './quality/search-collection.ts';
export type { CollectionRun, SearchCollectionOptions } from './quality/search-collection.ts';
export type { QualityResult } from './quality/quality-command.ts';
export { createPassageReader, questionOf, textOfHtml } from './passages.ts';
export type { PassageReader } from './passages.ts';

// dist/main.d.ts
import type { Writable } from 'node:stream';
import type { MachineLoad } from '@gemma-cli/bench-kit';
import type { Suite } from './suite.ts';
export interface MainOptions {
    readonly argv: readonly string[];
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly cwd: string;
    readonly home?: string;
    readonly stdout: Writable;
    readonly stderr: Writable;
    readonly signal?: AbortSignal;
    readonly suites?: readonly Suite[];
    readonly readLoad?: () => Promise<MachineLoad>;
}
export declare function allSuites(): readonly Suite[];
export declare function main(options: MainOptions): Promise<number>;

// dist/passages.d.ts
export interface PassageReader {
    read(text: string): readonly string[];
}
export declare function createPassageReader(): PassageReader;
export declare function questionOf(passage: string): string | null;
export declare function textOfHtml(html: string): string;

// dist/quality/collection.d.ts
export interface CollectionEntry {
    readonly id: string;
    readonly title: string | null;
    readonly text: string;
    readonly group: string | null;
}
export interface CollectionQuery {
    readonly id: string;
    readonly text: string;
    readonly group: string | null;
    readonly category: string | null;
}
export type Judgements = ReadonlyMap<string, ReadonlyMap<string, number>>;
export interface Collection {
    readonly name: string;
    readonly entries: readonly CollectionEntry[];
    readonly queries: readonly CollectionQuery[];
    readonly judgements: Judgements;
}
export declare function readCollection(folder: string, { qrels }?: {
    readonly qrels?: string;
}): Promise<Collection>;

// dist/quality/markdown-sections.d.ts
export interface MarkdownSection {
    readonly id: string;
    readonly headings: readonly string[];
    readonly text: string;
}
export declare function markdownSections(page: string, markdown: string): readonly MarkdownSection[];

// dist/quality/quality-command.d.ts
import type { Writable } from 'node:stream';
import type { ImplementationName, SearchMode } from '@gemma-cli/contracts';
import type { PairedComparison, RetrievalFigures } from './retrieval-metrics.ts';
export interface QualityOptions {
    readonly collection: string;
    readonly implementation: ImplementationName;
    readonly mode: SearchMode;
    readonly qrels?: string | undefined;
    readonly run?: string | undefined;
    readonly against?: string | undefined;
    readonly store?: string | undefined;
    readonly embeddingModel?: string | undefined;
    readonly threads?: number | undefined;
    readonly seed?: number | undefined;
    readonly json: boolean;
    readonly stdout: Writable;
    readonly stderr: Writable;
    readonly signal?: AbortSignal | undefined;
}
export interface QualityResult {
    readonly collection: {
        readonly name: string;
        readonly entries: number;
        readonly empty: number;
        readonly queries: number;
        readonly judged: number;
    };
    readonly implementation: ImplementationName;
    readonly mode: SearchMode;
    readonly rankingVersion: number;
    readonly fusionVersion: number | null;
    readonly embedId: string | null;
    readonly figures: RetrievalFigures;
    readonly byCategory: Readonly<Record<string, RetrievalFigures & {
        readonly queries: number;
    }>>;
    readonly indexMs: number;
    readonly searchMs: number;
    readonly run: string | null;
    readonly against: {
        readonly run: string;
        readonly figures: RetrievalFigures;
        readonly comparison: Readonly<Record<keyof RetrievalFigures, PairedComparison>>;
    } | null;
}
export declare function runQuality(options: QualityOptions): Promise<void>;

// dist/quality/retrieval-metrics.d.ts
import type { Judgements } from './collection.ts';
import type { TrecRun } from './trec-run.ts';
export interface RetrievalFigures {
    readonly ndcg10: number;
    readonly recall100: number;
    readonly mrr10: number;
}
export interface RunEvaluation {
    readonly mean: RetrievalFigures;
    readonly byQuery: ReadonlyMap<string, RetrievalFigures>;
}
export declare function evaluateRun(run: TrecRun, judgements: Judgements): RunEvaluation;
export declare function figuresOf(ranking: readonly string[], judged: ReadonlyMap<string, number>): RetrievalFigures;
export declare function meanOf(figures: readonly RetrievalFigures[]): RetrievalFigures;
export interface PairedComparison {
    readonly difference: number;
    readonly smallestReal: number;
    readonly p: number;
}
export declare function comparePaired(one: readonly number[], other: readonly number[], { seed, rounds }?: {
    readonly seed?: number;
    readonly rounds?: number;
}): PairedComparison;

// dist/quality/search-collection.d.ts
import type { Embedder, Implementation, ImplementationName, MemoryStore, MemoryStoreOptions, SearchMode } from '@gemma-cli/contracts';
import type { Collection } from './collection.ts';
import type { TrecRun } from './trec-run.ts';
export interface SearchCollectionOptions {
    readonly collection: Collection;
    readonly implementation: ImplementationName;
    readonly mode: SearchMode;
    readonly folder: string;
    readonly embedder?: Embedder | undefined;
    readonly signal?: AbortSignal | undefined;
    readonly onProgress?: (message: string) => void;
}
export interface CollectionRun {
    readonly run: TrecRun;
    readonly empty: number;
    readonly indexMs: number;
    readonly searchMs: number;
}
export declare const memoryModules: Readonly<Record<ImplementationName, () => Promise<Implementation<MemoryStoreOptions, MemoryStore>>>>;
export declare function openMemory(implementation: ImplementationName, options: MemoryStoreOptions): Promise<MemoryStore>;
export declare function searchCollection(options: SearchCollectionOptions): Promise<CollectionRun>;

// dist/quality/trec-run.d.ts
export interface RankedEntry {
    readonly id: string;
    readonly score: number;
}
export type TrecRun = ReadonlyMap<string, readonly RankedEntry[]>;
export declare function formatTrecRun(run: TrecRun, tag: string): string;
export declare function parseTrecRun(text: string): TrecRun;

// dist/suite.d.ts
import type { Benchmark } from '@gemma-cli/bench-kit';
export interface SuiteOptions {
    readonly model?: string | undefined;
    readonly embeddingModel?: string | undefined;
    readonly threads?: number | undefined;
    readonly quick?: boolean | undefined;
    readonly env?: Readonly<Record<string, string | undefined>>;
    readonly home?: string | undefined;
    readonly passages?: string | undefined;
    readonly sizes?: readonly number[] | undefined;
}
export interface SuitePlan {
    readonly benchmarks: readonly Benchmark[];
    readonly notes: Readonly<Record<string, string>>;
    readonly leftOut: readonly string[];
}
export interface Suite {
    readonly name: string;
    readonly summary: string;
    plan(options: SuiteOptions): Promise<SuitePlan>;
}

// dist/suites/abort.d.ts
import type { Suite } from '../suite.ts';
export declare function abortSuite(): Suite;

// dist/suites/cache.d.ts
import type { Suite } from '../suite.ts';
export declare function cacheSuite(): Suite;

// dist/suites/chat.d.ts
import type { Suite } from '../suite.ts';
export declare function chatSuite(): Suite;

// dist/suites/concurrency.d.ts
import type { Suite } from '../suite.ts';
export declare function concurrencySuite(): Suite;

// dist/suites/decode.d.ts
import type { Suite } from '../suite.ts';
export declare function decodeSuite(): Suite;

// dist/suites/embedding.d.ts
import type { Suite } from '../suite.ts';
export declare function embeddingSuite(): Suite;

// dist/suites/first-token.d.ts
import type { ImplementationName } from '@gemma-cli/contracts';
import type { Suite } from '../suite.ts';
export declare function firstTokenSuite({ engineModules, }?: {
    readonly engineModules?: Readonly<Partial<Record<ImplementationName, string>>>;
}): Suite;

// dist/suites/micro.d.ts
import type { Suite } from '../suite.ts';
export declare function microSuite(): Suite;

// dist/suites/restore.d.ts
import type { Suite } from '../suite.ts';
export declare function restoreSuite(): Suite;

// dist/suites/search.d.ts
import type { Suite } from '../suite.ts';
export declare function searchSuite(): Suite;

// dist/suites/speculation.d.ts
import type { Suite } from '../suite.ts';
export declare function speculationSuite(): Suite;

// dist/suites/startup.d.ts
import type { Suite } from '../suite.ts';
export declare function startupSuite({ command, thin, main, manifest, }?: {
    readonly command?: string;
    readonly thin?: string;
    readonly main?: string;
    readonly manifest?: string;
}): Suite;

// dist/suites/threads.d.ts
import type { Suite } from '../suite.ts';
export declare function threadsSuite(): Suite;

// dist/suites/writes.d.ts
import type { Suite } from '../suite.ts';
export declare function writesSuite(): Suite;
