// . = ./dist/index.d.ts

// dist/admission-queue.d.ts
export interface AdmissionQueue {
    readonly waiting: number;
    enter(take: TakeSeat | Promise<TakeSeat>, signal?: AbortSignal): Promise<() => void>;
    retry(): void;
    close(): void;
}
type TakeSeat = () => (() => void) | undefined;
export declare function createAdmissionQueue({ waitingMax, lookMsMax, }: {
    readonly waitingMax: number;
    readonly lookMsMax?: number;
}): AdmissionQueue;
export declare function singleSeat(): {
    take(): (() => void) | undefined;
};
export {};

// dist/answer-on-sequence.d.ts
import type { EngineEvent, GenerationEnd } from '@gemma-cli/contracts';
import type { LoadedModel } from '@gemma-cli/contracts/worker-protocol';
import type { ModelProcess } from './model-process.ts';
import type { RequestClock } from './request-clock.ts';
import type { ResolvedRequest } from './resolve-request.ts';
import type { TokenLedger } from './token-ledger.ts';
export interface PreparedSequence {
    readonly sequence: number;
    readonly ledger: TokenLedger;
    readonly cachedTokens: number;
    readonly restoredTokens: number;
}
export interface AnswerPolicy {
    prepare(promptTokens: readonly number[]): Promise<PreparedSequence>;
    chunkEnd(start: number, length: number): number;
    chunkAbortMsMax?(): number | undefined;
    chunkEvaluated?(prepared: PreparedSequence, batch: BatchFacts): Promise<void>;
    tokenSampled?(batch: BatchFacts): void;
}
export interface BatchFacts {
    readonly ms: number;
    readonly batchTokens: number;
}
export interface AnswerParts {
    readonly process: ModelProcess;
    readonly model: LoadedModel;
    readonly request: ResolvedRequest;
    readonly policy: AnswerPolicy;
    readonly clock: RequestClock;
    readonly emit: (event: EngineEvent) => void;
    readonly signal: AbortSignal;
    readonly responseBytesMax?: number | undefined;
}
export declare function answerOnSequence(parts: AnswerParts): Promise<GenerationEnd>;
export declare function abortedBeforeStart(clock: RequestClock): GenerationEnd;
export declare function keepPrefix(process: ModelProcess, { sequence, ledger }: Pick<PreparedSequence, 'sequence' | 'ledger'>, tokens: number, { reproducible, signal }: {
    readonly reproducible: boolean;
    readonly signal: AbortSignal;
}): Promise<number>;
export declare function fixedChunkEnd(start: number, length: number): number;

// dist/available-cores.d.ts
export interface AvailableCores {
    readonly cores: number;
    readonly affinityCores: number;
    readonly quotaCores: number | null;
    readonly reason: string;
}
export interface AvailableCoresSources {
    readonly affinityCores?: () => number;
    readonly readText?: (path: string) => string | null;
}
export declare function availableCores({ affinityCores, readText, }?: AvailableCoresSources): AvailableCores;

// dist/embedding/embedder-on-host.d.ts
import type { Embedder, EmbedderOptions } from '@gemma-cli/contracts';
import type { VectorHost } from './vector-host.ts';
export declare function embedderOnHost(host: VectorHost, options: EmbedderOptions): Promise<Embedder>;

// dist/embedding/embedding-families.d.ts
export interface EmbeddingFamily {
    readonly name: string;
    readonly queryPrefix: string;
    readonly documentPrefix: string;
    readonly shorterDimensions: readonly number[];
}
export declare const embeddingFamilies: readonly EmbeddingFamily[];
export declare function embeddingFamilyOf(architecture: string, names: readonly string[]): EmbeddingFamily;

// dist/embedding/reranker-on-host.d.ts
import type { ModelFile, Reranker } from '@gemma-cli/contracts';
import type { VectorHost } from './vector-host.ts';
export declare function rerankerOnHost(host: VectorHost, file: ModelFile): Promise<Reranker>;

