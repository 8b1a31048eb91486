/** Who said a message. */
export type ChatRole = 'system' | 'user' | 'assistant';

/** One message of a conversation. Text that looks like a special token of the model stays text. */
export interface ChatMessage {
  readonly role: ChatRole;
  readonly content: string;
}

/**
 * What the model is given: a conversation, rendered with the chat template in the model file, or a text to continue.
 * A conversation for a model without a template is refused with `OPTION_UNSUPPORTED`.
 */
export type Prompt =
  | { readonly type: 'chat'; readonly messages: readonly ChatMessage[] }
  | { readonly type: 'completion'; readonly text: string };

/** A model on disk. A file that was replaced under the same path is another model. */
export interface ModelFile {
  /** Absolute path of the weights. */
  readonly path: string;
  /** Name for reports and errors. Default: the file name. */
  readonly name?: string;
}

/** How the next token is chosen. Ranges are checked; a value outside is `REQUEST_INVALID`. */
export interface Sampling {
  /** 0 takes the likeliest token. 0..2, default 0.7. */
  readonly temperature?: number;
  /** Only the k likeliest tokens. Integer >= 0, 0 = all. Default 40. */
  readonly topK?: number;
  /** Only the likeliest tokens that together reach this probability. 0..1, default 0.95. */
  readonly topP?: number;
  /** Only tokens at least this share as likely as the likeliest. 0..1, default 0.05. */
  readonly minP?: number;
  /** Makes tokens of the last 64 less likely by this factor. 1..2, default 1 (off). */
  readonly repeatPenalty?: number;
  /** Repeats the same choices. Integer 0..2^32-1. Default: a new one per request. */
  readonly seed?: number;
}

/** One request for text. */
export interface GenerateRequest {
  readonly model: ModelFile;
  readonly prompt: Prompt;
  readonly sampling?: Sampling;
  /** Most tokens of the answer. Integer >= 1. Default 2,048, or what the context has room for. */
  readonly maxTokens?: number;
  /** The answer ends before the first of these, at most 16 of at most 256 characters. Default: none. */
  readonly stop?: readonly string[];
  /** Tokens of context. Default: the smaller of the model's training context and 8,192. */
  readonly contextTokens?: number;
  /**
   * The same prompt, options and machine give the same text in both implementations: prompts are evaluated on one fixed
   * schedule of chunks and cached prefixes are cut at its boundaries. Default false.
   */
  readonly reproducible?: boolean;
  /**
   * What happens to a prompt longer than the context: refused with the counts, or trimmed (oldest messages after the
   * system message first; of a completion its beginning) with a `prompt-trimmed` event. Default 'refuse'.
   */
  readonly onContextOverflow?: 'refuse' | 'trim';
}

/** Defaults of a request, each with its reason. */
export const requestDefaults = {
  /** Warm enough for prose, cool enough for facts; the ancestor's users know it. */
  temperature: 0.7,
  /** llama.cpp's own default: cuts the long tail of a vocabulary of 262,144. */
  topK: 40,
  /** llama.cpp's own default. */
  topP: 0.95,
  /** llama.cpp's own default. */
  minP: 0.05,
  /** Off: a penalty changes code and lists for the worse. */
  repeatPenalty: 1,
  /** The ancestor's default for a chat; a short answer ends by itself. */
  maxTokens: 2048,
  /** Enough for a long conversation; the key-value cache of a 4B model stays near 1 GB. */
  contextTokens: 8192,
  /** The ancestor's documented limit. */
  promptCharsMax: 50_000,
  /** 10 MiB: the ancestor's documented limit. */
  responseBytesMax: 10 * 1024 * 1024,
  stopStringsMax: 16,
  stopStringCharsMax: 256,
  /** Bounded by the sampler of llama.cpp. */
  seedMax: 2 ** 32 - 1,
} as const;
