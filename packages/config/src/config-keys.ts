import {
  memoryDefaults,
  requestDefaults,
  requestRanges,
  type MemoryTier,
  type RangedOption,
} from '@gemma-cli/contracts';
import { z } from 'zod';
import { formatDuration, parseDurationMs } from './duration.ts';
import type { GemmaConfig } from './gemma-config.ts';

/** A value as a configuration file writes it. `null` = not set. */
export type ConfigFileValue = string | number | boolean | null;

/** One key: the row that the documentation and `gemma config list` show. */
export interface ConfigKey {
  /** Dotted name, as in the file: `section.name`. */
  readonly key: string;
  /** What values it takes, in words. */
  readonly type: string;
  /** The built-in value, as a file would write it. */
  readonly default: ConfigFileValue;
  /** Why this default. */
  readonly reason: string;
  /** The environment variable that sets it. */
  readonly environment: string;
  /** Other variables that set it, weaker than `environment`. */
  readonly environmentAliases: readonly string[];
  /** Whether a project file may set it. */
  readonly project: boolean;
  /** One sentence: what it does. */
  readonly summary: string;
}

/** How the text of a variable or an argument becomes a value. */
type Kind = 'boolean' | 'number' | 'text' | 'duration';

interface Definition<Value> {
  readonly name: string;
  readonly kind: Kind;
  readonly type: string;
  readonly schema: z.ZodType<Value>;
  readonly default: ConfigFileValue;
  readonly reason: string;
  readonly summary: string;
  /** `false`: a project file may not set it, because a cloned repository must not choose programs or addresses. */
  readonly project?: false;
  /** A narrower check for project files, and what passes it in words. */
  readonly projectSchema?: z.ZodType;
  readonly projectType?: string;
  readonly environmentAliases?: readonly string[];
}

/** A key with what is needed to read it. */
export interface KeyDefinition extends ConfigKey {
  readonly section: keyof GemmaConfig;
  /** Its name in `GemmaConfig[section]`. */
  readonly property: string;
  readonly kind: Kind;
  readonly schema: z.ZodType;
  readonly projectSchema: z.ZodType;
  /** What a project file may set it to, in words. */
  readonly projectType: string;
}

const trueOrFalse = { kind: 'boolean', type: 'true or false', schema: z.boolean() } as const;

