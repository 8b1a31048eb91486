import { engineOptionsOf, homeLayout } from '@gemma-cli/config';
import type { GemmaConfig } from '@gemma-cli/config';
import { GemmaError } from '@gemma-cli/contracts';
import type { Embedder, WorkerSpec } from '@gemma-cli/contracts';
import { findRuntime } from '../commands/find-runtime.ts';
import { localPath } from '../commands/local-path.ts';
import { workerEnvironment } from './worker-environment.ts';
import {
  forgetEmbeddingFacts,
  readEmbeddingFacts,
  writeEmbeddingFacts,
  type EmbeddingFacts,
} from './embedding-facts.ts';

/** What {@link openMemoryEmbedder} takes. */
export interface MemoryEmbedderOptions {
  /** Home folder, absolute and there. */
  readonly home: string;
  /** Absolute working directory. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly config: GemmaConfig;
  /**
   * Load a model of which nothing is known yet. `false`: such a model has made no vector here, and there is no embedder.
   */
  readonly learn: boolean;
  /** The model process. Default: the llama.cpp worker. */
  readonly worker?: WorkerSpec | undefined;
  /** Called with the number of passages whose vectors were just computed. */
  readonly onVectors?: ((count: number) => void) | undefined;
  readonly log?: ((message: string) => void) | undefined;
}

/** An embedder and its model, or why there is none. */
export type MemoryEmbedder =
  | { readonly embedder: Embedder; readonly model: string }
  | {
      readonly embedder: null;
      /** `off`: the configuration says so. `none`: no embedding model is installed. `unused`: it has made no vector here. */
      readonly why: 'off' | 'none' | 'unused';
    };

/**
 * Finds the embedding model of the configuration and makes the embedder of a memory. A model that was used before is
 * loaded with the first text that needs it, and never when none does.
 *
 * @throws GemmaError `MODEL_NOT_FOUND`, `MODEL_UNSUPPORTED`; with `learn` what loading a model can throw.
 */
export async function openMemoryEmbedder(options: MemoryEmbedderOptions): Promise<MemoryEmbedder> {
  const { home, config, learn, onVectors } = options;
  const setting = config.memory.embeddingModel;
  if (setting === 'none') return { embedder: null, why: 'off' };
  const facts = await readEmbeddingFacts(home);
  if (facts === null && !learn) return { embedder: null, why: 'unused' };
  const chosen = await chooseModel(options, facts);
  if (chosen === null) return { embedder: null, why: 'none' };
  if (facts?.path === chosen.path) return { embedder: counted(lazily(options, facts), onVectors), model: facts.name };
  if (!learn) return { embedder: null, why: 'unused' };
  const embedder = await load(options, chosen);
  const { embedId, dimensions } = embedder;
  await writeEmbeddingFacts(home, { ...chosen, embedId, dimensions });
  return { embedder: counted(embedder, onVectors), model: chosen.name };
}

/** What to say where there is no embedding model. */
export function noEmbeddingModel(why: 'off' | 'none' | 'unused'): GemmaError {
  const message = {
    off: 'Search by meaning needs an embedding model, and memory.embedding_model is "none". Set it to "auto" or to the name of a model, or search with --mode lexical.',
    none: `Search by meaning needs an embedding model, and none is installed: \`gemma pull ${preferredName}\`. Words are found without one; memory.embedding_model = "none" says that they are enough.`,
    unused: 'The embedding model has made no vector here yet: `gemma memory embed` makes them.',
  }[why];
  return new GemmaError({ code: 'OPTION_UNSUPPORTED', message, facts: { option: 'mode', why } });
}

/** What `auto` takes of several: the one whose vectors are there, this one, the first by name. */
const preferredName = 'embeddinggemma:300m';

type ChosenModel = Pick<EmbeddingFacts, 'name' | 'path'>;

