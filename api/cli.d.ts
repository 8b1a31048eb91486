// . = ./dist/index.d.ts
// ./runtime = ./dist/runtime/index.d.ts

// dist/command.d.ts
import type { Readable, Writable } from 'node:stream';
export type Output = Writable & {
    readonly isTTY?: boolean;
    readonly columns?: number;
};
export type Input = Readable & {
    readonly isTTY?: boolean;
};
export interface CommandContext {
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly cwd: string;
    readonly stdin: Input;
    readonly stdout: Output;
    readonly stderr: Output;
    readonly signal: AbortSignal;
    readonly options: GlobalOptions;
}
export interface GlobalOptions {
    readonly json: boolean;
    readonly quiet: boolean;
    readonly color: boolean;
    readonly home: string;
}
export type Completion = 'files' | 'models' | 'models-or-files' | 'catalog' | 'roles' | 'config-keys' | 'option-keys';
export interface ArgumentDefinition {
    readonly name: string;
    readonly summary: string;
    readonly required?: boolean;
    readonly variadic?: boolean;
    readonly choices?: readonly string[];
    readonly completes?: Completion;
}
export interface OptionDefinition {
    readonly long: string;
    readonly short?: string;
    readonly alias?: string;
    readonly value?: string;
    readonly repeatable?: boolean;
    readonly choices?: readonly string[];
    readonly completes?: Completion;
    readonly summary: string;
}
export interface CommandInput {
    readonly arguments: readonly string[];
    readonly options: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
}
export interface CommandDefinition {
    readonly name: string;
    readonly aliases?: readonly string[];
    readonly summary: string;
    readonly arguments?: readonly ArgumentDefinition[];
    readonly options?: readonly OptionDefinition[];
    readonly examples?: readonly {
        readonly command: string;
        readonly effect: string;
    }[];
    readonly topics?: readonly {
        readonly title: string;
        readonly rows: readonly (readonly [
            string,
            string
        ])[];
    }[];
    readonly subcommands?: readonly CommandDefinition[];
    run?(context: CommandContext, input: CommandInput): Promise<number>;
}

// dist/index.d.ts
export { main } from './main.ts';
export type { MainOptions } from './main.ts';

// dist/main.d.ts
import type { WorkerSpec } from '@gemma-cli/contracts';
import type { Input, Output } from './command.ts';
export interface MainOptions {
    readonly argv: readonly string[];
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly cwd: string;
    readonly stdin: Input;
    readonly stdinIsTerminal?: boolean | undefined;
    readonly stdout: Output;
    readonly stderr: Output;
    readonly signal: AbortSignal;
    readonly worker?: WorkerSpec | undefined;
}
export declare function main(options: MainOptions): Promise<number>;

// dist/runtime/create-embedder.d.ts
import type { Embedder, EmbedderOptions, ImplementationName, Resolution } from '@gemma-cli/contracts';
import { type ImplementationSource } from './resolve.ts';
export interface CreateEmbedderOptions extends EmbedderOptions {
    readonly implementation?: ImplementationName | undefined;
    readonly sources?: Readonly<Record<ImplementationName, ImplementationSource>> | undefined;
}
export interface CreatedEmbedder {
    readonly embedder: Embedder;
    readonly resolution: Resolution;
}
export declare function createEmbedder({ implementation, sources, ...options }: CreateEmbedderOptions): Promise<CreatedEmbedder>;

// dist/runtime/create-engine.d.ts
import type { Engine, EngineOptions, ImplementationName, Resolution } from '@gemma-cli/contracts';
import { type ImplementationSource } from './resolve.ts';
export interface CreateEngineOptions extends EngineOptions {
    readonly implementation?: ImplementationName | undefined;
    readonly sources?: Readonly<Record<ImplementationName, ImplementationSource>> | undefined;
}
export interface CreatedEngine {
    readonly engine: Engine;
    readonly resolution: Resolution;
}
export declare function createEngine({ implementation, sources, ...options }?: CreateEngineOptions): Promise<CreatedEngine>;

// dist/runtime/create-memory.d.ts
import type { ShadowStats } from '@gemma-cli/app/memory';
import type { ImplementationName, MemoryStats, MemoryStore, MemoryStoreOptions, Resolution } from '@gemma-cli/contracts';
import { type ImplementationSource } from './resolve.ts';
export interface CreateMemoryOptions extends MemoryStoreOptions {
    readonly implementation?: ImplementationName | undefined;
    readonly shadow?: number | undefined;
    readonly sources?: Readonly<Record<ImplementationName, ImplementationSource>> | undefined;
}
export interface ShadowableMemory extends MemoryStore {
    stats(): Promise<MemoryStats & {
        readonly shadow?: ShadowStats;
    }>;
}
export interface CreatedMemory {
    readonly memory: ShadowableMemory;
    readonly resolution: Resolution;
}
export declare function createMemory({ implementation, shadow, sources, ...options }: CreateMemoryOptions): Promise<CreatedMemory>;

// dist/runtime/index.d.ts
export { createEngine } from './create-engine.ts';
export type { CreatedEngine, CreateEngineOptions } from './create-engine.ts';
export { createEmbedder } from './create-embedder.ts';
export type { CreatedEmbedder, CreateEmbedderOptions } from './create-embedder.ts';
export { createMemory } from './create-memory.ts';
export type { CreatedMemory, CreateMemoryOptions, ShadowableMemory } from './create-memory.ts';
export { resolveImplementation } from './resolve.ts';
export type { ImplementationSource, Resolved, ResolveOptions } from './resolve.ts';

// dist/runtime/resolve.d.ts
import { type ContractName, type ImplementationName, type Resolution } from '@gemma-cli/contracts';
export interface ImplementationSource {
    readonly specifier: string;
    readonly importer: string;
    readonly load: () => Promise<unknown>;
}
export interface ResolveOptions<Options> {
    readonly contract: ContractName;
    readonly requested: ImplementationName;
    readonly sources: Readonly<Record<ImplementationName, ImplementationSource>>;
    readonly options: Options;
}
export interface Resolved<Instance> {
    readonly instance: Instance;
    readonly resolution: Resolution;
}
export declare function resolveImplementation<Options, Instance>(options: ResolveOptions<Options>): Promise<Resolved<Instance>>;