/** Every key of the configuration, its default, and the reason. A key without an effect does not exist. */
const definitions: {
  readonly [Section in keyof GemmaConfig]: {
    readonly [Property in keyof GemmaConfig[Section]]: Definition<GemmaConfig[Section][Property]>;
  };
} = {
  performance: {
    useOptimizedGemma: {
      name: 'use_optimized_gemma',
      ...trueOrFalse,
      default: true,
      reason: 'Same answers, sooner: the process and the common prefix of the prompt are kept.',
      summary: 'Answer with the optimized engine; false = the legacy one, one process per prompt.',
    },
    useOptimizedRag: {
      name: 'use_optimized_rag',
      ...trueOrFalse,
      default: true,
      reason: 'Same results, sooner.',
      summary: 'Search memory with the optimized store; false = the legacy one, which looks at every row.',
    },
    enableQueryCache: {
      name: 'enable_query_cache',
      ...trueOrFalse,
      default: true,
      reason: 'A repeated search costs nothing and every write invalidates what it changes.',
      summary: 'Keep results of memory searches (optimized store).',
    },
    batchSize: {
      name: 'batch_size',
      ...integer(1, 10_000),
      default: 100,
      reason: "The ancestor's documented value: one sync for 100 writes is already 1 % of the cost each.",
      summary: 'Most memory writes in one commit (optimized store).',
    },
    cacheMaxSize: {
      name: 'cache_max_size',
      ...integer(0, 1_000_000),
      default: 100,
      reason: "The ancestor's documented value: about one working session of questions.",
      summary: 'Most results in the query cache (optimized store).',
    },
    shadow: {
      name: 'shadow',
      ...number(0, 1),
      default: 0,
      reason: 'It costs a second search; 0.01 compares one search of a hundred while another store is tried out.',
      summary:
        'Share of memory searches that the other store is asked, too, afterwards; differences are counted and logged.',
    },
  },
  gemma: {
    defaultModel: {
      name: 'default_model',
      kind: 'text',
      type: 'auto, a model name, or (user file only) a path',
      schema: z
        .string()
        .min(1)
        .max(4096)
        // eslint-disable-next-line no-control-regex -- control characters are what is refused
        .regex(/^[^\u0000-\u001f\u007f]*$/),
      // A name as `gemma list` shows it. What ends like a model file would be taken for a path in the project's folder.
      projectSchema: z
        .string()
        .regex(/^(?!.*\.(?:gguf|sbs)$)[a-z0-9][\w.-]*(?:\/[a-z0-9][\w.-]*)*(?::[a-z0-9][\w.-]*)?$/i),
      projectType: 'the name of a model',
      default: 'auto',
      reason: 'A newcomer has one model; auto takes it: gemma3:270m, else gemma3:270m-base, else the first chat model.',
      summary: 'The model that answers when none is named.',
    },
    executablePath: {
      name: 'executable_path',
      kind: 'text',
      type: 'an absolute path, or empty',
      schema: z
        .string()
        .max(4096)
        // eslint-disable-next-line no-control-regex -- control characters are what is refused
        .regex(/^(?:(?:\/|[A-Za-z]:[\\/]|\\\\)[^\u0000-\u001f\u007f]*)?$/)
        .nullable()
        .transform((path) => (path === '' ? null : path)),
      project: false,
      environmentAliases: ['GEMMA_EXECUTABLE'],
      default: null,
      reason: 'Most models are GGUF files, which llama.cpp runs; gemma.cpp is for those who built it.',
      summary: 'The gemma.cpp executable, which runs `.sbs` weights. Otherwise `gemma` is looked for in PATH.',
    },
  },
  engine: {
    threads: {
      name: 'threads',
      ...integerOrAuto(1, 1024),
      default: 'auto',
      reason: 'The cores really available: affinity and container quota count, sockets do not.',
      summary: 'Threads that compute.',
    },
    contextTokens: {
      name: 'context_tokens',
      ...integerOrAuto(requestRanges.contextTokens.min, requestRanges.contextTokens.max),
      default: 'auto',
      reason: `The smaller of the model's training context and ${requestDefaults.contextTokens}: memory stays bounded.`,
      summary: 'Tokens of context that a request gets.',
    },
    loadMsMax: {
      name: 'load_timeout',
      ...duration(1, 3_600_000),
      default: '2m',
      reason: 'A 4B model from a cold disk takes under a minute; twice that is a defect.',
      summary: 'Deadline of loading a model.',
    },
    silenceMsMax: {
      name: 'silence_timeout',
      ...duration(1, 3_600_000),
      default: '1m',
      reason: 'One chunk of evaluation takes seconds on a slow machine; a minute of silence is a hang.',
      summary: 'Deadline of each sign of life while a model computes.',
    },
    queueMax: {
      name: 'queue_max',
      ...integer(0, 100_000),
      project: false,
      default: 64,
      reason: 'More than that waits for minutes on one machine; a refusal is more honest.',
      summary: 'Most requests that wait; one more is refused as busy.',
    },
    promptCharsMax: {
      name: 'prompt_chars_max',
      ...integer(1, 10_000_000),
      project: false,
      default: requestDefaults.promptCharsMax,
      reason: "The ancestor's documented limit.",
      summary: 'Most characters of a prompt.',
    },
    responseBytesMax: {
      name: 'response_bytes_max',
      ...integer(1, 1_073_741_824),
      project: false,
      default: requestDefaults.responseBytesMax,
      reason: "The ancestor's documented limit, 10 MiB.",
      summary: 'Most bytes of an answer.',
    },
    keepAliveMs: {
      name: 'keep_alive',
      kind: 'duration',
      type: 'a duration (5m, 1h30m, bare seconds, 0 = unload at once, negative = forever)',
      schema: durationSchema(0, Number.POSITIVE_INFINITY),
      default: '5m',
      reason: 'Long enough to read an answer and ask on; short enough to give the memory back.',
      summary: 'How long an idle model stays loaded (optimized engine).',
    },
    adaptThreads: {
      name: 'adapt_threads',
      ...trueOrFalse,
      default: true,
      reason: 'On a busy machine threads wait for each other: two on two busy cores are several times slower than one.',
      summary: 'Use fewer threads while other work makes tokens slow (optimized engine).',
    },
    slots: {
      name: 'slots',
      ...integerOrAuto(1, 16),
      default: 'auto',
      reason:
        'Each slot costs its own context in memory: 4 for weights below 1 GiB, otherwise 2; 1 for `gemma ask`, which asks once.',
      summary: 'Requests that one model answers side by side (optimized engine).',
    },
    chunkMsMax: {
      name: 'chunk_time',
      ...duration(10, 60_000),
      default: '480ms',
      reason:
        'The runtime hears an abort only between parts of a prompt, and 500 ms is when people press Ctrl-C again.',
      summary: 'Aim for the time that one part of a prompt takes (optimized engine).',
    },
    stateCacheBytesMax: {
      name: 'state_cache_bytes_max',
      ...integer(0, 2 ** 50),
      project: false,
      default: 1024 ** 3,
      reason: 'About a hundred system prompts of a thousand tokens for a 270M model, a dozen for a 4B one.',
      summary: 'Most bytes of saved states of long prompt beginnings; 0 keeps none (optimized engine).',
    },
    memoryBytesMax: {
      name: 'memory_bytes_max',
      ...integerOrAuto(1, 2 ** 50),
      project: false,
      default: 'auto',
      reason: 'Three quarters of the memory that is free when a model is loaded: the machine has other work.',
      summary: 'Most bytes of memory for loaded models (optimized engine).',
    },
    growthBytesMax: {
      name: 'growth_bytes_max',
      ...integer(1_048_576, 2 ** 50),
      project: false,
      default: 1024 ** 3,
      reason: 'Native runtimes leak some MiB a request; a gibibyte is beyond any cache of ours.',
      summary: 'Growth of a model process after which it is replaced while idle (optimized engine).',
    },
    compactCache: {
      name: 'compact_cache',
      ...trueOrFalse,
      default: false,
      reason: 'Half the memory of a context for a little more time on prompts: for long contexts on small machines.',
      summary: 'Keep the attention cache in 8 bits.',
    },
  },
  sampling: {
    temperature: {
      name: 'temperature',
      ...ranged('temperature'),
      default: requestDefaults.temperature,
      reason: "Warm enough for prose, cool enough for facts; the ancestor's value.",
    },
    topK: {
      name: 'top_k',
      ...ranged('topK'),
      default: requestDefaults.topK,
      reason: "llama.cpp's own default: cuts the long tail of a large vocabulary.",
    },
    topP: {
      name: 'top_p',
      ...ranged('topP'),
      default: requestDefaults.topP,
      reason: "llama.cpp's own default.",
    },
    minP: {
      name: 'min_p',
      ...ranged('minP'),
      default: requestDefaults.minP,
      reason: "llama.cpp's own default.",
    },
    repeatPenalty: {
      name: 'repeat_penalty',
      ...ranged('repeatPenalty'),
      default: requestDefaults.repeatPenalty,
      reason: 'Off: a penalty changes code and lists for the worse.',
    },
    repeatLastTokens: {
      name: 'repeat_last_tokens',
      ...ranged('repeatLastTokens'),
      default: requestDefaults.repeatLastTokens,
      reason: "llama.cpp's own default: a few sentences.",
    },
    frequencyPenalty: {
      name: 'frequency_penalty',
      ...ranged('frequencyPenalty'),
      default: requestDefaults.frequencyPenalty,
      reason: 'Off, as every penalty.',
    },
    presencePenalty: {
      name: 'presence_penalty',
      ...ranged('presencePenalty'),
      default: requestDefaults.presencePenalty,
      reason: 'Off, as every penalty.',
    },
    dryMultiplier: {
      name: 'dry_multiplier',
      ...ranged('dryMultiplier'),
      default: requestDefaults.dryMultiplier,
      reason: 'Off, as every penalty; 0.8 is what its author uses against answers that go in circles.',
    },
    dryBase: {
      name: 'dry_base',
      ...ranged('dryBase'),
      default: requestDefaults.dryBase,
      reason: "The author's value.",
    },
    dryAllowedLength: {
      name: 'dry_allowed_length',
      ...ranged('dryAllowedLength'),
      default: requestDefaults.dryAllowedLength,
      reason: "The author's value.",
    },
    xtcProbability: {
      name: 'xtc_probability',
      ...ranged('xtcProbability'),
      default: requestDefaults.xtcProbability,
      reason: 'Off: it trades correctness for surprise.',
    },
    xtcThreshold: {
      name: 'xtc_threshold',
      ...ranged('xtcThreshold'),
      default: requestDefaults.xtcThreshold,
      reason: "The author's value.",
    },
    maxTokens: {
      name: 'max_tokens',
      ...ranged('maxTokens'),
      default: requestDefaults.maxTokens,
      reason: "The ancestor's default for a chat; a short answer ends by itself.",
    },
  },
  memory: {
    language: {
      name: 'language',
      kind: 'text',
      type: 'a language code of two letters, such as en',
      schema: z.string().regex(/^[a-z]{2}$/),
      project: false,
      default: memoryDefaults.language,
      reason:
        'What most documentation is written in; another one changes how words are reduced, not what is found by name.',
      summary: 'Language whose word endings and stop words the search knows.',
    },
    embeddingModel: {
      name: 'embedding_model',
      kind: 'text',
      type: 'auto, none, a model name or a path',
      schema: z
        .string()
        .min(1)
        .max(4096)
        // eslint-disable-next-line no-control-regex -- control characters are what is refused
        .regex(/^[^\u0000-\u001f\u007f]*$/),
      project: false,
      default: 'auto',
      reason:
        'An embedding model is installed on purpose: auto takes the one that was used last, else embeddinggemma:300m, else the first.',
      summary: 'The model that finds by meaning; none = search by words alone.',
    },
    rememberChats: {
      name: 'remember_chats',
      kind: 'boolean',
      type: 'ask, true or false (a project file: false alone)',
      schema: z.union([z.literal('ask'), z.boolean()]),
      // A repository may ask for silence; it must not make anybody's words be kept.
      projectSchema: z.literal(false),
      projectType: 'false',
      default: 'ask',
      reason: 'What is said belongs to who says it: nothing is kept before a yes. A chat at a terminal asks once.',
      summary:
        'Whether what is said in chats is remembered; the answer to the question of the first chat is kept here.',
    },
    consolidateEveryMs: {
      name: 'consolidate_every',
      ...duration(0, 604_800_000),
      project: false,
      default: '5m',
      reason: "The ancestor's documented interval; one process at a time does it, while nobody asks anything.",
      summary: 'How often memories are swept, merged and moved up in the background at most; 0 = only by command.',
    },
    durability: {
      name: 'durability',
      kind: 'text',
      type: 'durable or relaxed',
      schema: z.enum(['durable', 'relaxed']),
      project: false,
      default: memoryDefaults.durability,
      reason: 'What was told to be remembered is; relaxed is for filling a memory with what can be read again.',
      summary:
        'When a write to the memory counts as done: durable = on the disk; relaxed = soon, a power cut takes the last half second.',
    },
    workingTtlMs: tierTtl('working', 'What was just said; what a chat said goes on to the episodes then.'),
    // Those that go on to another tier are looked through one by one.
    workingCapacity: tierCapacity('working', 'About seven turns of a chat.', 1_000),
    shortTermTtlMs: tierTtl('short_term', 'A sitting.'),
    shortTermCapacity: tierCapacity('short_term', 'More than anybody notes in an hour.'),
    episodicTtlMs: tierTtl('episodic', 'A week of conversations.'),
    episodicCapacity: tierCapacity('episodic', 'Some hundred turns a day for that week.'),
    longTermTtlMs: tierTtl('long_term', 'A month, in which a third use moves it on.'),
    longTermCapacity: tierCapacity('long_term', "The ancestor's documented size."),
    semanticTtlMs: tierTtl('semantic', 'What is known stays known.'),
    semanticCapacity: tierCapacity('semantic', "The ancestor's documented size."),
  },
  rag: {
    mode: {
      name: 'mode',
      kind: 'text',
      type: 'auto, on or off',
      schema: z.enum(['auto', 'on', 'off']),
      default: 'auto',
      reason: 'Passages that have nothing to do with a question make its answer worse: they must pass a gate.',
      summary: 'Whether answers use what the memory holds: where it fits the question, always, or never.',
    },
    contextTokensMax: {
      name: 'context_tokens_max',
      ...integer(64, 1_000_000),
      default: 1024,
      reason:
        'Three or four passages: an eighth of the default context, and a second of evaluation on a small machine.',
      summary: 'Most tokens of passages that stand before a question, as estimated from their length.',
    },
  },
  models: {
    hfEndpoint: {
      name: 'hf_endpoint',
      kind: 'text',
      type: 'an http or https address',
      schema: z.url({ protocol: /^https?$/ }).transform((address) => address.replace(/\/+$/, '')),
      project: false,
      environmentAliases: ['HF_ENDPOINT'],
      default: 'https://huggingface.co',
      reason: 'Where the weights are published.',
      summary: 'Hugging Face or a mirror of it.',
    },
    connectMsMax: {
      name: 'connect_timeout',
      ...duration(1, 600_000),
      project: false,
      default: '5s',
      reason: 'A source that has not answered by then is tried no longer; the next one is.',
      summary: 'How long one source may take to answer.',
    },
  },
  ui: {
    color: {
      name: 'color',
      kind: 'text',
      type: 'auto, always or never',
      schema: z.enum(['auto', 'always', 'never']),
      default: 'auto',
      reason: 'Colours on a terminal, none in a file.',
      summary: 'Whether output is coloured; --no-color and NO_COLOR win over it.',
    },
    history: {
      name: 'history',
      ...trueOrFalse,
      project: false,
      default: true,
      reason:
        'A question that was typed once is typed again; the file is private, and a line that begins with a space stays out.',
      summary: 'Keep what is typed in a chat, in a private file of the home folder.',
    },
  },
};

