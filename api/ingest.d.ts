// . = ./dist/index.d.ts

// dist/create-extractor.d.ts
import type { ExtractedText, ExtractionJob } from './extracted-text.ts';
import type { IngestLimits } from './ingest-limits.ts';
export interface Extractor {
    extract(job: ExtractionJob, signal: AbortSignal | undefined): Promise<ExtractedText>;
    close(): Promise<void>;
}
export declare function createExtractor(limits: Pick<IngestLimits, 'extractMsMax' | 'extractMemoryMiBMax'>): Extractor;

// dist/document-kind.d.ts
export type DocumentKind = 'text' | 'markdown' | 'code' | 'html' | 'pdf' | 'docx' | 'csv' | 'json' | 'jsonl' | 'notebook' | 'epub' | 'mail';
export interface KnownKind {
    readonly kind: DocumentKind;
    readonly mediaType: string;
}
export declare const headBytes = 8192;
export declare function documentKind({ head, name, mediaType, }: {
    readonly head: Buffer;
    readonly name: string | null;
    readonly mediaType: string | null;
}): KnownKind;
export declare function utf16Order({ nulsEven, nulsOdd, bytes, }: {
    readonly nulsEven: number;
    readonly nulsOdd: number;
    readonly bytes: number;
}): 'utf-16le' | 'utf-16be' | null;

// dist/extracted-text.d.ts
import type { DocumentKind } from './document-kind.ts';
import type { TextFormat } from './ingest-event.ts';
import type { IngestLimits } from './ingest-limits.ts';
export interface ExtractedText {
    readonly text: string;
    readonly format: TextFormat;
    readonly title: string | null;
    readonly encoding: string | null;
}
export interface ExtractionJob {
    readonly kind: DocumentKind;
    readonly bytes: Uint8Array;
    readonly charset: string | null;
    readonly limits: Pick<IngestLimits, 'textCharactersMax' | 'unpackedRatioMax' | 'pagesMax' | 'nestingMax' | 'extractMsMax' | 'fileBytesMax'>;
}

// dist/index.d.ts
export type { DocumentRead, DocumentSkipped, DocumentUnchanged, FolderWalked, IngestDocument, IngestEvent, IngestProgress, TextFormat, } from './ingest-event.ts';
export { ingestLimitDefaults } from './ingest-limits.ts';
export type { IngestLimits } from './ingest-limits.ts';
export { readDocuments } from './read-documents.ts';
export type { IngestStream, ReadDocumentsOptions } from './read-documents.ts';
export { readSourceBytes } from './read-source-bytes.ts';
export { watchDocuments } from './watch-documents.ts';
export type { DocumentRemoved, WatchDocumentsOptions, WatchEvent, WatchReady } from './watch-documents.ts';

// dist/ingest-event.d.ts
import type { ErrorCode } from '@gemma-cli/contracts';
export type TextFormat = 'prose' | 'markdown' | 'code';
export interface IngestDocument {
    readonly uri: string;
    readonly hash: string;
    readonly bytes: number;
    readonly format: TextFormat;
    readonly title: string | null;
    readonly text: string;
    readonly mediaType: string;
    readonly encoding: string | null;
    readonly removedCharacters: number;
}
export interface DocumentRead {
    readonly type: 'document';
    readonly document: IngestDocument;
}
export interface DocumentUnchanged {
    readonly type: 'unchanged';
    readonly uri: string;
    readonly bytes: number;
}
export interface DocumentSkipped {
    readonly type: 'skipped';
    readonly path: string;
    readonly uri: string | null;
    readonly code: ErrorCode;
    readonly reason: string;
}
export interface IngestProgress {
    readonly type: 'progress';
    readonly filesDone: number;
    readonly filesTotal: number | null;
    readonly bytesDone: number;
    readonly bytesTotal: number | null;
}
export interface FolderWalked {
    readonly type: 'walked';
    readonly uri: string;
    readonly found: ReadonlySet<string>;
}
export type IngestEvent = DocumentRead | DocumentUnchanged | DocumentSkipped | IngestProgress | FolderWalked;

// dist/ingest-limits.d.ts
export interface IngestLimits {
    readonly fileBytesMax: number;
    readonly textCharactersMax: number;
    readonly depthMax: number;
    readonly filesMax: number;
    readonly unpackedRatioMax: number;
    readonly pagesMax: number;
    readonly nestingMax: number;
    readonly extractMsMax: number;
    readonly extractMemoryMiBMax: number;
    readonly fetchMsMax: number;
    readonly redirectsMax: number;
}
export declare const ingestLimitDefaults: IngestLimits;

