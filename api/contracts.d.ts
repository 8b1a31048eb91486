// . = ./dist/index.d.ts
// ./worker-protocol = ./dist/worker-protocol.d.ts

// dist/capabilities.d.ts
export interface Capabilities {
    readonly seed: boolean;
    readonly stopStrings: boolean;
    readonly topP: boolean;
    readonly minP: boolean;
    readonly repeatPenalty: boolean;
    readonly extendedSampling: boolean;
    readonly perRequestSampling: boolean;
    readonly tokenCounts: boolean;
    readonly inBandAbort: boolean;
    readonly schema: boolean;
    readonly logprobs: boolean;
    readonly speculation: boolean;
    readonly embeddings: boolean;
    readonly ranking: boolean;
    readonly savedState: boolean;
    readonly chat: boolean;
}
export type CapabilityName = keyof Capabilities;

// dist/embedder.d.ts
import type { EngineOptions } from './engine.ts';
import type { ModelFile } from './generate-request.ts';
export interface EmbedOptions {
    readonly kind?: 'query' | 'document';
    readonly truncate?: boolean;
    readonly signal?: AbortSignal | undefined;
}
export type VectorEngineOptions = Pick<EngineOptions, 'worker' | 'runtimeFolder' | 'env' | 'checkModel' | 'threads' | 'compactCache' | 'queueMax' | 'loadMsMax' | 'silenceMsMax' | 'abortMsMax' | 'keepAliveMs' | 'growthBytesMax' | 'log'>;
export interface EmbedderOptions extends VectorEngineOptions {
    readonly model: ModelFile;
    readonly queryPrefix?: string | undefined;
    readonly documentPrefix?: string | undefined;
    readonly dimensions?: number | undefined;
}
export interface Embedder extends AsyncDisposable {
    readonly embedId: string;
    readonly dimensions: number;
    embed(texts: readonly string[], options?: EmbedOptions): Promise<readonly Float32Array[]>;
    close(): Promise<void>;
}

// dist/embedding-architectures.d.ts
export declare const embeddingArchitectures: ReadonlySet<string>;

// dist/engine-events.d.ts
import type { ToolCall } from './generate-request.ts';
export interface LoadStart {
    readonly type: 'load-start';
    readonly model: string;
}
export interface LoadEnd {
    readonly type: 'load-end';
    readonly model: string;
    readonly loadMs: number;
}
export interface PromptTrimmed {
    readonly type: 'prompt-trimmed';
    readonly promptTokensBefore: number;
    readonly promptTokensAfter: number;
    readonly messagesDropped: number;
}
export interface TokenLogprob {
    readonly text: string;
    readonly bytes: readonly number[];
    readonly logprob: number;
}
export interface RankedTokenLogprob extends TokenLogprob {
    readonly top: readonly TokenLogprob[];
}
export interface TextDelta {
    readonly type: 'text-delta';
    readonly text: string;
    readonly logprobs?: readonly RankedTokenLogprob[];
}
export interface ToolCallEvent extends ToolCall {
    readonly type: 'tool-call';
    readonly index: number;
}
export interface ToolCallCut extends ToolCall {
    readonly type: 'tool-call-cut';
    readonly index: number;
}
export interface ThreadsChanged {
    readonly type: 'threads-changed';
    readonly from: number;
    readonly to: number;
    readonly reason: string;
}
export type FinishReason = 'stop' | 'length' | 'tool-calls' | 'aborted';
export interface Usage {
    readonly promptTokens: number | null;
    readonly cachedTokens: number | null;
    readonly evaluatedTokens: number | null;
    readonly outputTokens: number | null;
    readonly restoredTokens?: number;
    readonly draftedTokens?: number;
    readonly acceptedTokens?: number;
    readonly estimated?: true;
}
export interface Timings {
    readonly queueMs: number;
    readonly loadMs: number;
    readonly promptMs: number | null;
    readonly ttftMs: number | null;
    readonly tpotMs: number | null;
    readonly totalMs: number;
}
export interface GenerationEnd {
    readonly type: 'generation-end';
    readonly reason: FinishReason;
    readonly logprobs?: readonly RankedTokenLogprob[];
    readonly usage: Usage;
    readonly timings: Timings;
}
export type EngineEvent = LoadStart | LoadEnd | PromptTrimmed | ThreadsChanged | TextDelta | ToolCallEvent | ToolCallCut | GenerationEnd;

