export { createEngine } from './create-engine.ts';
export type { CreatedEngine, CreateEngineOptions } from './create-engine.ts';
export { createEmbedder } from './create-embedder.ts';
export type { CreatedEmbedder, CreateEmbedderOptions } from './create-embedder.ts';
export { createMemory } from './create-memory.ts';
export type { CreatedMemory, CreateMemoryOptions, ShadowableMemory } from './create-memory.ts';
export { resolveImplementation } from './resolve.ts';
export type { ImplementationSource, Resolved, ResolveOptions } from './resolve.ts';
