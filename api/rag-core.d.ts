// . = ./dist/index.d.ts

// dist/analyzer.d.ts
import type { MemoryRow, QueryTerm } from '@gemma-cli/contracts';
import type { FoundNumbers } from './word-numbers.ts';
export interface Analyzer {
    readonly language: string;
    readonly version: number;
    readonly fingerprint: string;
    analyze(text: string): readonly string[];
    query(text: string): readonly QueryTerm[];
    numbering(): TermNumbering;
}
export interface TermNumbering {
    readonly terms: readonly string[];
    numberOf(term: string): number | undefined;
    analyze(text: string): FoundNumbers;
}
export interface AnalyzerOptions {
    readonly language?: string | undefined;
}
export declare const termUnitsMax = 64;
export declare function searchedText({ title, text }: Pick<MemoryRow, 'title' | 'text'>): string;
export declare function createAnalyzer({ language }?: AnalyzerOptions): Promise<Analyzer>;
export declare function newAnalyzer(language: string): Promise<Analyzer>;

// dist/chunk-borders.d.ts
export type ChunkFormat = 'prose' | 'markdown' | 'code';
export interface Border {
    readonly at: number;
    readonly worth: number;
}
export interface Section {
    readonly start: number;
    readonly end: number;
    readonly path: readonly string[];
    readonly depth: number;
    readonly isBare: boolean;
    readonly borders: readonly Border[];
}
export declare function findSections(text: string, format: ChunkFormat): readonly Section[];
export declare function isWhiteSpace(unit: number): boolean;

// dist/chunk-document.d.ts
import type { ChunkFormat } from './chunk-borders.ts';
export interface ChunkSource {
    readonly text: string;
    readonly format: ChunkFormat;
    readonly title?: string | null | undefined;
}
export interface ChunkSizes {
    readonly targetChars?: number | undefined;
    readonly maxChars?: number | undefined;
    readonly minChars?: number | undefined;
    readonly overlapChars?: number | undefined;
}
export interface Chunk {
    readonly text: string;
    readonly start: number;
    readonly end: number;
    readonly title: string | null;
}
export declare const chunkDefaults: {
    readonly targetChars: 1200;
    readonly maxChars: 1800;
    readonly minChars: 200;
    readonly overlapChars: 120;
};
export declare function chunkDocument({ text, format, title }: ChunkSource, sizes?: ChunkSizes): readonly Chunk[];

// dist/fusion.d.ts
export interface Ranked {
    readonly number: number;
    readonly score: number;
}
export declare const fusionVersion = 2;
export declare const denseWeight = 0.45;
export declare const fusionDepth = 100;
export declare function fuseByScore(lexical: readonly Ranked[], dense: readonly Ranked[], weight?: number): readonly Ranked[];
export declare function fuseByRank(lists: readonly (readonly Ranked[])[], k?: number): readonly Ranked[];

// dist/index.d.ts
export { createAnalyzer, searchedText, termUnitsMax } from './analyzer.ts';
export type { Analyzer, AnalyzerOptions, TermNumbering } from './analyzer.ts';
export { analyzerLanguages } from './stemmers.ts';
export { chunkDefaults, chunkDocument } from './chunk-document.ts';
export type { Chunk, ChunkSizes, ChunkSource } from './chunk-document.ts';
export type { ChunkFormat } from './chunk-borders.ts';
export { bm25Defaults, inverseDocumentFrequency, lengthNorm, rankingVersion, rounded, stopWordScale, termScore, } from './ranking.ts';
export type { Bm25Parameters } from './ranking.ts';
export { denseWeight, fuseByRank, fuseByScore, fusionDepth, fusionVersion } from './fusion.ts';
export type { Ranked } from './fusion.ts';
export { recallParts, recallScore, recallWeights, recencyHalfLifeMs } from './recall-score.ts';
export type { RecallFacts } from './recall-score.ts';
export { expiryOf, laterExpiry, promotedTier, promotionAccesses, promotionImportance, rolledTier, } from './tier-rules.ts';
export type { TierFacts } from './tier-rules.ts';
export { findNearDuplicates, nearDuplicateSimilarity } from './near-duplicates.ts';
export type { NearDuplicate } from './near-duplicates.ts';
export { chunkSizesOfTokens, estimateTokens } from './token-estimate.ts';
export type { ChunkTokens } from './token-estimate.ts';

