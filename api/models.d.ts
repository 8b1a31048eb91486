// . = ./dist/index.d.ts

// dist/byte-source.d.ts
export interface ByteSource {
    readonly sizeBytes: number;
    read(position: number, length: number): Promise<Buffer>;
}
export declare function withFileBytes<T>(path: string, use: (source: ByteSource) => Promise<T>): Promise<T>;

// dist/catalog.d.ts
import type { HashSource } from './installed-model.ts';
export type CatalogSource = {
    readonly type: 'hugging-face';
    readonly repository: string;
    readonly quantization?: string;
    readonly file?: string;
} | {
    readonly type: 'pip';
    readonly package: string;
    readonly version?: string;
    readonly downloadBytes?: number;
} | {
    readonly type: 'url';
    readonly url: string;
};
export interface CatalogLicence {
    readonly name: string;
    readonly url: string;
    readonly text: string;
}
export interface CatalogEntry {
    readonly name: string;
    readonly isFamilyDefault?: boolean;
    readonly summary: string;
    readonly sizeBytes: number;
    readonly parameters: number;
    readonly quantization: string;
    readonly contextTokens: number;
    readonly kind: 'chat' | 'base' | 'embedding';
    readonly licence: CatalogLicence;
    readonly sources: readonly CatalogSource[];
    readonly sha256: string | null;
    readonly hashSource: HashSource | 'unknown';
    readonly hashNote: string;
}
export declare const catalog: readonly CatalogEntry[];
export declare function findInCatalog(name: string, entries?: readonly CatalogEntry[]): CatalogEntry | undefined;

// dist/create-model-store.d.ts
import type { ModelStore, ModelStoreOptions } from './model-store.ts';
export declare function createModelStore(options: ModelStoreOptions): ModelStore;

// dist/discover-models.d.ts
import type { ModelHeader } from './model-header.ts';
export interface DiscoverOptions {
    readonly home: string;
    readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}
export interface DiscoveredModel {
    readonly name: string;
    readonly path: string;
    readonly from: 'ollama' | 'lm-studio';
    readonly sizeBytes: number;
    readonly header: ModelHeader | null;
    readonly problem: string | null;
}
export declare function discoverModels(options: DiscoverOptions): Promise<readonly DiscoveredModel[]>;

// dist/index.d.ts
export { catalog, findInCatalog } from './catalog.ts';
export { createModelStore } from './create-model-store.ts';
export { discoverModels } from './discover-models.ts';
export type { DiscoverOptions, DiscoveredModel } from './discover-models.ts';
export { inspectModelFile } from './inspect-model-file.ts';
export type { CatalogEntry, CatalogLicence, CatalogSource } from './catalog.ts';
export type { HashSource, InstalledModel, ModelLicence } from './installed-model.ts';
export type { ModelFormat, ModelHeader } from './model-header.ts';
export type { ImportOptions, ModelStore, ModelStoreOptions, PullOptions, VerifiedModel } from './model-store.ts';
export type { PullEvent, PullLicence, PullProgress, PullRestarting, PullResuming, PullRetrying, PullVerifying, PullWaiting, PullWarning, Pulled, SourceFailed, SourceTrying, } from './pull-event.ts';

// dist/inspect-model-file.d.ts
import type { ByteSource } from './byte-source.ts';
import type { ModelHeader } from './model-header.ts';
export declare function inspectModelFile(path: string): Promise<ModelHeader>;
export declare function readModelHeader(source: ByteSource): Promise<ModelHeader>;
export declare function describeNoModel(head: Buffer, sizeBytes: number): string | null;

// dist/installed-model.d.ts
import type { ModelFormat } from './model-header.ts';
export type HashSource = 'package' | 'hub' | 'caller' | 'computed';
export interface ModelLicence {
    readonly name: string;
    readonly url: string | null;
    readonly path: string | null;
}
export interface InstalledModel {
    readonly name: string;
    readonly path: string;
    readonly format: ModelFormat;
    readonly sizeBytes: number;
    readonly architecture: string;
    readonly quantization: string | null;
    readonly parameters: number | null;
    readonly trainContextTokens: number | null;
    readonly chat: boolean;
    readonly embedding: boolean;
    readonly sha256: string | null;
    readonly hashSource: HashSource | null;
    readonly source: string;
    readonly licence: ModelLicence | null;
    readonly mode: 'downloaded' | 'linked' | 'copied';
    readonly installedAt: string;
    readonly changed: boolean;
    readonly problem: string | null;
}

