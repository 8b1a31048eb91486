export { handshake } from './handshake.ts';
export { create } from './legacy-memory.ts';
export { createScanRetriever } from './scan-retriever.ts';
export type { ScanRetrieverParts } from './scan-retriever.ts';
