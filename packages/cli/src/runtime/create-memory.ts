import type { ImplementationName, MemoryStore, MemoryStoreOptions, Resolution } from '@gemma-cli/contracts';
import { memorySources } from './memory-sources.ts';
import { resolveImplementation, type ImplementationSource } from './resolve.ts';

/** What {@link createMemory} takes: the options of the store, and which one. */
export interface CreateMemoryOptions extends MemoryStoreOptions {
  /** Which implementation to try first. Default `optimized`. */
  readonly implementation?: ImplementationName | undefined;
  /** Where the implementations come from. Default: the two packages of this project. */
  readonly sources?: Readonly<Record<ImplementationName, ImplementationSource>> | undefined;
}

/** A memory and how it was chosen. */
export interface CreatedMemory {
  readonly memory: MemoryStore;
  readonly resolution: Resolution;
}

/**
 * Opens a memory: the optimized one, or the legacy one when the optimized package is not installed or says that it cannot
 * work here. Both stand on the same record, so nothing that is remembered depends on the choice. The caller closes it.
 *
 * @throws ImplementationLoadError when an installed package is broken, and what opening a {@link MemoryStore} throws.
 */
export async function createMemory({
  implementation = 'optimized',
  sources = memorySources,
  ...options
}: CreateMemoryOptions): Promise<CreatedMemory> {
  const { instance, resolution } = await resolveImplementation<MemoryStoreOptions, MemoryStore>({
    contract: 'memory',
    requested: implementation,
    sources,
    options,
  });
  return { memory: instance, resolution };
}
