// . = ./dist/index.d.ts

// dist/built-in-roles.d.ts
export declare const builtInRoles: Readonly<Record<string, string>>;

// dist/config-file.d.ts
export interface FileLeaf {
    readonly path: readonly string[];
    readonly key: string;
    readonly value: unknown;
    readonly line: number;
}
export interface ConfigText {
    readonly file: string;
    readonly text: string;
    readonly values: Readonly<Record<string, unknown>>;
}
export declare function readConfigFile(file: string): Promise<ConfigText | null>;
export declare function parseConfigText(file: string, text: string): Readonly<Record<string, unknown>>;
export declare function leavesOf({ text, values }: ConfigText): readonly FileLeaf[];
export declare function writeConfigFile(file: string, text: string): Promise<void>;
export declare function readConfigText(file: string): Promise<string | null>;

// dist/config-keys.d.ts
import { z } from 'zod';
import type { GemmaConfig } from './gemma-config.ts';
export type ConfigFileValue = string | number | boolean | null;
export interface ConfigKey {
    readonly key: string;
    readonly type: string;
    readonly default: ConfigFileValue;
    readonly reason: string;
    readonly environment: string;
    readonly environmentAliases: readonly string[];
    readonly project: boolean;
    readonly summary: string;
}
type Kind = 'boolean' | 'number' | 'text' | 'duration';
export interface KeyDefinition extends ConfigKey {
    readonly section: keyof GemmaConfig;
    readonly property: string;
    readonly kind: Kind;
    readonly schema: z.ZodType;
    readonly projectSchema: z.ZodType;
    readonly projectType: string;
}
export declare const keyDefinitions: readonly KeyDefinition[];
export declare const configKeys: readonly ConfigKey[];
export declare function findKeyDefinition(key: string): KeyDefinition | undefined;
export declare function valueOfText(definition: KeyDefinition, text: string): unknown;
export declare function fileValueOf(definition: KeyDefinition, value: unknown): ConfigFileValue;
export {};

// dist/duration.d.ts
export declare function parseDurationMs(value: string | number): number | null;
export declare function formatDuration(durationMs: number): string;

// dist/gemma-config.d.ts
import type { MemoryDurability } from '@gemma-cli/contracts';
export interface PerformanceConfig {
    readonly useOptimizedGemma: boolean;
    readonly useOptimizedRag: boolean;
    readonly enableQueryCache: boolean;
    readonly batchSize: number;
    readonly cacheMaxSize: number;
    readonly shadow: number;
}
export interface GemmaSection {
    readonly defaultModel: string;
    readonly executablePath: string | null;
}
export interface EngineSection {
    readonly threads: number | 'auto';
    readonly contextTokens: number | 'auto';
    readonly loadMsMax: number;
    readonly silenceMsMax: number;
    readonly queueMax: number;
    readonly promptCharsMax: number;
    readonly responseBytesMax: number;
    readonly keepAliveMs: number;
    readonly adaptThreads: boolean;
    readonly slots: number | 'auto';
    readonly chunkMsMax: number;
    readonly stateCacheBytesMax: number;
    readonly memoryBytesMax: number | 'auto';
    readonly growthBytesMax: number;
    readonly compactCache: boolean;
}
export interface SamplingSection {
    readonly temperature: number;
    readonly topK: number;
    readonly topP: number;
    readonly minP: number;
    readonly repeatPenalty: number;
    readonly repeatLastTokens: number;
    readonly frequencyPenalty: number;
    readonly presencePenalty: number;
    readonly dryMultiplier: number;
    readonly dryBase: number;
    readonly dryAllowedLength: number;
    readonly xtcProbability: number;
    readonly xtcThreshold: number;
    readonly maxTokens: number;
}
export interface MemorySection {
    readonly language: string;
    readonly embeddingModel: string;
    readonly rememberChats: 'ask' | boolean;
    readonly consolidateEveryMs: number;
    readonly durability: MemoryDurability;
    readonly workingTtlMs: number;
    readonly workingCapacity: number;
    readonly shortTermTtlMs: number;
    readonly shortTermCapacity: number;
    readonly episodicTtlMs: number;
    readonly episodicCapacity: number;
    readonly longTermTtlMs: number;
    readonly longTermCapacity: number;
    readonly semanticTtlMs: number;
    readonly semanticCapacity: number;
}
export interface RagSection {
    readonly mode: 'auto' | 'on' | 'off';
    readonly contextTokensMax: number;
}
export interface ModelsSection {
    readonly hfEndpoint: string;
    readonly connectMsMax: number;
}
export interface UiSection {
    readonly color: 'auto' | 'always' | 'never';
    readonly history: boolean;
}
export interface GemmaConfig {
    readonly performance: PerformanceConfig;
    readonly gemma: GemmaSection;
    readonly engine: EngineSection;
    readonly sampling: SamplingSection;
    readonly memory: MemorySection;
    readonly rag: RagSection;
    readonly models: ModelsSection;
    readonly ui: UiSection;
}
export type ConfigSource = 'flag' | 'environment' | 'project' | 'user' | 'default';
export interface ConfigOrigin {
    readonly source: ConfigSource;
    readonly where?: string;
}
export interface LoadedConfig {
    readonly config: GemmaConfig;
    readonly origins: Readonly<Record<string, ConfigOrigin>>;
    readonly warnings: readonly string[];
    readonly files: {
        readonly user: string;
        readonly project: string | null;
    };
}

