/** Who said a message. `tool` carries the result of a tool that the assistant called. */
export type ChatRole = 'system' | 'user' | 'assistant' | 'tool';

/** A tool that the model wants called. */
export interface ToolCall {
  /** Unique within the conversation, `call_…`. */
  readonly id: string;
  readonly name: string;
  /** The arguments as JSON text that fits the tool's schema. */
  readonly arguments: string;
}

/** One message of a conversation. Text that looks like a special token of the model stays text. */
export interface ChatMessage {
  readonly role: ChatRole;
  readonly content: string;
  /** Of an assistant's message: the tools that it called. */
  readonly toolCalls?: readonly ToolCall[];
  /** Of a tool's message: the call that it answers. */
  readonly toolCallId?: string;
}

/** A function that the model may call. */
export interface ToolDefinition {
  /** 1 to 64 letters, digits, `_` and `-`. */
  readonly name: string;
  readonly description?: string;
  /** JSON Schema of the arguments, an object. Default: no arguments. */
  readonly parameters?: unknown;
}

/** Which tools the model may or must call. */
export type ToolChoice = 'auto' | 'none' | 'required' | { readonly name: string };

/** The form that an answer is held to, token by token. */
export type OutputFormat =
  /** JSON that fits a schema. What the converter cannot honour is refused with `SCHEMA_UNSUPPORTED`. */
  | { readonly type: 'json-schema'; readonly schema: unknown }
  /** Any JSON object. */
  | { readonly type: 'json' }
  /** A grammar in llama.cpp's GBNF notation; its start rule is `root`. */
  | { readonly type: 'gbnf'; readonly grammar: string };

/** Guesses several tokens ahead and checks them in one batch. Greedy text stays the same; only speed changes. */
export type Speculation =
  /** Guesses what followed the last tokens earlier in the prompt: good for edits and quotations. */
  | { readonly type: 'prompt-lookup' }
  /** A smaller model with the same vocabulary guesses. */
  | { readonly type: 'draft'; readonly model: ModelFile };

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
  /** SHA-256 of the file, hexadecimal, where it is known: names the model in the state cache. Default: size and times. */
  readonly sha256?: string | undefined;
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
  /** Makes tokens of the last `repeatLastTokens` less likely by this factor. 1..2, default 1 (off). */
  readonly repeatPenalty?: number;
  /** Tokens of the answer that the three penalties look back on. Integer 0..8,192, default 64. */
  readonly repeatLastTokens?: number;
  /** Taken off a token's logit for each time it came within `repeatLastTokens`. -2..2, default 0 (off). */
  readonly frequencyPenalty?: number;
  /** Taken off a token's logit once it came within `repeatLastTokens`. -2..2, default 0 (off). */
  readonly presencePenalty?: number;
  /** DRY: strength of the penalty for a repeated sequence of tokens. 0..5, default 0 (off). */
  readonly dryMultiplier?: number;
  /** DRY: base of the penalty's growth with the length of the repetition. 1..4, default 1.75. */
  readonly dryBase?: number;
  /** DRY: longest repetition without a penalty, in tokens. Integer 1..64, default 2. */
  readonly dryAllowedLength?: number;
  /** XTC: chance of leaving out the likeliest tokens. 0..1, default 0 (off). */
  readonly xtcProbability?: number;
  /** XTC: only tokens at least this likely are left out, and one of them always stays. 0..1, default 0.1. */
  readonly xtcThreshold?: number;
  /** Added to the logit of a token, by token id. -100..100 each, at most 1,024. Default: none. */
  readonly logitBias?: Readonly<Record<string, number>>;
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
  /** The answer ends before the first of these that is complete, at most 16 of at most 256 characters. Default: none. */
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
  /** The form that the answer is held to. Not together with `tools` other than `toolChoice: 'none'`. Default: free text. */
  readonly format?: OutputFormat;
  /** Functions that the model may call. Default: none. */
  readonly tools?: readonly ToolDefinition[];
  /** Default 'auto' when there are tools. */
  readonly toolChoice?: ToolChoice;
  /** Whether one answer may call several tools. Default false. */
  readonly parallelToolCalls?: boolean;
  /** Gives each token's log-probability, and those of this many likeliest tokens in its place. 0..20. Default: none. */
  readonly logprobs?: number;
  /** Guessing ahead. Default: none: it pays for few models and tasks, and `gemma bench run speculation` tells for yours. */
  readonly speculation?: Speculation;
  /**
   * How much of the prompt's beginning will come again: whole messages of a conversation, or characters of a completion.
   * Its attention state is kept on disk where the engine has a state cache. Default: the system message of a
   * conversation, nothing of a completion.
   */
  readonly stablePrefix?: { readonly messages: number } | { readonly characters: number };
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
  /** llama.cpp's own default. */
  repeatLastTokens: 64,
  frequencyPenalty: 0,
  presencePenalty: 0,
  dryMultiplier: 0,
  /** The values of the sampler's author. */
  dryBase: 1.75,
  dryAllowedLength: 2,
  xtcProbability: 0,
  xtcThreshold: 0.1,
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
  logitBiasesMax: 1024,
  logprobsMax: 20,
  toolsMax: 128,
  /** Bounded by the sampler of llama.cpp. */
  seedMax: 2 ** 32 - 1,
} as const;