// dist/model-header.d.ts
export type ModelFormat = 'gguf' | 'sbs';
export interface ModelHeader {
    readonly format: ModelFormat;
    readonly sizeBytes: number;
    readonly version: number;
    readonly architecture: string;
    readonly name: string | null;
    readonly quantization: string | null;
    readonly parameters: number | null;
    readonly trainContextTokens: number | null;
    readonly embeddingLength: number | null;
    readonly chat: boolean;
    readonly embedding: boolean;
    readonly tokenizer: string | null;
    readonly vocabularyTokens: number | null;
    readonly tensorCount: number;
    readonly readBytes: number;
}

// dist/model-store.d.ts
import type { CatalogEntry } from './catalog.ts';
import type { InstalledModel } from './installed-model.ts';
import type { PullEvent } from './pull-event.ts';
export interface ModelStoreOptions {
    readonly folder: string;
    readonly env?: Readonly<Record<string, string | undefined>> | undefined;
    readonly catalog?: readonly CatalogEntry[] | undefined;
    readonly python?: string | undefined;
    readonly connectMsMax?: number | undefined;
    readonly stallMsMax?: number | undefined;
    readonly retriesMax?: number | undefined;
    readonly retryMs?: number | undefined;
    readonly pipMsMax?: number | undefined;
    readonly spareBytesMin?: number | undefined;
    readonly freeBytes?: ((folder: string) => Promise<number>) | undefined;
    readonly now?: (() => number) | undefined;
}
export interface PullOptions {
    readonly signal?: AbortSignal | undefined;
    readonly name?: string | undefined;
    readonly sha256?: string | undefined;
}
export interface ImportOptions {
    readonly mode: 'link' | 'copy';
    readonly name?: string | undefined;
    readonly signal?: AbortSignal | undefined;
}
export interface VerifiedModel {
    readonly model: InstalledModel;
    readonly sha256: string;
    readonly compared: boolean;
}
export interface ModelStore {
    list(): Promise<readonly InstalledModel[]>;
    find(nameOrPath: string): Promise<InstalledModel>;
    pull(reference: string, options?: PullOptions): AsyncIterable<PullEvent>;
    remove(name: string): Promise<InstalledModel>;
    importFile(path: string, options: ImportOptions): Promise<InstalledModel>;
    verify(name: string, options?: {
        readonly signal?: AbortSignal | undefined;
    }): Promise<VerifiedModel>;
}

// dist/pull-event.d.ts
import type { ErrorCode } from '@gemma-cli/contracts';
import type { InstalledModel } from './installed-model.ts';
export interface PullWaiting {
    readonly type: 'waiting';
    readonly pid: number;
}
export interface SourceTrying {
    readonly type: 'source-trying';
    readonly source: string;
}
export interface SourceFailed {
    readonly type: 'source-failed';
    readonly source: string;
    readonly code: ErrorCode;
    readonly reason: string;
}
export interface PullLicence {
    readonly type: 'licence';
    readonly name: string;
    readonly url: string | null;
    readonly text: string;
    readonly firstTime: boolean;
}
export interface PullProgress {
    readonly type: 'progress';
    readonly receivedBytes: number;
    readonly totalBytes: number | null;
    readonly bytesPerSecond: number;
    readonly remainingSeconds: number | null;
}
export interface PullResuming {
    readonly type: 'resuming';
    readonly fromBytes: number;
}
export interface PullRestarting {
    readonly type: 'restarting';
    readonly reason: string;
}
export interface PullRetrying {
    readonly type: 'retrying';
    readonly reason: string;
    readonly attempt: number;
    readonly waitMs: number;
}
export interface PullVerifying {
    readonly type: 'verifying';
    readonly totalBytes: number;
}
export interface PullWarning {
    readonly type: 'warning';
    readonly message: string;
}
export interface Pulled {
    readonly type: 'pulled';
    readonly model: InstalledModel;
    readonly alreadyInstalled: boolean;
}
export type PullEvent = PullWaiting | SourceTrying | SourceFailed | PullLicence | PullProgress | PullResuming | PullRestarting | PullRetrying | PullVerifying | PullWarning | Pulled;
