import type { EngineOptions } from './engine.ts';
import type { ModelFile } from './generate-request.ts';

/** Options of one call of {@link Embedder.embed}. */
export interface EmbedOptions {
  /** Whether the texts are questions or passages: some models want different prefixes. Default 'document'. */
  readonly kind?: 'query' | 'document';
  /** Cut a text that is longer than the model's context instead of refusing it. Default false. */
  readonly truncate?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The options of an engine that vectors and scores take. Threads stay as they are given: where other programs compute at
 * the same time, one less than the cores keeps every batch from waiting for the core that is taken.
 */
export type VectorEngineOptions = Pick<
  EngineOptions,
  | 'worker'
  | 'runtimeFolder'
  | 'env'
  | 'checkModel'
  | 'threads'
  | 'compactCache'
  | 'queueMax'
  | 'loadMsMax'
  | 'silenceMsMax'
  | 'abortMsMax'
  | 'keepAliveMs'
  | 'growthBytesMax'
  | 'log'
>;

/** What an embedder is made of: the model, and what its engine takes. */
export interface EmbedderOptions extends VectorEngineOptions {
  readonly model: ModelFile;
  /** Put before each question. Default: what the model's documentation asks for, by architecture and name. */
  readonly queryPrefix?: string | undefined;
  /** Put before each passage. Default: as above. */
  readonly documentPrefix?: string | undefined;
  /** Only the first of a vector's dimensions, for models that were trained for it (Matryoshka). Default: all. */
  readonly dimensions?: number | undefined;
}

/**
 * Turns texts into vectors of length 1. Vectors of different `embedId` must never be compared.
 */
export interface Embedder extends AsyncDisposable {
  /** Names model, pooling, prefixes and version: equal ids give comparable vectors. */
  readonly embedId: string;
  readonly dimensions: number;
  /**
   * One normalised vector per text, in the order given. An empty text, a text that is too long, and a model that is not
   * an embedding model are refused.
   *
   * @throws GemmaError `REQUEST_INVALID`, `CONTEXT_EXCEEDED`, `OPTION_UNSUPPORTED`, `ENGINE_*`.
   */
  embed(texts: readonly string[], options?: EmbedOptions): Promise<readonly Float32Array[]>;
  /** Safe to call twice. */
  close(): Promise<void>;
}
