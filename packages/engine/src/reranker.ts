import type { Reranker, RerankerOptions } from '@gemma-cli/contracts';
import { rerankerOnHost, resolveEngineOptions } from '@gemma-cli/model-process';
import { processPerCall } from './embedder-processes.ts';

/**
 * Makes the legacy reranker: each call starts a model process, loads the model, computes, and ends the process.
 *
 * @throws GemmaError `OPTION_UNSUPPORTED` when the model is no ranking model; `REQUEST_INVALID`; `MODEL_*`; `ENGINE_*`;
 *   `RUNTIME_NOT_INSTALLED`.
 */
export async function createReranker(options: RerankerOptions): Promise<Reranker> {
  const settings = resolveEngineOptions(options);
  return rerankerOnHost(processPerCall(options.model, 'rank', settings), options.model);
}