// dist/embedding/vector-host.d.ts
import type { ModelFile } from '@gemma-cli/contracts';
import type { LoadedModel } from '@gemma-cli/contracts/worker-protocol';
import type { EngineSettings } from '../engine-settings.ts';
import type { ModelProcess } from '../model-process.ts';
export interface VectorModel {
    readonly process: ModelProcess;
    readonly model: LoadedModel;
    readonly fingerprint: string;
}
export interface LentVectorModel extends VectorModel {
    giveBack(): Promise<void>;
}
export interface VectorHost {
    lend(signal: AbortSignal): Promise<LentVectorModel>;
    close(): Promise<void>;
}
export type OpenVectorModel = (signal: AbortSignal, onSpawn?: (process: ModelProcess) => void) => Promise<VectorModel>;
export declare function vectorModelOpener(file: ModelFile, purpose: 'embed' | 'rank', settings: EngineSettings): OpenVectorModel;
export declare function modelName({ name, path }: ModelFile): string;

// dist/engine-on-hosts.d.ts
import type { Engine } from '@gemma-cli/contracts';
import type { EngineSettings } from './engine-settings.ts';
import type { ModelHost } from './model-host.ts';
export interface EngineHosts {
    readonly gguf: ModelHost;
    readonly sbs: ModelHost;
}
export declare function engineOnHosts(hosts: EngineHosts, settings: EngineSettings): Engine;

// dist/engine-settings.d.ts
import type { EngineOptions, WorkerSpec } from '@gemma-cli/contracts';
export type EngineSettings = {
    readonly [Option in Exclude<keyof EngineOptions, OptionWithoutDefault>]-?: Exclude<EngineOptions[Option], undefined>;
} & {
    readonly areThreadsGiven: boolean;
    readonly runtimeFolder: string | null;
    readonly slots: number | null;
    readonly stateCache: {
        readonly folder: string;
        readonly bytesMax: number;
    } | null;
    readonly memoryBytesMax: number | null;
    readonly gemmaExecutable: string | null;
};
type OptionWithoutDefault = 'runtimeFolder' | 'slots' | 'stateCache' | 'memoryBytesMax' | 'gemmaExecutable';
export declare const llamaWorker: WorkerSpec;
export declare const engineDefaults: {
    readonly queueMax: 64;
    readonly loadMsMax: 120000;
    readonly silenceMsMax: 60000;
    readonly abortMsMax: 2000;
    readonly keepAliveMs: 300000;
    readonly chunkMsMax: 480;
    readonly stateCacheBytesMax: number;
    readonly growthBytesMax: number;
};
export declare function resolveEngineOptions(options: EngineOptions): EngineSettings;
export {};

// dist/errors.d.ts
import { GemmaError } from '@gemma-cli/contracts';
export declare function abortedError(message?: string): GemmaError;
export declare function closedError(what?: string): GemmaError;
export declare function invalidOption(option: string, expected: string, got: unknown): GemmaError;
export declare function tooLarge(responseBytesMax: number): GemmaError;

// dist/fit-prompt.d.ts
import type { Prompt, PromptTrimmed } from '@gemma-cli/contracts';
import type { LoadedModel, TokenizeInput } from '@gemma-cli/contracts/worker-protocol';
export interface FittedPrompt {
    readonly tokens: readonly number[];
    readonly trimmed?: PromptTrimmed;
}
export declare function trimmedTokensMax(contextTokens: number): number;
export declare function fitPrompt(prompt: Prompt, { contextTokens }: Pick<LoadedModel, 'contextTokens'>, onOverflow: 'refuse' | 'trim', tokenize: (input: TokenizeInput) => Promise<readonly number[]>): Promise<FittedPrompt>;
export declare function tokenizeInput(prompt: Prompt): TokenizeInput;

