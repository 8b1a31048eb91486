import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createModelStore } from '../src/index.ts';
import type { CatalogEntry, ModelStore, ModelStoreOptions, PullEvent, PullOptions } from '../src/index.ts';

/** A store that waits as little as a test can. */
export function fastStore(folder: string, options: Partial<ModelStoreOptions> = {}): ModelStore {
  return createModelStore({ folder, connectMsMax: 1_000, stallMsMax: 300, retryMs: 5, retriesMax: 3, ...options });
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Runs a pull to its end and gives its events; on an error, the error and the events before it. */
export async function pullAll(
  store: ModelStore,
  reference: string,
  options?: PullOptions,
): Promise<{ readonly events: readonly PullEvent[]; readonly error: unknown }> {
  const events: PullEvent[] = [];
  try {
    for await (const event of store.pull(reference, options)) events.push(event);
    return { events, error: undefined };
  } catch (error) {
    return { events, error };
  }
}

export function types(events: readonly PullEvent[]): readonly string[] {
  return events.map((event) => event.type).filter((type) => type !== 'progress');
}

/** The model of the last event. */
export function pulled(events: readonly PullEvent[]) {
  const last = events.at(-1);
  if (last?.type !== 'pulled') throw new Error(`expected the last event to be pulled, got ${JSON.stringify(last)}`);
  return last;
}

/** What is left of pulls: parts, states, wheels, locks. */
export async function leftovers(folder: string): Promise<readonly string[]> {
  return (await readdir(join(folder, '.pulls'))).toSorted();
}

/** Bytes of the one part that is there. */
export async function partBytes(folder: string): Promise<Buffer> {
  const parts = (await leftovers(folder)).filter((name) => name.endsWith('.part'));
  if (parts.length !== 1) throw new Error(`expected one part, got ${parts.join(', ')}`);
  return await readFile(join(folder, '.pulls', parts[0] ?? ''));
}

/** A catalog with one model, to be had from the sources given. */
export function catalogOf(entry: Partial<CatalogEntry> & Pick<CatalogEntry, 'sources'>): readonly CatalogEntry[] {
  return [
    {
      name: 'tiny:1m',
      isFamilyDefault: true,
      summary: 'a model for tests',
      sizeBytes: 1_000_000,
      parameters: 1_000_000,
      quantization: 'Q8_0',
      contextTokens: 2_048,
      kind: 'chat',
      licence: { name: 'Test terms', url: 'https://example.org/terms', text: 'For tests alone.' },
      sha256: null,
      hashSource: 'unknown',
      hashNote: 'a test',
      ...entry,
    },
  ];
}
