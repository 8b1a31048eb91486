import type { MemoryRow, QueryTerm } from '@gemma-cli/contracts';
import { apostrophes, codePointClass, invisible, joinerClass, unspacedClass, wordClass } from './code-point-classes.ts';
import { identifierParts } from './identifier-parts.ts';
import { loadStemmer } from './stemmers.ts';
import type { Stemmer } from './stemmers.ts';
import { loadStopWords } from './stop-words.ts';
import { createWordCache, ownString } from './word-cache.ts';

/** Turns text into the terms under which it is found. */
export interface Analyzer {
  /** ISO 639-1. */
  readonly language: string;
  /** Raised when the terms of a text change. */
  readonly version: number;
  /**
   * Names everything that terms depend on: version, language, and the tables of Unicode and of word borders in this Node.
   * What was made from terms under another fingerprint is made anew.
   */
  readonly fingerprint: string;
  /**
   * The terms of a text, in its order, with repetitions and stop words. A compound name gives its parts and itself.
   * Takes time and memory in proportion to the text, whatever the text is, and never throws.
   */
  analyze(text: string): readonly string[];
  /** The different terms of a query, in its order. */
  query(text: string): readonly QueryTerm[];
}

/** What {@link createAnalyzer} takes. */
export interface AnalyzerOptions {
  /** One of `analyzerLanguages`. Default `en`. */
  readonly language?: string | undefined;
}

/** Raised when the terms of a text change. */
const analyzerVersion = 1;

/** Longest term, in code units. Longer ones are cut: checksums and encoded data, which nobody asks for by their ends. */
export const termUnitsMax = 64;

/** Most code units that the segmenter sees at once: it copies what it is given. */
const segmentUnitsMax = 2_048;

/** Marks on one letter that count. Unicode's stream-safe format has as many; normalizing more takes time by their square. */
const moreMarks = /(\p{M}{30})\p{M}+/gu;

/** The text of a row that is searched: its title and its text, as one field. */
export function searchedText({ title, text }: Pick<MemoryRow, 'title' | 'text'>): string {
  return title === null ? text : `${title}\n${text}`;
}

/**
 * Makes an analyzer. Asynchronous because stemmer and stop words of a language are loaded when they are needed.
 *
 * @throws GemmaError `REQUEST_INVALID` for a language that is not one of `analyzerLanguages`.
 */
export async function createAnalyzer({ language = 'en' }: AnalyzerOptions = {}): Promise<Analyzer> {
  const stem = await loadStemmer(language);
  const toTerms = createToTerms(language, stem);
  const cache = createWordCache((word) => {
    const normal = normalized(word);
    return normal === word ? toTerms(word) : scan(normal, true);
  });
  let segmenter: Intl.Segmenter | undefined;

  /** Terms of a text; `isNormal` where it is a piece of a text that was normalized on its way. */
  function scan(text: string, isNormal: boolean): readonly string[] {
    const terms: string[] = [];
    const { length } = text;
    let at = 0;
    while (at < length) {
      let kind = classAt(text, at);
      if (kind === wordClass) {
        const start = at;
        let hash = 0;
        do {
          hash = Math.imul(hash ^ text.charCodeAt(at), 0x01_00_01_93);
          at++;
          if (kind === wordClass && isLead(text, at - 1)) at++;
          if (at >= length) break;
          kind = classAt(text, at);
        } while (
          kind === wordClass ||
          (kind === joinerClass && at + 1 < length && classAt(text, at + 1) === wordClass)
        );
        const found = isNormal ? toTerms(text.slice(start, at)) : cache.termsAt(text, start, at, hash);
        for (const term of found) terms.push(term);
      } else if (kind === unspacedClass) {
        const start = at;
        do at += isLead(text, at) ? 2 : 1;
        while (at < length && at - start < segmentUnitsMax && classAt(text, at) === unspacedClass);
        segment(text.slice(start, at), isNormal, terms);
      } else at += isLead(text, at) ? 2 : 1;
    }
    return terms;
  }

  function segment(run: string, isNormal: boolean, terms: string[]): void {
    const normal = isNormal ? run : normalized(run);
    if (normal !== run) for (const term of scan(normal, true)) terms.push(term);
    else {
      segmenter ??= new Intl.Segmenter(language, { granularity: 'word' });
      for (const { segment: word, isWordLike } of segmenter.segment(run))
        if (isWordLike === true) terms.push(ownString(capped(word)));
    }
  }

  const stopTerms = new Set((await loadStopWords(language)).flatMap((word) => scan(word, false)));

  return {
    language,
    version: analyzerVersion,
    fingerprint: `${analyzerVersion}:${language}:icu ${process.versions.icu}`,
    analyze: (text) => scan(text, false),
    query(text) {
      const counts = new Map<string, number>();
      for (const term of scan(text, false)) counts.set(term, (counts.get(term) ?? 0) + 1);
      return [...counts].map(([term, count]) => ({ term, count, isStopWord: stopTerms.has(term) }));
    },
  };
}

/** What makes a word, which is normal, to terms: its parts, and the whole where there are several. */
function createToTerms(language: string, stem: Stemmer): (word: string) => readonly string[] {
  // The only two whose capital I is not that of i.
  const lowerCase =
    language === 'tr' || language === 'az'
      ? (word: string) => word.toLocaleLowerCase(language)
      : (word: string) => word.toLowerCase();
  const toTerm = (word: string) => stem(capped(lowerCase(word)));

  return (word) => {
    const plain = word.replace(invisible, '').replace(apostrophes, "'");
    const parts = identifierParts(language === 'en' ? withoutContraction(plain) : plain);
    if (parts.length < 2) return parts.map(toTerm);
    // An apostrophe joins nothing in languages that write it between two words: l'avion.
    if (language !== 'en' && plain.includes("'")) return parts.map(toTerm);
    return [toTerm(parts.join('')), ...parts.map(toTerm)];
  };
}

/** `Ada's` is `Ada`, `they've` is `they`; `don't` stays one word, as it is written without its apostrophe. */
function withoutContraction(word: string): string {
  return word.replace(contraction, '').replace(negation, '$1');
}

const contraction = /'(?:s|re|ve|ll|d|m)$/iu;
const negation = /(n)'(?=t$)/iu;

function normalized(word: string): string {
  return isAscii.test(word) ? word : word.replace(moreMarks, '$1').normalize('NFKC');
}

const isAscii = /^[\0-\x7f]*$/u;

function classAt(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return codePointClass(unit >= 0xd8_00 && unit < 0xdc_00 ? (text.codePointAt(at) ?? unit) : unit);
}

/** Whether a surrogate pair begins here. */
function isLead(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit >= 0xd8_00 && unit < 0xdc_00 && (text.codePointAt(at) ?? 0) > 0xff_ff;
}

function capped(word: string): string {
  if (word.length <= termUnitsMax) return word;
  return word.slice(0, isLead(word, termUnitsMax - 1) ? termUnitsMax - 1 : termUnitsMax);
}