// dist/gemma-cpp/gemma-cpp-host.d.ts
import type { EngineSettings } from '../engine-settings.ts';
import type { ModelHost } from '../model-host.ts';
export type GemmaCppSettings = Pick<EngineSettings, 'env' | 'checkModel' | 'threads' | 'areThreadsGiven' | 'loadMsMax' | 'silenceMsMax' | 'abortMsMax' | 'responseBytesMax' | 'keepAliveMs' | 'gemmaExecutable' | 'searchPath' | 'compactCache' | 'slots' | 'memoryBytesMax' | 'growthBytesMax' | 'log'>;
export interface GemmaCppHostOptions {
    readonly mode: 'one-shot' | 'repl';
    readonly settings: GemmaCppSettings;
    readonly temporaryFolder?: string | undefined;
}
export declare function gemmaCppHost({ mode, settings, temporaryFolder }: GemmaCppHostOptions): ModelHost;

// dist/grammar/character-set.d.ts
export type CharacterSet = readonly (readonly [
    first: number,
    last: number
])[];
export declare const lastCodePoint = 1114111;
export declare const anyCharacter: CharacterSet;
export declare function characterSet(ranges: readonly (readonly [
    number,
    number
])[]): CharacterSet;
export declare function charactersOf(text: string): CharacterSet;
export declare function complement(set: CharacterSet): CharacterSet;
export declare function intersection(left: CharacterSet, right: CharacterSet): CharacterSet;
export declare function hasCharacter(set: CharacterSet, code: number): boolean;

// dist/grammar/expression.d.ts
import type { CharacterSet } from './character-set.ts';
export type Expression = {
    readonly kind: 'literal';
    readonly text: string;
} | {
    readonly kind: 'characters';
    readonly set: CharacterSet;
} | {
    readonly kind: 'rule';
    readonly name: string;
} | {
    readonly kind: 'sequence';
    readonly parts: readonly Expression[];
} | {
    readonly kind: 'choice';
    readonly options: readonly Expression[];
} | {
    readonly kind: 'repeat';
    readonly part: Expression;
    readonly min: number;
    readonly max: number | null;
};
export declare const empty: Expression;
export declare const never: Expression;
export declare function literal(text: string): Expression;
export declare function oneOf(set: CharacterSet): Expression;
export declare function sequence(...parts: readonly Expression[]): Expression;
export declare function choice(...options: readonly Expression[]): Expression;
export declare function optional(part: Expression): Expression;
export declare function repeat(part: Expression, min: number, max: number | null): Expression;

// dist/grammar/grammar-builder.d.ts
import type { Expression } from './expression.ts';
import type { CharacterSet } from './character-set.ts';
export declare const grammarLimits: {
    readonly rulesMax: 20000;
    readonly bytesMax: number;
    readonly repetitionsMax: 65536;
};
export interface GrammarBuilder {
    define(hint: string, expression: Expression): Expression;
    reserve(hint: string): string;
    set(name: string, expression: Expression): void;
    shared(key: string, make: () => Expression): Expression;
    times(part: Expression, min: number, max: number | null): Expression;
    isPossible(expression: Expression): boolean;
    print(root: Expression): string | null;
}
export declare function createGrammarBuilder(): GrammarBuilder;
export declare function blanks(grammar: GrammarBuilder): Expression;
export declare function jsonCharacter(set: CharacterSet): Expression;
export declare function anyJsonCharacter(grammar: GrammarBuilder): Expression;

// dist/grammar/json-schema-to-gbnf.d.ts
import type { Expression } from './expression.ts';
import type { GrammarBuilder } from './grammar-builder.ts';
export declare function jsonSchemaToGbnf(schema: unknown): string;
export declare function valueOfSchema(grammar: GrammarBuilder, schema: unknown, hint: string, { objectsOnly }?: {
    objectsOnly?: boolean | undefined;
}): Expression;
export declare function jsonObjectGbnf(): string;