/** Every key with its schema, in the order of the documentation. */
export const keyDefinitions: readonly KeyDefinition[] = Object.entries(definitions).flatMap(([section, properties]) =>
  Object.entries(properties as Readonly<Record<string, Definition<unknown>>>).map(([property, definition]) => {
    const key = `${section}.${definition.name}`;
    return {
      key,
      type: definition.type,
      default: definition.default,
      reason: definition.reason,
      environment: `GEMMA_${key.replace('.', '_').toUpperCase()}`,
      environmentAliases: definition.environmentAliases ?? [],
      project: definition.project ?? true,
      summary: definition.summary,
      section: section as keyof GemmaConfig,
      property,
      kind: definition.kind,
      schema: definition.schema,
      projectSchema: definition.projectSchema ?? definition.schema,
      projectType: definition.projectType ?? definition.type,
    };
  }),
);

/** Every key, for documentation and `gemma config list`. */
export const configKeys: readonly ConfigKey[] = keyDefinitions.map(
  ({ key, type, default: builtIn, reason, environment, environmentAliases, project, summary }) =>
    Object.freeze({ key, type, default: builtIn, reason, environment, environmentAliases, project, summary }),
);

const definitionsByKey: ReadonlyMap<string, KeyDefinition> = new Map(
  keyDefinitions.map((definition) => [definition.key, definition]),
);

