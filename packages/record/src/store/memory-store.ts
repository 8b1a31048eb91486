import { GemmaError } from '@gemma-cli/contracts';
import type {
  ImplementationName,
  MemoryOptions,
  MemoryRow,
  MemoryStore,
  MemoryStoreOptions,
  RecordGroup,
  RecordStore,
  RecordWrite,
  Retriever,
  ScoredRow,
  SearchHit,
  SearchRequest,
  WriteResult,
} from '@gemma-cli/contracts';
import type { Analyzer } from '@gemma-cli/rag-core';
import { createBackgroundConsolidation } from './background-consolidation.ts';
import { createChangeFeed, plainChange } from './change-feed.ts';
import { checkForget, checkIds, idCharsMax, resolveList, resolveSearch } from './check-requests.ts';
import { checkList, checkString, checkWhole } from './check-values.ts';
import { consolidateMemories } from './consolidate-memories.ts';
import { createRowEmbedder } from './embed-rows.ts';
import { exportRows, importRows } from './export-rows.ts';
import { createRowFinder } from './find-rows.ts';
import { createIdleWork } from './idle-work.ts';
import type { QueryCache } from './query-cache.ts';
import { recallDepth, recallOrder } from './recall-order.ts';
import { memoryClosed } from './refuse.ts';

/** What a memory store is made of. The store closes record and retriever, not the embedder. */
export interface MemoryStoreParts {
  readonly implementation: ImplementationName;
  readonly record: RecordStore;
  readonly retriever: Retriever;
  readonly analyzer: Analyzer;
  /** Makes a group durable, after those that were given before. Rejects with what refused it. */
  readonly commit: (group: RecordGroup) => Promise<readonly WriteResult[]>;
  /** Groups that wait for their commit. */
  readonly pendingWrites: () => number;
  /** `null` = there is none. */
  readonly queryCache: QueryCache | null;
  /** What of them is used here. */
  readonly options: Pick<MemoryStoreOptions, 'embedder' | 'embedInBackground' | 'consolidateEveryMs' | 'now' | 'log'>;
}