// dist/grammar/tool-call-grammar.d.ts
import type { ToolChoice, ToolDefinition } from '@gemma-cli/contracts';
export interface ToolOptions {
    readonly tools: readonly ToolDefinition[];
    readonly toolChoice?: ToolChoice | undefined;
    readonly parallel?: boolean | undefined;
}
export declare const parallelCallsMax = 16;
export declare function toolCallGrammar({ tools, toolChoice, parallel }: ToolOptions): string | null;
export declare const noParameters: {
    type: string;
    properties: {};
    additionalProperties: boolean;
    maxProperties: number;
};
export declare function callHead(name: string): string;
export declare const callTail = "}";
export declare const callSeparator = ", ";

// dist/grammar/tool-messages.d.ts
import type { ChatMessage, ToolCall } from '@gemma-cli/contracts';
import type { ToolOptions } from './tool-call-grammar.ts';
export interface RenderedConversation {
    readonly messages: readonly ChatMessage[];
    readonly ends: readonly RenderedEnd[];
}
export interface RenderedEnd {
    readonly messages: number;
    readonly characters: number;
}
export declare function renderToolMessages(messages: readonly ChatMessage[], options: ToolOptions): RenderedConversation;
export declare function renderToolsForPrompt({ tools, toolChoice, parallel }: ToolOptions): string;
export declare function renderToolCalls(calls: readonly ToolCall[]): string;
export declare function renderToolResult({ name, content }: {
    readonly name: string;
    readonly content: string;
}): string;

// dist/idle-timer.d.ts
export interface IdleTimer {
    readonly until: number | null;
    start(onIdle: () => void): void;
    stop(): void;
}
export declare function createIdleTimer(idleMs: number): IdleTimer;

// dist/index.d.ts
export { createAdmissionQueue, singleSeat } from './admission-queue.ts';
export type { AdmissionQueue } from './admission-queue.ts';
export { availableCores } from './available-cores.ts';
export type { AvailableCores, AvailableCoresSources } from './available-cores.ts';
export { engineDefaults, llamaWorker, resolveEngineOptions } from './engine-settings.ts';
export type { EngineSettings } from './engine-settings.ts';
export { estimateCacheBytes } from './llama/estimate-cache-bytes.ts';
export type { CacheWishes } from './llama/estimate-cache-bytes.ts';
export { embedderOnHost } from './embedding/embedder-on-host.ts';
export { embeddingFamilies } from './embedding/embedding-families.ts';
export type { EmbeddingFamily } from './embedding/embedding-families.ts';
export { rerankerOnHost } from './embedding/reranker-on-host.ts';
export { vectorModelOpener } from './embedding/vector-host.ts';
export type { LentVectorModel, OpenVectorModel, VectorHost, VectorModel } from './embedding/vector-host.ts';
export { answerOnSequence, fixedChunkEnd, keepPrefix } from './answer-on-sequence.ts';
export type { AnswerParts, AnswerPolicy, BatchFacts, PreparedSequence } from './answer-on-sequence.ts';
export { engineOnHosts } from './engine-on-hosts.ts';
export type { EngineHosts } from './engine-on-hosts.ts';
export { jsonSchemaToGbnf } from './grammar/json-schema-to-gbnf.ts';
export { closedError } from './errors.ts';
export { tokenizeInput } from './fit-prompt.ts';
export { gemmaCppHost } from './gemma-cpp/gemma-cpp-host.ts';
export { createIdleTimer } from './idle-timer.ts';
export type { IdleTimer } from './idle-timer.ts';
export type { ModelHost, Place, Turn } from './model-host.ts';
export { startModelProcess } from './model-process.ts';
export type { CallOptions, ModelProcess, ModelProcessOptions } from './model-process.ts';
export { loadDraft, openModel } from './open-model.ts';
export type { LoadDraftOptions, OpenModel, OpenModelOptions } from './open-model.ts';
export type { ResolvedRequest } from './resolve-request.ts';
export { createTokenLedger, evaluationChunkTokens } from './token-ledger.ts';
export type { TokenLedger } from './token-ledger.ts';
export { untilAborted } from './until-aborted.ts';
export { createUtf8Stream } from './utf8-stream.ts';
export type { Utf8Stream } from './utf8-stream.ts';

