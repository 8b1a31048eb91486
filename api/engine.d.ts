// . = ./dist/index.d.ts

// dist/embedder.d.ts
import type { Embedder, EmbedderOptions } from '@gemma-cli/contracts';
export declare function createEmbedder(options: EmbedderOptions): Promise<Embedder>;

// dist/handshake.d.ts
import type { ImplementationHandshake } from '@gemma-cli/contracts';
export declare const handshake: ImplementationHandshake;

// dist/index.d.ts
export { handshake } from './handshake.ts';
export { create } from './legacy-engine.ts';
export { createEmbedder } from './embedder.ts';
export { createReranker } from './reranker.ts';

// dist/legacy-engine.d.ts
import type { Engine, EngineOptions } from '@gemma-cli/contracts';
export declare function create(options?: EngineOptions): Promise<Engine>;

// dist/reranker.d.ts
import type { Reranker, RerankerOptions } from '@gemma-cli/contracts';
export declare function createReranker(options: RerankerOptions): Promise<Reranker>;