// dist/engine.d.ts
import type { Capabilities } from './capabilities.ts';
import type { EngineEvent } from './engine-events.ts';
import type { GenerateRequest, ModelFile, Prompt } from './generate-request.ts';
import type { Implementation, ImplementationName } from './handshake.ts';
export interface RuntimeInfo {
    readonly name: string;
    readonly version: string | null;
    readonly build?: string;
}
export interface ModelDescription {
    readonly name: string;
    readonly architecture: string;
    readonly contextTokens: number;
    readonly trainContextTokens: number;
    readonly capabilities: Capabilities;
    readonly runtime: RuntimeInfo;
}
export interface EngineStatus {
    readonly implementation: ImplementationName;
    readonly queued: number;
    readonly processes: readonly {
        readonly pid: number;
        readonly model: string;
        readonly state: 'loading' | 'idle' | 'busy';
        readonly runtime: string;
        readonly threads: number;
        readonly threadsReason: string;
        readonly contextTokens: number;
        readonly slots: number;
        readonly busySlots: number;
        readonly cachedTokens: number | null;
        readonly memoryBytes: number | null;
        readonly until: number | null;
    }[];
    readonly stateCache: StateCacheStatus | null;
}
export interface StateCacheStatus {
    readonly entries: number;
    readonly bytes: number;
    readonly bytesMax: number;
    readonly hits: number;
    readonly misses: number;
    readonly saves: number;
    readonly ignored: Readonly<Record<string, number>>;
}
export interface ModelQuestionOptions {
    readonly contextTokens?: number | undefined;
    readonly signal?: AbortSignal | undefined;
}
export interface CountTokensOptions extends ModelQuestionOptions, Pick<GenerateRequest, 'tools' | 'toolChoice' | 'parallelToolCalls'> {
}
export interface Engine extends AsyncDisposable {
    readonly implementation: ImplementationName;
    generate(request: GenerateRequest, options?: {
        readonly signal?: AbortSignal | undefined;
    }): AsyncIterable<EngineEvent>;
    describe(model: ModelFile, options?: ModelQuestionOptions): Promise<ModelDescription>;
    countTokens(model: ModelFile, prompt: Prompt, options?: CountTokensOptions): Promise<number | null>;
    status(): EngineStatus;
    close(): Promise<void>;
}
export interface WorkerSpec {
    readonly module: string;
    readonly args?: readonly string[];
}
export interface EngineOptions {
    readonly worker?: WorkerSpec | undefined;
    readonly runtimeFolder?: string | undefined;
    readonly env?: Readonly<Record<string, string>> | undefined;
    readonly checkModel?: ((path: string) => Promise<unknown>) | undefined;
    readonly threads?: number | undefined;
    readonly adaptThreads?: boolean | undefined;
    readonly slots?: number | undefined;
    readonly chunkMsMax?: number | undefined;
    readonly stateCache?: {
        readonly folder: string;
        readonly bytesMax?: number | undefined;
    } | undefined;
    readonly memoryBytesMax?: number | undefined;
    readonly growthBytesMax?: number | undefined;
    readonly compactCache?: boolean | undefined;
    readonly gemmaExecutable?: string | undefined;
    readonly searchPath?: string | undefined;
    readonly queueMax?: number | undefined;
    readonly loadMsMax?: number | undefined;
    readonly silenceMsMax?: number | undefined;
    readonly abortMsMax?: number | undefined;
    readonly promptCharsMax?: number | undefined;
    readonly responseBytesMax?: number | undefined;
    readonly keepAliveMs?: number | undefined;
    readonly log?: ((message: string) => void) | undefined;
}
export type EngineModule = Implementation<EngineOptions, Engine>;

