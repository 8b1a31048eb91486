import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { memoryTiers } from '@gemma-cli/contracts';
import type { ExportLine, MemoryRow, MemoryStore, MemoryTier } from '@gemma-cli/contracts';
import { readAncestorStore, type AncestorMemory } from '@gemma-cli/record';

/** What came of an import from the ancestor. */
export interface AncestorImport {
  readonly added: number;
  /** Those that were imported before. */
  readonly skipped: number;
  /** Those that went to the semantic tier because their own had no room for them. */
  readonly moved: number;
  /** What the file has that is no memory: one sentence each. */
  readonly leftOut: readonly string[];
}

/** Whether a file begins as an `embedded_store.json` does, and not as an export. `false` where nothing can be read. */
export async function isAncestorStore(path: string): Promise<boolean> {
  const handle = await open(path).catch(() => null);
  if (handle === null) return false;
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(256), 0, 256, 0);
    return /^\uFEFF?\s*\[/.test(buffer.toString('utf8', 0, bytesRead));
  } finally {
    await handle.close();
  }
}

/**
 * Adds the memories of an `embedded_store.json` of the Python version. Its tiers had no bounds: what does not fit a tier
 * here goes to the semantic one, the oldest first, and nothing is evicted for it. The same file again adds nothing.
 *
 * @throws GemmaError `FILE_UNREADABLE`, `MEMORY_FORMAT`, and what a memory throws.
 */
export async function importAncestor(
  memory: MemoryStore,
  path: string,
  { now, signal }: { readonly now: number; readonly signal: AbortSignal },
): Promise<AncestorImport> {
  const { memories, skipped: leftOut } = await readAncestorStore(path, now);
  const rows = memories.map((each) => rowOf(each, now));
  const here = await Promise.all(rows.map(({ id }) => memory.get(id)));
  const { tiers, rows: counts } = await memory.stats();
  const room = new Map(memoryTiers.map((tier) => [tier, tiers[tier].capacity - counts.byTier[tier]]));
  let moved = 0;
  // The newest have the first claim on a place.
  const placed = rows
    .map((row, at) => ({ row, isNew: here[at] === null }))
    .toReversed()
    .map(({ row, isNew }) => {
      const tier = row.tier as MemoryTier;
      const free = room.get(tier) ?? 0;
      if (!isNew) return row;
      if (free > 0 || tier === 'semantic') {
        room.set(tier, free - 1);
        return row;
      }
      moved += 1;
      return { ...row, tier: 'semantic' as const, expiresAt: null };
    })
    .toReversed();
  const head: ExportLine = { type: 'head', format: 'gemma-memory', version: 1, namespace: memory.namespace };
  const lines: readonly ExportLine[] = [head, ...placed.map((row): ExportLine => ({ type: 'row', row }))];
  return { ...(await memory.import(lines, { signal })), moved, leftOut };
}

/** The row of a memory, under an id that follows from what it says and when it was made. */
function rowOf({ memory, createdAt }: AncestorMemory, now: number): MemoryRow {
  const { text, tier = 'short_term', importance = 0.5, tags = [], writer = null, expiresAt = null } = memory;
  return {
    id: idOf(text, tier, createdAt),
    kind: 'memory',
    text,
    title: null,
    tags,
    source: null,
    session: null,
    writer,
    createdAt,
    updatedAt: createdAt,
    tier,
    importance,
    accessedAt: Math.min(createdAt, now),
    accessCount: 0,
    expiresAt,
    seq: 0,
  };
}

/** A UUID of version 7 of that time, its other bits those of a hash. */
function idOf(text: string, tier: MemoryTier, createdAt: number): string {
  const time = Math.floor(createdAt).toString(16).padStart(12, '0');
  const hash = createHash('sha256').update(`${tier}\n${text}`).digest('hex');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hash.slice(0, 3)}-8${hash.slice(3, 6)}-${hash.slice(6, 18)}`;
}
