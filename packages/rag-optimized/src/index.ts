export { handshake } from './handshake.ts';
export { create } from './optimized-memory.ts';
export { createIndexRetriever } from './index-retriever.ts';
export type { IndexRetrieverParts } from './index-retriever.ts';
