import type { Consolidation, MemoryRow, RecordStore, RecordWrite, WriteResult } from '@gemma-cli/contracts';
import { mergeMemories, nextTier, wordsKey } from '../merge-memories.ts';
import type { MergedMemory } from '../merge-memories.ts';
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
 * memory in proportion to the memories there are. What it saw is looked at again within each commit, so that others may
 * write meanwhile, and consolidate, too.
 */
export async function consolidateMemories({ record, write, now, check }: ConsolidateParts): Promise<Consolidation> {
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
    const merged = mergeMemories(memories);
    if (merged !== null) merges.push({ type: 'merge', ids: memories.map(({ id }) => id) });
    for (const memory of merged === null ? memories : [afterMerge(merged)])
      if (memory.tier !== null && nextTier(memory) !== null)
        promotions.push({ type: 'promote', id: memory.id, from: memory.tier });
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

/** Steps of one commit: a key that is pressed meanwhile waits no longer. */
const writesAtOnce = 64;

/** Puts a memory to those that say the same in its tier. */
function group(groups: Map<string, MemoryRow[]>, memory: MemoryRow): void {
  const key = wordsKey(memory);
  const known = groups.get(key);
  if (known === undefined) groups.set(key, [memory]);
  else known.push(memory);
}

function afterMerge({ kept, importance, accesses }: MergedMemory): MemoryRow {
  return { ...kept, importance, accessCount: (kept.accessCount ?? 0) + accesses.count };
}

function removedBy(results: readonly WriteResult[]): number {
  return results.reduce((sum, { removed }) => sum + removed, 0);
}

/** Lets others have their turn. */
async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
