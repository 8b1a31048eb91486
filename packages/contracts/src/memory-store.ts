import type { Embedder } from './embedder.ts';
import type { ImplementationName } from './handshake.ts';
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

/** How rows are found: by their words, by their meaning, by both. */
export type SearchMode = 'lexical' | 'dense' | 'hybrid';

/** A question to the memory. */
export interface SearchRequest {
  /** 1..10,000 characters. */
  readonly query: string;
  /** Default `hybrid` where there is an embedder, otherwise `lexical`. */
  readonly mode?: SearchMode | undefined;
  /** Most hits. 1..1,000, default 10. */
  readonly limit?: number | undefined;
  /** Default: all rows that have not expired. */
  readonly filter?: RowFilter | undefined;
  /** Tell what each score is made of. Default false. */
  readonly explain?: boolean | undefined;
}

/** A question to the memories alone. */
export interface RecallRequest extends Omit<SearchRequest, 'filter'> {
  /** `kind` is `memory`. Default: all tiers. */
  readonly filter?: Omit<RowFilter, 'kind'> | undefined;
}

/** One term's share of a lexical score. */
export interface TermPart {
  /** As it stands in the index, after analysis. */
  readonly term: string;
  /** How often the row has it. */
  readonly frequency: number;
  /** How many rows have it. */
  readonly documentFrequency: number;
  readonly score: number;
}

/** What a score is made of. A part that the mode has not is absent. */
export interface ScoreParts {
  readonly lexical?: { readonly score: number; readonly terms: readonly TermPart[] };
  /** `cosine` of query and row. */
  readonly dense?: { readonly cosine: number };
  /** Of `recall`: what was added to the relevance, each from 0 to its weight. */
  readonly recall?: {
    readonly relevance: number;
    readonly importance: number;
    readonly recency: number;
    readonly use: number;
  };
}

/** A row that answers a question. */
export interface SearchHit {
  readonly row: MemoryRow;
  /** Comparable within one result only. */
  readonly score: number;
  /** Where `explain` was asked for. */
  readonly parts?: ScoreParts;
}

/** What came of a question. */
export interface SearchResult {
  /** The best first; equal scores by id. */
  readonly hits: readonly SearchHit[];
  /** How it was searched. */
  readonly mode: SearchMode;
  /** Whether the query cache had it. `off` = there is none. */
  readonly cache: 'hit' | 'miss' | 'off';
  readonly tookMs: number;
}

/** What an operation takes besides its subject. */
export interface MemoryOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Which rows go: those of the ids and those that pass the filter. At least one of the two. */
export interface Forget {
  readonly ids?: readonly string[] | undefined;
  /** Not empty. */
  readonly filter?: RowFilter | undefined;
}

/** A page of rows. */
export interface ListRequest {
  readonly filter?: RowFilter | undefined;
  /** `next` of the page before. Default: from the start. */
  readonly cursor?: string | undefined;
  /** 1..1,000, default 100. */
  readonly limit?: number | undefined;
}

/** Rows in the order of their ids. Rows that are added meanwhile come at the end; none comes twice. */
export interface RowPage {
  readonly rows: readonly MemoryRow[];
  /** `null` after the last page. */
  readonly next: string | null;
}

/**
 * When a write counts as done. `durable`: when the disk has it. `relaxed`: when the system has it. Then the end of the
 * process loses nothing; the end of the machine, a power cut for one, loses the writes of the last half second, the last
 * ones first and each as a whole. What was there before the last `flush` stays.
 */
export type MemoryDurability = 'durable' | 'relaxed';

/** Figures of a store: the same shape for all of them. What one cannot know is `null`. */
export interface MemoryStats {
  readonly implementation: ImplementationName;
  readonly backend: 'embedded' | 'redis';
  readonly namespace: string;
  /** Rows that have not expired. */
  readonly rows: {
    readonly total: number;
    readonly byKind: Readonly<Record<RowKind, number>>;
    readonly byTier: Readonly<Record<MemoryTier, number>>;
  };
  readonly documents: number;
  readonly tiers: TierTable;
  /** Rows that have expired and are not swept yet. */
  readonly expired: number;
  /** Rows that went, ever, by reason. */
  readonly removed: Readonly<Record<RemovalReason, number>>;
  readonly index: {
    /** Different terms. */
    readonly terms: number;
    readonly postings: number;
    /** Pieces that a search looks through. */
    readonly segments: number;
    /** Rows that have a vector of the present embedder. */
    readonly vectors: number;
    /** Bytes of memory that the index takes, as far as it counts them. */
    readonly memoryBytes: number | null;
  };
  readonly disk: { readonly recordBytes: number; readonly indexBytes: number };
  readonly cache: {
    readonly entries: number;
    readonly hits: number;
    readonly misses: number;
    /** What hits would have taken, by the time of the search that filled them. */
    readonly savedMs: number;
  };
  /** Consolidations ever, over all processes: those that went through. What they merged is in `removed`. */
  readonly consolidation: {
    readonly runs: number;
    /** Memories that they moved to another tier. */
    readonly promoted: number;
    /** When the last one ended, in milliseconds since 1970. `null` = there was none. */
    readonly lastAt: number | null;
  };
  readonly durability: MemoryDurability;
  /** Writes that wait for their commit: what one call writes is one. */
  readonly pendingWrites: number;
  /** Writes of this store that are done and that the disk may not have yet: what one call writes is one. 0 where durability is `durable`. */
  readonly unsyncedWrites: number;
  /** Position of the last change. */
  readonly seq: number;
}

