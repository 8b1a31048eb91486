import { GemmaError } from '@gemma-cli/contracts';
import type {
  Embedder,
  RecordStore,
  Retriever,
  RowFilter,
  RowSet,
  ScoredRow,
  SearchResult,
} from '@gemma-cli/contracts';
import { fuseByScore, fusionDepth } from '@gemma-cli/rag-core';
import type { Analyzer } from '@gemma-cli/rag-core';
import { filterKey, isEmptyFilter } from './check-requests.ts';
import type { ResolvedSearch } from './check-requests.ts';
import type { QueryCache } from './query-cache.ts';
import { createRowSet } from './row-set.ts';

/** Finds rows by number. */
export interface RowFinder {
  /**
   * @param now - Rows that have expired by then are not found.
   * @param signal - Ends a computation of the query's vector.
   */
  find(request: ResolvedSearch, now: () => number, signal: AbortSignal): Promise<FoundRows>;
}

/** What was found, the best first. */
export interface FoundRows {
  readonly rows: readonly ScoredRow[];
  readonly cache: SearchResult['cache'];
}

/** What {@link createRowFinder} takes. */
export interface RowFinderParts {
  readonly record: RecordStore;
  readonly retriever: Retriever;
  readonly analyzer: Analyzer;
  /** `null` = only lexical search. */
  readonly embedder: Embedder | null;
  /** `null` = every search is made. */
  readonly queryCache: QueryCache | null;
}

/** Sets of rows of a filter that are kept: as many filters as somebody uses in turns. */
const rowSetsMax = 16;

/** Joins retriever, record, analyzer, embedder and cache to one way of finding rows. */
export function createRowFinder({ record, retriever, analyzer, embedder, queryCache }: RowFinderParts): RowFinder {
  const rowSets = new Map<string, { readonly seq: number; readonly now: number; readonly rows: RowSet }>();

  /** Rows that pass a filter. A kept set may hold rows that have expired since: they are hidden anyway. */
  function passing(filter: RowFilter, now: number): RowSet | null {
    if (isEmptyFilter(filter)) return null;
    const key = filterKey(filter);
    const seq = record.seq();
    const kept = rowSets.get(key);
    rowSets.delete(key);
    const fitting =
      kept !== undefined && kept.seq === seq && kept.now <= now
        ? kept
        : { seq, now, rows: createRowSet(record.matching(filter, now)) };
    rowSets.set(key, fitting);
    if (rowSets.size > rowSetsMax) for (const oldest of [...rowSets.keys()].slice(0, 1)) rowSets.delete(oldest);
    return fitting.rows;
  }

  /** Brings the retriever up to date and tells what a result made now depends on. */
  function present(request: ResolvedSearch, now: number) {
    const position = retriever.sync();
    const expired = record.expired(now);
    const { query, mode, limit, filter, explain } = request;
    return {
      hidden: expired.length === 0 ? null : createRowSet(expired),
      // Of rows that stay as they are, those that expire first expire first at all times: their number names their set.
      key: JSON.stringify([record.namespace, position, expired.length, mode, query, filterKey(filter), limit, explain]),
    };
  }

  function search(
    request: ResolvedSearch,
    vector: Float32Array | null,
    hidden: RowSet | null,
    now: number,
  ): readonly ScoredRow[] {
    const { query, mode, limit, filter, explain } = request;
    const allowed = passing(filter, now);
    if (allowed?.size === 0) return [];
    const terms = mode === 'dense' ? [] : analyzer.query(query);
    const byWords = (most: number, among: RowSet | null, tells: boolean): readonly ScoredRow[] =>
      terms.length === 0 ? [] : retriever.lexical({ terms, limit: most, allowed: among, hidden, explain: tells });
    const byMeaning = (most: number, among: RowSet | null): readonly ScoredRow[] =>
      vector === null ? [] : retriever.dense({ vector, limit: most, allowed: among, hidden });
    if (mode === 'lexical') return byWords(limit, allowed, explain);
    if (mode === 'dense') return withCosines(byMeaning(limit, allowed), explain);
    const depth = Math.max(fusionDepth, limit);
    const brought = new Set(
      [...byWords(depth, allowed, false), ...byMeaning(depth, allowed)].map(({ number }) => number),
    );
    if (brought.size === 0) return [];
    const among = createRowSet([...brought].toSorted((one, other) => one - other));
    const lexical = byWords(among.size, among, explain);
    const dense = withCosines(byMeaning(among.size, among), explain);
    const parts = new Map(lexical.map((row) => [row.number, row.parts]));
    for (const row of dense) parts.set(row.number, { ...parts.get(row.number), ...row.parts });
    return fuseByScore(lexical, dense)
      .slice(0, limit)
      .map((row) => (explain ? { ...row, parts: parts.get(row.number) ?? {} } : row));
  }

  return {
    async find(request, now, signal) {
      const startedAt = performance.now();
      let time = now();
      let { key, hidden } = present(request, time);
      const cached = queryCache?.get(key);
      if (cached !== undefined) return { rows: cached.rows, cache: 'hit' };
      let vector: Float32Array | null = null;
      if (request.mode !== 'lexical') {
        vector = await queryVector(embedder, request, signal);
        signal.throwIfAborted();
        time = now();
        ({ key, hidden } = present(request, time));
      }
      const rows = search(request, vector, hidden, time);
      queryCache?.set(key, { rows }, performance.now() - startedAt);
      return { rows, cache: queryCache === null ? 'off' : 'miss' };
    },
  };
}

async function queryVector(
  embedder: Embedder | null,
  { query, mode }: ResolvedSearch,
  signal: AbortSignal,
): Promise<Float32Array | null> {
  if (embedder === null) {
    throw new GemmaError({
      code: 'OPTION_UNSUPPORTED',
      message: `The mode ${mode} needs vectors, and this memory has no embedding model. Use the mode lexical, or choose an embedding model.`,
      facts: { mode },
    });
  }
  // A query of nothing but white space has no meaning that a model could tell.
  if (query.trim() === '') return null;
  const [vector] = await embedder.embed([query], { kind: 'query', truncate: true, signal });
  return vector ?? null;
}

function withCosines(rows: readonly ScoredRow[], explain: boolean): readonly ScoredRow[] {
  return explain ? rows.map((row) => ({ ...row, parts: { dense: { cosine: row.score } } })) : rows;
}
