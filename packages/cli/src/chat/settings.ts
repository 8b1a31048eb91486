import type { AnswerOptions } from '@gemma-cli/app';
import { requestDefaults, requestRanges, type NumberRange } from '@gemma-cli/contracts';
import { answerOptionKeys, parseAnswerOptions } from '../thin/parse-answer-options.ts';
import { UsageProblem } from '../thin/usage-problem.ts';

/** What `/set` knows of an option. */
export interface Setting {
  /** What a number may be. Absent: it is no number. */
  readonly range?: NumberRange;
  /** What it is when nobody says anything, in words. */
  readonly builtIn: string;
  readonly summary: string;
}

/** What is no number with a range, or begins with no fixed one. */
const ownSettings: Readonly<Record<string, Partial<Setting>>> = {
  seed: { builtIn: 'a new one for each answer' },
  logitBias: { builtIn: 'none', summary: 'added to the logit of a token: TOKEN:VALUE; each /set logitBias adds one' },
  stop: { builtIn: 'none', summary: 'ends the answer before this text; each /set stop adds one' },
  contextTokens: {
    builtIn: `the model's own, at most ${requestDefaults.contextTokens}`,
    summary: 'tokens of context; a change loads the model anew',
  },
  reproducible: { builtIn: 'false', summary: 'same prompt, options and machine give the same text in both engines' },
};

/** Every option of an answer. The keys are those of `-o KEY=VALUE`. */
export const settings: Readonly<Record<string, Setting>> = Object.fromEntries(
  Object.keys(answerOptionKeys).map((key) => {
    const range = (requestRanges as Readonly<Record<string, NumberRange>>)[key];
    const ofRange = range === undefined ? {} : { range, builtIn: String(range.default), summary: range.meaning };
    return [key, { builtIn: '', summary: '', ...ofRange, ...ownSettings[key] }];
  }),
);

/** The largest bias of a token, either way. */
const biasMax = 100;

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

/** `a number from 0 to 2`, `a whole number, 0 or more`, `true or false`. */
export function describeRange(key: string): string {
  const { range } = settings[key] ?? {};
  const kind = kindOf(key);
  if (kind === 'boolean') return 'true or false';
  if (kind === 'text') return 'text';
  if (kind === 'bias') return `TOKEN:VALUE, -${biasMax} to ${biasMax}`;
  if (range === undefined) return 'a number';
  // The largest number that a runtime can hold says nothing to anybody.
  return range.max === 2 ** 31 - 1 ? `${unitOf(range)}, ${range.min} or more` : exactRange(range);
}

function exactRange(range: NumberRange): string {
  return `${unitOf(range)} from ${range.min} to ${range.max}`;
}

function unitOf({ integer }: NumberRange): string {
  return integer ? 'a whole number' : 'a number';
}

/**
 * Puts one value over the options of a session.
 *
 * @throws UsageProblem for an unknown key or a value out of range.
 */
export function applySetting(options: AnswerOptions, key: string, text: string): AnswerOptions {
  const { sampling, stop, ...others } = parseAnswerOptions([`${key}=${text}`]);
  const { range } = settings[key] ?? {};
  const number = kindOf(key) === 'number' ? Number(text) : undefined;
  if (number !== undefined && range !== undefined) {
    const { min, max, integer } = range;
    const expected = number > max ? exactRange(range) : describeRange(key);
    if (number < min || number > max || (integer && !Number.isInteger(number)))
      throw new UsageProblem(`Expected ${key} to be ${expected}, got ${text}.`, { key, value: text });
  }
  if (Object.values(sampling?.logitBias ?? {}).some((bias) => Math.abs(bias) > biasMax))
    throw new UsageProblem(`Expected ${key} to be ${describeRange(key)}, got ${text}.`, { key, value: text });
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