// dist/llama/estimate-cache-bytes.d.ts
export interface CacheWishes {
    readonly contextTokens: number;
    readonly sequences: number;
    readonly compactCache: boolean;
}
export declare function estimateCacheBytes(path: string, { contextTokens, sequences, compactCache }: CacheWishes): Promise<number>;

// dist/model-host.d.ts
import type { Engine, EngineEvent, EngineStatus, ModelFile, Prompt, StateCacheStatus } from '@gemma-cli/contracts';
import type { LoadedModel } from '@gemma-cli/contracts/worker-protocol';
import type { RequestClock } from './request-clock.ts';
import type { ResolvedRequest } from './resolve-request.ts';
export interface Turn {
    readonly clock: RequestClock;
    readonly emit: (event: EngineEvent) => void;
    readonly signal: AbortSignal;
    readonly stop: AbortSignal;
}
export interface Place {
    take(): (() => void) | undefined;
}
export interface ModelHost {
    readonly implementation: Engine['implementation'];
    place?(file: Required<ModelFile>, contextTokens: number): Promise<Place>;
    onRoom?(listener: () => void): void;
    generate(request: ResolvedRequest, turn: Turn, place: Place): Promise<void>;
    describe(file: Required<ModelFile>, contextTokens: number, signal: AbortSignal, place: Place): Promise<LoadedModel>;
    countTokens(file: Required<ModelFile>, prompt: Prompt, contextTokens: number, signal: AbortSignal, place: Place): Promise<number | null>;
    processes(): EngineStatus['processes'];
    stateCache?(): StateCacheStatus | null;
    close(): Promise<void>;
}

// dist/model-process.d.ts
import type { ErrorCode, WorkerSpec } from '@gemma-cli/contracts';
import type { WorkerLogprob, WorkerOperation, WorkerOperations } from '@gemma-cli/contracts/worker-protocol';
export interface ModelProcessOptions {
    readonly worker: WorkerSpec;
    readonly env: Readonly<Record<string, string>>;
    readonly startMsMax: number;
    readonly silenceMsMax: number;
    readonly abortMsMax: number;
    readonly log: (message: string) => void;
    readonly onSpawn?: ((process: ModelProcess) => void) | undefined;
}
export interface PieceFacts {
    readonly ms: number | undefined;
    readonly batchTokens: number | undefined;
    readonly logprobs: readonly [
        WorkerLogprob,
        ...WorkerLogprob[]
    ] | undefined;
}
export interface CallOptions {
    readonly signal?: AbortSignal | undefined;
    readonly silenceMsMax?: number | undefined;
    readonly abortMsMax?: number;
    readonly deadlineCode?: ErrorCode;
    readonly onPiece?: (token: number, text: string, facts: PieceFacts) => void;
}
export interface ModelProcess {
    readonly pid: number;
    readonly ended: boolean;
    readonly exited: Promise<void>;
    call<Operation extends WorkerOperation>(operation: Operation, params: WorkerOperations[Operation]['params'], options?: CallOptions): Promise<WorkerOperations[Operation]['result']>;
    close(): Promise<void>;
}
export declare function startModelProcess(options: ModelProcessOptions, signal?: AbortSignal): Promise<ModelProcess>;