/** Something that `verify` found. */
export interface MemoryProblem {
  readonly where: 'record' | 'index';
  /** One sentence. */
  readonly what: string;
  /** The row, where it is one. */
  readonly id: string | null;
  /** What was done about it. */
  readonly action: 'none' | 'quarantined' | 'rebuilt';
}

/** What came of `consolidate`. */
export interface Consolidation {
  /** Memories that moved up a tier. */
  readonly promoted: number;
  /** Memories that went because another one says the same. */
  readonly merged: number;
  readonly expired: number;
  readonly evicted: number;
}

/** One line of an export: JSON Lines, the head first. */
export type ExportLine =
  | { readonly type: 'head'; readonly format: 'gemma-memory'; readonly version: 1; readonly namespace: string }
  | { readonly type: 'document'; readonly document: DocumentFacts }
  | { readonly type: 'row'; readonly row: MemoryRow };

/** What came of an import. */
export interface ImportResult {
  readonly added: number;
  /** Rows whose id was there already. */
  readonly skipped: number;
}

/** What a memory store is made with. Nothing is read from the environment. */
export interface MemoryStoreOptions {
  /** Folder of the record and of what is derived from it. Made when it is not there, for its owner alone. */
  readonly folder: string;
  /** Rows of one name never meet those of another. `[a-z0-9][a-z0-9._-]{0,63}`. Default `default`. */
  readonly namespace?: string | undefined;
  /** Makes vectors for `dense` and `hybrid`. The caller closes it. Default: none, and only `lexical` works. */
  readonly embedder?: Embedder | undefined;
  /** Make missing vectors while nobody waits for them. `false`: only `flush` makes them. Default true. */
  readonly embedInBackground?: boolean | undefined;
  /** Default {@link memoryDefaults}. */
  readonly tiers?: Partial<TierTable> | undefined;
  /** Language of stemmer and stop words, ISO 639-1. Default `en`. */
  readonly language?: string | undefined;
  /** Optimized only: keep results of searches. Default true. */
  readonly enableQueryCache?: boolean | undefined;
  /** Optimized only: most results that are kept. Default 100. */
  readonly cacheMaxSize?: number | undefined;
  /** Optimized only: most writes in one commit. Default 100. */
  readonly batchSize?: number | undefined;
  /** Default `durable`. */
  readonly durability?: MemoryDurability | undefined;
  /**
   * Consolidates by itself when nobody has asked anything for a while, at most once in so many milliseconds over all
   * processes. 0 = never. Default 0.
   */
  readonly consolidateEveryMs?: number | undefined;
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
  /** Called with one line per noteworthy event. Default: silence. */
  readonly log?: ((message: string) => void) | undefined;
}

/**
 * What is remembered in one namespace: documents and memories on a durable record, found by words and by meaning.
 *
 * A promise of a write settles when the write is durable: it survives the end of the process and of the machine (of the
 * process alone where {@link MemoryStoreOptions.durability} is `relaxed`). Several
 * stores, in one process or in many, may stand on one folder; each sees what the others wrote with its next operation.
 * After `close` every operation is refused with `MEMORY_CLOSED`.
 *
 * @throws GemmaError `REQUEST_INVALID` for a value outside its range, `MEMORY_DAMAGED`, `MEMORY_FORMAT`,
 *   `MEMORY_UNAVAILABLE`, `DISK_FULL`, `MEMORY_CLOSED`, `ABORTED` from every operation.
 */
export interface MemoryStore extends AsyncDisposable {
  readonly implementation: ImplementationName;
  readonly backend: 'embedded' | 'redis';
  readonly namespace: string;
  readonly capabilities: {
    /** Dense search finds exactly the nearest rows, not nearly all of them. */
    readonly exact: boolean;
    /** `dense` and `hybrid` work. */
    readonly dense: boolean;
  };

