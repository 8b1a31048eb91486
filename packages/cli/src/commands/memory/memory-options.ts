import { realpathSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { memoryTiers } from '@gemma-cli/contracts';
import type { MemoryTier, RowFilter, RowKind, SearchMode } from '@gemma-cli/contracts';
import type { CommandInput, OptionDefinition } from '../../command.ts';
import { usageError } from '../usage-error.ts';

/** One of the tiers of a memory. */
export const tierOption: OptionDefinition = {
  long: 'tier',
  value: 'TIER',
  choices: memoryTiers,
  summary: 'How long it is meant to live. Default: short_term.',
};

/** Options that say which rows are meant. */
export const filterOptions: readonly OptionDefinition[] = [
  {
    long: 'kind',
    value: 'KIND',
    choices: ['document', 'memory'],
    summary: 'Only chunks of documents, or only memories.',
  },
  ...memoryFilterOptions(),
];

/** Those of {@link filterOptions} that mean something where only memories are. */
export function memoryFilterOptions(): readonly OptionDefinition[] {
  return [
    {
      long: 'tier',
      value: 'TIER',
      choices: memoryTiers,
      repeatable: true,
      summary: 'Only memories of this tier. Repeatable: any of them.',
    },
    { long: 'tag', value: 'TAG', repeatable: true, summary: 'Only what has this tag. Repeatable: all of them.' },
    {
      long: 'source',
      value: 'PATH|ADDRESS',
      completes: 'files',
      summary: 'Only what was read there: a file, a folder with all below it, or the beginning of an address.',
    },
    {
      long: 'since',
      value: 'TIME',
      summary: 'Only what was added since: a date (2026-11-23, with a time if you like) or an age (30m, 12h, 7d, 2w).',
    },
  ];
}

const limitOption: OptionDefinition = {
  long: 'limit',
  short: 'n',
  value: 'N',
  summary: 'Most hits, 1 to 1,000. Default: 10.',
};

/** How a search is made. */
export const searchOptions: readonly OptionDefinition[] = [
  {
    long: 'mode',
    value: 'MODE',
    choices: ['lexical', 'dense', 'hybrid'],
    summary:
      'By words, by meaning, or both. By meaning needs an embedding model. Default: both where there is one, else by words.',
  },
  limitOption,
  { long: 'explain', summary: 'Tell what each score is made of.' },
];

/**
 * The filter that options ask for.
 *
 * @throws GemmaError `USAGE` for a time that is none.
 */
export function readFilter({ options }: CommandInput, { cwd, now }: FilterPlace): RowFilter {
  const { kind, source, since } = options;
  const tiers = listOf(options['tier']) as readonly MemoryTier[];
  const tags = listOf(options['tag']);
  return {
    ...(typeof kind === 'string' ? { kind: kind as RowKind } : {}),
    ...(tiers.length === 0 ? {} : { tiers }),
    ...(tags.length === 0 ? {} : { tags }),
    ...(typeof source === 'string' ? { source: sourcePrefix(source, cwd) } : {}),
    ...(typeof since === 'string' ? { since: readTime(since, now) } : {}),
  };
}

/** Where and when a command runs. */
export interface FilterPlace {
  readonly cwd: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** The mode that was asked for. */
export function readMode({ options }: CommandInput): SearchMode | undefined {
  return options['mode'] as SearchMode | undefined;
}

/**
 * A whole number in a range.
 *
 * @throws GemmaError `USAGE`
 */
export function readCount(
  { options }: CommandInput,
  name: string,
  { min, max }: { min: number; max: number },
): number | undefined {
  const text = options[name];
  if (typeof text !== 'string') return undefined;
  const count = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(count >= min && count <= max))
    throw usageError(`Expected --${name} to be a whole number from ${min} to ${max}, got ${JSON.stringify(text)}.`);
  return count;
}

/**
 * A number from 0 to 1.
 *
 * @throws GemmaError `USAGE`
 */
export function readImportance({ options }: CommandInput): number | undefined {
  const text = options['importance'];
  if (typeof text !== 'string') return undefined;
  const value = /^(?:0|1|0?\.\d+|1\.0+|0\.0*)$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= 0 && value <= 1))
    throw usageError(`Expected --importance to be a number from 0 to 1, got ${JSON.stringify(text)}.`);
  return value;
}

function listOf(value: CommandInput['options'][string]): readonly string[] {
  return typeof value === 'string' ? [value] : Array.isArray(value) ? (value as readonly string[]) : [];
}

const unitMs: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

function readTime(text: string, now: number): number {
  const age = /^(\d{1,6})([smhdw])$/.exec(text);
  const time =
    age === null
      ? /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/.test(text)
        ? Date.parse(text.replace(' ', 'T'))
        : Number.NaN
      : now - Number(age[1]) * (unitMs[age[2] ?? ''] ?? Number.NaN);
  if (Number.isNaN(time))
    throw usageError(
      `Expected --since to be a date (2026-11-23, 2026-11-23T08:00) or an age (30m, 12h, 7d, 2w), got ${JSON.stringify(text)}.`,
    );
  return Math.max(0, time);
}

/**
 * The beginning of the addresses that a path or an address means. A folder means everything below it. A path that is not
 * there any more is meant as it is written: what was read there may still be in the memory.
 */
function sourcePrefix(source: string, cwd: string): string {
  // A letter before a colon is a drive of Windows.
  if (/^[a-z][a-z0-9+.-]+:/i.test(source)) return source;
  const path = resolve(cwd, source);
  try {
    const real = realpathSync(path);
    const { href } = pathToFileURL(real);
    return statSync(real).isDirectory() && !href.endsWith('/') ? `${href}/` : href;
  } catch {
    return pathToFileURL(path).href + (/[\\/]$/.test(source) ? '/' : '');
  }
}