// dist/home.d.ts
export interface HomeLayout {
    readonly config: string;
    readonly models: string;
    readonly data: string;
    readonly memory: string;
    readonly sessions: string;
    readonly roles: string;
    readonly logs: string;
    readonly run: string;
    readonly runtimes: string;
    readonly states: string;
}
export declare function resolveHome(env: Readonly<Record<string, string | undefined>>, osHome: string): string;
export declare function homeLayout(home: string): HomeLayout;
export declare function ensureHome(home: string): Promise<void>;

// dist/index.d.ts
export { configKeys } from './config-keys.ts';
export type { ConfigFileValue, ConfigKey } from './config-keys.ts';
export { formatDuration, parseDurationMs } from './duration.ts';
export type { ConfigOrigin, ConfigSource, EngineSection, GemmaConfig, GemmaSection, LoadedConfig, MemorySection, ModelsSection, PerformanceConfig, RagSection, SamplingSection, UiSection, } from './gemma-config.ts';
export { ensureHome, homeLayout, resolveHome } from './home.ts';
export type { HomeLayout } from './home.ts';
export { findProjectFile, loadConfig, projectFileName } from './load-config.ts';
export type { FoundProjectFile, LoadConfigOptions } from './load-config.ts';
export { migrateConfigFile } from './migrate-config-file.ts';
export type { MigrationReport, MigrationStep } from './migrate-config-file.ts';
export { getConfigValue, setConfigValue } from './set-config-value.ts';
export type { ConfigValue, SetConfigResult, SetConfigValueOptions } from './set-config-value.ts';
export { engineOptionsOf, memoryOptionsOf, requestOptionsOf } from './options-of-config.ts';
export type { RequestOptions } from './options-of-config.ts';
export { validateConfigFile } from './validate-config-file.ts';
export type { ConfigFileReport } from './validate-config-file.ts';
export { builtInRoles } from './built-in-roles.ts';
export { formatRole, isRoleName, readRole } from './role-file.ts';
export type { RoleContent } from './role-file.ts';
export { createRoleStore } from './role-store.ts';
export type { RoleEntry, RoleStore, RoleText } from './role-store.ts';
export type { Role, RoleOption } from './role.ts';

// dist/load-config.d.ts
import { GemmaError } from '@gemma-cli/contracts';
import type { ConfigText } from './config-file.ts';
import type { LoadedConfig } from './gemma-config.ts';
export interface LoadConfigOptions {
    readonly home: string;
    readonly cwd: string;
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly flags?: Readonly<Record<string, unknown>>;
}
export declare const projectFileName = ".gemma.toml";
type Layer = ReadonlyMap<string, {
    readonly value: unknown;
    readonly where?: string;
}>;
export interface FileFindings {
    readonly layer: Layer;
    readonly problems: readonly GemmaError[];
    readonly warnings: readonly string[];
}
export declare function loadConfig({ home, cwd, env, flags }: LoadConfigOptions): Promise<LoadedConfig>;
export declare function checkConfigText(config: ConfigText | null, project: boolean): FileFindings;
export interface FoundProjectFile {
    readonly file: string | null;
    readonly warning: string | null;
}
export declare function findProjectFile(cwd: string): Promise<FoundProjectFile>;
export {};

