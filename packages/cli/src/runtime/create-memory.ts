import type { ShadowStats } from '@gemma-cli/app/memory';
import { GemmaError } from '@gemma-cli/contracts';
import type {
  ImplementationName,
  MemoryStats,
  MemoryStore,
  MemoryStoreOptions,
  Resolution,
} from '@gemma-cli/contracts';
import { memorySources } from './memory-sources.ts';
import { resolveImplementation, type ImplementationSource } from './resolve.ts';

/** What {@link createMemory} takes: the options of the store, and which one. */
export interface CreateMemoryOptions extends MemoryStoreOptions {
  /** Which implementation to try first. Default `optimized`. */
  readonly implementation?: ImplementationName | undefined;
  /** Share of the searches that the other implementation is asked, too, to compare: 0..1. Default 0: it is not loaded. */
  readonly shadow?: number | undefined;
  /** Where the implementations come from. Default: the two packages of this project. */
  readonly sources?: Readonly<Record<ImplementationName, ImplementationSource>> | undefined;
}

/** A memory whose figures have those of its shadow, where it has one. */
export interface ShadowableMemory extends MemoryStore {
  stats(): Promise<MemoryStats & { readonly shadow?: ShadowStats }>;
}

/** A memory and how it was chosen. */
export interface CreatedMemory {
  readonly memory: ShadowableMemory;
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
  shadow = 0,
  sources = memorySources,
  ...options
}: CreateMemoryOptions): Promise<CreatedMemory> {
  const { instance, resolution } = await resolveImplementation<MemoryStoreOptions, MemoryStore>({
    contract: 'memory',
    requested: implementation,
    sources,
    options,
  });
  if (shadow === 0) return { memory: instance, resolution };
  const { shadowMemory } = await import('@gemma-cli/app/memory');
  const { log } = options;
  const memory = shadowMemory(instance, {
    share: shadow,
    openOther: () => openOther(resolution.active, sources, options),
    log,
  });
  return { memory, resolution };
}

/** Opens the implementation that does not answer, to be asked and nothing else. */
async function openOther(
  active: ImplementationName,
  sources: Readonly<Record<ImplementationName, ImplementationSource>>,
  { log, ...options }: MemoryStoreOptions,
): Promise<MemoryStore> {
  const requested = active === 'optimized' ? 'legacy' : 'optimized';
  const { instance, resolution } = await resolveImplementation<MemoryStoreOptions, MemoryStore>({
    contract: 'memory',
    requested,
    sources,
    // A cache would answer instead of it; what is written is for the one that answers.
    options: {
      ...options,
      enableQueryCache: false,
      embedInBackground: false,
      consolidateEveryMs: 0,
      log: (message) => log?.(`Shadow: ${message}`),
    },
  });
  if (resolution.active === requested) return instance;
  await instance.close();
  throw new GemmaError({
    code: 'UNSUPPORTED',
    message: `The ${requested} memory cannot be asked: ${resolution.reason ?? 'unknown'}.`,
    cause: resolution.cause,
  });
}
