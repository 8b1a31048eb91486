// . = ./dist/index.d.ts

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

// dist/engine-on-host.d.ts
import type { Engine, EngineStatus, ModelFile } from '@gemma-cli/contracts';
import type { LoadedModel } from '@gemma-cli/contracts/worker-protocol';
import type { EngineSettings } from './engine-settings.ts';
import type { ModelProcess } from './model-process.ts';
import type { ResolvedRequest } from './resolve-request.ts';
import type { TokenLedger } from './token-ledger.ts';
export interface LentModel {
    readonly process: ModelProcess;
    readonly model: LoadedModel;
    readonly loadMs: number;
    readonly ledger: TokenLedger;
    readonly reusableTokens: (promptTokens: readonly number[], request: ResolvedRequest) => number;
    giveBack(): Promise<void>;
}
export interface ModelHost {
    readonly implementation: Engine['implementation'];
    lend(file: Required<ModelFile>, contextTokens: number, options: {
        readonly signal: AbortSignal;
        readonly onLoadStart: () => void;
    }): Promise<LentModel>;
    processes(): EngineStatus['processes'];
    close(): Promise<void>;
}
export declare function engineOnHost(host: ModelHost, settings: EngineSettings): Engine;

// dist/engine-settings.d.ts
import type { EngineOptions, WorkerSpec } from '@gemma-cli/contracts';
export type EngineSettings = {
    readonly [Option in Exclude<keyof EngineOptions, 'runtimeFolder'>]-?: Exclude<EngineOptions[Option], undefined>;
} & {
    readonly runtimeFolder: string | null;
};
export declare const llamaWorker: WorkerSpec;
export declare const engineDefaults: {
    readonly queueMax: 64;
    readonly loadMsMax: 120000;
    readonly silenceMsMax: 60000;
    readonly abortMsMax: 2000;
    readonly keepAliveMs: 300000;
};
export declare function resolveEngineOptions(options: EngineOptions): EngineSettings;

// dist/index.d.ts
export { availableCores } from './available-cores.ts';
export type { AvailableCores, AvailableCoresSources } from './available-cores.ts';
export { engineDefaults, llamaWorker, resolveEngineOptions } from './engine-settings.ts';
export type { EngineSettings } from './engine-settings.ts';
export { engineOnHost } from './engine-on-host.ts';
export type { LentModel, ModelHost } from './engine-on-host.ts';
export { startModelProcess } from './model-process.ts';
export type { CallOptions, ModelProcess, ModelProcessOptions } from './model-process.ts';
export { openModel } from './open-model.ts';
export type { OpenModel, OpenModelOptions } from './open-model.ts';
export type { ResolvedRequest } from './resolve-request.ts';
export { createTokenLedger, evaluationChunkTokens } from './token-ledger.ts';
export type { TokenLedger } from './token-ledger.ts';
export { createUtf8Stream } from './utf8-stream.ts';
export type { Utf8Stream } from './utf8-stream.ts';

// dist/model-process.d.ts
import type { ErrorCode, WorkerSpec } from '@gemma-cli/contracts';
import type { WorkerOperation, WorkerOperations } from '@gemma-cli/contracts/worker-protocol';
export interface ModelProcessOptions {
    readonly worker: WorkerSpec;
    readonly env: Readonly<Record<string, string>>;
    readonly startMsMax: number;
    readonly silenceMsMax: number;
    readonly abortMsMax: number;
    readonly log: (message: string) => void;
    readonly onSpawn?: ((process: ModelProcess) => void) | undefined;
}
export interface CallOptions {
    readonly signal?: AbortSignal | undefined;
    readonly silenceMsMax?: number | undefined;
    readonly abortMsMax?: number;
    readonly deadlineCode?: ErrorCode;
    readonly onPiece?: (token: number, text: string) => void;
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
    readonly settings: EngineSettings;
    readonly signal: AbortSignal;
    readonly onSpawn?: (process: ModelProcess) => void;
}
export declare function openModel({ path, contextTokens, settings, signal, onSpawn, }: OpenModelOptions): Promise<OpenModel>;

// dist/resolve-request.d.ts
import type { EngineOptions, GenerateRequest, ModelFile, Prompt } from '@gemma-cli/contracts';
import type { LoadedModel, ResolvedSampling } from '@gemma-cli/contracts/worker-protocol';
export interface ResolvedRequest {
    readonly model: Required<ModelFile>;
    readonly prompt: Prompt;
    readonly sampling: ResolvedSampling;
    readonly maxTokens: number;
    readonly stop: readonly string[];
    readonly contextTokens: number;
    readonly reproducible: boolean;
    readonly onContextOverflow: 'refuse' | 'trim';
    readonly asked: {
        readonly sampling: boolean;
        readonly seed: boolean;
        readonly minP: boolean;
        readonly repeatPenalty: boolean;
    };
}
export declare function resolveRequest(request: GenerateRequest, { promptCharsMax }: Pick<EngineOptions, 'promptCharsMax'>): ResolvedRequest;
export declare function resolveContextTokens(contextTokens?: number): number;
export declare function resolveModel(model: ModelFile): Required<ModelFile>;
export declare function checkCapabilities(request: ResolvedRequest, { capabilities }: LoadedModel): void;
export declare function checkPrompt(prompt: Prompt, promptCharsMax?: number): void;

// dist/token-ledger.d.ts
export declare const evaluationChunkTokens = 64;
export interface TokenLedger {
    readonly tokens: readonly number[];
    readonly alignedTokens: number;
    append(batch: readonly number[]): void;
    truncate(length: number): void;
}
export declare function createTokenLedger(): TokenLedger;

// dist/utf8-stream.d.ts
export interface Utf8Stream {
    write(bytes: Uint8Array): string;
    end(): string;
}
export declare function createUtf8Stream(): Utf8Stream;
