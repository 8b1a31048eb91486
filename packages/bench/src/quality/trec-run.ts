import { GemmaError } from '@gemma-cli/contracts';

/** An entry that was found. */
export interface RankedEntry {
  readonly id: string;
  readonly score: number;
}

/** What was found for each query, the best first, by the query's id. */
export type TrecRun = ReadonlyMap<string, readonly RankedEntry[]>;

/**
 * A run as trec_eval reads it: a line `query-id Q0 doc-id rank score tag` for each entry. trec_eval goes by the score
 * alone, keeps it in 32 bits and orders equal ones by id, so scores are written strictly decreasing in 32 bits: one that
 * is not below the one before becomes the next smaller number.
 *
 * @param tag - Names the run; without white space.
 */
export function formatTrecRun(run: TrecRun, tag: string): string {
  const lines: string[] = [];
  for (const [query, entries] of run) {
    let before = Number.POSITIVE_INFINITY;
    for (const [index, { id, score }] of entries.entries()) {
      const rounded = Math.fround(score);
      const written = rounded < before ? rounded : floatBelow(before);
      lines.push(`${query} Q0 ${id} ${index + 1} ${shortest(written)} ${tag}\n`);
      before = written;
    }
  }
  return lines.join('');
}

/**
 * Reads a run, in the order in which trec_eval sees it: by score, equal ones by id from the end of the alphabet.
 *
 * @throws GemmaError `REQUEST_INVALID` with the line.
 */
export function parseTrecRun(text: string): TrecRun {
  const run = new Map<string, RankedEntry[]>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const [query = '', , id = '', , score = ''] = line.trim().split(/\s+/);
    if (id === '' || score === '' || Number.isNaN(Number(score))) {
      throw new GemmaError({
        code: 'REQUEST_INVALID',
        message: `Expected "query-id Q0 doc-id rank score tag" in line ${index + 1} of a run, got "${line.slice(0, 80)}".`,
        facts: { line: index + 1 },
      });
    }
    const entries = run.get(query) ?? [];
    entries.push({ id, score: Math.fround(Number(score)) });
    run.set(query, entries);
  }
  for (const entries of run.values()) {
    entries.sort((one, other) => other.score - one.score || (one.id < other.id ? 1 : -1));
  }
  return run;
}

const words = new DataView(new ArrayBuffer(4));

/** The next smaller number of 32 bits. */
function floatBelow(value: number): number {
  words.setFloat32(0, value);
  const bits = words.getInt32(0);
  // Positive numbers are ordered as their bits are, negative ones the other way round; below zero comes the smallest one.
  words.setInt32(0, value > 0 ? bits - 1 : value === 0 ? -0x7fffffff : bits + 1);
  return words.getFloat32(0);
}

/** The shortest decimal that gives the same number of 32 bits. */
function shortest(value: number): string {
  for (let digits = 6; digits < 9; digits += 1) {
    const text = String(Number(value.toPrecision(digits)));
    if (Math.fround(Number(text)) === value) return text;
  }
  return String(Number(value.toPrecision(9)));
}
