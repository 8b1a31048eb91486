// oxlint-disable-next-line typescript/triple-slash-reference -- the compiler sees the types of a package without types no other way
/// <reference path="./wink-porter2-stemmer.d.ts" />

import { GemmaError } from '@gemma-cli/contracts';
import { stemPlain } from './plain-porter2.ts';

/** Takes a word in lower case to the form that it shares with its inflections. */
export type Stemmer = (word: string) => string;

/**
 * Stemmers by ISO 639-1. English is Porter's second one (Snowball's `english`) by wink, which is tested with Snowball's
 * vocabulary: the one of the other library is his first of 1980. Plain words, which nearly all are, are stemmed faster, alike. The rest are Snowball's own, compiled.
 */
const stemmers = {
  ar: async () => (await import('@orama/stemmers/arabic')).stemmer,
  da: async () => (await import('@orama/stemmers/danish')).stemmer,
  de: async () => (await import('@orama/stemmers/german')).stemmer,
  el: async () => (await import('@orama/stemmers/greek')).stemmer,
  en: async () => {
    const { default: stem } = await import('wink-porter2-stemmer');
    return (word) => stemPlain(word) ?? stem(word);
  },
  es: async () => (await import('@orama/stemmers/spanish')).stemmer,
  fi: async () => (await import('@orama/stemmers/finnish')).stemmer,
  fr: async () => (await import('@orama/stemmers/french')).stemmer,
  ga: async () => (await import('@orama/stemmers/irish')).stemmer,
  hi: async () => (await import('@orama/stemmers/indian')).stemmer,
  hu: async () => (await import('@orama/stemmers/hungarian')).stemmer,
  hy: async () => (await import('@orama/stemmers/armenian')).stemmer,
  id: async () => (await import('@orama/stemmers/indonesian')).stemmer,
  it: async () => (await import('@orama/stemmers/italian')).stemmer,
  lt: async () => (await import('@orama/stemmers/lithuanian')).stemmer,
  ne: async () => (await import('@orama/stemmers/nepali')).stemmer,
  nl: async () => (await import('@orama/stemmers/dutch')).stemmer,
  no: async () => (await import('@orama/stemmers/norwegian')).stemmer,
  pt: async () => (await import('@orama/stemmers/portuguese')).stemmer,
  ro: async () => (await import('@orama/stemmers/romanian')).stemmer,
  ru: async () => (await import('@orama/stemmers/russian')).stemmer,
  sr: async () => (await import('@orama/stemmers/serbian')).stemmer,
  sv: async () => (await import('@orama/stemmers/swedish')).stemmer,
  ta: async () => (await import('@orama/stemmers/tamil')).stemmer,
  tr: async () => (await import('@orama/stemmers/turkish')).stemmer,
  uk: async () => (await import('@orama/stemmers/ukrainian')).stemmer,
} as const satisfies Readonly<Record<string, () => Promise<Stemmer>>>;

/** Languages whose words are searched as they are. */
const unstemmed = ['az', 'bg', 'cs', 'fa', 'he', 'ja', 'km', 'ko', 'lo', 'my', 'pl', 'sk', 'sl', 'th', 'vi', 'zh'];

/** Languages an analyzer can be made for, by ISO 639-1. */
export const analyzerLanguages: readonly string[] = [...Object.keys(stemmers), ...unstemmed].toSorted();

/**
 * The stemmer of a language; loads no other one.
 *
 * @throws GemmaError `REQUEST_INVALID` for a language that is not one of {@link analyzerLanguages}.
 */
export async function loadStemmer(language: string): Promise<Stemmer> {
  if (!analyzerLanguages.includes(language))
    throw new GemmaError({
      code: 'REQUEST_INVALID',
      message: `Expected the language of the memory to be one of ${analyzerLanguages.join(', ')}, got "${language}". Set it to the nearest one.`,
      facts: { language },
    });
  const load = Object.hasOwn(stemmers, language) ? stemmers[language as keyof typeof stemmers] : null;
  return load === null ? (word) => word : load();
}
