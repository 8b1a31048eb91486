import type { Analyzer } from '@gemma-cli/rag-core';

/** Least share of a sentence's content terms that its quote must have. */
export const supportMin = 0.6;

/** Least share of a clause's content terms, where it has so many words: less is something that was added. */
const clauseShareMin = 0.5;
const clauseWordsMin = 3;
/** So many content words behind a negation are what it denies, where no mark ends it before. */
const deniedWordsMax = 3;
/** So far from a number, in content words, stands what it counts. */
const countedWithin = 2;

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
}

/** A word of a text as it is compared. */
interface Word {
  /** In lower case, without marks around it. */
  readonly text: string;
  /** Its terms that are no stop words. */
  readonly terms: readonly string[];
  /** Stands in backticks, or is written as no word of prose is: `keepAliveMs`, `ENGINE_BUSY`, `UUID`, `Ada`. */
  readonly isName: boolean;
  readonly isNegation: boolean;
  /** A number, written in one way: `1,000` and `1000` are the same. */
  readonly number: string | undefined;
  /** A mark stands behind it that ends a clause. */
  readonly endsClause: boolean;
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
  };
}

/** Share of a sentence's content terms that a quote has, 0..1. */
export function shareOf({ content }: Pick<Statement, 'content'>, quote: Statement): number {
  let shared = 0;
  for (const term of content) if (quote.terms.has(term)) shared += 1;
  return content.size === 0 ? 0 : shared / content.size;
}

/**
 * Whether a quote bears a sentence out, as far as words can tell: it has most of its content, in each clause half of it; its
 * numbers, beside what they count; its names; it denies what the sentence denies and nothing that it says; and has no word's
 * opposite in its place.
 */
export function isSupport(sentence: Statement, quote: Statement): boolean {
  return (
    // One word says nothing that could be supported.
    sentence.words.filter(isContent).length >= 2 &&
    shareOf(sentence, quote) >= supportMin &&
    sentence.codes.every((code) => quote.text.includes(code)) &&
    sentence.words.every((word) => !word.isName || hasName(quote, word)) &&
    hasNumbers(quote, sentence) &&
    !isDenied(sentence, quote) &&
    !isDenied(quote, sentence) &&
    !hasOpposite(quote, sentence) &&
    clausesOf(sentence.words).every((clause) => shareOf(clause, quote) >= clauseShareMin)
  );
}

function isContent({ terms }: Word): boolean {
  return terms.length > 0;
}

function hasName(quote: Statement, { text, terms }: Word): boolean {
  // `ui.history` is more than `ui` and `history`, wherever these stand.
  if (/[\p{L}\p{N}][./:-][\p{L}\p{N}]/u.test(text)) return quote.text.includes(text);
  return terms.every((term) => quote.terms.has(term));
}

/** Every number of the sentence is in the quote; where the quote has what it counts, they stand together there, too. */
function hasNumbers(quote: Statement, sentence: Statement): boolean {
  const quoted = quote.words.filter((word) => isContent(word) || word.number !== undefined);
  return sentence.words.every(({ number }, at) => {
    if (number === undefined) return true;
    const places = quoted.flatMap((word, place) => (word.number === number ? [place] : []));
    if (places.length === 0) return false;
    const counted = countedBy(sentence.words, at);
    if (counted.length > 0 && !counted.some((term) => quote.terms.has(term))) return false;
    const isCounted = ({ terms }: Word): boolean => terms.some((term) => counted.includes(term));
    return (
      !quoted.some(isCounted) ||
      places.some((place) =>
        quoted.slice(Math.max(0, place - countedWithin), place + countedWithin + 1).some(isCounted),
      )
    );
  });
}

/** Terms of what the number at a place counts: of the next content word of its clause. */
function countedBy(words: readonly Word[], at: number): readonly string[] {
  for (let next = at; words[next]?.endsClause === false;) {
    next += 1;
    const word = words[next];
    if (word === undefined || word.number !== undefined || conjunctions.has(word.text)) break;
    if (isContent(word)) return word.terms;
  }
  return [];
}

/** Whether one text denies what the other says without a negation. */
function isDenied(said: Statement, by: Statement): boolean {
  const denied = new Set(said.denials.flatMap((terms) => [...terms]));
  return by.denials.some((terms) => {
    const shared = [...terms].filter((term) => said.terms.has(term));
    return shared.length * 2 > terms.size && !shared.some((term) => denied.has(term));
  });
}

/** Whether the quote has, in the place of a word, its opposite. */
function hasOpposite(quote: Statement, sentence: Statement): boolean {
  const words = new Set(quote.words.map(({ text }) => text));
  return sentence.words.some(({ text }) => {
    const opposite = opposites.get(text);
    return opposite !== undefined && words.has(opposite) && !words.has(text);
  });
}

/** Clauses of some length, by their marks and by `and`, `but`, `or`. */
function clausesOf(words: readonly Word[]): readonly Pick<Statement, 'content'>[] {
  const clauses: Word[][] = [[]];
  for (const word of words) {
    if (conjunctions.has(word.text)) clauses.push([]);
    else clauses.at(-1)?.push(word);
    if (word.endsClause) clauses.push([]);
  }
  return clauses
    .map((clause) => clause.filter(isContent))
    .filter(({ length }) => length >= clauseWordsMin)
    .map((clause) => ({ content: new Set(clause.flatMap(({ terms }) => terms)) }));
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

const conjunctions: ReadonlySet<string> = new Set(['and', 'but', 'or']);

const opposites: ReadonlyMap<string, string> = new Map(
  (
    'before after, above below, up down, more less, more fewer, most least, first last, newest oldest, newer older, ' +
    'larger smaller, largest smallest, longer shorter, faster slower, earlier later, highest lowest, higher lower, ' +
    'always never, all none, best worst, better worse, minimum maximum, begin end, begins ends, open closed, true false'
  )
    .split(', ')
    .flatMap((pair): readonly [string, string][] => {
      const [one = '', other = ''] = pair.split(' ');
      return [
        [one, other],
        [other, one],
      ];
    }),
);
