import { GemmaError } from '@gemma-cli/contracts';
import type {
  ImplementationName,
  MemoryOptions,
  MemoryStats,
  MemoryStore,
  SearchRequest,
  SearchResult,
} from '@gemma-cli/contracts';

/** What {@link shadowMemory} takes. */
export interface ShadowOptions {
  /** Share of the searches that is asked again, 0..1. */
  readonly share: number;
  /** Opens another memory on the same record. Called when the first search is asked again. */
  readonly openOther: () => Promise<MemoryStore>;
  /** 0..1, as `Math.random`, which is the default. */
  readonly random?: (() => number) | undefined;
  /** Milliseconds that never go back. Default: `performance.now`. */
  readonly clock?: (() => number) | undefined;
  /** Called with one line for each difference, and at the end with what came of it all. Default: silence. */
  readonly log?: ((message: string) => void) | undefined;
}

/** What asking again has shown since the memory was opened. */
export interface ShadowStats {
  /** Whom the searches were asked again. `null` = nobody yet. */
  readonly implementation: ImplementationName | null;
  /** Searches whose two answers were compared. */
  readonly compared: number;
  /** Of them those with other rows, with the same rows in another order, with the same rows and other scores. */
  readonly differences: { readonly ids: number; readonly order: number; readonly scores: number };
  /** Of them those whose times were compared: all but those that the query cache answered. */
  readonly timed: number;
  /** Of these those in which the memory that answers took longer than the other one. */
  readonly slower: number;
  /** What both took for all of these. */
  readonly tookMs: number;
  readonly otherTookMs: number;
  /**
   * Searches that could not be compared: by meaning, where one of the two finds not exactly the nearest rows; rows changed
   * in between; too many waited; the other memory failed; the memory closed before it was their turn.
   */
  readonly left: {
    readonly inexact: number;
    readonly changed: number;
    readonly tooMany: number;
    readonly failed: number;
    readonly tooLate: number;
  };
}

/** A memory some of whose searches are asked another one, too. */
export interface ShadowedMemory extends MemoryStore {
  stats(): Promise<MemoryStats & { readonly shadow: ShadowStats }>;
}

/** Searches that wait at most: each keeps ids and scores of its hits. */
const waitingMax = 64;
/** So long nobody must have asked anything before the other memory is: a scan holds up whoever comes meanwhile. */
const quietMs = 100;
/** No comparison begins later after the call of `close`: whoever closes waits for them. */
const closingMs = 1_000;
/** Scores that differ by less are equal: the contract of both finders. */
const scoreTolerance = 1e-9;

/** What is compared of an answer. */
type Ranking = readonly { readonly id: string; readonly score: number }[];

/** A search that was answered, to be asked again. */
interface Asked {
  readonly request: SearchRequest;
  readonly ranking: Ranking;
  /** `null` = the query cache answered. */
  readonly tookMs: number | null;
}

/**
 * Gives a memory a shadow: a share of its searches is asked another memory on the same record, too, once the search was
 * answered and nobody searched for 100 ms, and at the close, as many as begin within a second. The other one opens then, on
 * this thread, and stays open until the close. No row is written through it (its index may be kept on disk), and what goes
 * wrong with it is counted and logged, and never told to whoever searches. Answers by meaning are compared where both
 * memories find exactly the nearest rows.
 */