/** The definition of a dotted key, if there is one. */
export function findKeyDefinition(key: string): KeyDefinition | undefined {
  return definitionsByKey.get(key);
}

/** What the text of a variable or an argument means for a key: `"4"` is a number where a number is expected. */
export function valueOfText(definition: KeyDefinition, text: string): unknown {
  const trimmed = text.trim();
  if (definition.kind === 'boolean') return trimmed === 'true' ? true : trimmed === 'false' ? false : text;
  if (definition.kind === 'number' && /^[+-]?(\d[\d_]*)(\.\d+)?(e[+-]?\d+)?$/i.test(trimmed)) {
    return Number(trimmed.replaceAll('_', ''));
  }
  return definition.kind === 'text' ? text : trimmed;
}

/** A resolved value as a file would write it: durations as text, the rest unchanged. */
export function fileValueOf(definition: KeyDefinition, value: unknown): ConfigFileValue {
  if (definition.kind === 'duration' && typeof value === 'number') return formatDuration(value);
  return value as ConfigFileValue;
}

/** A number of a request: range and meaning are those of every request. */
function ranged(name: RangedOption) {
  const { min, max, integer: isWhole, meaning } = requestRanges[name];
  const summary = `${meaning.charAt(0).toUpperCase()}${meaning.slice(1)}.`;
  return { ...(isWhole ? integer(min, max) : number(min, max)), summary };
}

