import type {
  DocumentFacts,
  MemoryChange,
  MemoryRow,
  MemoryTier,
  NewDocument,
  NewMemory,
  RemovalReason,
  RowChanges,
  RowFilter,
  RowKind,
  TierTable,
} from './memory-rows.ts';
import type { MemoryDurability, MemoryProblem, MemoryStats } from './memory-store.ts';

/** A row and its number. */
export interface RecordRow {
  /** Names the row inside one record: grows in the order of ids of rows that were added, never reused. */
  readonly number: number;
  readonly row: MemoryRow;
}

/** The words of a row, and its number. */
export interface RowText extends Pick<MemoryRow, 'title' | 'text'> {
  readonly number: number;
}

/** One step of a group of writes. */
export type RecordWrite =
  | { readonly type: 'add'; readonly memory: NewMemory }
  | { readonly type: 'put-document'; readonly document: NewDocument }
  | { readonly type: 'remove-documents'; readonly uris: readonly string[] }
  | { readonly type: 'update'; readonly id: string; readonly changes: RowChanges }
  | { readonly type: 'remove'; readonly ids: readonly string[]; readonly reason: RemovalReason }
  | { readonly type: 'remove-matching'; readonly filter: RowFilter; readonly reason: RemovalReason }
  /** Removes what has expired, and what is beyond the capacity of its tier. */
  | { readonly type: 'sweep' }
  /**
   * Makes one memory of those that are still there and say the same in the same tier as the first of them: the one that was
   * used most, of those the oldest, gets the tags of all, the greatest importance, the latest expiry and all accesses.
   * Nothing where the tags would be too many.
   */
  | { readonly type: 'merge'; readonly ids: readonly string[] }
  /** Moves a memory up by one tier where it is still in this one, and its importance or its accesses earn that. */
  | { readonly type: 'promote'; readonly id: string; readonly from: MemoryTier }
  /** Counts a consolidation that went through. */
  | { readonly type: 'consolidated'; readonly promoted: number }
  /** A row of an export. Left out when its id is there. */
  | { readonly type: 'import'; readonly row: MemoryRow }
  | { readonly type: 'import-document'; readonly document: DocumentFacts };

/** What came of one step. */
export interface WriteResult {
  /** Rows that were added or changed, in the order given. */
  readonly rows: readonly RecordRow[];
  /** Rows that went because of it, the sweep of capacities included. */
  readonly removed: number;
}

/** A group: its steps become durable together or not at all. */
export interface RecordGroup {
  readonly writes: readonly RecordWrite[];
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** A change, and the number of its row. */
export interface RecordChange extends MemoryChange {
  readonly number: number;
}

/** Counts of a record's namespace. */
export interface RecordStats {
  readonly rows: {
    readonly total: number;
    readonly byKind: Readonly<Record<RowKind, number>>;
    readonly byTier: Readonly<Record<MemoryTier, number>>;
  };
  readonly documents: number;
  /** Rows that have expired and are not swept yet; not in `rows`. */
  readonly expired: number;
  readonly removed: Readonly<Record<RemovalReason, number>>;
  readonly consolidation: MemoryStats['consolidation'];
  /** Groups that were committed here and that the disk may not have yet. */
  readonly unsynced: number;
  readonly seq: number;
  /** Bytes of the record's files. */
  readonly bytes: number;
}

/** A vector of a row. */
export interface RowVector {
  readonly number: number;
  /** Of length 1. */
  readonly vector: Float32Array;
}

/** A vector to keep. */
export interface NewRowVector extends RowVector {
  /** What it was computed of: it is left out when the row says something else by now. Default: whatever the row says. */
  readonly words?: Pick<MemoryRow, 'title' | 'text'> | undefined;
}

/**
 * The durable truth of one namespace: rows with checksums in SQLite. Every call runs on the caller's thread and returns
 * when it is done; a commit returns when the disk has it, or the system where it is `relaxed`. Locks of other processes are waited for. A row whose checksum
 * does not fit is quarantined and never returned.
 *
 * @throws GemmaError `MEMORY_DAMAGED`, `MEMORY_FORMAT`, `MEMORY_UNAVAILABLE`, `DISK_FULL`, `MEMORY_CLOSED`.
 */
export interface RecordStore {
  readonly namespace: string;
  /** Names the record: another one after it was made anew. What is derived from it keeps this name beside it. */
  readonly recordId: string;
  readonly tiers: TierTable;
  /** Of commits. Accesses and vectors are always written relaxed. */
  readonly durability: MemoryDurability;
  /**
   * Applies groups in one transaction. A group that is refused (`REQUEST_INVALID`, an invalid row) leaves the others
   * alone; a disk that refuses fails all of them.
   *
   * @returns For each group the results of its steps, or the error that refused it.
   */
  commit(groups: readonly RecordGroup[]): readonly (readonly WriteResult[] | Error)[];
  /** Counts accesses. Written with the next commit at the latest. */
  touch(ids: readonly string[], now: number): void;
  /** Returns when the disk has all that was written here before. Costs nothing where it has it. */
  sync(): void;