// dist/error-codes.d.ts
export type ExitCode = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 130;
export interface ErrorCodeEntry {
    readonly exitCode: ExitCode;
    readonly meaning: string;
}
export declare const errorCodes: {
    readonly USAGE: {
        readonly exitCode: 2;
        readonly meaning: 'A command, option or argument is not one the command knows.';
    };
    readonly CONFIG_INVALID: {
        readonly exitCode: 2;
        readonly meaning: 'A configuration value does not have the expected type or range.';
    };
    readonly CONFIG_UNKNOWN_KEY: {
        readonly exitCode: 2;
        readonly meaning: 'A configuration key does not exist; the message names the nearest one.';
    };
    readonly CONFIG_UNREADABLE: {
        readonly exitCode: 2;
        readonly meaning: 'A configuration file cannot be read or is not valid TOML.';
    };
    readonly HOME_NOT_PRIVATE: {
        readonly exitCode: 4;
        readonly meaning: 'The home folder belongs to somebody else or cannot be made private.';
    };
    readonly REQUEST_INVALID: {
        readonly exitCode: 2;
        readonly meaning: 'A request has a value outside its documented range.';
    };
    readonly PROMPT_FORBIDDEN_CHARACTER: {
        readonly exitCode: 2;
        readonly meaning: 'A prompt contains NUL or ESC.';
    };
    readonly PROMPT_TOO_LONG: {
        readonly exitCode: 6;
        readonly meaning: 'A prompt has more characters than the configured limit.';
    };
    readonly CONTEXT_EXCEEDED: {
        readonly exitCode: 6;
        readonly meaning: 'A prompt has more tokens than the context holds.';
    };
    readonly RESPONSE_TOO_LARGE: {
        readonly exitCode: 1;
        readonly meaning: 'An answer grew past the configured limit in bytes.';
    };
    readonly OPTION_UNSUPPORTED: {
        readonly exitCode: 2;
        readonly meaning: 'The runtime or model cannot honour an option of the request.';
    };
    readonly UNSUPPORTED: {
        readonly exitCode: 4;
        readonly meaning: 'An implementation cannot work on this machine; the other one may.';
    };
    readonly IMPLEMENTATION_LOAD_FAILED: {
        readonly exitCode: 4;
        readonly meaning: 'An installed implementation is broken: it failed while it was loaded.';
    };
    readonly RUNTIME_NOT_INSTALLED: {
        readonly exitCode: 4;
        readonly meaning: 'The native runtime that computes is not installed.';
    };
    readonly RUNTIME_INSTALL_FAILED: {
        readonly exitCode: 1;
        readonly meaning: 'Installing the native runtime did not succeed.';
    };
    readonly ENGINE_START_FAILED: {
        readonly exitCode: 4;
        readonly meaning: 'The model process could not be started.';
    };
    readonly ENGINE_LOAD_FAILED: {
        readonly exitCode: 4;
        readonly meaning: 'The model process could not load the model.';
    };
    readonly ENGINE_LOAD_TIMEOUT: {
        readonly exitCode: 5;
        readonly meaning: 'Loading the model took longer than its deadline.';
    };
    readonly ENGINE_EXITED: {
        readonly exitCode: 4;
        readonly meaning: 'The model process ended in the middle of its work.';
    };
    readonly ENGINE_UNRESPONSIVE: {
        readonly exitCode: 5;
        readonly meaning: 'The model process was silent for longer than its deadline.';
    };
    readonly ENGINE_PROTOCOL: {
        readonly exitCode: 4;
        readonly meaning: 'The model process sent something that is not in its protocol.';
    };
    readonly ENGINE_FAILED: {
        readonly exitCode: 4;
        readonly meaning: 'The runtime reported an error while it computed.';
    };
    readonly ENGINE_BUSY: {
        readonly exitCode: 5;
        readonly meaning: 'The queue of waiting requests is full.';
    };
    readonly ENGINE_CLOSED: {
        readonly exitCode: 4;
        readonly meaning: 'The engine was closed before or during the request.';
    };
    readonly MODEL_NOT_FOUND: {
        readonly exitCode: 3;
        readonly meaning: 'No model has this name or path.';
    };
    readonly MODEL_REFERENCE_INVALID: {
        readonly exitCode: 2;
        readonly meaning: 'A model reference cannot be understood.';
    };
    readonly MODEL_INVALID: {
        readonly exitCode: 7;
        readonly meaning: 'A model file is damaged or not a model file.';
    };
    readonly MODEL_UNSUPPORTED: {
        readonly exitCode: 4;
        readonly meaning: 'A model file is sound, but of a kind that this program cannot run.';
    };
    readonly MODEL_HASH_MISMATCH: {
        readonly exitCode: 7;
        readonly meaning: 'A downloaded file does not have the expected SHA-256.';
    };
    readonly MODEL_EXISTS: {
        readonly exitCode: 1;
        readonly meaning: 'A model of this name is already there.';
    };
    readonly MODEL_IN_USE: {
        readonly exitCode: 5;
        readonly meaning: 'Another process is pulling or removing this model.';
    };
    readonly SOURCE_UNREACHABLE: {
        readonly exitCode: 4;
        readonly meaning: 'None of the sources of a model could be reached.';
    };
    readonly DOWNLOAD_FAILED: {
        readonly exitCode: 1;
        readonly meaning: 'A download broke off more often than it was retried; the part is kept.';
    };
    readonly DISK_FULL: {
        readonly exitCode: 1;
        readonly meaning: 'There is not enough free space for a file.';
    };
    readonly PYTHON_MISSING: {
        readonly exitCode: 4;
        readonly meaning: 'A pip source was asked for, and no usable Python with pip was found.';
    };
    readonly FILE_UNREADABLE: {
        readonly exitCode: 1;
        readonly meaning: 'A file or folder could not be read or written.';
    };
    readonly ABORTED: {
        readonly exitCode: 130;
        readonly meaning: 'The caller or the user stopped an operation.';
    };
    readonly INTERNAL: {
        readonly exitCode: 1;
        readonly meaning: 'A defect of this program.';
    };
    readonly BENCH_FAILED: {
        readonly exitCode: 1;
        readonly meaning: 'A measured process failed, ran past its deadline or reported no samples.';
    };
    readonly SCHEMA_UNSUPPORTED: {
        readonly exitCode: 2;
        readonly meaning: 'A JSON schema is invalid or asks for something that cannot be guaranteed.';
    };
    readonly GRAMMAR_INVALID: {
        readonly exitCode: 2;
        readonly meaning: 'A grammar is not valid GBNF.';
    };
    readonly RUNTIME_UNSUPPORTED: {
        readonly exitCode: 4;
        readonly meaning: 'The native runtime that was found is not of the version or kind needed.';
    };
    readonly MEMORY_EXCEEDED: {
        readonly exitCode: 4;
        readonly meaning: 'A model does not fit the memory that is available or allowed.';
    };
    readonly BENCH_WRONG_IMPLEMENTATION: {
        readonly exitCode: 1;
        readonly meaning: 'A measured process ran another implementation than the one to measure.';
    };
    readonly STATE_INVALID: {
        readonly exitCode: 1;
        readonly meaning: 'A saved attention state is damaged or belongs to another model; it is not used.';
    };
    readonly MEMORY_CLOSED: {
        readonly exitCode: 4;
        readonly meaning: 'The memory was closed before or during the operation.';
    };
    readonly MEMORY_UNAVAILABLE: {
        readonly exitCode: 4;
        readonly meaning: 'The memory cannot be opened or written: no permission, a read-only or failing disk.';
    };
    readonly MEMORY_DAMAGED: {
        readonly exitCode: 7;
        readonly meaning: 'The files of the memory are damaged beyond what can be left out.';
    };
    readonly MEMORY_FORMAT: {
        readonly exitCode: 4;
        readonly meaning: 'The memory was written in a format that this version does not know.';
    };
    readonly DOCUMENT_UNREADABLE: {
        readonly exitCode: 1;
        readonly meaning: 'A document is damaged, encrypted or not of the format that it seems to be.';
    };
    readonly DOCUMENT_UNSUPPORTED: {
        readonly exitCode: 1;
        readonly meaning: 'A document is of a format or kind that is not read.';
    };
    readonly DOCUMENT_TOO_LARGE: {
        readonly exitCode: 1;
        readonly meaning: 'A document is beyond a limit of size, pages, depth or decompression.';
    };
    readonly MEMORY_CHANGES_GONE: {
        readonly exitCode: 1;
        readonly meaning: 'The changes after a position of the memory are no longer kept; read its rows anew.';
    };
};
export type ErrorCode = keyof typeof errorCodes;

// dist/errors.d.ts
import type { ErrorCode, ExitCode } from './error-codes.ts';
export type ErrorFacts = Readonly<Record<string, unknown>>;
export interface GemmaErrorOptions {
    readonly code: ErrorCode;
    readonly message: string;
    readonly facts?: ErrorFacts | undefined;
    readonly cause?: unknown;
}
export interface GemmaErrorJson {
    readonly code: ErrorCode;
    readonly message: string;
    readonly [fact: string]: unknown;
}
export declare class GemmaError extends Error {
    readonly name: string;
    readonly code: ErrorCode;
    readonly facts: ErrorFacts;
    constructor({ code, message, facts, cause }: GemmaErrorOptions);
    get exitCode(): ExitCode;
    toJSON(): GemmaErrorJson;
}
export declare class UnsupportedError extends GemmaError {
    readonly name = "UnsupportedError";
    constructor(options: Omit<GemmaErrorOptions, 'code'>);
}
export declare class ImplementationLoadError extends GemmaError {
    readonly name = "ImplementationLoadError";
    constructor(options: Omit<GemmaErrorOptions, 'code'>);
}
export declare function isGemmaError(value: unknown): value is GemmaError;
export declare function toGemmaError(value: unknown): GemmaError;

