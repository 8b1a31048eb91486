import { requestDefaults } from './generate-request.ts';

/** What a number of a request may be: the one table for whoever checks it, documents it or asks for it. */
export interface NumberRange {
  readonly min: number;
  readonly max: number;
  /** Only whole numbers. */
  readonly integer: boolean;
  /** What it is when nobody says anything. `null` = no fixed value. */
  readonly default: number | null;
  /** What it does, as the rest of a sentence, without a full stop. */
  readonly meaning: string;
}

/** The options of a request that are numbers with a range. */
export type RangedOption = keyof typeof requestRanges;

/** The range of every number in a request, sampling first. */
export const requestRanges = {
  temperature: number(0, 2, requestDefaults.temperature, '0 takes the likeliest token, higher values vary more'),
  topK: integer(0, 2 ** 31 - 1, requestDefaults.topK, 'only the k likeliest tokens; 0 = all'),
  topP: number(0, 1, requestDefaults.topP, 'only the likeliest tokens that together reach this probability'),
  minP: number(0, 1, requestDefaults.minP, 'only tokens at least this share as likely as the likeliest'),
  repeatPenalty: number(1, 2, requestDefaults.repeatPenalty, 'makes recent tokens less likely by this factor; 1 = off'),
  repeatLastTokens: integer(
    0,
    8192,
    requestDefaults.repeatLastTokens,
    'how many tokens of the answer the three penalties look back on',
  ),
  frequencyPenalty: number(
    -2,
    2,
    requestDefaults.frequencyPenalty,
    'taken off the logit of a token for each time it came lately; 0 = off',
  ),
  presencePenalty: number(
    -2,
    2,
    requestDefaults.presencePenalty,
    'taken off the logit of a token that came lately; 0 = off',
  ),
  dryMultiplier: number(
    0,
    5,
    requestDefaults.dryMultiplier,
    'DRY: strength of the penalty for repeating a sequence of tokens; 0 = off',
  ),
  dryBase: number(1, 4, requestDefaults.dryBase, 'DRY: how fast the penalty grows with the length of the repetition'),
  dryAllowedLength: integer(
    1,
    64,
    requestDefaults.dryAllowedLength,
    'DRY: longest repetition without a penalty, in tokens',
  ),
  xtcProbability: number(
    0,
    1,
    requestDefaults.xtcProbability,
    'XTC: chance of leaving out the likeliest tokens; 0 = off',
  ),
  xtcThreshold: number(0, 1, requestDefaults.xtcThreshold, 'XTC: only tokens at least this likely are left out'),
  seed: integer(0, requestDefaults.seedMax, null, 'repeats the same choices'),
  maxTokens: integer(1, 2 ** 31 - 1, requestDefaults.maxTokens, 'most tokens of an answer'),
  contextTokens: integer(16, 2 ** 24, null, 'tokens of context that a request gets'),
} as const;

function number(min: number, max: number, fallback: number | null, meaning: string): NumberRange {
  return { min, max, integer: false, default: fallback, meaning };
}

function integer(min: number, max: number, fallback: number | null, meaning: string): NumberRange {
  return { min, max, integer: true, default: fallback, meaning };
}
