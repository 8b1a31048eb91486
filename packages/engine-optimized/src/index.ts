export { handshake } from './handshake.ts';
export { create } from './optimized-engine.ts';
