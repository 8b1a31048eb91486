import type { Consolidation, MemoryRow, RecordStore, RecordWrite, WriteResult } from '@gemma-cli/contracts';
import { laterExpiry, promotedTier } from '@gemma-cli/rag-core';
import { tagLimits } from '../validate-rows.ts';

/** What {@link consolidateMemories} takes. */
export interface ConsolidateParts {
  readonly record: RecordStore;
  readonly write: (writes: readonly RecordWrite[]) => Promise<readonly WriteResult[]>;
  readonly now: () => number;
  /** Throws where the work must end. */
  readonly check: () => void;
}

/** Rows that are read before others get their turn. */
const pageRows = 500;

/**
 * Removes what has expired and what is beyond the capacity of its tier; makes one memory of several that have the same
 * words in one tier; moves up by one tier what is important or was used, and sweeps again what has no room then. Takes
 * memory in proportion to the memories there are.
 */
export async function consolidateMemories({ record, write, now, check }: ConsolidateParts): Promise<Consolidation> {
  const first = await sweep();
  const memories: MemoryRow[] = [];
  for (let afterId: string | null = null; ;) {
    const page = record.list({ filter: { kind: 'memory' }, afterId, limit: pageRows, now: now() });
    memories.push(...page);
    if (page.length < pageRows) break;
    afterId = page.at(-1)!.id;
    await turn();
    check();
  }
  const { writes: merges, gone } = mergeDuplicates(memories);
  let merged = 0;
  for (const [index, { removed }] of (await inPages(merges)).entries())
    if (merges[index]!.type === 'remove') merged += removed;

  const promotions = memories.flatMap((memory): readonly RecordWrite[] => {
    const tier = gone.has(memory.id) ? null : nextTier(memory);
    return tier === null ? [] : [{ type: 'update', id: memory.id, changes: { tier } }];
  });
  const results = await inPages(promotions);
  const promoted = results.filter(({ rows }) => rows.length > 0).length;
  const last = promoted === 0 ? { expired: 0, evicted: 0 } : await sweep();
  const evictedOnTheWay = results.reduce((sum, { removed }) => sum + removed, 0);
  return {
    promoted,
    merged,
    expired: first.expired + last.expired,
    evicted: first.evicted + evictedOnTheWay + last.evicted,
  };

  async function sweep(): Promise<{ readonly expired: number; readonly evicted: number }> {
    check();
    const expired = record.expired(now()).length;
    const [result] = await write([{ type: 'sweep' }]);
    const removed = result?.removed ?? 0;
    return { expired: Math.min(expired, removed), evicted: Math.max(0, removed - expired) };
  }

  /** Few at a time, so that other writes need not wait for all of them. */
  async function inPages(writes: readonly RecordWrite[]): Promise<readonly WriteResult[]> {
    const all: WriteResult[] = [];
    for (let from = 0; from < writes.length; from += pageRows) {
      check();
      all.push(...(await write(writes.slice(from, from + pageRows))));
      await turn();
    }
    return all;
  }
}

function nextTier({ tier, importance, accessCount }: MemoryRow) {
  return tier === null ? null : promotedTier({ tier, importance: importance ?? 0, accessCount: accessCount ?? 0 });
}

/**
 * Keeps of memories with equal words in one tier the one that was used most, of those the oldest. It gets the tags of all,
 * the greatest importance and the latest expiry. Those whose tags would be too many stay apart.
 */
function mergeDuplicates(memories: readonly MemoryRow[]): {
  readonly writes: readonly RecordWrite[];
  readonly gone: ReadonlySet<string>;
} {
  const groups = new Map<string, MemoryRow[]>();
  for (const memory of memories) {
    const key = JSON.stringify([memory.tier, memory.title, memory.text]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [memory]);
    else group.push(memory);
  }
  const writes: RecordWrite[] = [];
  const gone = new Set<string>();
  for (const group of groups.values()) {
    const tags = [...new Set(group.flatMap((memory) => memory.tags))];
    if (group.length === 1 || tags.length > tagLimits.tagsMax) continue;
    const [kept, ...others] = group.toSorted(
      (one, other) => (other.accessCount ?? 0) - (one.accessCount ?? 0) || (one.id < other.id ? -1 : 1),
    ) as [MemoryRow, ...MemoryRow[]];
    const importance = Math.max(...group.map((memory) => memory.importance ?? 0));
    const expiresAt = group.map((memory) => memory.expiresAt).reduce(laterExpiry);
    writes.push(
      { type: 'update', id: kept.id, changes: { tags, importance, expiresAt } },
      { type: 'remove', ids: others.map(({ id }) => id), reason: 'consolidated' },
    );
    for (const { id } of others) gone.add(id);
  }
  return { writes, gone };
}

/** Lets others have their turn. */
async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
