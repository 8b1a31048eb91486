/* oxlint-disable typescript/no-non-null-assertion -- code units: every place is below a length that is kept here */
import type { MemoryRow, QueryTerm } from '@gemma-cli/contracts';
import {
  apostrophes,
  classAt,
  invisible,
  joinerClass,
  unitClasses,
  unspacedClass,
  widthAt,
  wordClass,
} from './code-point-classes.ts';
import { identifierParts } from './identifier-parts.ts';
import { loadStemmer } from './stemmers.ts';
import type { Stemmer } from './stemmers.ts';
import { loadStopWords } from './stop-words.ts';
import { createWordCache, stringOf } from './word-cache.ts';
import type { WordCache } from './word-cache.ts';
import { createWordNumbers } from './word-numbers.ts';
import type { FoundNumbers, WordSink } from './word-numbers.ts';

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
  /** For many texts at once: gives each different term a number, from 0 on. Keeps every word that it meets. */
  numbering(): TermNumbering;
}

/** Numbers of terms, in the order in which they were met first. */
export interface TermNumbering {
  /** The terms by their numbers. */
  readonly terms: readonly string[];
  numberOf(term: string): number | undefined;
  /** The numbers of what {@link Analyzer.analyze} gives: good until the next call. */
  analyze(text: string): FoundNumbers;
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
 * The analyzer of a language: one for the whole process, because what it remembers of words is worth more the more texts it
 * has seen. Asynchronous because stemmer and stop words of a language are loaded when they are needed.
 *
 * @throws GemmaError `REQUEST_INVALID` for a language that is not one of `analyzerLanguages`.
 */
export async function createAnalyzer({ language = 'en' }: AnalyzerOptions = {}): Promise<Analyzer> {
  const known = analyzers.get(language);
  if (known !== undefined) return known;
  const analyzer = await newAnalyzer(language);
  // Another caller may have been faster.
  const first = analyzers.get(language) ?? analyzer;
  analyzers.set(language, first);
  return first;
}

const analyzers = new Map<string, Analyzer>();

/** An analyzer that has seen no text yet. */
export async function newAnalyzer(language: string): Promise<Analyzer> {
  const stem = await loadStemmer(language);
  const toTerms = createToTerms(language, stem);
  const termsOf = (word: string) => {
    const normal = normalized(word);
    return normal === word ? toTerms(word) : scanNormal(normal);
  };
  const cache = createWordCache(termsOf);
  // Words of texts that were normalized on their way, which are short ones but for hostile texts.
  const normalCache = createWordCache(toTerms, 2 ** 10);
  let segmenter: Intl.Segmenter | undefined;

  function analyze(text: string): readonly string[] {
    const terms: string[] = [];
    scan(unitsOf(text), text.length, false, listOf(cache, terms));
    return terms;
  }

  /** Terms of a piece of a text that was normalized on its way: the text itself lies in the shared units. */
  function scanNormal(text: string): readonly string[] {
    const terms: string[] = [];
    scan(ownUnitsOf(text), text.length, true, listOf(normalCache, terms));
    return terms;
  }

  /** Finds the words of a text of so many units; a 0 follows it. */
  function scan(units: Uint16Array, length: number, isNormal: boolean, words: WordSink): void {
    let at = 0;
    while (at < length) {
      const kind = classAt(units, at);
      const start = at;
      if (kind === wordClass) {
        let hash = 0;
        // Unit by unit, and by the table alone where that is enough: nearly all time of this function goes here.
        for (;;) {
          const unit = units[at]!;
          const known = unitClasses[unit]!;
          if (known !== wordClass) {
            const next = classAt(units, at);
            if (next !== wordClass && (next !== joinerClass || classAt(units, at + 1) !== wordClass)) break;
            if (widthAt(units, at) === 2) hash = Math.imul(hash ^ units[at++]!, 0x01_00_01_93);
          }
          hash = Math.imul(hash ^ units[at++]!, 0x01_00_01_93);
        }
        words.word(units, start, at, hash);
      } else if (kind === unspacedClass) {
        do at += widthAt(units, at);
        while (at - start < segmentUnitsMax && classAt(units, at) === unspacedClass);
        segment(stringOf(units, start, at), isNormal, words);
      } else at += widthAt(units, at);
    }
  }

  function segment(run: string, isNormal: boolean, words: WordSink): void {
    const normal = isNormal ? run : normalized(run);
    if (normal !== run) for (const term of scanNormal(normal)) words.term(term);
    else {
      segmenter ??= new Intl.Segmenter(language, { granularity: 'word' });
      for (const { segment: word, isWordLike } of segmenter.segment(run))
        if (isWordLike === true) words.term(capped(word));
    }
  }

  const stopTerms = new Set((await loadStopWords(language)).flatMap(analyze));

  return {
    language,
    version: analyzerVersion,
    fingerprint: `${analyzerVersion}:${language}:icu ${process.versions.icu}`,
    analyze,
    query(text) {
      const counts = new Map<string, number>();
      for (const term of analyze(text)) counts.set(term, (counts.get(term) ?? 0) + 1);
      return [...counts].map(([term, count]) => ({ term, count, isStopWord: stopTerms.has(term) }));
    },
    numbering() {
      const words = createWordNumbers(termsOf);
      return {
        terms: words.terms,
        numberOf: words.numberOf,
        analyze(text) {
          words.clear();
          scan(unitsOf(text), text.length, false, words);
          return words.found;
        },
      };
    },
  };
}

/** Puts the terms of words into a list. */
function listOf(known: WordCache, terms: string[]): WordSink {
  return {
    word(units, start, end, hash) {
      for (const term of known.termsAt(units, start, end, hash)) terms.push(term);
    },
    term(term) {
      terms.push(term);
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
    if (isPlain.test(word)) return [toTerm(word)];
    const plain = word.replace(invisible, '').replace(apostrophes, "'");
    const parts = identifierParts(language === 'en' ? withoutAccents(withoutContraction(plain)) : plain);
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

/** `naïve` is `naive`: in English both are written. Other scripts keep their marks. */
function withoutAccents(word: string): string {
  return isAscii.test(word) ? word : word.normalize('NFD').replace(latinMarks, '$1').normalize('NFC');
}

const latinMarks = /(\p{Script=Latin})\p{M}+/gu;

/** What most words are: without borders inside, accents and apostrophes, so that nothing below has to look at them. */
const isPlain = /^(?:[A-Za-z0-9][a-z0-9]*|[A-Z]+)$/u;

const contraction = /'(?:s|re|ve|ll|d|m)$/iu;
const negation = /(n)'(?=t$)/iu;

function normalized(word: string): string {
  return isAscii.test(word) ? word : word.replace(moreMarks, '$1').normalize('NFKC');
}

const isAscii = /^[\0-\x7f]*$/u;

/** Longest text whose code units are put where those of the text before were. */
const sharedUnitsMax = 2 ** 16;
let shared: { readonly units: Uint16Array; readonly bytes: Buffer } | undefined;

/** The code units of a text and a 0, which is no part of a word: good until the next text. */
function unitsOf(text: string): Uint16Array {
  if (text.length >= sharedUnitsMax) return ownUnitsOf(text);
  if (shared === undefined) {
    const units = new Uint16Array(sharedUnitsMax);
    shared = { units, bytes: Buffer.from(units.buffer) };
  }
  // Five times as fast as one by one.
  shared.bytes.write(text, 'utf16le');
  shared.units[text.length] = 0;
  return shared.units;
}

/** The same, where nothing else is put. */
function ownUnitsOf(text: string): Uint16Array {
  const units = new Uint16Array(text.length + 1);
  for (let at = 0; at < text.length; at++) units[at] = text.charCodeAt(at);
  return units;
}

/** The start of a long word, apart from the rest. */
function capped(word: string): string {
  if (word.length <= termUnitsMax) return word;
  const start = Uint16Array.from({ length: termUnitsMax }, (_, at) => word.charCodeAt(at));
  return stringOf(
    start,
    0,
    termUnitsMax - (widthAt(Uint16Array.of(word.charCodeAt(termUnitsMax - 1), word.charCodeAt(termUnitsMax)), 0) - 1),
  );
}
