import type { Embedder, EmbedderOptions } from '@gemma-cli/contracts';
import { embedderOnHost, resolveEngineOptions } from '@gemma-cli/model-process';
import { warmProcess } from './embedder-warm-process.ts';

/**
 * Makes the optimized embedder: the model process stays between calls, and calls that come at the same time share it.
 *
 * @throws GemmaError `OPTION_UNSUPPORTED` when the model is no embedding model; `REQUEST_INVALID`; `MODEL_*`; `ENGINE_*`;
 *   `RUNTIME_NOT_INSTALLED`.
 */
export async function createEmbedder(options: EmbedderOptions): Promise<Embedder> {
  const settings = resolveEngineOptions(options);
  return embedderOnHost(warmProcess(options.model, 'embed', settings), options);
}