// dist/open-model.d.ts
import type { LoadedModel } from '@gemma-cli/contracts/worker-protocol';
import type { EngineSettings } from './engine-settings.ts';
import type { ModelProcess } from './model-process.ts';
export interface OpenModel {
    readonly process: ModelProcess;
    readonly model: LoadedModel;
    readonly loadMs: number;
}
export interface OpenModelOptions {
    readonly path: string;
    readonly contextTokens: number;
    readonly sequences?: number;
    readonly purpose?: 'generate' | 'embed' | 'rank';
    readonly settings: EngineSettings;
    readonly signal: AbortSignal;
    readonly onSpawn?: (process: ModelProcess) => void;
}
export declare function openModel({ path, contextTokens, sequences, purpose, settings, signal, onSpawn, }: OpenModelOptions): Promise<OpenModel>;
export interface LoadDraftOptions {
    readonly process: ModelProcess;
    readonly model: LoadedModel;
    readonly path: string;
    readonly settings: EngineSettings;
    readonly signal?: AbortSignal | undefined;
}
export declare function loadDraft({ process, model, path, settings, signal }: LoadDraftOptions): Promise<void>;

// dist/request-clock.d.ts
import type { Timings } from '@gemma-cli/contracts';
export interface RequestClock {
    admitted(): void;
    loaded(loadMs: number): void;
    promptStart(): void;
    token(): void;
    timings(): Timings;
}
export declare function startRequestClock(now?: () => number): RequestClock;

// dist/resolve-request.d.ts
import type { EngineOptions, GenerateRequest, ModelFile, Prompt, Speculation } from '@gemma-cli/contracts';
import type { LoadedModel, ResolvedSampling } from '@gemma-cli/contracts/worker-protocol';
import type { ToolOptions } from './grammar/tool-call-grammar.ts';
import type { RenderedEnd } from './grammar/tool-messages.ts';
export type StablePrefix = RenderedEnd | {
    readonly characters: number;
};
export interface ResolvedRequest {
    readonly model: Required<ModelFile>;
    readonly prompt: Prompt;
    readonly sampling: ResolvedSampling;
    readonly maxTokens: number;
    readonly stop: readonly string[];
    readonly contextTokens: number;
    readonly reproducible: boolean;
    readonly onContextOverflow: 'refuse' | 'trim';
    readonly grammar: string | null;
    readonly tools: ToolOptions | null;
    readonly logprobs: number | null;
    readonly speculation: Speculation | null;
    readonly stablePrefix: StablePrefix | null;
    readonly asked: {
        readonly sampling: boolean;
        readonly seed: boolean;
        readonly topP: boolean;
        readonly minP: boolean;
        readonly repeatPenalty: boolean;
        readonly extendedSampling: boolean;
    };
}
export declare function resolveRequest(request: GenerateRequest, { promptCharsMax }: Pick<EngineOptions, 'promptCharsMax'>): ResolvedRequest;
type ToolRequest = Pick<GenerateRequest, 'prompt' | 'tools' | 'toolChoice' | 'parallelToolCalls' | 'format'>;
export declare function offerTools({ prompt, tools, toolChoice, parallelToolCalls, format }: ToolRequest, promptCharsMax?: number): {
    readonly prompt: Prompt;
    readonly ends: readonly RenderedEnd[] | null;
    readonly tools: ToolOptions | null;
    readonly grammar: string | null;
};
export declare function resolveContextTokens(contextTokens?: number): number;
export declare function resolveModel(model: ModelFile): Required<ModelFile>;
export declare function checkCapabilities(request: ResolvedRequest, { capabilities }: LoadedModel): void;
export {};

// dist/token-ledger.d.ts
export declare const evaluationChunkTokens = 64;
export interface TokenLedger {
    readonly tokens: readonly number[];
    readonly alignedTokens: number;
    append(batch: readonly number[], alone: boolean): void;
    truncate(length: number): void;
    replace(from: Pick<TokenLedger, 'tokens' | 'alignedTokens'>, length: number): void;
}
export declare function createTokenLedger(): TokenLedger;

// dist/until-aborted.d.ts
export declare function untilAborted<Result>(work: Promise<Result>, signal: AbortSignal, message?: string): Promise<Result>;

// dist/utf8-stream.d.ts
export interface Utf8Stream {
    write(bytes: Uint8Array): string;
    end(): string;
}
export declare function createUtf8Stream(): Utf8Stream;