export function shadowMemory(
  memory: MemoryStore,
  { share, openOther, random = Math.random, clock = () => performance.now(), log = () => undefined }: ShadowOptions,
): ShadowedMemory {
  let other: Promise<MemoryStore> | null = null;
  let implementation: ImplementationName | null = null;
  let waiting: Asked[] = [];
  let timer: NodeJS.Timeout | null = null;
  let work: Promise<void> | null = null;
  let closed: Promise<void> | null = null;
  const differences = { ids: 0, order: 0, scores: 0 };
  const left = { inexact: 0, changed: 0, tooMany: 0, failed: 0, tooLate: 0 };
  const sums = { compared: 0, timed: 0, slower: 0, tookMs: 0, otherTookMs: 0 };
  let complaint = '';

  function plan(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (waiting.length === 0 || work !== null || closed !== null) return;
    timer = setTimeout(() => {
      timer = null;
      const first = waiting.shift();
      if (first === undefined) return;
      work = compare(first).finally(() => {
        work = null;
        plan();
      });
    }, quietMs).unref();
  }

  async function compare({ request, ranking, tookMs }: Asked): Promise<void> {
    try {
      other ??= openOther();
      const second = await other;
      implementation = second.implementation;
      const isExact = memory.capabilities.exact && second.capabilities.exact;
      if (request.mode !== 'lexical' && !isExact) {
        left.inexact += 1;
        return;
      }
      const result = await second.search(request);
      const theirs = rankingOf(result);
      const kind = differenceOf(ranking, theirs);
      // Somebody may have written, or a row expired, between the two: then this memory answers otherwise by now, too.
      if (kind !== null && differenceOf(ranking, rankingOf(await memory.search(request))) !== null) {
        left.changed += 1;
        return;
      }
      sums.compared += 1;
      if (tookMs !== null) {
        sums.timed += 1;
        sums.tookMs += tookMs;
        sums.otherTookMs += result.tookMs;
        if (tookMs > result.tookMs) sums.slower += 1;
      }
      if (kind === null) return;
      differences[kind] += 1;
      log(
        `Shadow: ${memory.implementation} and ${second.implementation} differ in ${kind} for ${JSON.stringify(request)}: ` +
          `${JSON.stringify(ranking)}, ${JSON.stringify(theirs)}`,
      );
    } catch (error) {
      left.failed += 1;
      const message = error instanceof Error ? error.message : String(error);
      if (message !== complaint) log(`Shadow: a search could not be asked again: ${message}`);
      complaint = message;
    }
  }

  function stats(): ShadowStats {
    return { implementation, ...sums, differences: { ...differences }, left: { ...left } };
  }

  function checkOpen(): void {
    if (closed === null) return;
    throw new GemmaError({ code: 'MEMORY_CLOSED', message: 'The memory is closed. Open it again to use it.' });
  }

  /** An operation that is refused once `close` was called, while the memory itself is open for the last comparisons. */
  function inTime<Args extends readonly unknown[], Result>(
    operation: (...args: Args) => Promise<Result>,
  ): (...args: Args) => Promise<Result> {
    return async (...args) => {
      checkOpen();
      return operation(...args);
    };
  }

  async function end(): Promise<void> {
    if (timer !== null) clearTimeout(timer);
    const startedAt = clock();
    try {
      await work;
      // A command that searches once is over before anybody was quiet.
      for (const asked of waiting) {
        if (clock() - startedAt < closingMs) await compare(asked);
        else left.tooLate += 1;
      }
      waiting = [];
      await closeOther();
      if (sums.compared > 0 || Object.values(left).some((count) => count > 0))
        log(summary(memory.implementation, stats()));
    } finally {
      await memory.close();
    }
  }

  async function closeOther(): Promise<void> {
    try {
      await (await other?.catch(() => null))?.close();
    } catch (error) {
      log(`Shadow: the other memory did not close: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  async function close(): Promise<void> {
    closed ??= end();
    await closed;
  }

  const { implementation: active, backend, namespace, capabilities } = memory;
  return {
    implementation: active,
    backend,
    namespace,
    capabilities,
    add: inTime(memory.add),
    addMany: inTime(memory.addMany),
    putDocument: inTime(memory.putDocument),
    removeDocuments: inTime(memory.removeDocuments),
    documents: inTime(memory.documents),
    get: inTime(memory.get),
    search: inTime(async (request: SearchRequest, options?: MemoryOptions) => {
      const result = await memory.search(request, options);
      if (closed === null && random() < share) {
        if (waiting.length < waitingMax) {
          const { mode, cache, tookMs } = result;
          const asked = { ...request, mode };
          waiting.push({ request: asked, ranking: rankingOf(result), tookMs: cache === 'hit' ? null : tookMs });
        } else left.tooMany += 1;
      }
      plan();
      return result;
    }),
    recall: inTime(memory.recall),
    touch(ids) {
      checkOpen();
      memory.touch(ids);
    },
    update: inTime(memory.update),
    forget: inTime(memory.forget),
    list: inTime(memory.list),
    stats: inTime(async () => ({ ...(await memory.stats()), shadow: stats() })),
    changes: inTime(memory.changes),
    subscribe(listener) {
      checkOpen();
      return memory.subscribe(listener);
    },
    consolidate: inTime(memory.consolidate),
    verify: inTime(memory.verify),
    async *export(options) {
      checkOpen();
      for await (const line of memory.export(options)) {
        yield line;
        checkOpen();
      }
    },
    import: inTime(memory.import),
    flush: inTime(memory.flush),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function rankingOf({ hits }: SearchResult): Ranking {
  return hits.map(({ row, score }) => ({ id: row.id, score }));
}

/** In what two answers differ. */
function differenceOf(one: Ranking, other: Ranking): 'ids' | 'order' | 'scores' | null {
  const ids = new Set(one.map(({ id }) => id));
  if (one.length !== other.length || other.some(({ id }) => !ids.has(id))) return 'ids';
  if (other.some(({ id }, at) => id !== one[at]?.id)) return 'order';
  const isFar = ({ score }: Ranking[number], at: number): boolean =>
    !(Math.abs(score - (one[at]?.score ?? Number.NaN)) <= scoreTolerance);
  return other.some(isFar) ? 'scores' : null;
}

function summary(active: ImplementationName, { implementation, differences, left, ...sums }: ShadowStats): string {
  const { ids, order, scores } = differences;
  const mean = (ms: number): string => (sums.timed === 0 ? 0 : ms / sums.timed).toFixed(2);
  return (
    `Shadow: ${sums.compared} of the searches of the ${active} memory were compared with the ${implementation ?? 'other'} one: ` +
    `${ids} with other rows, ${order} in another order, ${scores} with other scores; ` +
    `${mean(sums.tookMs)} ms and ${mean(sums.otherTookMs)} ms on average, slower ${sums.slower} of ${sums.timed} times; ` +
    `not compared: ${left.inexact} inexact, ${left.changed} changed, ${left.tooMany} too many, ${left.failed} failed, ${left.tooLate} too late.`
  );
}