// dist/generate-request.d.ts
export type ChatRole = 'system' | 'user' | 'assistant' | 'tool';
export interface ToolCall {
    readonly id: string;
    readonly name: string;
    readonly arguments: string;
}
export interface ChatMessage {
    readonly role: ChatRole;
    readonly content: string;
    readonly toolCalls?: readonly ToolCall[];
    readonly toolCallId?: string;
}
export interface ToolDefinition {
    readonly name: string;
    readonly description?: string;
    readonly parameters?: unknown;
}
export type ToolChoice = 'auto' | 'none' | 'required' | {
    readonly name: string;
};
export type OutputFormat = {
    readonly type: 'json-schema';
    readonly schema: unknown;
} | {
    readonly type: 'json';
} | {
    readonly type: 'gbnf';
    readonly grammar: string;
};
export type Speculation = {
    readonly type: 'prompt-lookup';
} | {
    readonly type: 'draft';
    readonly model: ModelFile;
};
export type Prompt = {
    readonly type: 'chat';
    readonly messages: readonly ChatMessage[];
} | {
    readonly type: 'completion';
    readonly text: string;
};
export interface ModelFile {
    readonly path: string;
    readonly name?: string;
    readonly sha256?: string | undefined;
}
export interface Sampling {
    readonly temperature?: number;
    readonly topK?: number;
    readonly topP?: number;
    readonly minP?: number;
    readonly repeatPenalty?: number;
    readonly repeatLastTokens?: number;
    readonly frequencyPenalty?: number;
    readonly presencePenalty?: number;
    readonly dryMultiplier?: number;
    readonly dryBase?: number;
    readonly dryAllowedLength?: number;
    readonly xtcProbability?: number;
    readonly xtcThreshold?: number;
    readonly logitBias?: Readonly<Record<string, number>>;
    readonly seed?: number;
}
export interface GenerateRequest {
    readonly model: ModelFile;
    readonly prompt: Prompt;
    readonly sampling?: Sampling;
    readonly maxTokens?: number;
    readonly stop?: readonly string[];
    readonly contextTokens?: number;
    readonly reproducible?: boolean;
    readonly onContextOverflow?: 'refuse' | 'trim';
    readonly format?: OutputFormat;
    readonly tools?: readonly ToolDefinition[];
    readonly toolChoice?: ToolChoice;
    readonly parallelToolCalls?: boolean;
    readonly logprobs?: number;
    readonly speculation?: Speculation;
    readonly stablePrefix?: {
        readonly messages: number;
    } | {
        readonly characters: number;
    };
}
export declare const requestDefaults: {
    readonly temperature: 0.7;
    readonly topK: 40;
    readonly topP: 0.95;
    readonly minP: 0.05;
    readonly repeatPenalty: 1;
    readonly repeatLastTokens: 64;
    readonly frequencyPenalty: 0;
    readonly presencePenalty: 0;
    readonly dryMultiplier: 0;
    readonly dryBase: 1.75;
    readonly dryAllowedLength: 2;
    readonly xtcProbability: 0;
    readonly xtcThreshold: 0.1;
    readonly maxTokens: 2048;
    readonly contextTokens: 8192;
    readonly promptCharsMax: 50000;
    readonly responseBytesMax: number;
    readonly stopStringsMax: 16;
    readonly stopStringCharsMax: 256;
    readonly logitBiasesMax: 1024;
    readonly logprobsMax: 20;
    readonly toolsMax: 128;
    readonly seedMax: number;
};

// dist/handshake.d.ts
export type ContractName = 'engine' | 'memory';
export type ImplementationName = 'legacy' | 'optimized';
export declare const contractVersions: Readonly<Record<ContractName, number>>;
export interface ImplementationHandshake {
    readonly contract: ContractName;
    readonly contractVersion: number;
    readonly implementation: ImplementationName;
    readonly package: string;
    readonly version: string;
}
export interface Implementation<Options, Instance> {
    readonly handshake: ImplementationHandshake;
    create(options: Options): Promise<Instance>;
}
export interface Resolution {
    readonly contract: ContractName;
    readonly requested: ImplementationName;
    readonly active: ImplementationName;
    readonly reason?: string;
    readonly cause?: unknown;
}

// dist/index.d.ts
export { errorCodes } from './error-codes.ts';
export type { ErrorCode, ErrorCodeEntry, ExitCode } from './error-codes.ts';
export { GemmaError, UnsupportedError, ImplementationLoadError, isGemmaError, toGemmaError } from './errors.ts';
export type { ErrorFacts, GemmaErrorJson, GemmaErrorOptions } from './errors.ts';
export { contractVersions } from './handshake.ts';
export type { ContractName, Implementation, ImplementationHandshake, ImplementationName, Resolution, } from './handshake.ts';
export type { Capabilities, CapabilityName } from './capabilities.ts';
export type { ChatMessage, ChatRole, GenerateRequest, ModelFile, OutputFormat, Prompt, Sampling, Speculation, ToolCall, ToolChoice, ToolDefinition, } from './generate-request.ts';
export { requestDefaults } from './generate-request.ts';
export { requestRanges } from './request-ranges.ts';
export type { NumberRange, RangedOption } from './request-ranges.ts';
export type { EngineEvent, FinishReason, GenerationEnd, LoadEnd, LoadStart, PromptTrimmed, RankedTokenLogprob, TextDelta, ThreadsChanged, Timings, TokenLogprob, ToolCallCut, ToolCallEvent, Usage, } from './engine-events.ts';
export type { CountTokensOptions, Engine, EngineModule, EngineOptions, EngineStatus, ModelDescription, ModelQuestionOptions, RuntimeInfo, StateCacheStatus, WorkerSpec, } from './engine.ts';
export { nearestNames } from './nearest-names.ts';
export { embeddingArchitectures } from './embedding-architectures.ts';
export type { EmbedOptions, Embedder, EmbedderOptions, VectorEngineOptions } from './embedder.ts';
export type { RankOptions, Reranker, RerankerOptions } from './reranker.ts';
export { memoryDefaults, memoryTiers } from './memory-store.ts';
export type { Consolidation, ExportLine, Forget, ImportResult, ListRequest, MemoryDurability, MemoryOptions, MemoryProblem, MemoryStats, MemoryStore, MemoryStoreOptions, RecallRequest, RowPage, ScoreParts, SearchHit, SearchMode, SearchRequest, SearchResult, TermPart, } from './memory-store.ts';
export type { DocumentFacts, MemoryChange, MemoryRow, MemoryTier, NewChunk, NewDocument, NewMemory, RemovalReason, RowChanges, RowFilter, RowKind, RowSource, TierRules, TierTable, } from './memory-rows.ts';
export type { NewRowVector, RecordChange, RecordGroup, RecordRow, RecordStats, RecordStore, RecordWrite, RowText, RowVector, WriteResult, } from './record-store.ts';
export type { DenseQuery, LexicalQuery, QueryTerm, Retriever, RowSet, ScoredRow } from './retriever.ts';

