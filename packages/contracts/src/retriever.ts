import type { ImplementationName } from './handshake.ts';
import type { MemoryProblem, MemoryStats, ScoreParts } from './memory-store.ts';

/** A term of a query, after analysis. */
export interface QueryTerm {
  readonly term: string;
  /** How often the query has it. */
  readonly count: number;
  /** A word that nearly every text has: rows that have only such words of a query come behind all others. */
  readonly isStopWord: boolean;
}

/** Which rows a search may find, by number. */
export interface RowSet {
  has(number: number): boolean;
  /** How many. */
  readonly size: number;
  /** Ascending. */
  numbers(): readonly number[];
}

/** Words to find. */
export interface LexicalQuery {
  readonly terms: readonly QueryTerm[];
  /** Most hits. */
  readonly limit: number;
  /** `null` = all rows. */
  readonly allowed: RowSet | null;
  /** Rows that must not be found, of those allowed. `null` = none. */
  readonly hidden: RowSet | null;
  readonly explain: boolean;
}

/** A meaning to find. */
export interface DenseQuery extends Omit<LexicalQuery, 'terms' | 'explain'> {
  /** Of length 1. */
  readonly vector: Float32Array;
}

/** A row that was found. */
export interface ScoredRow {
  readonly number: number;
  readonly score: number;
  /** Where `explain` was asked for. */
  readonly parts?: ScoreParts;
}

/**
 * Finds rows of a record: by scanning or by an index. What it holds is derived from the record and may be thrown away.
 * Scores are those of the ranking that `@gemma-cli/rag-core` defines, over all rows of the record, whatever is allowed or
 * hidden; two retrievers on one record give the same rows in the same order, with scores within 1e-9.
 */
export interface Retriever {
  readonly implementation: ImplementationName;
  /** Dense search finds exactly the nearest. */
  readonly exact: boolean;
  /**
   * Takes over what was written since. Called before every search.
   *
   * @returns Position of the record that it stands at: results of two searches with the same position are the same.
   */
  sync(): number;
  /** The best first; equal scores by number. */
  lexical(query: LexicalQuery): readonly ScoredRow[];
  /** Rows with a vector, by cosine, the best first; equal scores by number. */
  dense(query: DenseQuery): readonly ScoredRow[];
  stats(): Pick<MemoryStats, 'index'> & { readonly indexBytes: number };
  /** Compares what it holds on disk with its checksums, and builds it anew where they do not fit. */
  verify(): readonly MemoryProblem[];
  /** Work for idle times, such as merging: at most `msMax` at once. Tells whether there is more to do. */
  work(msMax: number): boolean;
  close(): void;
}
