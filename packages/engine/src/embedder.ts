import type { Embedder, EmbedderOptions } from '@gemma-cli/contracts';
import { embedderOnHost, resolveEngineOptions } from '@gemma-cli/model-process';
import { processPerCall } from './embedder-processes.ts';

/**
 * Makes the legacy embedder: each call starts a model process, loads the model, computes, and ends the process.
 *
 * @throws GemmaError `OPTION_UNSUPPORTED` when the model is no embedding model; `REQUEST_INVALID`; `MODEL_*`;
 *   `ENGINE_*`; `RUNTIME_NOT_INSTALLED`.
 */
export async function createEmbedder(options: EmbedderOptions): Promise<Embedder> {
  const settings = resolveEngineOptions(options);
  return embedderOnHost(processPerCall(options.model, 'embed', settings), options);
}