// dist/memory-rows.d.ts
export type RowKind = 'document' | 'memory';
export type MemoryTier = 'working' | 'short_term' | 'long_term' | 'episodic' | 'semantic';
export interface RowSource {
    readonly uri: string;
    readonly hash: string;
    readonly start: number;
    readonly end: number;
}
export interface MemoryRow {
    readonly id: string;
    readonly kind: RowKind;
    readonly text: string;
    readonly title: string | null;
    readonly tags: readonly string[];
    readonly source: RowSource | null;
    readonly session: string | null;
    readonly writer: string | null;
    readonly createdAt: number;
    readonly updatedAt: number;
    readonly tier: MemoryTier | null;
    readonly importance: number | null;
    readonly accessedAt: number | null;
    readonly accessCount: number | null;
    readonly expiresAt: number | null;
    readonly seq: number;
}
interface NewRowParts {
    readonly text: string;
    readonly title?: string | null | undefined;
    readonly tags?: readonly string[] | undefined;
    readonly source?: RowSource | null | undefined;
    readonly session?: string | null | undefined;
    readonly writer?: string | null | undefined;
}
export interface NewMemory extends NewRowParts {
    readonly tier?: MemoryTier | undefined;
    readonly importance?: number | undefined;
    readonly expiresAt?: number | null | undefined;
}
export interface NewChunk extends NewRowParts {
    readonly source: RowSource;
}
export interface NewDocument {
    readonly uri: string;
    readonly hash: string;
    readonly bytes: number;
    readonly chunks: readonly NewChunk[];
}
export interface DocumentFacts {
    readonly uri: string;
    readonly hash: string;
    readonly bytes: number;
    readonly chunks: number;
    readonly ingestedAt: number;
}
export interface RowChanges {
    readonly text?: string | undefined;
    readonly title?: string | null | undefined;
    readonly tags?: readonly string[] | undefined;
    readonly importance?: number | undefined;
    readonly tier?: MemoryTier | undefined;
    readonly expiresAt?: number | null | undefined;
}
export interface RowFilter {
    readonly kind?: RowKind | undefined;
    readonly tiers?: readonly MemoryTier[] | undefined;
    readonly tags?: readonly string[] | undefined;
    readonly source?: string | undefined;
    readonly since?: number | undefined;
    readonly until?: number | undefined;
    readonly importanceMin?: number | undefined;
}
export interface TierRules {
    readonly ttlMs: number | null;
    readonly capacity: number;
}
export type TierTable = Readonly<Record<MemoryTier, TierRules>>;
export interface MemoryChange {
    readonly seq: number;
    readonly type: 'added' | 'updated' | 'removed';
    readonly id: string;
    readonly at: number;
    readonly reason: RemovalReason | null;
}
export type RemovalReason = 'forgotten' | 'expired' | 'evicted' | 'replaced' | 'consolidated';
export {};

