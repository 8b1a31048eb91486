// . = ./dist/index.d.ts

// dist/handshake.d.ts
import type { ImplementationHandshake } from '@gemma-cli/contracts';
export declare const handshake: ImplementationHandshake;

// dist/index-retriever.d.ts
import type { RecordStore, Retriever } from '@gemma-cli/contracts';
import type { Analyzer } from '@gemma-cli/rag-core';
export interface IndexRetrieverParts {
    readonly record: RecordStore;
    readonly analyzer: Analyzer;
    readonly embedId: string | null;
    readonly folder: string;
    readonly log: (message: string) => void;
    readonly clock?: (() => number) | undefined;
    readonly tailRows?: number | undefined;
}
export declare function createIndexRetriever(parts: IndexRetrieverParts): Promise<Retriever>;

// dist/index.d.ts
export { handshake } from './handshake.ts';
export { create } from './optimized-memory.ts';
export { createIndexRetriever } from './index-retriever.ts';
export type { IndexRetrieverParts } from './index-retriever.ts';

// dist/optimized-memory.d.ts
import type { MemoryStore, MemoryStoreOptions } from '@gemma-cli/contracts';
export declare function create(options: MemoryStoreOptions): Promise<MemoryStore>;
