/** What the container of a model file is: llama.cpp's `gguf` or gemma.cpp's `sbs`. */
export type ModelFormat = 'gguf' | 'sbs';

/** What a model file says of itself in its checked header. No weight is read for it. */
export interface ModelHeader {
  readonly format: ModelFormat;
  /** Size of the whole file, in bytes. */
  readonly sizeBytes: number;
  /** Version of the container format. */
  readonly version: number;
  /** Architecture as the runtime names it, such as `gemma3` or `llama`. `gemma` for an SBS file. */
  readonly architecture: string;
  /** Name inside the file, free text. `null` when the file has none. */
  readonly name: string | null;
  /** Quantization, such as `Q4_K_M`. `null` when the file does not tell. */
  readonly quantization: string | null;
  /** Number of weights. `null` when the format does not tell. */
  readonly parameters: number | null;
  /** Tokens of context that the model was trained with. `null` when the file does not tell. */
  readonly trainContextTokens: number | null;
  /** Length of a hidden vector, which is the length of an embedding. `null` when the file does not tell. */
  readonly embeddingLength: number | null;
  /** The file has a chat template: an instruct model that can chat. Without one it completes text. */
  readonly chat: boolean;
  /** The model turns texts into vectors and does not generate. */
  readonly embedding: boolean;
  /** Kind of tokenizer, such as `llama` or `gpt2`. `null` when the file does not tell. */
  readonly tokenizer: string | null;
  /** Tokens in the vocabulary. `null` when the file does not tell. */
  readonly vocabularyTokens: number | null;
  /** Number of tensors, or of blobs in an SBS file. */
  readonly tensorCount: number;
  /** Bytes that were read to learn all this. */
  readonly readBytes: number;
}
