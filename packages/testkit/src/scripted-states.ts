import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import type { WorkerOperations } from '@gemma-cli/contracts/worker-protocol';
import { cutSequence } from './scripted-model.ts';
import type { ScriptedSequence } from './scripted-model.ts';

/** What a state depends on: a runtime that gets the state of another model or context computes nonsense with it. */
export function stateOrigin(load: WorkerOperations['load']['params']): string {
  const { path, contextTokens, compactCache } = load;
  return createHash('sha256')
    .update(readFileSync(path))
    .update(JSON.stringify([contextTokens, compactCache]))
    .digest('hex');
}

/** A sequence as the bytes of a file: a checksum of what follows, then what it holds. */
export function writeState(path: string, held: ScriptedSequence, origin: string): number {
  const body = Buffer.from(JSON.stringify({ origin, tokens: held.tokens, hashes: held.hashes }));
  const bytes = Buffer.concat([createHash('sha256').update(body).digest(), body]);
  writeFileSync(path, bytes, { flag: 'wx' });
  return bytes.length;
}

/** Writes the first half only, as a full disk leaves it. */
export function writeHalfState(path: string, held: ScriptedSequence, origin: string): void {
  const bytes = writeState(path, held, origin);
  writeFileSync(path, readFileSync(path).subarray(0, Math.floor(bytes / 2)));
}

/**
 * Puts a written state in the place of what a sequence holds, and gives the tokens that it has in common with `tokens`.
 * Of another origin it is taken all the same, as a real runtime would, and every number that follows is wrong.
 *
 * @throws Error when the file is missing, cut or changed.
 */
export function readState(path: string, into: ScriptedSequence, tokens: readonly number[], origin: string): number {
  const bytes = readFileSync(path);
  const body = bytes.subarray(32);
  if (!createHash('sha256').update(body).digest().equals(bytes.subarray(0, 32)))
    throw new Error('The state is damaged: its checksum does not fit.');
  const state = JSON.parse(body.toString()) as { origin: string; tokens: number[]; hashes: number[] };
  const foreign = state.origin === origin ? 0 : 0x5f5f5f5f;
  cutSequence(into, 0);
  into.tokens.push(...state.tokens);
  into.hashes.push(...state.hashes.map((hash) => (hash ^ foreign) >>> 0));
  const common = state.tokens.findIndex((token, place) => token !== tokens[place]);
  cutSequence(into, common === -1 ? Math.min(state.tokens.length, tokens.length) : common);
  return into.tokens.length;
}
