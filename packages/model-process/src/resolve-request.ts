import { randomInt } from 'node:crypto';
import { GemmaError, requestDefaults } from '@gemma-cli/contracts';
import type {
  Capabilities,
  EngineOptions,
  GenerateRequest,
  ModelFile,
  OutputFormat,
  Prompt,
  Sampling,
  Speculation,
} from '@gemma-cli/contracts';
import type { LoadedModel, ResolvedSampling } from '@gemma-cli/contracts/worker-protocol';
import { basename } from 'node:path';
import { checkGbnf } from './grammar/check-gbnf.ts';
import { jsonObjectGbnf, jsonSchemaToGbnf } from './grammar/json-schema-to-gbnf.ts';
import { toolCallGrammar } from './grammar/tool-call-grammar.ts';
import type { ToolOptions } from './grammar/tool-call-grammar.ts';
import { renderToolMessages } from './grammar/tool-messages.ts';

/** A request with every default filled in and every value checked. */
export interface ResolvedRequest {
  readonly model: Required<ModelFile>;
  readonly prompt: Prompt;
  readonly sampling: ResolvedSampling;
  readonly maxTokens: number;
  readonly stop: readonly string[];
  readonly contextTokens: number;
  readonly reproducible: boolean;
  readonly onContextOverflow: 'refuse' | 'trim';
  /** GBNF that the answer is held to; `null` = free text. */
  readonly grammar: string | null;
  /** Tools that the answer may call; `null` = none. Their description is part of the prompt, their form of the grammar. */
  readonly tools: ToolOptions | null;
  /** How many likeliest tokens are told with each; `null` = no log-probabilities. */
  readonly logprobs: number | null;
  readonly speculation: Speculation | null;
  readonly stablePrefix: NonNullable<GenerateRequest['stablePrefix']> | null;
  /** Options that the caller gave, to be held against the model's capabilities. */
  readonly asked: {
    readonly sampling: boolean;
    readonly seed: boolean;
    readonly topP: boolean;
    readonly minP: boolean;
    readonly repeatPenalty: boolean;
    readonly extendedSampling: boolean;
  };
}

/**
 * Checks a request and fills in its defaults. Nothing has been started yet when this throws.
 *
 * @throws GemmaError `REQUEST_INVALID`, `PROMPT_TOO_LONG`, `PROMPT_FORBIDDEN_CHARACTER`.
 */
export function resolveRequest(
  request: GenerateRequest,
  { promptCharsMax = requestDefaults.promptCharsMax }: Pick<EngineOptions, 'promptCharsMax'>,
): ResolvedRequest {
  const { sampling = {}, stop = [] } = request;
  checkPrompt(request.prompt, promptCharsMax);
  const { prompt, tools, grammar: toolGrammar } = offerTools(request);
  if (stop.length > requestDefaults.stopStringsMax) {
    throw invalid('stop', `at most ${requestDefaults.stopStringsMax} strings`, stop.length);
  }
  for (const text of stop) {
    const sound = typeof text === 'string' && text.length >= 1 && text.length <= requestDefaults.stopStringCharsMax;
    if (!sound) throw invalid('stop', `strings of 1 to ${requestDefaults.stopStringCharsMax} characters`, text);
  }
  return {
    model: resolveModel(request.model),
    prompt,
    sampling: {
      temperature: within('temperature', sampling.temperature ?? requestDefaults.temperature, 0, 2),
      topK: whole('topK', sampling.topK ?? requestDefaults.topK, 0, 2 ** 31 - 1),
      topP: within('topP', sampling.topP ?? requestDefaults.topP, 0, 1),
      minP: within('minP', sampling.minP ?? requestDefaults.minP, 0, 1),
      repeatPenalty: within('repeatPenalty', sampling.repeatPenalty ?? requestDefaults.repeatPenalty, 1, 2),
      repeatLastTokens: whole(
        'repeatLastTokens',
        sampling.repeatLastTokens ?? requestDefaults.repeatLastTokens,
        0,
        8192,
      ),
      frequencyPenalty: within(
        'frequencyPenalty',
        sampling.frequencyPenalty ?? requestDefaults.frequencyPenalty,
        -2,
        2,
      ),
      presencePenalty: within('presencePenalty', sampling.presencePenalty ?? requestDefaults.presencePenalty, -2, 2),
      dryMultiplier: within('dryMultiplier', sampling.dryMultiplier ?? requestDefaults.dryMultiplier, 0, 5),
      dryBase: within('dryBase', sampling.dryBase ?? requestDefaults.dryBase, 1, 4),
      dryAllowedLength: whole('dryAllowedLength', sampling.dryAllowedLength ?? requestDefaults.dryAllowedLength, 1, 64),
      xtcProbability: within('xtcProbability', sampling.xtcProbability ?? requestDefaults.xtcProbability, 0, 1),
      xtcThreshold: within('xtcThreshold', sampling.xtcThreshold ?? requestDefaults.xtcThreshold, 0, 1),
      logitBias: logitBias(sampling.logitBias ?? {}),
      seed: whole('seed', sampling.seed ?? randomInt(2 ** 32), 0, requestDefaults.seedMax),
    },
    maxTokens: whole('maxTokens', request.maxTokens ?? requestDefaults.maxTokens, 1, 2 ** 31 - 1),
    stop,
    contextTokens: resolveContextTokens(request.contextTokens),
    reproducible: request.reproducible ?? false,
    onContextOverflow: request.onContextOverflow ?? 'refuse',
    grammar: toolGrammar ?? grammarOf(request.format),
    tools,
    logprobs:
      request.logprobs === undefined ? null : whole('logprobs', request.logprobs, 0, requestDefaults.logprobsMax),
    speculation: request.speculation ?? null,
    stablePrefix: stablePrefixOf(request, prompt),
    asked: {
      sampling: request.sampling !== undefined,
      seed: sampling.seed !== undefined,
      topP: sampling.topP !== undefined,
      extendedSampling: extendedSampling.some((name) => sampling[name] !== undefined),
      minP: sampling.minP !== undefined,
      repeatPenalty: sampling.repeatPenalty !== undefined,
    },
  };
}

