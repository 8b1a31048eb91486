import type { StoredRow } from './row-codec.ts';

/** Accesses of rows that are not written yet. */
export interface AccessCounts {
  count(id: string, now: number): void;
  /** The row with them; as it is while they are {@link hide hidden}. */
  with(row: StoredRow): StoredRow;
  /** Whether rows have them already: from when a transaction has written them until it ends. */
  hide(isWritten: boolean): void;
  readonly size: number;
  ids(): readonly string[];
  /** Forgets those of these rows: they are written, or the rows are gone. */
  settle(ids: readonly string[]): void;
}

/** Keeps them in memory. Whoever counts writes them when there are {@link pendingRowsMax}. */
export function createAccessCounts(): AccessCounts {
  const pending = new Map<string, { count: number; at: number }>();
  let isHidden = false;
  return {
    count(id, now) {
      const known = pending.get(id);
      if (known === undefined) pending.set(id, { count: 1, at: now });
      else {
        known.count += 1;
        known.at = Math.max(known.at, now);
      }
    },
    with(row) {
      const more = isHidden || row.accessCount === null ? undefined : pending.get(row.id);
      if (more === undefined) return row;
      return {
        ...row,
        accessCount: (row.accessCount ?? 0) + more.count,
        accessedAt: Math.max(row.accessedAt ?? 0, more.at),
      };
    },
    hide(isWritten) {
      isHidden = isWritten;
    },
    get size() {
      return pending.size;
    },
    ids: () => [...pending.keys()],
    settle(ids) {
      for (const id of ids) pending.delete(id);
    },
  };
}

/** Rows whose accesses are kept in memory before they are written at once. */
export const pendingRowsMax = 1_000;

/** How long accesses stay in memory when nothing else is written. */
export const accessDelayMs = 5_000;