// dist/memory-store.d.ts
import type { Embedder } from './embedder.ts';
import type { ImplementationName } from './handshake.ts';
import type { DocumentFacts, MemoryChange, MemoryRow, MemoryTier, NewDocument, NewMemory, RemovalReason, RowChanges, RowFilter, RowKind, TierTable } from './memory-rows.ts';
export type SearchMode = 'lexical' | 'dense' | 'hybrid';
export interface SearchRequest {
    readonly query: string;
    readonly mode?: SearchMode | undefined;
    readonly limit?: number | undefined;
    readonly filter?: RowFilter | undefined;
    readonly explain?: boolean | undefined;
}
export interface RecallRequest extends Omit<SearchRequest, 'filter'> {
    readonly filter?: Omit<RowFilter, 'kind'> | undefined;
}
export interface TermPart {
    readonly term: string;
    readonly frequency: number;
    readonly documentFrequency: number;
    readonly score: number;
}
export interface ScoreParts {
    readonly lexical?: {
        readonly score: number;
        readonly terms: readonly TermPart[];
    };
    readonly dense?: {
        readonly cosine: number;
    };
    readonly recall?: {
        readonly relevance: number;
        readonly importance: number;
        readonly recency: number;
        readonly use: number;
    };
}
export interface SearchHit {
    readonly row: MemoryRow;
    readonly score: number;
    readonly parts?: ScoreParts;
}
export interface SearchResult {
    readonly hits: readonly SearchHit[];
    readonly mode: SearchMode;
    readonly cache: 'hit' | 'miss' | 'off';
    readonly tookMs: number;
}
export interface MemoryOptions {
    readonly signal?: AbortSignal | undefined;
}
export interface Forget {
    readonly ids?: readonly string[] | undefined;
    readonly filter?: RowFilter | undefined;
}
export interface ListRequest {
    readonly filter?: RowFilter | undefined;
    readonly cursor?: string | undefined;
    readonly limit?: number | undefined;
}
export interface RowPage {
    readonly rows: readonly MemoryRow[];
    readonly next: string | null;
}
export type MemoryDurability = 'durable' | 'relaxed';
export interface MemoryStats {
    readonly implementation: ImplementationName;
    readonly backend: 'embedded' | 'redis';
    readonly namespace: string;
    readonly rows: {
        readonly total: number;
        readonly byKind: Readonly<Record<RowKind, number>>;
        readonly byTier: Readonly<Record<MemoryTier, number>>;
    };
    readonly documents: number;
    readonly tiers: TierTable;
    readonly expired: number;
    readonly removed: Readonly<Record<RemovalReason, number>>;
    readonly index: {
        readonly terms: number;
        readonly postings: number;
        readonly segments: number;
        readonly vectors: number;
        readonly memoryBytes: number | null;
    };
    readonly disk: {
        readonly recordBytes: number;
        readonly indexBytes: number;
    };
    readonly cache: {
        readonly entries: number;
        readonly hits: number;
        readonly misses: number;
        readonly savedMs: number;
    };
    readonly consolidation: {
        readonly runs: number;
        readonly promoted: number;
        readonly lastAt: number | null;
    };
    readonly durability: MemoryDurability;
    readonly pendingWrites: number;
    readonly unsyncedWrites: number;
    readonly seq: number;
}
export interface MemoryProblem {
    readonly where: 'record' | 'index';
    readonly what: string;
    readonly id: string | null;
    readonly action: 'none' | 'quarantined' | 'rebuilt';
}
export interface Consolidation {
    readonly promoted: number;
    readonly merged: number;
    readonly expired: number;
    readonly evicted: number;
}
export type ExportLine = {
    readonly type: 'head';
    readonly format: 'gemma-memory';
    readonly version: 1;
    readonly namespace: string;
} | {
    readonly type: 'document';
    readonly document: DocumentFacts;
} | {
    readonly type: 'row';
    readonly row: MemoryRow;
};
export interface ImportResult {
    readonly added: number;
    readonly skipped: number;
}
export interface MemoryStoreOptions {
    readonly folder: string;
    readonly namespace?: string | undefined;
    readonly embedder?: Embedder | undefined;
    readonly embedInBackground?: boolean | undefined;
    readonly tiers?: Partial<TierTable> | undefined;
    readonly language?: string | undefined;
    readonly enableQueryCache?: boolean | undefined;
    readonly cacheMaxSize?: number | undefined;
    readonly batchSize?: number | undefined;
    readonly durability?: MemoryDurability | undefined;
    readonly consolidateEveryMs?: number | undefined;
    readonly now?: (() => number) | undefined;
    readonly log?: ((message: string) => void) | undefined;
}
export interface MemoryStore extends AsyncDisposable {
    readonly implementation: ImplementationName;
    readonly backend: 'embedded' | 'redis';
    readonly namespace: string;
    readonly capabilities: {
        readonly exact: boolean;
        readonly dense: boolean;
    };
    add(memory: NewMemory, options?: MemoryOptions): Promise<MemoryRow>;
    addMany(memories: readonly NewMemory[], options?: MemoryOptions): Promise<readonly MemoryRow[]>;
    putDocument(document: NewDocument, options?: MemoryOptions): Promise<readonly MemoryRow[]>;
    removeDocuments(uris: readonly string[], options?: MemoryOptions): Promise<number>;
    documents(uriPrefix?: string): Promise<readonly DocumentFacts[]>;
    get(id: string): Promise<MemoryRow | null>;
    search(request: SearchRequest, options?: MemoryOptions): Promise<SearchResult>;
    recall(request: RecallRequest, options?: MemoryOptions): Promise<SearchResult>;
    touch(ids: readonly string[]): void;
    update(id: string, changes: RowChanges, options?: MemoryOptions): Promise<MemoryRow | null>;
    forget(which: Forget, options?: MemoryOptions): Promise<number>;
    list(request?: ListRequest): Promise<RowPage>;
    stats(): Promise<MemoryStats>;
    changes(request: {
        readonly afterSeq: number;
        readonly limit?: number | undefined;
    }): Promise<readonly MemoryChange[]>;
    subscribe(listener: (change: MemoryChange) => void): () => void;
    consolidate(options?: MemoryOptions): Promise<Consolidation>;
    verify(options?: MemoryOptions): Promise<readonly MemoryProblem[]>;
    export(options?: MemoryOptions): AsyncIterable<ExportLine>;
    import(lines: AsyncIterable<ExportLine> | Iterable<ExportLine>, options?: MemoryOptions): Promise<ImportResult>;
    flush(): Promise<void>;
    close(): Promise<void>;
}
export declare const memoryDefaults: {
    readonly namespace: 'default';
    readonly language: 'en';
    readonly tier: 'short_term';
    readonly importance: 0.5;
    readonly limit: 10;
    readonly limitMax: 1000;
    readonly queryCharsMax: 10000;
    readonly textCharsMax: 100000;
    readonly enableQueryCache: true;
    readonly cacheMaxSize: 100;
    readonly batchSize: 100;
    readonly durability: 'durable';
    readonly tiers: {
        readonly working: {
            readonly ttlMs: number;
            readonly capacity: 15;
        };
        readonly short_term: {
            readonly ttlMs: number;
            readonly capacity: 100;
        };
        readonly long_term: {
            readonly ttlMs: number;
            readonly capacity: 10000;
        };
        readonly episodic: {
            readonly ttlMs: number;
            readonly capacity: 5000;
        };
        readonly semantic: {
            readonly ttlMs: null;
            readonly capacity: 50000;
        };
    };
};
export declare const memoryTiers: readonly [
    "working",
    "short_term",
    "episodic",
    "long_term",
    "semantic"
];

// dist/nearest-names.d.ts
export declare function nearestNames(name: string, candidates: readonly string[], namesMax?: number): readonly string[];