// dist/read-documents.d.ts
import type { Extractor } from './create-extractor.ts';
import type { DocumentRead, DocumentSkipped, DocumentUnchanged, IngestEvent } from './ingest-event.ts';
import type { IngestLimits } from './ingest-limits.ts';
import type { FoundFile } from './walk-inputs.ts';
export interface IngestStream {
    readonly bytes: AsyncIterable<Uint8Array | string>;
    readonly uri?: string | undefined;
    readonly name?: string | undefined;
}
export interface ReadDocumentsOptions {
    readonly cwd: string;
    readonly stdin?: IngestStream | undefined;
    readonly allowUrls?: boolean | undefined;
    readonly privateOrigins?: readonly string[] | undefined;
    readonly hidden?: boolean | undefined;
    readonly known?: ((uri: string) => string | undefined | Promise<string | undefined>) | undefined;
    readonly limits?: Partial<IngestLimits> | undefined;
    readonly signal?: AbortSignal | undefined;
}
export declare function readDocuments(inputs: readonly string[], options: ReadDocumentsOptions): AsyncGenerator<IngestEvent, void, undefined>;
export interface Reading {
    readonly cwd: string;
    readonly allowUrls: boolean;
    readonly privateOrigins: readonly string[];
    readonly hidden: boolean;
    readonly known: (uri: string) => string | undefined | Promise<string | undefined>;
    readonly limits: IngestLimits;
    readonly signal: AbortSignal | undefined;
}
export declare function readingOf(options: Omit<ReadDocumentsOptions, 'stdin'>): Reading;
type SourceEvent = DocumentRead | DocumentUnchanged | DocumentSkipped;
export declare function readFoundFile(file: FoundFile, settings: Reading, extractor: Extractor): Promise<{
    readonly event: SourceEvent;
    readonly bytes: number;
}>;
export {};

// dist/read-source-bytes.d.ts
export declare function readSourceBytes(uri: string, { bytesMax, signal }: {
    readonly bytesMax: number;
    readonly signal?: AbortSignal | undefined;
}): Promise<Buffer>;

// dist/skip.d.ts
import { GemmaError } from '@gemma-cli/contracts';
import type { ErrorCode } from '@gemma-cli/contracts';
export interface SkipReason {
    readonly code: ErrorCode;
    readonly reason: string;
}
export declare function skip(code: ErrorCode, reason: string, cause?: unknown): GemmaError;
export declare function skipReasonOf(error: unknown, otherwise: ErrorCode): SkipReason;
export declare function fileSkip(error: unknown): GemmaError;
export declare function throwIfAborted(signal: AbortSignal | undefined): void;

// dist/walk-inputs.d.ts
import type { IngestLimits } from './ingest-limits.ts';
import type { SkipReason } from './skip.ts';
export interface FoundFile {
    readonly shown: string;
    readonly path: string;
    readonly uri: string;
    readonly root: string | null;
    readonly sizeBytes: number;
    readonly stamp: string;
}
export interface LeftOut extends SkipReason {
    readonly shown: string;
    readonly uri: string | null;
}
export interface Walk {
    readonly files: readonly FoundFile[];
    readonly leftOut: readonly LeftOut[];
    readonly folders: readonly WalkedFolder[];
    readonly watched: ReadonlySet<string>;
    readonly complete: boolean;
}
export interface WalkedFolder {
    readonly uri: string;
    readonly found: ReadonlySet<string>;
    readonly complete: boolean;
}
export interface WalkOptions {
    readonly cwd: string;
    readonly hidden: boolean;
    readonly limits: Pick<IngestLimits, 'depthMax' | 'filesMax'>;
    readonly signal: AbortSignal | undefined;
}
export declare function walkInputs(inputs: readonly string[], options: WalkOptions): Promise<Walk>;

// dist/watch-documents.d.ts
import type { DocumentRead, DocumentSkipped, DocumentUnchanged } from './ingest-event.ts';
import type { ReadDocumentsOptions } from './read-documents.ts';
export interface WatchReady {
    readonly type: 'ready';
    readonly files: number;
}
export interface DocumentRemoved {
    readonly type: 'removed';
    readonly uri: string;
}
export type WatchEvent = WatchReady | DocumentRead | DocumentUnchanged | DocumentSkipped | DocumentRemoved;
export interface WatchDocumentsOptions extends Omit<ReadDocumentsOptions, 'stdin' | 'allowUrls' | 'privateOrigins'> {
    readonly settleMs?: number | undefined;
    readonly pollMs?: number | undefined;
}
export declare function watchDocuments(inputs: readonly string[], options: WatchDocumentsOptions): AsyncGenerator<WatchEvent, void, undefined>;
