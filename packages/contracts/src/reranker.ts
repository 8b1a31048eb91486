import type { VectorEngineOptions } from './embedder.ts';
import type { ModelFile } from './generate-request.ts';

/** What a reranker is made of: the model, and what its engine takes. */
export interface RerankerOptions extends VectorEngineOptions {
  readonly model: ModelFile;
}

/** Options of one call of {@link Reranker.rank}. */
export interface RankOptions {
  /** Cut a passage that is too long instead of refusing it. Default false. */
  readonly truncate?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** Scores how well passages answer a question, by a model that reads both together. */
export interface Reranker extends AsyncDisposable {
  /** Names model and version: scores of different ids must not be compared. */
  readonly rankId: string;
  /**
   * One score per passage, in the order given, 0..1; higher is better.
   *
   * @throws GemmaError `REQUEST_INVALID`, `CONTEXT_EXCEEDED`, `OPTION_UNSUPPORTED`, `ENGINE_*`.
   */
  rank(query: string, passages: readonly string[], options?: RankOptions): Promise<readonly number[]>;
  /** Safe to call twice. */
  close(): Promise<void>;
}
