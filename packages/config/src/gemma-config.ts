import type { MemoryDurability } from '@gemma-cli/contracts';

/** Which implementations run, and what the optimized memory may keep. The five documented keys of `[performance]`, and `shadow`. */
export interface PerformanceConfig {
  /** Answers come from the optimized engine. Falls back to legacy when it is not installed. Default true. */
  readonly useOptimizedGemma: boolean;
  /** Memory is searched by the optimized store. Default true. */
  readonly useOptimizedRag: boolean;
  /** Results of repeated memory searches are kept. Default true. */
  readonly enableQueryCache: boolean;
  /** Most memory writes in one commit. Default 100. */
  readonly batchSize: number;
  /** Most results in the query cache. Default 100. */
  readonly cacheMaxSize: number;
  /** Share of memory searches that is asked the other store, too, to compare: 0..1. Default 0. */
  readonly shadow: number;
}

/** Which model answers. */
export interface GemmaSection {
  /** Name or path of a model, or `auto`: gemma3:270m, else gemma3:270m-base, else the first installed chat model. */
  readonly defaultModel: string;
  /** Absolute path of the gemma.cpp executable. `null` = none. */
  readonly executablePath: string | null;
}

/** Bounds and deadlines of the engine: the same names as `EngineOptions`. */
export interface EngineSection {
  /** Threads that compute. `auto` = the cores really available. */
  readonly threads: number | 'auto';
  /** Tokens of context. `auto` = the smaller of the model's training context and 8,192. */
  readonly contextTokens: number | 'auto';
  /** Deadline of loading a model, in milliseconds. */
  readonly loadMsMax: number;
  /** Deadline of each sign of life while evaluating or decoding, in milliseconds. */
  readonly silenceMsMax: number;
  /** Most requests that wait. */
  readonly queueMax: number;
  /** Most characters of a prompt. */
  readonly promptCharsMax: number;
  /** Most bytes of an answer. */
  readonly responseBytesMax: number;
  /** How long an idle model stays loaded, in milliseconds. Infinity = forever, 0 = not at all. */
  readonly keepAliveMs: number;
  /** Threads step down when other work makes tokens slow, and up again after. */
  readonly adaptThreads: boolean;
  /** Requests that one model answers side by side. `auto` = 4 for weights below 1 GiB, otherwise 2. */
  readonly slots: number | 'auto';
  /** The longest that a part of a prompt may keep an abort or others waiting, in milliseconds. */
  readonly chunkMsMax: number;
  /** Most bytes of saved states of long prompt beginnings. 0 = none are kept. */
  readonly stateCacheBytesMax: number;
  /** Most bytes of memory for loaded models. `auto` = three quarters of what is free. */
  readonly memoryBytesMax: number | 'auto';
  /** Bytes that a model process may grow before it is replaced. */
  readonly growthBytesMax: number;
  /** Attention cache in 8 bits. */
  readonly compactCache: boolean;
}

/** How the next token is chosen, for requests that do not say: the same names and ranges as `Sampling`. */
export interface SamplingSection {
  /** 0 takes the likeliest token. 0..2. */
  readonly temperature: number;
  /** Only the k likeliest tokens; 0 = all. */
  readonly topK: number;
  /** Only the likeliest tokens that together reach this probability. 0..1. */
  readonly topP: number;
  /** Only tokens at least this share as likely as the likeliest. 0..1. */
  readonly minP: number;
  /** Makes recent tokens less likely by this factor. 1..2, 1 = off. */
  readonly repeatPenalty: number;
  /** Tokens of the answer that the penalties look back on. 0..8,192. */
  readonly repeatLastTokens: number;
  /** Taken off a token's logit for each time it came lately. -2..2, 0 = off. */
  readonly frequencyPenalty: number;
  /** Taken off a token's logit once it came lately. -2..2, 0 = off. */
  readonly presencePenalty: number;
  /** DRY: strength. 0..5, 0 = off. */
  readonly dryMultiplier: number;
  /** DRY: growth with the length of the repetition. 1..4. */
  readonly dryBase: number;
  /** DRY: longest repetition without a penalty, in tokens. 1..64. */
  readonly dryAllowedLength: number;
  /** XTC: chance of leaving out the likeliest tokens. 0..1, 0 = off. */
  readonly xtcProbability: number;
  /** XTC: only tokens at least this likely are left out. 0..1. */
  readonly xtcThreshold: number;
  /** Most tokens of an answer. */
  readonly maxTokens: number;
}