  /** Position of the last change, those of other processes included. */
  seq(): number;
  /**
   * Changes after a position, oldest first.
   *
   * @throws GemmaError `MEMORY_CHANGES_GONE` when some of them are no longer kept, or the record was never at this
   *   position. Whoever derives something reads the rows anew: `seq()` first, then `scan`, then changes after that.
   */
  changes(afterSeq: number, limit: number): readonly RecordChange[];
  /** By id, in the order given; `undefined` where there is none. Expired rows are there until they are swept. */
  byId(ids: readonly string[]): readonly (RecordRow | undefined)[];
  /** By number, in the order given. */
  byNumber(numbers: readonly number[]): readonly (RecordRow | undefined)[];
  /** Rows after a number, ascending, expired ones included. */
  scan(afterNumber: number, limit: number): readonly RecordRow[];
  /**
   * Words of rows after a number, ascending, expired ones included: what an index is built from. As many as `limit` or
   * fewer; none where there are no more. Their checksums are compared; those of the rest of a row are when it is read.
   */
  texts(afterNumber: number, limit: number): readonly RowText[];
  /** Numbers of the rows that pass the filter and have not expired, ascending. */
  matching(filter: RowFilter, now: number): readonly number[];
  /** Numbers of rows that have expired and are not swept yet, ascending. Costs nothing where there are none. */
  expired(now: number): readonly number[];
  /** Rows that pass and have not expired, after an id, by id. */
  list(request: {
    readonly filter: RowFilter;
    readonly afterId: string | null;
    readonly limit: number;
    readonly now: number;
  }): readonly MemoryRow[];
  documents(uriPrefix: string): readonly DocumentFacts[];
  stats(now: number): RecordStats;

  /** Keeps vectors of rows, in the place of older ones. Those of rows that are gone are left out. A row whose text changes loses its vector. */
  putVectors(embedId: string, vectors: readonly NewRowVector[]): void;
  /** Vectors that were put after a position (0 = all), in the order in which they were put. Those of rows that are gone are not there. */
  vectors(embedId: string, afterSeq: number, limit: number): readonly (RowVector & { readonly seq: number })[];
  /** Rows after a number (default 0: all) that have no vector of this embedder, ascending by number. */
  withoutVector(embedId: string, limit: number, afterNumber?: number): readonly RecordRow[];

  /**
   * Becomes or stays the one that may do a kind of work on this folder; `false` while somebody else is.
   *
   * @param ttlMs - When nobody renews it, it is free after so long.
   */
  lease(name: string, ttlMs: number): boolean;
  release(name: string): void;

  /** Reads everything and compares checksums. */
  verify(): readonly MemoryProblem[];
  /** Safe to call twice. */
  close(): void;
}