// dist/near-duplicates.d.ts
export interface NearDuplicate {
    readonly one: number;
    readonly other: number;
    readonly similarity: number;
}
export declare const nearDuplicateSimilarity = 0.8;
export declare function findNearDuplicates(texts: readonly (readonly string[])[], similarity?: number): readonly NearDuplicate[];

// dist/ranking.d.ts
export declare const rankingVersion = 1;
export interface Bm25Parameters {
    readonly k1: number;
    readonly b: number;
    readonly lengthPadding: number;
}
export declare const bm25Defaults: Bm25Parameters;
export declare const stopWordScale = 1e-9;
export declare function inverseDocumentFrequency(documentFrequency: number, rows: number): number;
export declare function termScore(frequency: number, length: number, averageLength: number, idf: number, parameters: Bm25Parameters): number;
export declare function lengthNorm(length: number, averageLength: number, { k1, b, lengthPadding }: Bm25Parameters): number;
export declare function rounded(score: number): number;

// dist/recall-score.d.ts
export interface RecallFacts {
    readonly relevance: number;
    readonly importance: number;
    readonly idleMs: number;
    readonly accessCount: number;
}
export declare const recallWeights: {
    readonly relevance: 0.6;
    readonly importance: 0.2;
    readonly recency: 0.15;
    readonly use: 0.05;
};
export declare const recencyHalfLifeMs: number;
export declare function recallParts({ relevance, importance, idleMs, accessCount }: RecallFacts): {
    readonly relevance: number;
    readonly importance: number;
    readonly recency: number;
    readonly use: number;
};
export declare function recallScore(facts: RecallFacts): number;

// dist/stemmers.d.ts
export type Stemmer = (word: string) => string;
export declare const analyzerLanguages: readonly string[];
export declare function loadStemmer(language: string): Promise<Stemmer>;

// dist/tier-rules.d.ts
import type { MemoryTier, TierTable } from '@gemma-cli/contracts';
export declare function expiryOf(tier: MemoryTier, now: number, tiers: TierTable): number | null;
export declare function laterExpiry(one: number | null, other: number | null): number | null;
export declare const promotionAccesses = 3;
export declare const promotionImportance = 0.75;
export interface TierFacts {
    readonly tier: MemoryTier;
    readonly session?: string | null | undefined;
}
export declare function rolledTier({ tier, session }: TierFacts): MemoryTier | null;
export declare function promotedTier(memory: TierFacts & {
    readonly importance: number;
    readonly accessCount: number;
    readonly writer?: string | null | undefined;
}): MemoryTier | null;

// dist/token-estimate.d.ts
import type { ChunkSizes } from './chunk-document.ts';
export interface ChunkTokens {
    readonly targetTokens?: number | undefined;
    readonly maxTokens?: number | undefined;
    readonly minTokens?: number | undefined;
    readonly overlapTokens?: number | undefined;
}
export declare function estimateTokens(text: string): number;
export declare function chunkSizesOfTokens(text: string, sizes: ChunkTokens): ChunkSizes;

// dist/word-numbers.d.ts
export interface WordSink {
    word(units: Uint16Array, start: number, end: number, hash: number): void;
    term(term: string): void;
}
export interface FoundNumbers {
    numbers: Int32Array;
    count: number;
}
export interface WordNumbers extends WordSink {
    readonly terms: readonly string[];
    numberOf(term: string): number | undefined;
    readonly found: FoundNumbers;
    clear(): void;
}
export declare function createWordNumbers(termsOf: (word: string) => readonly string[]): WordNumbers;