/** How long the memories of a tier live. A repository must not make anybody forget: no project file sets it. */
function tierTtl(tier: MemoryTier, reason: string): Definition<number> {
  return {
    name: `${tier}_ttl`,
    ...duration(0, 315_360_000_000),
    project: false,
    default: formatDuration(memoryDefaults.tiers[tier].ttlMs ?? 0),
    reason,
    summary: `How long a memory of the tier ${tier} lives; 0 = for good.`,
  };
}

/** How many memories a tier holds. */
function tierCapacity(tier: MemoryTier, reason: string, most = 1_000_000): Definition<number> {
  return {
    name: `${tier}_capacity`,
    ...integer(1, most),
    project: false,
    default: memoryDefaults.tiers[tier].capacity,
    reason,
    summary: `Most memories of the tier ${tier}.`,
  };
}

function integer(least: number, most: number) {
  return {
    kind: 'number',
    type: `an integer from ${least} to ${most}`,
    schema: z.number().int().min(least).max(most),
  } as const;
}

function integerOrAuto(least: number, most: number) {
  return {
    kind: 'number',
    type: `auto, or an integer from ${least} to ${most}`,
    schema: z.union([z.literal('auto'), z.number().int().min(least).max(most)]),
  } as const;
}

function number(least: number, most: number) {
  return {
    kind: 'number',
    type: `a number from ${least} to ${most}`,
    schema: z.number().min(least).max(most),
  } as const;
}

function duration(leastMs: number, mostMs: number) {
  return {
    kind: 'duration',
    type: `a duration up to ${formatDuration(mostMs)} (5m, 90s, 500ms, bare seconds)`,
    schema: durationSchema(leastMs, mostMs),
  } as const;
}

function durationSchema(leastMs: number, mostMs: number): z.ZodType<number> {
  return z.union([z.string(), z.number()]).transform((value, context) => {
    const durationMs = parseDurationMs(value);
    if (durationMs !== null && durationMs >= leastMs && durationMs <= mostMs) return durationMs;
    context.addIssue({ code: 'custom', message: 'not a duration in range' });
    return z.NEVER;
  });
}
