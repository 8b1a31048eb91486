import type { AnswerOptions } from '@gemma-cli/app';
import { requestDefaults } from '@gemma-cli/contracts';
import { answerOptionKeys, parseAnswerOptions } from '../thin/parse-answer-options.ts';
import { UsageProblem } from '../thin/usage-problem.ts';

/** What `/set` knows of an option. */
export interface Setting {
  /** Least and most; absent = no bound, or no number. */
  readonly least?: number;
  readonly most?: number;
  /** Only whole numbers. */
  readonly integer?: true;
  /** What it is when nobody says anything, in words. */
  readonly builtIn: string;
  readonly summary: string;
}

/** Every option of an answer. The keys are those of `-o KEY=VALUE`; a test compares them. */
export const settings: Readonly<Record<string, Setting>> = {
  temperature: {
    least: 0,
    most: 2,
    builtIn: String(requestDefaults.temperature),
    summary: '0 takes the likeliest token, higher values vary more',
  },
  topK: {
    least: 0,
    integer: true,
    builtIn: String(requestDefaults.topK),
    summary: 'only the k likeliest tokens; 0 = all',
  },
  topP: {
    least: 0,
    most: 1,
    builtIn: String(requestDefaults.topP),
    summary: 'only the likeliest tokens that together reach this probability',
  },
  minP: {
    least: 0,
    most: 1,
    builtIn: String(requestDefaults.minP),
    summary: 'only tokens at least this share as likely as the likeliest',
  },
  repeatPenalty: {
    least: 1,
    most: 2,
    builtIn: String(requestDefaults.repeatPenalty),
    summary: 'makes recent tokens less likely; 1 = off',
  },
  repeatLastTokens: {
    least: 0,
    most: 8192,
    integer: true,
    builtIn: String(requestDefaults.repeatLastTokens),
    summary: 'how many tokens of the answer the three penalties look back on',
  },
  frequencyPenalty: {
    least: -2,
    most: 2,
    builtIn: String(requestDefaults.frequencyPenalty),
    summary: 'taken off a token for each time it came lately; 0 = off',
  },
  presencePenalty: {
    least: -2,
    most: 2,
    builtIn: String(requestDefaults.presencePenalty),
    summary: 'taken off a token that came lately; 0 = off',
  },
  dryMultiplier: {
    least: 0,
    most: 5,
    builtIn: String(requestDefaults.dryMultiplier),
    summary: 'DRY: strength of the penalty for a repeated sequence; 0 = off',
  },
  dryBase: {
    least: 1,
    most: 4,
    builtIn: String(requestDefaults.dryBase),
    summary: 'DRY: growth of the penalty with the length of the repetition',
  },
  dryAllowedLength: {
    least: 1,
    most: 64,
    integer: true,
    builtIn: String(requestDefaults.dryAllowedLength),
    summary: 'DRY: longest repetition without a penalty, in tokens',
  },
  xtcProbability: {
    least: 0,
    most: 1,
    builtIn: String(requestDefaults.xtcProbability),
    summary: 'XTC: chance of leaving out the likeliest tokens; 0 = off',
  },
  xtcThreshold: {
    least: 0,
    most: 1,
    builtIn: String(requestDefaults.xtcThreshold),
    summary: 'XTC: only tokens at least this likely are left out',
  },
  seed: {
    least: 0,
    most: requestDefaults.seedMax,
    integer: true,
    builtIn: 'a new one for each answer',
    summary: 'repeats the same choices',
  },
  logitBias: { builtIn: 'none', summary: 'added to the logit of a token: TOKEN:VALUE; each /set logitBias adds one' },
  stop: { builtIn: 'none', summary: 'ends the answer before this text; each /set stop adds one' },
  maxTokens: {
    least: 1,
    integer: true,
    builtIn: String(requestDefaults.maxTokens),
    summary: 'most tokens of an answer',
  },
  contextTokens: {
    least: 16,
    integer: true,
    builtIn: `the model's own, at most ${requestDefaults.contextTokens}`,
    summary: 'tokens of context; a change loads the model anew',
  },
  reproducible: { builtIn: 'false', summary: 'same prompt, options and machine give the same text in both engines' },
};

/** Names that other programs use. */
const otherNames: Readonly<Record<string, string>> = {
  temp: 'temperature',
  numctx: 'contextTokens',
  ctx: 'contextTokens',
  numpredict: 'maxTokens',
  repeatlastn: 'repeatLastTokens',
};

/** The key that a user means by `top_k`, `TOPK` or `num_ctx`; what is unknown stays as it is. */
export function settingKey(name: string): string {
  const plain = name.replaceAll(/[_-]/g, '').toLowerCase();
  return Object.keys(answerOptionKeys).find((key) => key.toLowerCase() === plain) ?? otherNames[plain] ?? name;
}

