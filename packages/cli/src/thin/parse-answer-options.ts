import type { AnswerOptions } from '@gemma-cli/app';
import { nearestName, UsageProblem } from './usage-problem.ts';

/** The keys of `-o KEY=VALUE`, and what each takes. Ranges are checked by the engine. */
export const answerOptionKeys = {
  temperature: 'number',
  topK: 'number',
  topP: 'number',
  minP: 'number',
  repeatPenalty: 'number',
  repeatLastTokens: 'number',
  frequencyPenalty: 'number',
  presencePenalty: 'number',
  dryMultiplier: 'number',
  dryBase: 'number',
  dryAllowedLength: 'number',
  xtcProbability: 'number',
  xtcThreshold: 'number',
  logitBias: 'bias',
  seed: 'number',
  stop: 'text',
  maxTokens: 'number',
  contextTokens: 'number',
  reproducible: 'boolean',
} as const;

type AnswerOptionKey = keyof typeof answerOptionKeys;

/**
 * Makes options of `KEY=VALUE` pairs. `stop` may come several times, and takes `\n` and `\t` for a newline and a tab;
 * `logitBias=TOKEN:VALUE` may come several times, too; of the others the last counts.
 *
 * @throws UsageProblem for an unknown key (with the nearest one) or a value of the wrong type.
 */
export function parseAnswerOptions(pairs: readonly string[]): AnswerOptions {
  const values: Partial<Record<AnswerOptionKey, number | boolean | Readonly<Record<string, number>>>> = {};
  const stop: string[] = [];
  const logitBias: Record<string, number> = {};
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    const key = equals < 0 ? pair : pair.slice(0, equals);
    if (!isKey(key)) throw unknownKey(key);
    if (equals < 0) throw new UsageProblem(`Expected -o ${key}=VALUE, got ${JSON.stringify(pair)}.`, { key });
    const text = pair.slice(equals + 1);
    switch (answerOptionKeys[key]) {
      case 'text':
        stop.push(text.replaceAll('\\n', '\n').replaceAll('\\t', '\t'));
        break;
      case 'bias': {
        const [token, value] = parseBias(key, text);
        logitBias[token] = value;
        values.logitBias = logitBias;
        break;
      }
      case 'boolean':
        values[key] = parseBoolean(key, text);
        break;
      case 'number':
        values[key] = parseNumber(key, text);
        break;
    }
  }
  const { maxTokens, contextTokens, reproducible, ...sampling } = values;
  return {
    ...(Object.keys(sampling).length === 0 ? {} : { sampling: sampling as NonNullable<AnswerOptions['sampling']> }),
    ...(maxTokens === undefined ? {} : { maxTokens: maxTokens as number }),
    ...(contextTokens === undefined ? {} : { contextTokens: contextTokens as number }),
    ...(reproducible === undefined ? {} : { reproducible: reproducible as boolean }),
    ...(stop.length === 0 ? {} : { stop }),
  };
}

function isKey(key: string): key is AnswerOptionKey {
  return Object.hasOwn(answerOptionKeys, key);
}

function unknownKey(key: string): UsageProblem {
  const keys = Object.keys(answerOptionKeys);
  const nearest = nearestName(key.replaceAll(/[_-]/g, ''), keys);
  const hint = nearest === undefined ? `The keys are ${keys.join(', ')}.` : `Did you mean ${nearest}?`;
  return new UsageProblem(`There is no option key ${JSON.stringify(key)}. ${hint}`, {
    key,
    ...(nearest === undefined ? {} : { nearest }),
  });
}

function parseNumber(key: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw new UsageProblem(`Expected a number for -o ${key}=, got ${JSON.stringify(text)}.`, { key, value: text });
}

function parseBoolean(key: string, text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  throw new UsageProblem(`Expected -o ${key}= to be true or false, got ${JSON.stringify(text)}.`, { key, value: text });
}

function parseBias(key: string, text: string): readonly [string, number] {
  const match = /^(\d+):(.+)$/.exec(text);
  const value = Number(match?.[2]);
  if (match?.[1] !== undefined && Number.isFinite(value)) return [match[1], value];
  throw new UsageProblem(
    `Expected -o ${key}=TOKEN:VALUE with the number of a token, such as 1234:-5, got ${JSON.stringify(text)}.`,
    { key, value: text },
  );
}
