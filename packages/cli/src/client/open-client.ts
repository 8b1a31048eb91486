import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createApp, type Client } from '@gemma-cli/app';
import type { GemmaConfig } from '@gemma-cli/config';
import {
  engineOptionsOf,
  ensureHome,
  homeLayout,
  loadConfig,
  memoryOptionsOf,
  requestOptionsOf,
  resolveHome,
} from '@gemma-cli/config';
import { isGemmaError } from '@gemma-cli/contracts';
import type { Embedder, Engine, MemoryStore, WorkerSpec } from '@gemma-cli/contracts';
import { createModelStore } from '@gemma-cli/models';
import { findRuntime } from '../commands/find-runtime.ts';
import { localPath } from '../commands/local-path.ts';
import { createEngine } from '../runtime/create-engine.ts';
import type { AnswerFlags } from '../thin/connection.ts';
import { workerEnvironment } from './worker-environment.ts';

/** What {@link openClient} takes: what the command line and its environment say. */
export interface OpenClientOptions {
  /** Absolute working directory. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly flags: Pick<AnswerFlags, 'engine' | 'memory'>;
  /** Questions that it answers side by side, where the configuration leaves that open. Default: the engine's choice. */
  readonly slots?: number | undefined;
  /** The model process. Default: the llama.cpp worker. */
  readonly worker?: WorkerSpec | undefined;
  /** Called with the engine when it was made, to look at; the client closes it. */
  readonly onEngine?: ((engine: Engine) => void) | undefined;
  /** Called with each warning about the configuration. */
  readonly warn?: ((message: string) => void) | undefined;
  /** Called with one line per noteworthy event. */
  readonly log?: ((message: string) => void) | undefined;
}

/** Makes the client of this process: configuration, model store and app, the engine when it is needed. */
export async function openClient({
  cwd,
  env,
  flags,
  slots,
  worker,
  onEngine,
  warn,
  log,
}: OpenClientOptions): Promise<Client> {
  const home = resolveHome(env, homedir());
  const loaded = await loadConfig({
    home,
    cwd,
    env,
    flags: flags.engine === undefined ? {} : { 'performance.use_optimized_gemma': flags.engine === 'optimized' },
  });
  for (const warning of loaded.warnings) warn?.(warning);
  const { config } = loaded;
  const store = createModelStore({ folder: homeLayout(home).models });
  const { memory: folder } = homeLayout(home);
  const memory = once(() => openMemory({ home, cwd, env, config, worker, namespace: flags.memory, warn, log }));
  return createApp({
    engine: async () => {
      const created = await createEngine({
        slots,
        ...engineOptionsOf(config, homeLayout(home).states),
        searchPath: env['PATH'] ?? env['Path'] ?? '',
        env: workerEnvironment(env),
        implementation: config.performance.useOptimizedGemma ? 'optimized' : 'legacy',
        worker,
        // `undefined`: Node looks beside this program.
        runtimeFolder: (await findRuntime(home)) ?? undefined,
        log,
      });
      onEngine?.(created.engine);
      return created;
    },
    models: {
      list: () => store.list(),
      find: (reference) => store.find(localPath(cwd, reference)),
    },
    defaults: { model: config.gemma.defaultModel, options: requestOptionsOf(loaded), rag: config.rag.mode },
    // Where nothing was ever remembered, nothing is made and no package of the memory is loaded.
    retrieval: async () => {
      if (!existsSync(join(folder, 'record.db'))) return null;
      const { createRetrieval } = await import('@gemma-cli/app/memory');
      const { contextTokensMax: tokensMax } = config.rag;
      return createRetrieval({ memory: await memory(), language: config.memory.language, tokensMax, log });
    },
    conversations: async () => {
      const { createConversationMemory } = await import('@gemma-cli/app/memory');
      // The home is made, and made private, before something is kept in it.
      await ensureHome(home);
      return createConversationMemory({ memory: await memory() });
    },
    warn,
    log,
  });
}

/** Opens something when it is first needed, and again only if that failed. */
function once<T>(open: () => Promise<T>): () => Promise<T> {
  let opened: Promise<T> | undefined;
  return () => {
    opened ??= open().catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  };
}

/** Opens what is remembered. The app closes it. */
async function openMemory({
  home,
  cwd,
  env,
  config,
  worker,
  namespace,
  warn,
  log,
}: Pick<OpenClientOptions, 'cwd' | 'env' | 'worker' | 'warn' | 'log'> & {
  readonly home: string;
  readonly config: GemmaConfig;
  readonly namespace: string | undefined;
}): Promise<MemoryStore> {
  const { createMemory } = await import('../runtime/create-memory.ts');
  const embedder = await openEmbedder({ home, cwd, env, config, worker, log });
  try {
    const { memory, resolution } = await createMemory({
      ...memoryOptionsOf(config, homeLayout(home).memory),
      ...(namespace === undefined ? {} : { namespace }),
      // Vectors are made by commands that say so: here a model is about to answer.
      ...(embedder === null ? {} : { embedder, embedInBackground: false }),
      implementation: config.performance.useOptimizedRag ? 'optimized' : 'legacy',
      shadow: config.performance.shadow,
      log,
    });
    if (resolution.reason !== undefined) warn?.(`Using the ${resolution.active} memory: ${resolution.reason}.`);
    return embedder === null ? memory : closingBoth(memory, embedder);
  } catch (error) {
    await embedder?.close();
    throw error;
  }
}

/** The embedder of a model whose vectors are there. It is loaded with the first question that is searched by its meaning. */
async function openEmbedder(
  parts: Pick<OpenClientOptions, 'cwd' | 'env' | 'worker' | 'log'> & {
    readonly home: string;
    readonly config: GemmaConfig;
  },
): Promise<Embedder | null> {
  const { openMemoryEmbedder } = await import('./memory-embedder.ts');
  try {
    return (await openMemoryEmbedder({ ...parts, learn: false })).embedder;
  } catch (error) {
    if (!isGemmaError(error)) throw error;
    parts.log?.(`Passages are found by their words alone: ${error.message}`);
    return null;
  }
}

function closingBoth(memory: MemoryStore, embedder: Embedder): MemoryStore {
  async function close(): Promise<void> {
    try {
      await memory.close();
    } finally {
      await embedder.close();
    }
  }
  return { ...memory, close, [Symbol.asyncDispose]: close };
}
