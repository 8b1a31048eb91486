/** What a row is: a chunk of an ingested document, or something said or observed. */
export type RowKind = 'document' | 'memory';

/** How long a memory is meant to live. Documents have no tier. */
export type MemoryTier = 'working' | 'short_term' | 'long_term' | 'episodic' | 'semantic';

/** Where a row's text was read. */
export interface RowSource {
  /** What it was read from: a `file:` or `https:` address, or any name that the writer chose. */
  readonly uri: string;
  /** SHA-256 of the bytes of the source, in hexadecimal: another one means that the source has changed since. */
  readonly hash: string;
  /** Where the text begins in the text that was read from the source, in UTF-16 code units. */
  readonly start: number;
  /** Where it ends: `sourceText.slice(start, end)` is the text of the row. */
  readonly end: number;
}

/** One thing that is remembered. Times are milliseconds since 1970. */
export interface MemoryRow {
  /** A UUID of version 7: ids grow in the order in which rows were added to a record. */
  readonly id: string;
  readonly kind: RowKind;
  readonly text: string;
  /** What the text stands under: a document's title, the headings above it. Searched with the text; `null` = nothing. */
  readonly title: string | null;
  /** Sorted, without duplicates. */
  readonly tags: readonly string[];
  /** `null` where the text was not read anywhere. */
  readonly source: RowSource | null;
  /** The conversation it comes from. Such a row goes on to `episodic` when it leaves `working`, instead of being dropped. */
  readonly session: string | null;
  /** Who wrote it: `user`, `model`, the name of a program. */
  readonly writer: string | null;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** `null` for documents. */
  readonly tier: MemoryTier | null;
  /** 0..1. `null` for documents. */
  readonly importance: number | null;
  /** When it was last recalled or used in a prompt; when it was added, before that. `null` for documents. */
  readonly accessedAt: number | null;
  /** How often it was. `null` for documents. */
  readonly accessCount: number | null;
  /** From then on nobody finds it. `null` = never. */
  readonly expiresAt: number | null;
  /** Position of its last change in the record: see {@link MemoryChange}. */
  readonly seq: number;
}

/** What all new rows have. */
interface NewRowParts {
  /** At least one character that is not white space. */
  readonly text: string;
  /** Default `null`. */
  readonly title?: string | null | undefined;
  /** At most 64, each of 1..128 characters. Default: none. */
  readonly tags?: readonly string[] | undefined;
  /** Default `null`. */
  readonly source?: RowSource | null | undefined;
  /** Default `null`. */
  readonly session?: string | null | undefined;
  /** Default `null`. */
  readonly writer?: string | null | undefined;
}

/** A memory to add. */
export interface NewMemory extends NewRowParts {
  /** Default `short_term`. */
  readonly tier?: MemoryTier | undefined;
  /** 0..1. Default 0.5. */
  readonly importance?: number | undefined;
  /** Default: the tier's time to live from now; `null` = never. */
  readonly expiresAt?: number | null | undefined;
}

/** A chunk of a document to add. */
export interface NewChunk extends NewRowParts {
  readonly source: RowSource;
}

/** A document whose chunks replace all that its source had before. */
export interface NewDocument {
  readonly uri: string;
  /** SHA-256 of its bytes, in hexadecimal. */
  readonly hash: string;
  /** Size of the source. */
  readonly bytes: number;
  /** At least one; `source.uri` and `source.hash` are those of the document. */
  readonly chunks: readonly NewChunk[];
}

/** A document that is there. */
export interface DocumentFacts {
  readonly uri: string;
  readonly hash: string;
  readonly bytes: number;
  readonly chunks: number;
  readonly ingestedAt: number;
}

/** What to change of a row. What is absent or `undefined` stays. Of a document's chunk only the tags can be changed. */
export interface RowChanges {
  readonly text?: string | undefined;
  readonly title?: string | null | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly importance?: number | undefined;
  /** Moving up never shortens a life: the later of the two expiries counts. */
  readonly tier?: MemoryTier | undefined;
  readonly expiresAt?: number | null | undefined;
}

/** Which rows are meant: those that pass everything that is given. An empty filter passes all. */
export interface RowFilter {
  readonly kind?: RowKind | undefined;
  /** Any of these. Documents never pass. */
  readonly tiers?: readonly MemoryTier[] | undefined;
  /** All of these. */
  readonly tags?: readonly string[] | undefined;
  /** Rows whose source's address begins so. */
  readonly source?: string | undefined;
  /** Added then or later. */
  readonly since?: number | undefined;
  /** Added before. */
  readonly until?: number | undefined;
  /** At least so important. Documents never pass. */
  readonly importanceMin?: number | undefined;
}

/** Rules of one tier. */
export interface TierRules {
  /** How long a memory lives, in milliseconds. `null` = for ever. */
  readonly ttlMs: number | null;
  /** Most rows; one more evicts the one with the lowest recall score. */
  readonly capacity: number;
}

/** Rules of all tiers. */
export type TierTable = Readonly<Record<MemoryTier, TierRules>>;

/** One change of a record, in the order in which they became durable. */
export interface MemoryChange {
  /** Grows by at least 1 with each change of the record; never reused. */
  readonly seq: number;
  readonly type: 'added' | 'updated' | 'removed';
  readonly id: string;
  readonly at: number;
  /** Why a row went. `null` for other changes, and for a row that was found damaged. */
  readonly reason: RemovalReason | null;
}

/** Why a row went: asked for, too old, no room in its tier, its document was replaced or taken out, merged into another one. */
export type RemovalReason = 'forgotten' | 'expired' | 'evicted' | 'replaced' | 'consolidated';
