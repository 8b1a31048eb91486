import { randomInt } from 'node:crypto';
import { GemmaError, requestDefaults, requestRanges } from '@gemma-cli/contracts';
import type {
  Capabilities,
  ChatMessage,
  EngineOptions,
  GenerateRequest,
  ModelFile,
  OutputFormat,
  Prompt,
  RangedOption,
  Sampling,
  Speculation,
  ToolCall,
} from '@gemma-cli/contracts';
import type { LoadedModel, ResolvedSampling } from '@gemma-cli/contracts/worker-protocol';
import { basename } from 'node:path';
import { checkGbnf } from './grammar/check-gbnf.ts';
import { jsonObjectGbnf, jsonSchemaToGbnf } from './grammar/json-schema-to-gbnf.ts';
import { toolCallGrammar } from './grammar/tool-call-grammar.ts';
import type { ToolOptions } from './grammar/tool-call-grammar.ts';
import { renderToolMessages } from './grammar/tool-messages.ts';
import type { RenderedEnd } from './grammar/tool-messages.ts';
import { invalidOption } from './errors.ts';

/**
 * What of a prompt will come again: of a conversation whole messages and characters of the message behind them, of a text
 * its characters.
 */
export type StablePrefix = RenderedEnd | { readonly characters: number };

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
  readonly stablePrefix: StablePrefix | null;
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
  const { prompt, ends, tools, grammar: toolGrammar } = offerTools(request, promptCharsMax);
  if (stop.length > requestDefaults.stopStringsMax) {
    throw invalidOption('stop', `at most ${requestDefaults.stopStringsMax} strings`, stop.length);
  }
  for (const text of stop) {
    const sound = typeof text === 'string' && text.length >= 1 && text.length <= requestDefaults.stopStringCharsMax;
    if (!sound) throw invalidOption('stop', `strings of 1 to ${requestDefaults.stopStringCharsMax} characters`, text);
  }
  return {
    model: resolveModel(request.model),
    prompt,
    sampling: {
      temperature: inRange('temperature', sampling.temperature ?? requestDefaults.temperature),
      topK: inRange('topK', sampling.topK ?? requestDefaults.topK),
      topP: inRange('topP', sampling.topP ?? requestDefaults.topP),
      minP: inRange('minP', sampling.minP ?? requestDefaults.minP),
      repeatPenalty: inRange('repeatPenalty', sampling.repeatPenalty ?? requestDefaults.repeatPenalty),
      repeatLastTokens: inRange('repeatLastTokens', sampling.repeatLastTokens ?? requestDefaults.repeatLastTokens),
      frequencyPenalty: inRange('frequencyPenalty', sampling.frequencyPenalty ?? requestDefaults.frequencyPenalty),
      presencePenalty: inRange('presencePenalty', sampling.presencePenalty ?? requestDefaults.presencePenalty),
      dryMultiplier: inRange('dryMultiplier', sampling.dryMultiplier ?? requestDefaults.dryMultiplier),
      dryBase: inRange('dryBase', sampling.dryBase ?? requestDefaults.dryBase),
      dryAllowedLength: inRange('dryAllowedLength', sampling.dryAllowedLength ?? requestDefaults.dryAllowedLength),
      xtcProbability: inRange('xtcProbability', sampling.xtcProbability ?? requestDefaults.xtcProbability),
      xtcThreshold: inRange('xtcThreshold', sampling.xtcThreshold ?? requestDefaults.xtcThreshold),
      logitBias: logitBias(sampling.logitBias ?? {}),
      seed: inRange('seed', sampling.seed ?? randomInt(2 ** 32)),
    },
    maxTokens: inRange('maxTokens', request.maxTokens ?? requestDefaults.maxTokens),
    stop,
    contextTokens: resolveContextTokens(request.contextTokens),
    reproducible: request.reproducible ?? false,
    onContextOverflow: oneOf('onContextOverflow', request.onContextOverflow ?? 'refuse', ['refuse', 'trim']),
    grammar: toolGrammar ?? grammarOf(request.format),
    tools,
    logprobs:
      request.logprobs === undefined ? null : whole('logprobs', request.logprobs, 0, requestDefaults.logprobsMax),
    speculation: speculationOf(request.speculation),
    stablePrefix: stablePrefixOf(request, ends),
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

/** What tells a prompt its tools. */
type ToolRequest = Pick<GenerateRequest, 'prompt' | 'tools' | 'toolChoice' | 'parallelToolCalls' | 'format'>;

/**
 * The prompt as the model is told it, checked: with its tools, their calls and results as text; and the grammar of a call.
 *
 * @throws GemmaError what {@link checkPrompt} throws; `REQUEST_INVALID`, `SCHEMA_UNSUPPORTED` for tools.
 */
export function offerTools(
  { prompt, tools, toolChoice, parallelToolCalls, format }: ToolRequest,
  promptCharsMax?: number,
): {
  readonly prompt: Prompt;
  /** See {@link RenderedConversation}; `null` = the prompt is as it was given. */
  readonly ends: readonly RenderedEnd[] | null;
  readonly tools: ToolOptions | null;
  readonly grammar: string | null;
} {
  checkPrompt(prompt, promptCharsMax);
  const speaksOfTools =
    prompt.type === 'chat' &&
    prompt.messages.some(({ role, toolCalls = [] }) => role === 'tool' || toolCalls.length > 0);
  if (tools === undefined && toolChoice === undefined && !speaksOfTools) {
    return { prompt, ends: null, tools: null, grammar: null };
  }
  const options: ToolOptions = { tools: tools ?? [], toolChoice, parallel: parallelToolCalls };
  const grammar = toolCallGrammar(options);
  if (grammar !== null && format !== undefined) {
    throw invalidOption(
      'format',
      "left out beside tools that may be called (toolChoice 'none' allows it)",
      format.type,
    );
  }
  if (prompt.type !== 'chat') {
    if (grammar !== null) {
      throw invalidOption('tools', 'given with a conversation, not with a completion', 'a completion');
    }
    return { prompt, ends: null, tools: null, grammar: null };
  }
  const { messages, ends } = renderToolMessages(prompt.messages, options);
  const told: Prompt = { type: 'chat', messages };
  // Calls, and the description of the tools, are text for the model as well.
  checkPrompt(told, promptCharsMax);
  return { prompt: told, ends, tools: grammar === null ? null : options, grammar };
}

/** Where the stable part ends once the tools are told and their results became messages of the user. */
function stablePrefixOf(
  { stablePrefix }: Pick<GenerateRequest, 'stablePrefix'>,
  ends: readonly RenderedEnd[] | null,
): StablePrefix | null {
  if (stablePrefix === undefined) return null;
  if (!('messages' in stablePrefix)) {
    return { characters: whole('stablePrefix.characters', stablePrefix.characters, 0, 2 ** 31 - 1) };
  }
  const messages = whole('stablePrefix.messages', stablePrefix.messages, 0, 2 ** 31 - 1);
  return ends?.[Math.min(messages, ends.length - 1)] ?? { messages, characters: 0 };
}

function speculationOf(speculation: Speculation | undefined): Speculation | null {
  if (speculation === undefined) return null;
  if (oneOf('speculation.type', speculation.type, ['prompt-lookup', 'draft']) === 'prompt-lookup') return speculation;
  const path: unknown = 'model' in speculation ? speculation.model?.path : undefined;
  if (typeof path !== 'string' || path === '') throw invalidOption('speculation.model.path', 'a path', path);
  return speculation;
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
      throw invalidOption('format', "one of the types 'json-schema', 'json' and 'gbnf'", format);
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
    throw invalidOption('logitBias', `at most ${requestDefaults.logitBiasesMax} tokens`, entries.length);
  }
  for (const [token, bias] of entries) {
    if (!/^\d{1,9}$/.test(token)) throw invalidOption('logitBias', 'token ids as keys', token);
    within(`logitBias[${token}]`, bias, -100, 100);
  }
  return biases;
}