// dist/record-store.d.ts
import type { DocumentFacts, MemoryChange, MemoryRow, MemoryTier, NewDocument, NewMemory, RemovalReason, RowChanges, RowFilter, RowKind, TierTable } from './memory-rows.ts';
import type { MemoryDurability, MemoryProblem, MemoryStats } from './memory-store.ts';
export interface RecordRow {
    readonly number: number;
    readonly row: MemoryRow;
}
export interface RowText extends Pick<MemoryRow, 'title' | 'text'> {
    readonly number: number;
}
export type RecordWrite = {
    readonly type: 'add';
    readonly memory: NewMemory;
} | {
    readonly type: 'put-document';
    readonly document: NewDocument;
} | {
    readonly type: 'remove-documents';
    readonly uris: readonly string[];
} | {
    readonly type: 'update';
    readonly id: string;
    readonly changes: RowChanges;
} | {
    readonly type: 'remove';
    readonly ids: readonly string[];
    readonly reason: RemovalReason;
} | {
    readonly type: 'remove-matching';
    readonly filter: RowFilter;
    readonly reason: RemovalReason;
} | {
    readonly type: 'sweep';
} | {
    readonly type: 'merge';
    readonly ids: readonly string[];
} | {
    readonly type: 'promote';
    readonly id: string;
    readonly from: MemoryTier;
} | {
    readonly type: 'consolidated';
    readonly promoted: number;
} | {
    readonly type: 'import';
    readonly row: MemoryRow;
} | {
    readonly type: 'import-document';
    readonly document: DocumentFacts;
};
export interface WriteResult {
    readonly rows: readonly RecordRow[];
    readonly removed: number;
}
export interface RecordGroup {
    readonly writes: readonly RecordWrite[];
    readonly now: number;
}
export interface RecordChange extends MemoryChange {
    readonly number: number;
}
export interface RecordStats {
    readonly rows: {
        readonly total: number;
        readonly byKind: Readonly<Record<RowKind, number>>;
        readonly byTier: Readonly<Record<MemoryTier, number>>;
    };
    readonly documents: number;
    readonly expired: number;
    readonly removed: Readonly<Record<RemovalReason, number>>;
    readonly consolidation: MemoryStats['consolidation'];
    readonly unsynced: number;
    readonly seq: number;
    readonly bytes: number;
}
export interface RowVector {
    readonly number: number;
    readonly vector: Float32Array;
}
export interface NewRowVector extends RowVector {
    readonly words?: Pick<MemoryRow, 'title' | 'text'> | undefined;
}
export interface RecordStore {
    readonly namespace: string;
    readonly recordId: string;
    readonly tiers: TierTable;
    readonly durability: MemoryDurability;
    commit(groups: readonly RecordGroup[]): readonly (readonly WriteResult[] | Error)[];
    touch(ids: readonly string[], now: number): void;
    sync(): void;
    seq(): number;
    changes(afterSeq: number, limit: number): readonly RecordChange[];
    byId(ids: readonly string[]): readonly (RecordRow | undefined)[];
    byNumber(numbers: readonly number[]): readonly (RecordRow | undefined)[];
    scan(afterNumber: number, limit: number): readonly RecordRow[];
    texts(afterNumber: number, limit: number): readonly RowText[];
    matching(filter: RowFilter, now: number): readonly number[];
    expired(now: number): readonly number[];
    list(request: {
        readonly filter: RowFilter;
        readonly afterId: string | null;
        readonly limit: number;
        readonly now: number;
    }): readonly MemoryRow[];
    documents(uriPrefix: string): readonly DocumentFacts[];
    stats(now: number): RecordStats;
    putVectors(embedId: string, vectors: readonly NewRowVector[]): void;
    vectors(embedId: string, afterSeq: number, limit: number): readonly (RowVector & {
        readonly seq: number;
    })[];
    withoutVector(embedId: string, limit: number, afterNumber?: number): readonly RecordRow[];
    lease(name: string, ttlMs: number): boolean;
    release(name: string): void;
    verify(): readonly MemoryProblem[];
    close(): void;
}

// dist/request-ranges.d.ts
export interface NumberRange {
    readonly min: number;
    readonly max: number;
    readonly integer: boolean;
    readonly default: number | null;
    readonly meaning: string;
}
export type RangedOption = keyof typeof requestRanges;
export declare const requestRanges: {
    readonly temperature: NumberRange;
    readonly topK: NumberRange;
    readonly topP: NumberRange;
    readonly minP: NumberRange;
    readonly repeatPenalty: NumberRange;
    readonly repeatLastTokens: NumberRange;
    readonly frequencyPenalty: NumberRange;
    readonly presencePenalty: NumberRange;
    readonly dryMultiplier: NumberRange;
    readonly dryBase: NumberRange;
    readonly dryAllowedLength: NumberRange;
    readonly xtcProbability: NumberRange;
    readonly xtcThreshold: NumberRange;
    readonly seed: NumberRange;
    readonly maxTokens: NumberRange;
    readonly contextTokens: NumberRange;
};

// dist/reranker.d.ts
import type { VectorEngineOptions } from './embedder.ts';
import type { ModelFile } from './generate-request.ts';
export interface RerankerOptions extends VectorEngineOptions {
    readonly model: ModelFile;
}
export interface RankOptions {
    readonly truncate?: boolean;
    readonly signal?: AbortSignal | undefined;
}
export interface Reranker extends AsyncDisposable {
    readonly rankId: string;
    rank(query: string, passages: readonly string[], options?: RankOptions): Promise<readonly number[]>;
    close(): Promise<void>;
}