/** `0 to 2`, `1 or more`, `true or false`. */
export function describeRange(key: string): string {
  const { least, most, integer } = settings[key] ?? {};
  const kind = (answerOptionKeys as Readonly<Record<string, string>>)[key];
  if (kind === 'boolean') return 'true or false';
  if (kind === 'text') return 'text';
  if (kind === 'bias') return 'TOKEN:VALUE, -100 to 100';
  const unit = integer === true ? 'a whole number' : 'a number';
  if (least === undefined) return unit;
  return most === undefined ? `${unit}, ${least} or more` : `${unit} from ${least} to ${most}`;
}

/**
 * Puts one value over the options of a session.
 *
 * @throws UsageProblem for an unknown key or a value out of range.
 */
export function applySetting(options: AnswerOptions, key: string, text: string): AnswerOptions {
  const { sampling, stop, ...others } = parseAnswerOptions([`${key}=${text}`]);
  const { least, most, integer } = settings[key] ?? {};
  const number = kindOf(key) === 'number' ? Number(text) : undefined;
  const isOutside =
    number !== undefined &&
    ((least !== undefined && number < least) ||
      (most !== undefined && number > most) ||
      (integer === true && !Number.isInteger(number)));
  if (isOutside) {
    throw new UsageProblem(`Expected ${key} to be ${describeRange(key)}, got ${text}.`, { key, value: text });
  }
  return {
    ...options,
    ...others,
    ...(sampling === undefined ? {} : { sampling: mergeSampling(options.sampling, sampling) }),
    ...(stop === undefined ? {} : { stop: [...(options.stop ?? []), ...stop] }),
  };
}

type Sampling = NonNullable<AnswerOptions['sampling']>;

/** Lists of what is added grow; every other value is replaced. */
function mergeSampling(before: Sampling = {}, after: Sampling): Sampling {
  const lists = Object.entries(after).filter(([, value]) => typeof value === 'object');
  const grown = lists.map(([key, value]) => [
    key,
    { ...(before as Readonly<Record<string, object>>)[key], ...(value as object) },
  ]);
  return { ...before, ...after, ...(Object.fromEntries(grown) as Sampling) };
}

/**
 * The options that a file holds, each checked as `/set` checks it. What is no option of an answer, or out of its range,
 * is left out; the keys of those are `refused`.
 */
export function readSettings(saved: object): { readonly options: AnswerOptions; readonly refused: readonly string[] } {
  const { sampling, ...others } = saved as Readonly<Record<string, unknown>>;
  const values = Object.entries({ ...others, ...(isRecord(sampling) ? sampling : {}) });
  let options: AnswerOptions = {};
  const refused: string[] = [];
  for (const [key, value] of values) {
    try {
      for (const text of settingTexts(key, value)) options = applySetting(options, key, text);
    } catch (error) {
      if (!(error instanceof UsageProblem)) throw error;
      refused.push(key);
    }
  }
  return { options, refused };
}

/** What `/set` would be given for this value. */
function settingTexts(key: string, value: unknown): readonly string[] {
  const kind = kindOf(key);
  if (kind === 'text' && Array.isArray(value) && value.every((text) => typeof text === 'string' && text !== ''))
    return value as readonly string[];
  if (kind === 'bias' && isRecord(value))
    return Object.entries(value).map(([token, bias]) => `${token}:${String(bias)}`);
  if (kind === typeof value && (kind === 'number' || kind === 'boolean')) return [String(value)];
  throw new UsageProblem(`Expected ${key} to be ${describeRange(key)}.`, { key });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The options that no `/set` changes: those that the program was started with. */
export function fixedOptions(options: AnswerOptions): AnswerOptions {
  return Object.fromEntries(Object.entries(options).filter(([key]) => key !== 'sampling' && kindOf(key) === undefined));
}

/** Takes a value of the session back, so that the configuration decides again. */
export function resetSetting(options: AnswerOptions, key: string): AnswerOptions {
  return { ...without(options, key), sampling: without(options.sampling ?? {}, key) };
}

/** The value that the next answer is made with, as text. `undefined` = nobody says anything. */
export function settingValue({ sampling = {}, ...others }: AnswerOptions, key: string): string | undefined {
  const value = ({ ...others, ...sampling } as Readonly<Record<string, unknown>>)[key];
  if (value === undefined) return undefined;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : JSON.stringify(value);
}

function kindOf(key: string): string | undefined {
  return (answerOptionKeys as Readonly<Record<string, string>>)[key];
}

function without<T extends object>(value: T, key: string): T {
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key)) as T;
}