/** Checks a context and fills in its default. */
export function resolveContextTokens(contextTokens: number = requestDefaults.contextTokens): number {
  return inRange('contextTokens', contextTokens);
}

/** Fills in the name of a model. */
export function resolveModel(model: ModelFile): Required<ModelFile> {
  if (typeof model.path !== 'string' || model.path === '') throw invalidOption('model.path', 'a path', model.path);
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
function checkPrompt(prompt: Prompt, promptCharsMax: number = requestDefaults.promptCharsMax): void {
  const texts = textsOf(prompt);
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

/** The texts of a prompt whose shape is sound: it may come from JSON. */
function textsOf(prompt: Prompt): readonly string[] {
  if (oneOf('prompt.type', prompt.type, ['chat', 'completion']) === 'completion') {
    const { text } = prompt as Partial<Extract<Prompt, { type: 'completion' }>>;
    if (typeof text !== 'string') throw invalidOption('prompt.text', 'a text', text);
    return [text];
  }
  const { messages } = prompt as Extract<Prompt, { type: 'chat' }>;
  if (!Array.isArray(messages) || messages.length === 0) {
    throw invalidOption('prompt.messages', 'at least one message', 'none');
  }
  return messages.map(({ role, content, toolCalls = [] }: ChatMessage, index) => {
    const place = `prompt.messages[${index}]`;
    oneOf(`${place}.role`, role, ['system', 'user', 'assistant', 'tool']);
    if (typeof content !== 'string') throw invalidOption(`${place}.content`, 'a text', content);
    const areSound =
      Array.isArray(toolCalls) &&
      toolCalls.every((call: Partial<ToolCall> | null) =>
        [call?.id, call?.name, call?.arguments].every((part) => typeof part === 'string'),
      );
    if (!areSound) {
      throw invalidOption(`${place}.toolCalls`, 'calls with id, name and arguments as texts', toolCalls);
    }
    return content;
  });
}

function oneOf<Value extends string>(name: string, value: Value, values: readonly Value[]): Value {
  if (!values.includes(value))
    throw invalidOption(name, `one of ${values.map((each) => `'${each}'`).join(', ')}`, value);
  return value;
}

function inRange(name: RangedOption, value: number): number {
  const { min, max, integer } = requestRanges[name];
  return integer ? whole(name, value, min, max) : within(name, value, min, max);
}

function within(name: string, value: number, min: number, max: number): number {
  if (typeof value !== 'number' || !(value >= min && value <= max)) {
    throw invalidOption(name, `a number from ${min} to ${max}`, value);
  }
  return value;
}

function whole(name: string, value: number, min: number, max: number): number {
  if (!Number.isInteger(value)) throw invalidOption(name, `a whole number from ${min} to ${max}`, value);
  return within(name, value, min, max);
}
