import type { Analyzer } from '@gemma-cli/rag-core';
import { orderedClauses, type ClauseWord } from './ordered-clauses.ts';

/** So many content words behind a negation are what it denies, where no mark ends it before. */
const deniedWordsMax = 3;

/** A text taken apart, to compare a sentence with a quote. */
export interface Statement {
  readonly words: readonly Word[];
  /** All terms. */
  readonly terms: ReadonlySet<string>;
  /** Terms that are no stop words. */
  readonly content: ReadonlySet<string>;
  /** For each negation the terms that it denies. */
  readonly denials: readonly ReadonlySet<string>[];
  /** In lower case, with single blanks. */
  readonly text: string;
  /** What stands in backticks, in the same way. */
  readonly codes: readonly string[];
  /** Its clauses as words whose order counts. None but in English: the order of other languages is freer. */
  readonly clauses: readonly (readonly string[])[];
}

/** A word of a text as it is compared. */
export interface Word extends ClauseWord {
  /** Stands in backticks, or is written as no word of prose is: `keepAliveMs`, `ENGINE_BUSY`, `UUID`, `Ada`. */
  readonly isName: boolean;
  readonly isNegation: boolean;
  /** A number, written in one way: `1,000` and `1000` are the same. */
  readonly number: string | undefined;
}

/** Takes a text apart. */
export function readStatement(text: string, analyzer: Analyzer): Statement {
  const words = wordsOf(text, analyzer);
  const plain = text.toLowerCase().replaceAll(/\s+/gu, ' ');
  return {
    words,
    terms: new Set(analyzer.analyze(text)),
    content: new Set(words.flatMap(({ terms }) => terms)),
    denials: denialsOf(words),
    text: plain,
    codes: Array.from(plain.matchAll(/`([^`]+)`/gu), ([, code = '']) => code.trim()),
    clauses: analyzer.language === 'en' ? orderedClauses(words) : [],
  };
}

/** Puts together what was taken apart: texts that follow each other. */
export function joinStatements(statements: readonly Statement[]): Statement {
  const [only] = statements;
  if (statements.length === 1 && only !== undefined) return only;
  return {
    words: statements.flatMap(({ words }) => words),
    terms: new Set(statements.flatMap(({ terms }) => [...terms])),
    content: new Set(statements.flatMap(({ content }) => [...content])),
    denials: statements.flatMap(({ denials }) => denials),
    text: statements.map(({ text }) => text).join(' '),
    codes: statements.flatMap(({ codes }) => codes),
    clauses: statements.flatMap(({ clauses }) => clauses),
  };
}

/** Whether a word says something by itself. */
export function isContent({ terms }: Word): boolean {
  return terms.length > 0;
}

function denialsOf(words: readonly Word[]): readonly ReadonlySet<string>[] {
  return words.flatMap(({ isNegation, endsClause }, at) => {
    if (!isNegation || endsClause) return [];
    const denied = new Set<string>();
    let count = 0;
    for (const word of words.slice(at + 1)) {
      if (isContent(word)) count += 1;
      for (const term of word.terms) denied.add(term);
      if (count === deniedWordsMax || word.endsClause) break;
    }
    return [denied];
  });
}

function wordsOf(text: string, analyzer: Analyzer): readonly Word[] {
  const words: Word[] = [];
  let isCode = false;
  let isFirst = true;
  for (const [piece] of text.matchAll(/\S+/gu)) {
    const ticks = piece.split('`').length - 1;
    const inCode = isCode || ticks > 0;
    if (ticks % 2 === 1) isCode = !isCode;
    // From the first letter or digit to the last one.
    const [bare = ''] = /[\p{L}\p{N}](?:.*[\p{L}\p{N}%])?/u.exec(piece) ?? [];
    const endsClause = /[.,;:!?)|]["'”’*_`]*$/u.test(piece);
    const last = words.at(-1);
    if (bare !== '') {
      const terms = analyzer.query(bare).flatMap(({ term, isStopWord }) => (isStopWord ? [] : [term]));
      const number = numberOf(bare);
      words.push({
        text: bare.toLowerCase(),
        terms,
        isName: number === undefined && (inCode || isWrittenAsName(bare, isFirst, analyzer.language)),
        isNegation: negations.has(bare.toLowerCase()) || /n['’]t$/iu.test(bare),
        number,
        endsClause,
      });
    } else if (last !== undefined) {
      // The border of a table's cell, a dash.
      words[words.length - 1] = { ...last, endsClause: true };
    }
    isFirst = /[.:!?]["'”’*_]*$/u.test(piece);
  }
  return words;
}

/** Inner capitals, digits or underscores; a capital where no sentence begins, but in German, where every noun has one. */
function isWrittenAsName(word: string, isFirst: boolean, language: string): boolean {
  if (/\p{L}\p{N}|\p{N}\p{L}|_|\p{Ll}\p{Lu}|^\p{Lu}{2,}/u.test(word)) return true;
  return !isFirst && language !== 'de' && /^\p{Lu}/u.test(word);
}

/** The number that a word is, or begins with: `60%`. */
function numberOf(word: string): string | undefined {
  const [digits] = /^\p{Nd}+(?:[.,:]\p{Nd}+)*(?=$|[^\p{L}\p{N}_])/u.exec(word) ?? [];
  if (digits !== undefined) return digits.replaceAll(/,(?=\d{3}(?:\D|$))/g, '');
  return numberWords.get(word.toLowerCase());
}

// Words of English. Another language has no rule for them, unless a word of it happens to look the same.

/** `one` is more often no number than one. */
const numberWords: ReadonlyMap<string, string> = new Map([
  ...['two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve'].map(
    (word, at): [string, string] => [word, `${at + 2}`],
  ),
  ...['twenty', 'thirty', 'forty', 'fifty', 'sixty', 'seventy', 'eighty', 'ninety'].map(
    (word, at): [string, string] => [word, `${10 * at + 20}`],
  ),
]);

const negations: ReadonlySet<string> = new Set(
  'not no never without none nor neither cannot nothing nobody nowhere'.split(' '),
);
