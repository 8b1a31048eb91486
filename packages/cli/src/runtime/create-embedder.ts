import type { Embedder, EmbedderOptions, ImplementationName, Resolution } from '@gemma-cli/contracts';
import { inspectModelFile } from '@gemma-cli/models';
import { engineSources } from './engine-sources.ts';
import { resolveImplementation, type ImplementationSource } from './resolve.ts';

/** What {@link createEmbedder} takes: the options of the embedder, and which one. */
export interface CreateEmbedderOptions extends EmbedderOptions {
  /** Which implementation to try first. Default `optimized`. */
  readonly implementation?: ImplementationName | undefined;
  /** Where the implementations come from. Default: the two engine packages of this project. */
  readonly sources?: Readonly<Record<ImplementationName, ImplementationSource>> | undefined;
}

/** An embedder and how it was chosen. */
export interface CreatedEmbedder {
  readonly embedder: Embedder;
  readonly resolution: Resolution;
}

/**
 * Makes an embedder: that of the optimized engine, or that of the legacy one when the optimized package is not installed.
 * Both give the same vectors under the same `embedId`. The model is loaded to learn what it is. The caller closes it.
 *
 * @throws ImplementationLoadError when an installed package is broken; GemmaError `OPTION_UNSUPPORTED` when the model is no
 *   embedding model, `MODEL_*`, `ENGINE_*`, `RUNTIME_NOT_INSTALLED`.
 */
export async function createEmbedder({
  implementation = 'optimized',
  sources = engineSources,
  ...options
}: CreateEmbedderOptions): Promise<CreatedEmbedder> {
  const { instance, resolution } = await resolveImplementation<EmbedderOptions, Embedder>({
    contract: 'engine',
    requested: implementation,
    sources: { legacy: embedderOf(sources.legacy), optimized: embedderOf(sources.optimized) },
    // Before every load, as with an engine.
    options: { ...options, checkModel: options.checkModel ?? inspectModelFile },
  });
  return { embedder: instance, resolution };
}

/** An engine's package makes its embedder beside its engine, under the same handshake. */
function embedderOf(source: ImplementationSource): ImplementationSource {
  return {
    ...source,
    load: async () => {
      const { handshake, createEmbedder: create } = (await source.load()) as {
        readonly handshake?: unknown;
        readonly createEmbedder?: unknown;
      };
      return { handshake, create };
    },
  };
}
