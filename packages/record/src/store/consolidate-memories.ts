import type { Consolidation, MemoryRow, RecordStore, RecordWrite, WriteResult } from '@gemma-cli/contracts';
import { laterExpiry, promotedTier } from '@gemma-cli/rag-core';
import { tagLimits } from '../validate-rows.ts';
import { pageRows, rowPages } from './row-pages.ts';

/** What {@link consolidateMemories} takes. */
export interface ConsolidateParts {
  readonly record: RecordStore;
  readonly write: (writes: readonly RecordWrite[]) => Promise<readonly WriteResult[]>;
  readonly now: () => number;
  /** Throws where the work must end. */
  readonly check: () => void;
}

/**
 * Removes what has expired and what is beyond the capacity of its tier; lets what was said in conversations go on from
 * `working` when its time there is over; makes one memory of several that have the same
 * words in one tier; moves up by one tier what is important or was used, and sweeps again what has no room then. Takes
 * memory in proportion to the memories there are. Those of one record wait for each other.
 */
export async function consolidateMemories(parts: ConsolidateParts): Promise<Consolidation> {
  // Two at once would both give the accesses of what they merge to the memory that is kept.
  const before = consolidating.get(parts.record) ?? Promise.resolve();
  const result = before.then(() => consolidate(parts));
  // Its failure is for whoever asked for it.
  consolidating.set(
    parts.record,
    result.catch(() => undefined),
  );
  return result;
}

/** The last consolidation of each record: the one in the background, one that was asked for. */
const consolidating = new WeakMap<RecordStore, Promise<unknown>>();

async function consolidate({ record, write, now, check }: ConsolidateParts): Promise<Consolidation> {
  const first = await sweep();
  const groups = new Map<string, MemoryRow[]>();
  for (const page of rowPages(record, { kind: 'memory' }, now)) {
    for (const memory of page) group(groups, memory);
    await turn();
    check();
  }
  const merges: RecordWrite[] = [];
  const promotions: RecordWrite[] = [];
  let looked = 0;
  for (const memories of groups.values()) {
    const { steps, left } = mergeDuplicates(memories);
    merges.push(...steps);
    for (const memory of left) {
      const tier = nextTier(memory);
      if (tier !== null) promotions.push({ type: 'update', id: memory.id, changes: { tier } });
    }
    looked += memories.length;
    if (looked < pageRows) continue;
    looked = 0;
    await turn();
    check();
  }
  const merged = removedBy(await inPages(merges));
  const results = await inPages(promotions);
  const promoted = results.filter(({ rows }) => rows.length > 0).length;
  const last = promoted === 0 ? { rolled: 0, expired: 0, evicted: 0 } : await sweep();
  const moved = first.rolled + promoted + last.rolled;
  await write([{ type: 'consolidated', promoted: moved }]);
  return {
    promoted: moved,
    merged,
    expired: first.expired + last.expired,
    evicted: first.evicted + removedBy(results) + last.evicted,
  };

  async function sweep(): Promise<{ readonly rolled: number; readonly expired: number; readonly evicted: number }> {
    check();
    const expired = record.expired(now()).length;
    const [result] = await write([{ type: 'sweep' }]);
    const removed = result?.removed ?? 0;
    const rolled = result?.rows.length ?? 0;
    return { rolled, expired: Math.min(expired, removed), evicted: Math.max(0, removed - expired) };
  }

  /** Few at a time, so that other writes need not wait for all of them. */
  async function inPages(writes: readonly RecordWrite[]): Promise<readonly WriteResult[]> {
    const all: WriteResult[] = [];
    for (let from = 0; from < writes.length; from += writesAtOnce) {
      check();
      all.push(...(await write(writes.slice(from, from + writesAtOnce))));
      await turn();
    }
    return all;
  }
}

function nextTier({ tier, session, writer, importance, accessCount }: Weighed) {
  if (tier === null) return null;
  return promotedTier({ tier, session, writer, importance: importance ?? 0, accessCount: accessCount ?? 0 });
}

/** What is worked with of a memory that others were merged into. */
type Weighed = Pick<MemoryRow, 'id' | 'tier' | 'session' | 'writer' | 'importance' | 'accessCount'>;

/** Steps of one commit: a key that is pressed meanwhile waits no longer. Even: merges go in pairs. */
const writesAtOnce = 64;

/** Puts a memory to those that say the same in its tier. What the model repeats stays apart from what its user said. */
function group(groups: Map<string, MemoryRow[]>, memory: MemoryRow): void {
  const isAnswer = memory.session !== null && memory.writer === 'model';
  const key = JSON.stringify([memory.tier, memory.title, memory.text, isAnswer]);
  const known = groups.get(key);
  if (known === undefined) groups.set(key, [memory]);
  else known.push(memory);
}

/**
 * Keeps of memories with equal words in one tier the one that was used most, of those the oldest. It gets the tags of all,
 * the greatest importance, the latest expiry and all accesses. Those whose tags would be too many stay apart.
 *
 * @returns Steps in pairs, which belong into one commit, and the memories that are left.
 */
function mergeDuplicates(memories: readonly MemoryRow[]): {
  readonly steps: readonly RecordWrite[];
  readonly left: readonly Weighed[];
} {
  const tags = [...new Set(memories.flatMap((memory) => memory.tags))];
  const [kept, ...others] = memories.toSorted(
    (one, other) => (other.accessCount ?? 0) - (one.accessCount ?? 0) || (one.id < other.id ? -1 : 1),
  );
  if (kept === undefined || others.length === 0 || tags.length > tagLimits.tagsMax)
    return { steps: [], left: memories };
  const importance = Math.max(...memories.map((memory) => memory.importance ?? 0));
  const expiresAt = memories.map((memory) => memory.expiresAt).reduce(laterExpiry);
  const accesses = {
    count: others.reduce((sum, { accessCount }) => sum + (accessCount ?? 0), 0),
    at: Math.max(...others.map(({ accessedAt }) => accessedAt ?? 0)),
  };
  return {
    steps: [
      { type: 'update', id: kept.id, changes: { tags, importance, expiresAt }, accesses },
      { type: 'remove', ids: others.map(({ id }) => id), reason: 'consolidated' },
    ],
    left: [{ ...kept, importance, accessCount: (kept.accessCount ?? 0) + accesses.count }],
  };
}

function removedBy(results: readonly WriteResult[]): number {
  return results.reduce((sum, { removed }) => sum + removed, 0);
}

/** Lets others have their turn. */
async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
