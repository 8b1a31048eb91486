// . = ./dist/index.d.ts

// dist/handshake.d.ts
import type { ImplementationHandshake } from '@gemma-cli/contracts';
export declare const handshake: ImplementationHandshake;

// dist/index.d.ts
export { handshake } from './handshake.ts';
export { create } from './legacy-memory.ts';
export { createScanRetriever } from './scan-retriever.ts';
export type { ScanRetrieverParts } from './scan-retriever.ts';

// dist/legacy-memory.d.ts
import type { MemoryStore, MemoryStoreOptions } from '@gemma-cli/contracts';
export declare function create(options: MemoryStoreOptions): Promise<MemoryStore>;

// dist/scan-retriever.d.ts
import type { RecordStore, Retriever } from '@gemma-cli/contracts';
import type { Analyzer } from '@gemma-cli/rag-core';
export interface ScanRetrieverParts {
    readonly record: RecordStore;
    readonly analyzer: Analyzer;
    readonly embedId: string | null;
}
export declare function createScanRetriever({ record, analyzer, embedId }: ScanRetrieverParts): Retriever;