/** The prompt with its tools told and their calls and results as text, and the grammar of a call. */
function offerTools({ prompt, tools, toolChoice, parallelToolCalls, format }: GenerateRequest): {
  readonly prompt: Prompt;
  readonly tools: ToolOptions | null;
  readonly grammar: string | null;
} {
  const speaksOfTools =
    prompt.type === 'chat' &&
    prompt.messages.some(({ role, toolCalls = [] }) => role === 'tool' || toolCalls.length > 0);
  if (tools === undefined && toolChoice === undefined && !speaksOfTools) return { prompt, tools: null, grammar: null };
  const options: ToolOptions = { tools: tools ?? [], toolChoice, parallel: parallelToolCalls };
  const grammar = toolCallGrammar(options);
  if (grammar !== null && format !== undefined) {
    throw invalid('format', "left out beside tools that may be called (toolChoice 'none' allows it)", format.type);
  }
  if (prompt.type !== 'chat') {
    if (grammar !== null) throw invalid('tools', 'given with a conversation, not with a completion', 'a completion');
    return { prompt, tools: null, grammar: null };
  }
  return {
    prompt: { type: 'chat', messages: renderToolMessages(prompt.messages, options) },
    tools: grammar === null ? null : options,
    grammar,
  };
}

/** Telling the tools may have put a system message before the first. */
function stablePrefixOf({ prompt, stablePrefix }: GenerateRequest, told: Prompt): ResolvedRequest['stablePrefix'] {
  if (stablePrefix === undefined) return null;
  if (!('messages' in stablePrefix)) {
    return { characters: whole('stablePrefix.characters', stablePrefix.characters, 0, 2 ** 31 - 1) };
  }
  const messages = whole('stablePrefix.messages', stablePrefix.messages, 0, 2 ** 31 - 1);
  const isSystemNew =
    prompt.type === 'chat' &&
    told.type === 'chat' &&
    prompt.messages[0]?.role !== 'system' &&
    told.messages[0]?.role === 'system';
  return { messages: isSystemNew ? messages + 1 : messages };
}

/** The grammar that holds an answer to its form. */
function grammarOf(format: OutputFormat | undefined): string | null {
  switch (format?.type) {
    case undefined:
      return null;
    case 'json-schema':
      return jsonSchemaToGbnf(format.schema);
    case 'json':
      return jsonObjectGbnf();
    case 'gbnf':
      checkGbnf(format.grammar);
      return format.grammar;
    default:
      throw invalid('format', "one of the types 'json-schema', 'json' and 'gbnf'", format);
  }
}

const extendedSampling = [
  'repeatLastTokens',
  'frequencyPenalty',
  'presencePenalty',
  'dryMultiplier',
  'dryBase',
  'dryAllowedLength',
  'xtcProbability',
  'xtcThreshold',
  'logitBias',
] as const satisfies readonly (keyof Sampling)[];

/** Checks the biases of tokens. */
function logitBias(biases: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  const entries = Object.entries(biases);
  if (entries.length > requestDefaults.logitBiasesMax) {
    throw invalid('logitBias', `at most ${requestDefaults.logitBiasesMax} tokens`, entries.length);
  }
  for (const [token, bias] of entries) {
    if (!/^\d{1,9}$/.test(token)) throw invalid('logitBias', 'token ids as keys', token);
    within(`logitBias[${token}]`, bias, -100, 100);
  }
  return biases;
}