async function chooseModel(
  { home, cwd, config }: MemoryEmbedderOptions,
  facts: EmbeddingFacts | null,
): Promise<ChosenModel | null> {
  const setting = config.memory.embeddingModel;
  // Their file was just looked at; the list of models need not be read.
  if (facts !== null && (setting === 'auto' || setting === facts.name)) return facts;
  const { createModelStore } = await import('@gemma-cli/models');
  const store = createModelStore({ folder: homeLayout(home).models });
  if (setting !== 'auto') {
    const { name, path, embedding, problem } = await store.find(localPath(cwd, setting));
    if (problem !== null) {
      throw new GemmaError({
        code: 'MODEL_NOT_FOUND',
        message: `The embedding model ${name} cannot be run now: ${problem}. Fetch or import it again, or set memory.embedding_model to another.`,
        facts: { model: name, path, problem },
      });
    }
    if (!embedding) {
      throw new GemmaError({
        code: 'MODEL_UNSUPPORTED',
        message: `Expected memory.embedding_model to name an embedding model; ${name} generates text. Use one that was trained for vectors, for example ${preferredName} (\`gemma pull ${preferredName}\`).`,
        facts: { model: name, path },
      });
    }
    return { name, path };
  }
  const usable = (await store.list()).filter(({ embedding, problem }) => embedding && problem === null);
  const best = usable.find(({ name }) => name === preferredName) ?? usable[0];
  return best === undefined ? null : { name: best.name, path: best.path };
}

async function load(
  { home, env, config, worker, log }: MemoryEmbedderOptions,
  { name, path }: ChosenModel,
): Promise<Embedder> {
  const { createEmbedder } = await import('../runtime/create-embedder.ts');
  const { threads, compactCache, queueMax, loadMsMax, silenceMsMax, keepAliveMs, growthBytesMax } = engineOptionsOf(
    config,
    homeLayout(home).states,
  );
  const { embedder, resolution } = await createEmbedder({
    model: { name, path },
    implementation: config.performance.useOptimizedGemma ? 'optimized' : 'legacy',
    threads,
    compactCache,
    queueMax,
    loadMsMax,
    silenceMsMax,
    keepAliveMs,
    growthBytesMax,
    env: workerEnvironment(env),
    worker,
    // `undefined`: Node looks beside this program.
    runtimeFolder: (await findRuntime(home)) ?? undefined,
    log,
  });
  if (resolution.reason !== undefined)
    log?.(`Vectors come from the ${resolution.active} engine: ${resolution.reason}.`);
  return embedder;
}

/** An embedder of a model that is known: it is loaded with the first text. */
function lazily(options: MemoryEmbedderOptions, facts: EmbeddingFacts): Embedder {
  let loading: Promise<Embedder> | null = null;
  let isClosed = false;

  async function open(): Promise<Embedder> {
    const embedder = await load(options, facts);
    if (embedder.embedId === facts.embedId) return embedder;
    await embedder.close();
    await forgetEmbeddingFacts(options.home);
    throw new GemmaError({
      code: 'ENGINE_LOAD_FAILED',
      message: `Vectors of ${facts.name} are not what they were when it was used last (${embedder.embedId}, before ${facts.embedId}): the model or this program has changed. Run the command again, and they are made anew.`,
      facts: { path: facts.path, embedId: embedder.embedId, embedIdBefore: facts.embedId },
    });
  }

  async function close(): Promise<void> {
    isClosed = true;
    await (await loading?.catch(() => null))?.close();
  }

  return {
    embedId: facts.embedId,
    dimensions: facts.dimensions,
    async embed(texts, embedOptions) {
      if (texts.length === 0) return [];
      if (isClosed)
        throw new GemmaError({
          code: 'ENGINE_CLOSED',
          message: 'The embedder is closed. Open the memory again to use it.',
        });
      if (loading === null) {
        loading = open();
        // A load that failed is tried again with the next text.
        loading.catch(() => (loading = null));
      }
      const embedder = await loading;
      embedOptions?.signal?.throwIfAborted();
      return embedder.embed(texts, embedOptions);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** An embedder that tells of how many passages it has computed vectors. */
function counted(embedder: Embedder, onVectors: ((count: number) => void) | undefined): Embedder {
  if (onVectors === undefined) return embedder;
  return {
    embedId: embedder.embedId,
    dimensions: embedder.dimensions,
    async embed(texts, options) {
      const vectors = await embedder.embed(texts, options);
      if (options?.kind !== 'query') onVectors(vectors.length);
      return vectors;
    },
    close: () => embedder.close(),
    [Symbol.asyncDispose]: () => embedder.close(),
  };
}