// dist/migrate-config-file.d.ts
export interface MigrationStep {
    readonly key: string;
    readonly line: number;
    readonly action: 'renamed' | 'disabled' | 'removed';
    readonly to?: string;
    readonly reason: string;
}
export interface MigrationReport {
    readonly file: string;
    readonly backup: string | null;
    readonly steps: readonly MigrationStep[];
}
export declare function migrateConfigFile(file: string): Promise<MigrationReport>;

// dist/options-of-config.d.ts
import type { EngineOptions, GenerateRequest, MemoryStoreOptions } from '@gemma-cli/contracts';
import type { GemmaConfig, LoadedConfig } from './gemma-config.ts';
export type RequestOptions = Pick<GenerateRequest, 'sampling' | 'maxTokens' | 'contextTokens'>;
export declare function engineOptionsOf({ engine, gemma }: GemmaConfig, states: string): EngineOptions;
export declare function memoryOptionsOf({ performance, memory }: GemmaConfig, folder: string): MemoryStoreOptions;
export declare function requestOptionsOf({ config, origins }: LoadedConfig): RequestOptions;

// dist/role-file.d.ts
import type { Role } from './role.ts';
export declare function isRoleName(name: string): boolean;
export declare function readRole(text: string, { name, source, file }: Pick<Role, 'name' | 'source'> & {
    file: string;
}): Role;
export type RoleContent = {
    readonly [Key in Exclude<keyof Role, 'name' | 'source'>]?: Role[Key] | undefined;
};
export declare function formatRole({ summary, system, prompt, model, schema, schemaList, extract, options, defaults, }: RoleContent): string;

// dist/role-store.d.ts
import { GemmaError } from '@gemma-cli/contracts';
import type { Role } from './role.ts';
export interface RoleEntry {
    readonly name: string;
    readonly source: Role['source'];
    readonly overrides: boolean;
    readonly problem: GemmaError | null;
    readonly role: Role | null;
}
export interface RoleText {
    readonly text: string;
    readonly source: Role['source'];
    readonly file: string;
}
export interface RoleStore {
    list(): Promise<readonly RoleEntry[]>;
    find(name: string): Promise<Role>;
    text(name: string): Promise<RoleText | undefined>;
    write(name: string, text: string): Promise<Role>;
    remove(name: string): Promise<{
        readonly builtIn: boolean;
    }>;
    file(name: string): string;
}
export declare function createRoleStore({ folder }: {
    readonly folder: string;
}): RoleStore;

// dist/role.d.ts
export interface Role {
    readonly name: string;
    readonly source: 'built-in' | 'user';
    readonly summary: string;
    readonly system: string | null;
    readonly prompt: string | null;
    readonly model: string | null;
    readonly schema: string | null;
    readonly schemaList: boolean;
    readonly extract: 'first' | 'last' | null;
    readonly options: Readonly<Record<string, RoleOption>>;
    readonly defaults: Readonly<Record<string, string>>;
}
export type RoleOption = string | number | boolean | readonly string[];

// dist/set-config-value.d.ts
import type { ConfigFileValue } from './config-keys.ts';
import type { ConfigOrigin, LoadedConfig } from './gemma-config.ts';
export interface ConfigValue {
    readonly key: string;
    readonly value: ConfigFileValue;
    readonly origin: ConfigOrigin;
}
export declare function getConfigValue(loaded: LoadedConfig, key: string): ConfigValue;
export interface SetConfigValueOptions {
    readonly file: string;
    readonly key: string;
    readonly value: unknown;
    readonly project?: boolean;
}
export interface SetConfigResult {
    readonly key: string;
    readonly value: ConfigFileValue;
    readonly previous?: unknown;
}
export declare function setConfigValue(options: SetConfigValueOptions): Promise<SetConfigResult>;
export declare function withValue(text: string, section: string, name: string, value: ConfigFileValue): string;
export declare function splice(text: string, start: number, end: number, replacement: string): string;

// dist/validate-config-file.d.ts
import type { GemmaError } from '@gemma-cli/contracts';
export interface ConfigFileReport {
    readonly file: string;
    readonly exists: boolean;
    readonly problems: readonly GemmaError[];
    readonly warnings: readonly string[];
}
export declare function validateConfigFile(file: string, { project }?: {
    readonly project?: boolean;
}): Promise<ConfigFileReport>;