// dist/retriever.d.ts
import type { ImplementationName } from './handshake.ts';
import type { MemoryProblem, MemoryStats, ScoreParts } from './memory-store.ts';
export interface QueryTerm {
    readonly term: string;
    readonly count: number;
    readonly isStopWord: boolean;
}
export interface RowSet {
    has(number: number): boolean;
    readonly size: number;
    numbers(): readonly number[];
}
export interface LexicalQuery {
    readonly terms: readonly QueryTerm[];
    readonly limit: number;
    readonly allowed: RowSet | null;
    readonly hidden: RowSet | null;
    readonly explain: boolean;
}
export interface DenseQuery extends Omit<LexicalQuery, 'terms' | 'explain'> {
    readonly vector: Float32Array;
}
export interface ScoredRow {
    readonly number: number;
    readonly score: number;
    readonly parts?: ScoreParts;
}
export interface Retriever {
    readonly implementation: ImplementationName;
    readonly exact: boolean;
    sync(): number;
    lexical(query: LexicalQuery): readonly ScoredRow[];
    dense(query: DenseQuery): readonly ScoredRow[];
    stats(): Pick<MemoryStats, 'index'> & {
        readonly indexBytes: number;
    };
    verify(): readonly MemoryProblem[];
    work(msMax: number): boolean;
    close(): void;
}

// dist/worker-protocol.d.ts
import type { Capabilities } from './capabilities.ts';
import type { RuntimeInfo } from './engine.ts';
import type { ErrorCode } from './error-codes.ts';
import type { ChatMessage, Sampling } from './generate-request.ts';
export declare const workerProtocolVersion = 2;
export type TokenizeInput = {
    readonly type: 'text';
    readonly text: string;
} | {
    readonly type: 'chat';
    readonly messages: readonly ChatMessage[];
};
export interface LoadedModel {
    readonly architecture: string;
    readonly contextTokens: number;
    readonly trainContextTokens: number;
    readonly batchTokens: number;
    readonly capabilities: Capabilities;
    readonly runtime: RuntimeInfo;
    readonly embedding: {
        readonly dimensions: number;
        readonly pooling: string;
    } | null;
}
export type ResolvedSampling = Required<Sampling>;
export interface WorkerLogprob {
    readonly bytes: string;
    readonly logprob: number;
}
export interface WorkerOperations {
    load: {
        params: {
            readonly path: string;
            readonly contextTokens: number;
            readonly sequences: number;
            readonly threads: number;
            readonly runtimeFolder: string | null;
            readonly purpose: 'generate' | 'embed' | 'rank';
            readonly compactCache: boolean;
        };
        result: LoadedModel;
    };
    'load-draft': {
        params: {
            readonly path: string;
        };
        result: {
            readonly architecture: string;
        };
    };
    tokenize: {
        params: {
            readonly input: TokenizeInput;
        };
        result: {
            readonly tokens: readonly number[];
        };
    };
    truncate: {
        params: {
            readonly sequence: number;
            readonly tokens: number;
        };
        result: {
            readonly kept: number;
        };
    };
    checkpoint: {
        params: {
            readonly sequence: number;
            readonly keepMax: number;
        };
        result: {
            readonly bytes: number;
        };
    };
    copy: {
        params: {
            readonly from: number;
            readonly to: number;
            readonly tokens: number;
        };
        result: {
            readonly kept: number;
        };
    };
    evaluate: {
        params: {
            readonly sequence: number;
            readonly tokens: readonly number[];
            readonly alone: boolean;
        };
        result: {
            readonly length: number;
            readonly ms: number;
            readonly batchTokens: number;
        };
    };
    generate: {
        params: {
            readonly sequence: number;
            readonly tokens: readonly number[];
            readonly maxTokens: number;
            readonly sampling: ResolvedSampling;
            readonly alone: boolean;
            readonly grammar: string | null;
            readonly logprobs: number | null;
            readonly speculation: 'prompt-lookup' | 'draft' | null;
        };
        result: {
            readonly reason: 'stop' | 'length' | 'aborted';
            readonly length: number;
            readonly draftedTokens: number;
            readonly acceptedTokens: number;
        };
    };
    'save-state': {
        params: {
            readonly sequence: number;
            readonly path: string;
        };
        result: {
            readonly bytes: number;
            readonly tokens: number;
        };
    };
    'load-state': {
        params: {
            readonly sequence: number;
            readonly path: string;
            readonly tokens: readonly number[];
        };
        result: {
            readonly kept: number;
        };
    };
    embed: {
        params: {
            readonly inputs: readonly (readonly number[])[];
        };
        result: {
            readonly vectors: readonly string[];
        };
    };
    rank: {
        params: {
            readonly query: string;
            readonly passages: readonly string[];
            readonly truncate: boolean;
        };
        result: {
            readonly scores: readonly number[];
        };
    };
    memory: {
        params: Record<string, never>;
        result: {
            readonly resident: number;
            readonly anonymous: number | null;
        };
    };
    'set-threads': {
        params: {
            readonly threads: number;
        };
        result: {
            readonly threads: number;
        };
    };
    abort: {
        params: {
            readonly call: number;
        };
        result: Record<string, never>;
    };
}
export type WorkerOperation = keyof WorkerOperations;
export type WorkerCall = {
    [Operation in WorkerOperation]: {
        readonly type: 'call';
        readonly id: number;
        readonly operation: Operation;
        readonly params: WorkerOperations[Operation]['params'];
    };
}[WorkerOperation];
export type WorkerMessage = {
    readonly type: 'ready';
    readonly protocol: number;
} | {
    readonly type: 'piece';
    readonly id: number;
    readonly token: number;
    readonly text?: string;
    readonly bytes?: string;
    readonly ms?: number;
    readonly batchTokens?: number;
    readonly logprobs?: readonly [
        WorkerLogprob,
        ...WorkerLogprob[]
    ];
} | {
    readonly type: 'result';
    readonly id: number;
    readonly result: unknown;
} | {
    readonly type: 'failure';
    readonly id: number;
    readonly error: {
        readonly code: ErrorCode;
        readonly message: string;
        readonly facts?: Record<string, unknown>;
    };
} | {
    readonly type: 'log';
    readonly level: 'info' | 'warn' | 'error';
    readonly message: string;
};