  /** Adds a memory. */
  add(memory: NewMemory, options?: MemoryOptions): Promise<MemoryRow>;
  /** Adds all or none, in the order given. */
  addMany(memories: readonly NewMemory[], options?: MemoryOptions): Promise<readonly MemoryRow[]>;
  /** Puts a document in the place of what its source had before, in one step. */
  putDocument(document: NewDocument, options?: MemoryOptions): Promise<readonly MemoryRow[]>;
  /** Takes documents out. Tells how many chunks went. */
  removeDocuments(uris: readonly string[], options?: MemoryOptions): Promise<number>;
  /** Documents whose address begins so, by address. Default: all. */
  documents(uriPrefix?: string): Promise<readonly DocumentFacts[]>;

  /** A row; `null` when there is none of this id, or it has expired. */
  get(id: string): Promise<MemoryRow | null>;
  /**
   * Rows that answer a question. Never writes. A query without a word (only punctuation) has no lexical hits.
   *
   * @throws GemmaError `OPTION_UNSUPPORTED` for `dense` and `hybrid` without an embedder.
   */
  search(request: SearchRequest, options?: MemoryOptions): Promise<SearchResult>;
  /**
   * Memories that answer a question, weighed by importance, recency and use (`ranking.md` has the weights). Each hit
   * counts as an access, which is written later and may be lost in a crash.
   */
  recall(request: RecallRequest, options?: MemoryOptions): Promise<SearchResult>;
  /** Counts rows as accessed: they went into a prompt. Written later, and may be lost in a crash. Unknown ids are left out. */
  touch(ids: readonly string[]): void;
  /** Changes a row; `null` when there is none of this id, or it has expired. */
  update(id: string, changes: RowChanges, options?: MemoryOptions): Promise<MemoryRow | null>;
  /** Removes rows for good. Tells how many went. */
  forget(which: Forget, options?: MemoryOptions): Promise<number>;
  list(request?: ListRequest): Promise<RowPage>;

  stats(): Promise<MemoryStats>;
  /**
   * Changes after a position, at most `limit` (default 1,000), oldest first.
   *
   * @throws GemmaError `MEMORY_CHANGES_GONE` when some of them are no longer kept: read the rows anew.
   */
  changes(request: {
    readonly afterSeq: number;
    readonly limit?: number | undefined;
  }): Promise<readonly MemoryChange[]>;
  /** Hears of each change that this store sees, its own at once, others' with its next operation. Gives how to leave. */
  subscribe(listener: (change: MemoryChange) => void): () => void;
  /**
   * Sweeps what has expired, moves up what is used, merges exact duplicates of one tier. No model takes part.
   * `docs/memory.md` has the rules.
   */
  consolidate(options?: MemoryOptions): Promise<Consolidation>;
  /** Reads everything back and compares checksums; what is derived is built anew where it is damaged. */
  verify(options?: MemoryOptions): Promise<readonly MemoryProblem[]>;
  export(options?: MemoryOptions): AsyncIterable<ExportLine>;
  /** Adds what an export has; rows keep their ids. A row that is there stays as it is. */
  import(lines: AsyncIterable<ExportLine> | Iterable<ExportLine>, options?: MemoryOptions): Promise<ImportResult>;
  /**
   * Settles when the disk has everything that waits, accesses and vectors included, and everything that was written
   * before. Rejects with what the embedder failed with, and tries again when it is called again.
   */
  flush(): Promise<void>;
  /**
   * Closes when the disk has all writes that were begun, and accesses are written. Vectors that are missing are made after the next
   * opening: call `flush` first to wait for them. Safe to call twice.
   */
  close(): Promise<void>;
}

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

/** What a store does where its options say nothing. */
export const memoryDefaults = {
  namespace: 'default',
  language: 'en',
  tier: 'short_term',
  importance: 0.5,
  limit: 10,
  limitMax: 1_000,
  queryCharsMax: 10_000,
  /** Characters of one row: a chunk of a document has at most 1,800. */
  textCharsMax: 100_000,
  enableQueryCache: true,
  cacheMaxSize: 100,
  batchSize: 100,
  durability: 'durable',
  /** The ancestor's documented times and capacities. */
  tiers: {
    working: { ttlMs: 15 * minuteMs, capacity: 15 },
    short_term: { ttlMs: 60 * minuteMs, capacity: 100 },
    long_term: { ttlMs: 30 * dayMs, capacity: 10_000 },
    episodic: { ttlMs: 7 * dayMs, capacity: 5_000 },
    semantic: { ttlMs: null, capacity: 50_000 },
  },
} as const satisfies { readonly tiers: TierTable; readonly tier: MemoryTier; readonly [name: string]: unknown };

/** The tiers, the shortest life first. */
export const memoryTiers = [
  'working',
  'short_term',
  'episodic',
  'long_term',
  'semantic',
] as const satisfies readonly MemoryTier[];
