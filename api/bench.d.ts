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

// dist/suite.d.ts
import type { Benchmark } from '@gemma-cli/bench-kit';
export interface SuiteOptions {
    readonly model?: string | undefined;
    readonly embeddingModel?: string | undefined;
    readonly threads?: number | undefined;
    readonly quick?: boolean | undefined;
    readonly env?: Readonly<Record<string, string | undefined>>;
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
