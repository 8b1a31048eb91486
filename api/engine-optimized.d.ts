// . = ./dist/index.d.ts

// dist/handshake.d.ts
import type { ImplementationHandshake } from '@gemma-cli/contracts';
export declare const handshake: ImplementationHandshake;

// dist/index.d.ts
export { handshake } from './handshake.ts';
export { create } from './optimized-engine.ts';

// dist/optimized-engine.d.ts
import type { Engine, EngineOptions } from '@gemma-cli/contracts';
export declare function create(options?: EngineOptions): Promise<Engine>;