/** What is remembered, and how it is searched. */
export interface MemorySection {
  /** ISO 639-1: language of stemmer and stop words. */
  readonly language: string;
  /** Name or path of an embedding model; `auto`: an installed one, where there is one; `none`: search by words alone. */
  readonly embeddingModel: string;
  /** What is said in chats is kept; `ask` = nobody has said yes or no yet, and nothing is kept. */
  readonly rememberChats: 'ask' | boolean;
  /** How often memories are consolidated in the background at most, in milliseconds. 0 = never. */
  readonly consolidateEveryMs: number;
  /** When a write counts as done: when the disk has it, or up to half a second before. */
  readonly durability: MemoryDurability;
  /** How long memories of each tier live, in milliseconds; 0 = for good. How many each tier holds. */
  readonly workingTtlMs: number;
  readonly workingCapacity: number;
  readonly shortTermTtlMs: number;
  readonly shortTermCapacity: number;
  readonly episodicTtlMs: number;
  readonly episodicCapacity: number;
  readonly longTermTtlMs: number;
  readonly longTermCapacity: number;
  readonly semanticTtlMs: number;
  readonly semanticCapacity: number;
}

/** How answers use what is remembered. */
export interface RagSection {
  /** Passages that pass the relevance gate, the best ones whatever they are, or none. */
  readonly mode: 'auto' | 'on' | 'off';
  /** Most tokens of passages before a question, estimated. */
  readonly contextTokensMax: number;
}

/** Where models come from. */
export interface ModelsSection {
  /** Address of Hugging Face or of a mirror of it, without a slash at the end. */
  readonly hfEndpoint: string;
  /** How long one source may take to answer before the next is tried, in milliseconds. */
  readonly connectMsMax: number;
}

/** How the command shows things. */
export interface UiSection {
  /** Colours: only on a terminal, always, or never. `--no-color` and `NO_COLOR` win over it. */
  readonly color: 'auto' | 'always' | 'never';
  /** Keep what is typed in a chat for the next one. */
  readonly history: boolean;
}

/** The whole configuration: every value resolved, nothing left undefined, frozen. */
export interface GemmaConfig {
  readonly performance: PerformanceConfig;
  readonly gemma: GemmaSection;
  readonly engine: EngineSection;
  readonly sampling: SamplingSection;
  readonly memory: MemorySection;
  readonly rag: RagSection;
  readonly models: ModelsSection;
  readonly ui: UiSection;
}

/** Where a value came from, strongest first. */
export type ConfigSource = 'flag' | 'environment' | 'project' | 'user' | 'default';

/** Where one value came from. */
export interface ConfigOrigin {
  readonly source: ConfigSource;
  /** The name of the environment variable, or `FILE:LINE`. Absent for flags and defaults. */
  readonly where?: string;
}

/** What {@link loadConfig} gives. */
export interface LoadedConfig {
  readonly config: GemmaConfig;
  /** The origin of every key, by its dotted name in the file (`engine.keep_alive`). */
  readonly origins: Readonly<Record<string, ConfigOrigin>>;
  /** One sentence for each key or variable that is known but has no effect, or is unknown but harmless. */
  readonly warnings: readonly string[];
  readonly files: {
    /** The user file, whether or not it exists. */
    readonly user: string;
    /** The nearest `.gemma.toml`, or `null`. */
    readonly project: string | null;
  };
}
