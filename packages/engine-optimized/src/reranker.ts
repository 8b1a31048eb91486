import type { Reranker, RerankerOptions } from '@gemma-cli/contracts';
import { rerankerOnHost, resolveEngineOptions } from '@gemma-cli/model-process';
import { warmProcess } from './embedder-warm-process.ts';

/**
 * Makes the optimized reranker: the model process stays between calls, and calls that come at the same time share it.
 *
 * @throws GemmaError `OPTION_UNSUPPORTED` when the model is no ranking model; `REQUEST_INVALID`; `MODEL_*`; `ENGINE_*`;
 *   `RUNTIME_NOT_INSTALLED`.
 */
export async function createReranker(options: RerankerOptions): Promise<Reranker> {
  const settings = resolveEngineOptions(options);
  return rerankerOnHost(warmProcess(options.model, 'rank', settings), options.model);
}