/** Joins a record and a retriever to a memory: all that the two implementations have in common. */
export function createMemoryStore(parts: MemoryStoreParts): MemoryStore {
  const { implementation, record, retriever, queryCache, pendingWrites } = parts;
  const {
    embedder = null,
    embedInBackground: inBackground = true,
    consolidateEveryMs: everyMs = 0,
    now = Date.now,
    log = () => undefined,
  } = parts.options;
  const finder = createRowFinder({ ...parts, embedder });
  const feed = createChangeFeed(record, log);
  checkWhole('consolidateEveryMs', everyMs, 0, longestTimerMs);
  const idle = createIdleWork(retriever, log);
  const background = createBackgroundConsolidation({
    record,
    everyMs,
    consolidate: (mayGoOn) => consolidateMemories({ record, write, now, check: mayGoOn }),
    log,
  });
  const rowEmbedder = embedder === null ? null : createRowEmbedder({ record, embedder, inBackground, log });
  const closing = new AbortController();
  const running = new Set<Promise<unknown>>();
  let closed: Promise<void> | null = null;

  rowEmbedder?.wake();
  idle.wake();

  function check(signal?: AbortSignal): void {
    if (closed !== null) throw memoryClosed();
    if (signal?.aborted === true) throw aborted(signal);
  }

  /** Every operation: refused when it is too late, told what others wrote, waited for by `close`. */
  async function operation<Result>({ signal }: MemoryOptions, body: () => Result | Promise<Result>): Promise<Result> {
    check(signal);
    const promise = (async () => {
      feed.catchUp();
      return body();
    })();
    running.add(promise);
    try {
      return await promise;
    } finally {
      running.delete(promise);
      background.wake();
    }
  }

  async function write(writes: readonly RecordWrite[]): Promise<readonly WriteResult[]> {
    const results = await parts.commit({ writes, now: now() });
    feed.catchUp();
    rowEmbedder?.wake();
    idle.wake();
    return results;
  }

  async function writeOne(step: RecordWrite): Promise<WriteResult> {
    const [result = nothing] = await write([step]);
    return result;
  }

  function isAlive({ expiresAt }: MemoryRow): boolean {
    return expiresAt === null || expiresAt > now();
  }

  function aliveRow(id: string): MemoryRow | null {
    const row = record.byId([id])[0]?.row;
    return row !== undefined && isAlive(row) ? row : null;
  }

  /** The rows as they are now: one that went meanwhile is left out. */
  function toHits(rows: readonly ScoredRow[]): readonly SearchHit[] {
    const present = record.byNumber(rows.map(({ number }) => number));
    const hits = rows.flatMap(({ score, parts: scoreParts }, index): readonly SearchHit[] => {
      const row = present[index]?.row;
      if (row === undefined) return [];
      return [scoreParts === undefined ? { row, score } : { row, score, parts: scoreParts }];
    });
    // Numbers grow with ids, but for rows that were imported.
    return hits.toSorted((one, other) => other.score - one.score || (one.row.id < other.row.id ? -1 : 1));
  }

  async function find(request: SearchRequest, signal: AbortSignal | undefined, depthMin: number) {
    const resolved = resolveSearch(request, embedder === null ? 'lexical' : 'hybrid');
    const ending = signal === undefined ? closing.signal : AbortSignal.any([signal, closing.signal]);
    try {
      const found = await finder.find({ ...resolved, limit: Math.max(depthMin, resolved.limit) }, now, ending);
      return { ...resolved, hits: toHits(found.rows), cache: found.cache };
    } catch (error) {
      check(signal);
      throw error;
    }
  }

  async function flush(): Promise<void> {
    await write([]);
    // Whatever becomes of the vectors.
    record.sync();
    if (rowEmbedder === null) return;
    await rowEmbedder.settle();
    record.sync();
  }

  async function end(): Promise<void> {
    closing.abort();
    idle.close();
    await background.close();
    // First of all: somebody may wait for all vectors, which takes as long as there are rows.
    await rowEmbedder?.close();
    await Promise.allSettled(running);
    tellCache();
    try {
      // Counts of accesses wait for a commit.
      await parts.commit({ writes: [], now: now() });
    } finally {
      retriever.close();
      record.close();
    }
  }

  function tellCache(): void {
    const { hits = 0, misses = 0, savedMs = 0 } = queryCache?.stats() ?? {};
    const searches = hits + misses;
    if (searches === 0) return;
    const share = Math.round((100 * hits) / searches);
    log(`The query cache answered ${hits} of ${searches} searches (${share} %) and saved ${savedMs.toFixed(1)} ms.`);
  }

  async function close(): Promise<void> {
    closed ??= end();
    await closed;
  }

  return {
    implementation,
    backend: 'embedded',
    namespace: record.namespace,
    capabilities: { exact: retriever.exact, dense: embedder !== null },

    add: (memory, options = {}) =>
      operation(options, async () => {
        const { rows } = await writeOne({ type: 'add', memory });
        const [added] = rows;
        if (added === undefined) throw new Error('The record gave no row for one that was added.');
        return added.row;
      }),

    addMany: (memories, options = {}) =>
      operation(options, async () => {
        checkList('memories', memories, 0);
        const results = memories.length === 0 ? [] : await write(memories.map((memory) => ({ type: 'add', memory })));
        return results.flatMap(({ rows }) => rows.map(({ row }) => row));
      }),

    putDocument: (document, options = {}) =>
      operation(options, async () => {
        const { rows } = await writeOne({ type: 'put-document', document });
        return rows.map(({ row }) => row);
      }),

    removeDocuments: (uris, options = {}) =>
      operation(options, async () => {
        checkList('uris', uris, 0);
        return uris.length === 0 ? 0 : (await writeOne({ type: 'remove-documents', uris })).removed;
      }),

    documents: (uriPrefix = '') =>
      operation({}, () => {
        checkString('uriPrefix', uriPrefix, Number.MAX_SAFE_INTEGER, 0);
        return record.documents(uriPrefix);
      }),

    get: (id) =>
      operation({}, () => {
        checkString('id', id, idCharsMax);
        return aliveRow(id);
      }),

    search: (request, options = {}) =>
      operation(options, async () => {
        const startedAt = performance.now();
        const { hits, mode, cache } = await find(request, options.signal, 0);
        return { hits, mode, cache, tookMs: performance.now() - startedAt };
      }),

    recall: (request, options = {}) =>
      operation(options, async () => {
        const startedAt = performance.now();
        const filter = { ...request.filter, kind: 'memory' } as const;
        const { hits, mode, cache, limit, explain } = await find({ ...request, filter }, options.signal, recallDepth);
        const time = now();
        const best = recallOrder(hits, time, explain).slice(0, limit);
        if (best.length > 0)
          record.touch(
            best.map(({ row }) => row.id),
            time,
          );
        return { hits: best, mode, cache, tookMs: performance.now() - startedAt };
      }),

    touch(ids) {
      check();
      checkIds('ids', ids);
      record.touch(ids, now());
    },

    update: (id, changes, options = {}) =>
      operation(options, async () => {
        checkString('id', id, idCharsMax);
        if (aliveRow(id) === null) return null;
        const { rows } = await writeOne({ type: 'update', id, changes });
        return rows[0]?.row ?? null;
      }),

    forget: (which, options = {}) =>
      operation(options, async () => {
        checkForget(which);
        const { ids = [], filter } = which;
        const steps: RecordWrite[] = [];
        if (ids.length > 0) steps.push({ type: 'remove', ids, reason: 'forgotten' });
        if (filter !== undefined) steps.push({ type: 'remove-matching', filter, reason: 'forgotten' });
        if (steps.length === 0) return 0;
        return (await write(steps)).reduce((sum, { removed }) => sum + removed, 0);
      }),

    list: (request = {}) =>
      operation({}, () => {
        const { filter, afterId, limit } = resolveList(request);
        const rows = record.list({ filter, afterId, limit: limit + 1, now: now() });
        const shown = rows.slice(0, limit);
        return { rows: shown, next: rows.length > limit ? (shown.at(-1)?.id ?? null) : null };
      }),

    stats: () =>
      operation({}, () => {
        retriever.sync();
        const { rows, documents, expired, removed, consolidation, unsynced, seq, bytes } = record.stats(now());
        const { index, indexBytes } = retriever.stats();
        return {
          implementation,
          backend: 'embedded' as const,
          namespace: record.namespace,
          rows,
          documents,
          tiers: record.tiers,
          expired,
          removed,
          index,
          disk: { recordBytes: bytes, indexBytes },
          cache: queryCache?.stats() ?? { entries: 0, hits: 0, misses: 0, savedMs: 0 },
          consolidation,
          durability: record.durability,
          pendingWrites: pendingWrites(),
          unsyncedWrites: unsynced,
          seq,
        };
      }),

    changes: ({ afterSeq, limit = 1_000 }) =>
      operation({}, () => {
        checkWhole('afterSeq', afterSeq, 0, Number.MAX_SAFE_INTEGER);
        checkWhole('limit', limit, 1, Number.MAX_SAFE_INTEGER);
        return record.changes(afterSeq, limit).map(plainChange);
      }),

    subscribe(listener) {
      check();
      return feed.subscribe(listener);
    },

    consolidate: (options = {}) =>
      operation(options, () =>
        consolidateMemories({
          record,
          write,
          now,
          check: () => {
            check(options.signal);
          },
        }),
      ),

    verify: (options = {}) =>
      operation(options, () => {
        const problems = [...record.verify(), ...retriever.verify()];
        rowEmbedder?.lookAgain();
        return problems;
      }),

    export: (options = {}) =>
      exportRows(record, now, () => {
        check(options.signal);
      }),

    import: (lines, options = {}) =>
      operation(options, () =>
        importRows({
          lines,
          write,
          check: () => {
            check(options.signal);
          },
        }),
      ),

    flush: () => operation({}, flush),
    close,
    [Symbol.asyncDispose]: close,
  };
}

const nothing: WriteResult = { rows: [], removed: 0 };

/** Node's timers know no longer time. */
const longestTimerMs = 2 ** 31 - 1;

function aborted(signal: AbortSignal): GemmaError {
  return new GemmaError({ code: 'ABORTED', message: 'The operation on the memory was aborted.', cause: signal.reason });
}
