import { isExchanged } from './is-exchanged.ts';
import { conjunctions, splitClauses } from './ordered-clauses.ts';
import { isContent, type Statement, type Word } from './read-statement.ts';

/** Least share of a sentence's content terms that its quote must have. */
export const supportMin = 0.6;

/** Least share of a clause's content terms, where it has so many words: less is something that was added. */
const clauseShareMin = 0.5;
const clauseWordsMin = 3;
/** So far from a number, in content words, stands what it counts. */
const countedWithin = 2;

/** Share of a sentence's content terms that a quote has, 0..1. */
export function shareOf({ content }: Pick<Statement, 'content'>, quote: Statement): number {
  let shared = 0;
  for (const term of content) if (quote.terms.has(term)) shared += 1;
  return content.size === 0 ? 0 : shared / content.size;
}

/**
 * Whether a quote bears a sentence out, as far as words can tell: it has most of its content, in each clause half of it; its
 * numbers, beside what they count; its names; it denies what the sentence denies and nothing that it says; has no word's
 * opposite in its place; and says it of the same things.
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
    clausesOf(sentence.words).every((clause) => shareOf(clause, quote) >= clauseShareMin) &&
    !isExchanged(sentence.clauses, quote.clauses)
  );
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
  return splitClauses(words)
    .map((clause) => clause.filter(isContent))
    .filter(({ length }) => length >= clauseWordsMin)
    .map((clause) => ({ content: new Set(clause.flatMap(({ terms }) => terms)) }));
}

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
