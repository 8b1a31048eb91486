import { directions } from './ordered-clauses.ts';

/** So many more neighbours must fit when two things change their places: one is what a change of style brings about. */
const gainMin = 2;
/** A thing that is exchanged has so many words at most: `19 ms`, `key file`. Longer ones are clauses in another order. */
const runWordsMax = 2;
/** So far behind a word of the quote, in words that both texts have, stands its neighbour. */
const neighboursWithin = 2;
/** Of a sentence so many words are compared: the exchanges to try grow with their square. */
const sentenceWordsMax = 48;

type Clause = readonly string[];

/** Words side by side in a clause of a sentence. */
interface Run {
  readonly clause: number;
  readonly start: number;
  readonly end: number;
}

/**
 * Whether a sentence has what a quote has with two things exchanged, such as `the server trusts the client` for `the client
 * trusts the server`: it is, if it fits the order of the quote decidedly better once they have changed their places.
 *
 * Only words that both have are looked at. How well a clause fits is the number of its neighbouring words that are neighbours
 * in one clause of the quote, in the same order; so clauses may stand in any order, and the parts of one nearly so.
 *
 * @param sentence - Its clauses, by `orderedClauses`.
 * @param quote - Its clauses, in the same way.
 */
export function isExchanged(sentence: readonly Clause[], quote: readonly Clause[]): boolean {
  const quoted = new Set(quote.flat());
  const said = capped(sentence).map((clause) => clause.filter((word) => quoted.has(word)));
  const words = new Set(said.flat());
  const neighbours = quote
    .map((clause) => neighboursOf(clause.filter((word) => words.has(word))))
    .filter(({ size }) => size > 0);
  const somewhere: Pairs = new Set(neighbours.flatMap((pairs) => [...pairs]));
  const fits = said.map((clause) => bestFit(clause, neighbours));
  const runs = said.flatMap((clause, n) => looseRuns(clause, fits[n]?.pairs).map((run) => ({ clause: n, ...run })));
  return runs.some((one, at) =>
    runs.slice(at + 1).some((other) => {
      // No exchange gains more than it has new neighbours.
      if (newNeighbours(said, one, other).filter((two) => somewhere.has(two)).length < gainMin) return false;
      const changed = exchange(said, one, other);
      const gain = [...changed].reduce(
        (sum, [n, clause]) => sum + bestFit(clause, neighbours).fit - (fits[n]?.fit ?? 0),
        0,
      );
      return gain >= gainMin;
    }),
  );
}

function capped(clauses: readonly Clause[]): readonly Clause[] {
  let left = sentenceWordsMax;
  return clauses.map((clause) => {
    const kept = clause.slice(0, left);
    left -= kept.length;
    return kept;
  });
}

type Pairs = ReadonlySet<string>;

function pair(one: string | undefined, next: string | undefined): string {
  return `${one}\n${next}`;
}

function neighboursOf(clause: Clause): Pairs {
  const pairs = new Set<string>();
  for (const [at, word] of clause.entries())
    for (const next of clause.slice(at + 1, at + 1 + neighboursWithin)) pairs.add(pair(word, next));
  return pairs;
}

/** How many neighbours of a clause are neighbours in that clause of the quote where most of them are. */
function bestFit(clause: Clause, neighbours: readonly Pairs[]): { readonly fit: number; readonly pairs: Pairs } {
  let best: { readonly fit: number; readonly pairs: Pairs } = { fit: 0, pairs: new Set() };
  for (const pairs of neighbours) {
    let fit = 0;
    for (let at = 1; at < clause.length; at += 1) if (pairs.has(pair(clause[at - 1], clause[at]))) fit += 1;
    if (fit > best.fit) best = { fit, pairs };
  }
  return best;
}

/** Runs of words that do not fit to a word beside them: what fits on both sides is in its place. */
function looseRuns(clause: Clause, pairs: Pairs = new Set()): readonly Omit<Run, 'clause'>[] {
  const isLoose = (at: number): boolean => at > 0 && at < clause.length && !pairs.has(pair(clause[at - 1], clause[at]));
  return clause.flatMap((first, start) =>
    Array.from({ length: Math.min(runWordsMax, clause.length - start) }, (_, more) => ({
      start,
      end: start + more + 1,
    }))
      .filter(({ end }) => !directions.has(first) && !directions.has(clause[end - 1] ?? ''))
      .filter(({ end }) => isLoose(start) || isLoose(end)),
  );
}

/** Those that two runs get when they change their places. */
function newNeighbours(said: readonly Clause[], one: Run, other: Run): readonly string[] {
  const [first = [], second = []] = [said[one.clause], said[other.clause]];
  return [
    pair(first[one.start - 1], second[other.start]),
    pair(second[other.end - 1], first[one.end]),
    pair(second[other.start - 1], first[one.start]),
    pair(first[one.end - 1], second[other.end]),
  ];
}

/** The clauses that are others when two runs change their places; none where these touch: `hot tea` and `tea, hot`. */
function exchange(said: readonly Clause[], one: Run, other: Run): ReadonlyMap<number, Clause> {
  const [first = [], second = []] = [said[one.clause], said[other.clause]];
  const [a, b] = [first.slice(one.start, one.end), second.slice(other.start, other.end)];
  if (one.clause !== other.clause) {
    return new Map([
      [one.clause, [...first.slice(0, one.start), ...b, ...first.slice(one.end)]],
      [other.clause, [...second.slice(0, other.start), ...a, ...second.slice(other.end)]],
    ]);
  }
  if (other.start <= one.end) return new Map();
  const changed = [
    ...first.slice(0, one.start),
    ...b,
    ...first.slice(one.end, other.start),
    ...a,
    ...first.slice(other.end),
  ];
  return new Map([[one.clause, changed]]);
}