/** Checks a context and fills in its default. */
export function resolveContextTokens(contextTokens: number = requestDefaults.contextTokens): number {
  return whole('contextTokens', contextTokens, 16, 2 ** 24);
}

/** Fills in the name of a model. */
export function resolveModel(model: ModelFile): Required<ModelFile> {
  if (typeof model.path !== 'string' || model.path === '') throw invalid('model.path', 'a path', model.path);
  return { path: model.path, name: model.name ?? basename(model.path), sha256: model.sha256 };
}

/**
 * Holds the options of a request against what the model can do.
 *
 * @throws GemmaError `OPTION_UNSUPPORTED`.
 */
export function checkCapabilities(request: ResolvedRequest, { capabilities }: LoadedModel): void {
  const needed: readonly (readonly [keyof Capabilities, boolean, string])[] = [
    [
      'chat',
      request.prompt.type === 'chat',
      'A conversation needs a chat template, and the model file has none: it is a base model. Send a completion instead',
    ],
    ['seed', request.asked.seed, 'The runtime cannot repeat choices from a seed. Leave out seed'],
    [
      'perRequestSampling',
      request.asked.sampling,
      'The runtime chooses tokens as it was started, not by request. Leave out sampling',
    ],
    ['topP', request.asked.topP, 'The runtime has no top-p sampling. Leave out topP'],
    ['minP', request.asked.minP, 'The runtime has no min-p sampling. Leave out minP'],
    ['repeatPenalty', request.asked.repeatPenalty, 'The runtime has no repeat penalty. Leave out repeatPenalty'],
    [
      'extendedSampling',
      request.asked.extendedSampling,
      'The runtime has none of the further sampling options (penalties, DRY, XTC, logit bias). Leave them out',
    ],
    [
      'schema',
      request.grammar !== null,
      'The runtime cannot hold an answer to a schema, grammar or tool. Leave them out',
    ],
    ['logprobs', request.logprobs !== null, 'The runtime does not tell log-probabilities. Leave out logprobs'],
    ['speculation', request.speculation !== null, 'The runtime cannot guess ahead. Leave out speculation'],
  ];
  for (const [capability, asked, message] of needed) {
    if (asked && !capabilities[capability]) {
      throw new GemmaError({
        code: 'OPTION_UNSUPPORTED',
        message: `${message}, or use another model.`,
        facts: { capability, model: request.model.name },
      });
    }
  }
}

/**
 * Checks the characters of a prompt.
 *
 * @throws GemmaError `PROMPT_TOO_LONG`, `PROMPT_FORBIDDEN_CHARACTER`, `REQUEST_INVALID`.
 */
export function checkPrompt(prompt: Prompt, promptCharsMax: number = requestDefaults.promptCharsMax): void {
  const texts = prompt.type === 'chat' ? prompt.messages.map(({ content }) => content) : [prompt.text];
  if (prompt.type === 'chat' && texts.length === 0) throw invalid('prompt.messages', 'at least one message', 'none');
  const chars = texts.reduce((sum, text) => sum + text.length, 0);
  if (chars > promptCharsMax) {
    throw new GemmaError({
      code: 'PROMPT_TOO_LONG',
      message: `Expected a prompt of at most ${promptCharsMax} characters, got ${chars}. Shorten it, or raise engine.prompt_chars_max.`,
      facts: { promptChars: chars, promptCharsMax },
    });
  }
  for (const text of texts) {
    // eslint-disable-next-line no-control-regex -- these two are what is looked for
    const index = text.search(/[\0\u001B]/);
    if (index >= 0) {
      const character = text.charCodeAt(index) === 0 ? 'NUL' : 'ESC';
      throw new GemmaError({
        code: 'PROMPT_FORBIDDEN_CHARACTER',
        message: `Expected text without NUL and ESC characters, got ${character} at character ${index}. Remove it; it is a sign of binary or terminal data.`,
        facts: { character, index },
      });
    }
  }
}

function within(name: string, value: number, min: number, max: number): number {
  if (typeof value !== 'number' || !(value >= min && value <= max)) {
    throw invalid(name, `a number from ${min} to ${max}`, value);
  }
  return value;
}

function whole(name: string, value: number, min: number, max: number): number {
  if (!Number.isInteger(value)) throw invalid(name, `a whole number from ${min} to ${max}`, value);
  return within(name, value, min, max);
}

function invalid(option: string, expected: string, got: unknown): GemmaError {
  return new GemmaError({
    code: 'REQUEST_INVALID',
    message: `Expected ${option} to be ${expected}, got ${JSON.stringify(got) ?? String(got)}.`,
    facts: { option, expected, got },
  });
}
