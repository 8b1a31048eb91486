/** What is looked at of a word to put it in order. */
export interface ClauseWord {
  /** In lower case, without marks around it. */
  readonly text: string;
  /** Its terms that are no stop words. */
  readonly terms: readonly string[];
  /** A mark stands behind it that ends a clause. */
  readonly endsClause: boolean;
}

/**
 * The clauses of an English text as words whose order says who does what to whom: its content, and the stop words that tell
 * a direction, such as `from`. What is said in the passive voice stands as it would in the active.
 */
export function orderedClauses(words: readonly ClauseWord[]): readonly (readonly string[])[] {
  return splitClauses(words)
    .map((clause) => inActiveVoice(clause).flatMap(orderedWord))
    .filter(({ length }) => length > 0);
}

/** Clauses, by their marks and by `and`, `but`, `or`. */
export function splitClauses<Word extends ClauseWord>(words: readonly Word[]): readonly (readonly Word[])[] {
  const clauses: Word[][] = [[]];
  for (const word of words) {
    if (conjunctions.has(word.text)) clauses.push([]);
    else clauses.at(-1)?.push(word);
    if (word.endsClause) clauses.push([]);
  }
  return clauses;
}

/** These end a clause, and what a number counts stands before them. */
export const conjunctions: ReadonlySet<string> = new Set(['and', 'but', 'or']);

/** Stop words without which one could not tell which way it goes. */
export const directions: ReadonlySet<string> = new Set('from to into onto of than over under before after'.split(' '));

/** Content that stands for another word, which no two texts put in the same place. */
const placeholders: ReadonlySet<string> = new Set(['one', 'ones', 'other', 'others', 'each']);

const passives: ReadonlySet<string> = new Set('is are was were be been being get gets got'.split(' '));

/** A verb and who does it end before one of these. */
const boundaries: ReadonlySet<string> = new Set([
  ...directions,
  ...'for with at on in by through across against between during since until without when while as because if'.split(
    ' ',
  ),
]);

/** So many words stand between `is` and `by` in `is written once a week by`. */
const passiveWordsMax = 8;

function orderedWord({ text, terms }: ClauseWord): readonly string[] {
  if (placeholders.has(text)) return [];
  if (terms.length > 0) return [terms.join(' ')];
  return directions.has(text) ? [text] : [];
}

/** `the cup is put on the shelf by Ada` becomes `Ada put the cup on the shelf`. */
function inActiveVoice(clause: readonly ClauseWord[]): readonly ClauseWord[] {
  const by = clause.findIndex(({ text }) => text === 'by');
  const from = Math.max(0, by - passiveWordsMax);
  const is = from + clause.slice(from, Math.max(0, by)).findLastIndex(({ text }) => passives.has(text));
  if (is < from || is === 0) return clause;
  const endOf = (start: number, end: number): number => {
    const found = clause.slice(start, end).findIndex(({ text }) => boundaries.has(text));
    return found === -1 ? end : start + found;
  };
  const verbEnd = endOf(is + 1, by);
  const doerEnd = endOf(by + 1, clause.length);
  const [verb, doer] = [clause.slice(is + 1, verbEnd), clause.slice(by + 1, doerEnd)];
  if (!verb.some(isContent) || !doer.some(isContent)) return clause;
  return [...doer, ...verb, ...clause.slice(0, is), ...clause.slice(verbEnd, by), ...clause.slice(doerEnd)];
}

function isContent({ terms }: ClauseWord): boolean {
  return terms.length > 0;
}
