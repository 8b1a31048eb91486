export { createEngine } from './create-engine.ts';
export type { CreatedEngine, CreateEngineOptions } from './create-engine.ts';
export { resolveImplementation } from './resolve.ts';
export type { ImplementationSource, Resolved, ResolveOptions } from './resolve.ts';
