import { ensureHome, homeLayout, loadConfig, memoryOptionsOf } from '@gemma-cli/config';
import type { LoadedConfig } from '@gemma-cli/config';
import { isGemmaError } from '@gemma-cli/contracts';
import type { Embedder, ImplementationName, MemoryStore, Resolution } from '@gemma-cli/contracts';
import type { CommandContext, CommandInput } from '../../command.ts';
import { createLogPrinter } from '../../render/log-printer.ts';
import { createMemory } from '../../runtime/create-memory.ts';
import { printNotice } from '../print.ts';

/** Which memory answered, as `--json` tells it. */
export interface MemoryDescription {
  /** Where the memory lives. */
  readonly backend: MemoryStore['backend'];
  readonly requested: ImplementationName;
  readonly active: ImplementationName;
  /** Why `active` is not `requested`. Absent when they are the same. */
  readonly reason?: string;
}

/** A memory and the configuration it was opened with. */
export interface OpenedMemory {
  readonly memory: MemoryStore;
  readonly description: MemoryDescription;
  readonly loaded: LoadedConfig;
  readonly vectors: OpenedVectors;
}

/**
 * What a command does with vectors. `none`: nothing, and no model is looked for. `known`: it counts them; no model is
 * loaded. `try`: it uses and makes them where that works. `make`: it makes them from the beginning on, where that works.
 * `demand`: it fails without them.
 */
export type VectorNeed = 'none' | 'known' | 'try' | 'make' | 'demand';

/** The embedding model of an opened memory. */
export type OpenedVectors =
  | {
      /** Its name. */
      readonly model: string;
      /** Who hears of how many passages vectors were just computed. */
      listener: ((count: number) => void) | null;
    }
  | {
      readonly model: null;
      /** Why there is none, and what to do about it. `null`: nobody wants to know. */
      readonly line: string | null;
    };

/** How a memory is opened. */
export interface WithMemoryOptions {
  /** Default `none`. */
  readonly vectors?: VectorNeed | undefined;
}

/** Opens the memory that a command names, hands it over, and closes it whatever happens. */
export async function withMemory<T>(
  context: CommandContext,
  input: CommandInput,
  work: (opened: OpenedMemory) => Promise<T>,
  { vectors: need = 'none' }: WithMemoryOptions = {},
): Promise<T> {
  const { env, cwd, options } = context;
  await ensureHome(options.home);
  const loaded = await loadConfig({ home: options.home, cwd, env });
  for (const warning of loaded.warnings) printNotice(context, `gemma: ${warning}`);
  const printLog = createLogPrinter(input, context.stderr);
  const log = (message: string): void => {
    printLog({ level: 'info', message });
  };
  const name = input.options['memory'];
  const { embedder, vectors } = await openVectors(context, { loaded, need, log });
  try {
    const { memory, resolution } = await createMemory({
      ...memoryOptionsOf(loaded.config, homeLayout(options.home).memory),
      ...(typeof name === 'string' ? { namespace: name } : {}),
      ...(embedder === null ? {} : { embedder, embedInBackground: need === 'make' }),
      implementation: loaded.config.performance.useOptimizedRag ? 'optimized' : 'legacy',
      shadow: loaded.config.performance.shadow,
      log,
    });
    try {
      const description = describeMemory(memory, resolution);
      if (description.reason !== undefined)
        printNotice(context, `gemma: Using the ${description.active} memory: ${description.reason}.`);
      return await work({ memory, description, loaded, vectors });
    } finally {
      await memory.close();
    }
  } finally {
    await embedder?.close();
  }
}

/** Finds the embedding model and makes its embedder, as far as a command needs them. */
async function openVectors(
  { env, cwd, options }: CommandContext,
  {
    loaded: { config },
    need,
    log,
  }: { readonly loaded: LoadedConfig; readonly need: VectorNeed; readonly log: (message: string) => void },
): Promise<{ readonly embedder: Embedder | null; readonly vectors: OpenedVectors }> {
  if (need === 'none') return { embedder: null, vectors: { model: null, line: null } };
  const { noEmbeddingModel, openMemoryEmbedder } = await import('../../client/memory-embedder.ts');
  let opened: { readonly model: string; listener: ((count: number) => void) | null } | undefined;
  try {
    const found = await openMemoryEmbedder({
      home: options.home,
      cwd,
      env,
      config,
      learn: need !== 'known',
      onVectors: (count) => opened?.listener?.(count),
      log,
    });
    if (found.embedder !== null) {
      opened = { model: found.model, listener: null };
      return { embedder: found.embedder, vectors: opened };
    }
    if (need === 'demand') throw noEmbeddingModel(found.why);
    const line = found.why === 'none' ? `gemma: ${noEmbeddingModel(found.why).message}` : null;
    return { embedder: null, vectors: { model: null, line } };
  } catch (error) {
    if (need === 'demand' || !isGemmaError(error) || error.code === 'ABORTED') throw error;
    return { embedder: null, vectors: { model: null, line: `gemma: By words alone: ${error.message}` } };
  }
}

/** What is told of a memory. */
function describeMemory(
  { backend }: Pick<MemoryStore, 'backend'>,
  { requested, active, reason }: Resolution,
): MemoryDescription {
  return { backend, requested, active, ...(reason === undefined ? {} : { reason }) };
}
