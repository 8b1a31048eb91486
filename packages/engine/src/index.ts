export { handshake } from './handshake.ts';
export { create } from './legacy-engine.ts';
