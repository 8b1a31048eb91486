export { handshake } from './handshake.ts';
export { create } from './optimized-engine.ts';
export { createEmbedder } from './embedder.ts';
export { createReranker } from './reranker.ts';
