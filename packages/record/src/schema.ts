import type { MemoryTier, RemovalReason } from '@gemma-cli/contracts';

/** Version of the record's format. A record of another one is refused. */
export const recordFormat = 1;

/** How tiers stand in the file. Append only. */
export const tierCodes: Readonly<Record<MemoryTier, number>> = {
  working: 1,
  short_term: 2,
  long_term: 3,
  episodic: 4,
  semantic: 5,
};

/** How reasons of removal stand in the file. Append only. `null`, 0, is a row whose checksum did not fit. */
export const reasonCodes: Readonly<Record<RemovalReason, number>> = {
  forgotten: 1,
  expired: 2,
  evicted: 3,
  replaced: 4,
  consolidated: 5,
};

/** How kinds of change stand in the file. Append only. */
export const changeCodes = { added: 1, updated: 2, removed: 3 } as const;

/**
 * ```text
 * namespaces  name, sequence of changes, greatest id, counts          one row each, rewritten by every commit
 * sources     address and hash, named by rows, and how many rows name them
 * documents   what was ingested: a source, its size, when
 * rows        all of a row but its words: small, so that filters and access counts touch little
 * texts       title and text of a row, as bytes: a text in SQLite ends at NUL
 * changes     what happened, (namespace, sequence) without gaps
 * vectors     little-endian 32-bit floats, in the order in which they were put
 * quarantine  what was left of a row whose checksum did not fit
 * leases      who does a kind of work
 * ```
 *
 * Every row of the first seven has a CRC-32 over all its columns. Row numbers and sequences are never reused.
 */
export const schema = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE namespaces (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  seq INTEGER NOT NULL,
  pruned INTEGER NOT NULL,
  lastId TEXT,
  counts TEXT NOT NULL,
  crc INTEGER NOT NULL
);
CREATE TABLE sources (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  namespace INTEGER NOT NULL,
  uri TEXT NOT NULL,
  hash TEXT NOT NULL,
  rows INTEGER NOT NULL,
  crc INTEGER NOT NULL
);
CREATE UNIQUE INDEX sourcesByUri ON sources (namespace, uri, hash);
CREATE TABLE documents (
  source INTEGER PRIMARY KEY,
  namespace INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  ingestedAt INTEGER NOT NULL,
  crc INTEGER NOT NULL
);
CREATE TABLE rows (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  namespace INTEGER NOT NULL,
  id BLOB NOT NULL,
  tier INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  createdAt INTEGER NOT NULL,
  updatedAt INTEGER NOT NULL,
  importance REAL,
  accessedAt INTEGER,
  accessCount INTEGER,
  expiresAt INTEGER,
  tags TEXT NOT NULL,
  origin TEXT,
  source INTEGER,
  spanStart INTEGER,
  spanEnd INTEGER,
  textCrc INTEGER NOT NULL,
  crc INTEGER NOT NULL
);
CREATE UNIQUE INDEX rowsById ON rows (namespace, id);
CREATE INDEX rowsByTier ON rows (namespace, tier, importance, accessedAt) WHERE tier > 0;
CREATE INDEX rowsByExpiry ON rows (namespace, expiresAt) WHERE expiresAt IS NOT NULL;
CREATE INDEX rowsBySource ON rows (source) WHERE source IS NOT NULL;
CREATE TABLE texts (number INTEGER PRIMARY KEY, title BLOB, text BLOB NOT NULL);
CREATE TABLE changes (
  namespace INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  type INTEGER NOT NULL,
  number INTEGER NOT NULL,
  id BLOB NOT NULL,
  at INTEGER NOT NULL,
  reason INTEGER NOT NULL,
  crc INTEGER NOT NULL,
  PRIMARY KEY (namespace, seq)
) WITHOUT ROWID;
CREATE TABLE embedders (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE);
CREATE TABLE vectors (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  namespace INTEGER NOT NULL,
  embedder INTEGER NOT NULL,
  number INTEGER NOT NULL,
  vector BLOB NOT NULL,
  crc INTEGER NOT NULL
);
CREATE UNIQUE INDEX vectorsByNumber ON vectors (number, embedder);
CREATE TABLE quarantine (
  number INTEGER PRIMARY KEY,
  namespace INTEGER NOT NULL,
  at INTEGER NOT NULL,
  id TEXT,
  what TEXT NOT NULL,
  told INTEGER NOT NULL,
  row TEXT NOT NULL,
  title BLOB,
  text BLOB
);
CREATE TABLE leases (name TEXT PRIMARY KEY, owner TEXT NOT NULL, renewedAt INTEGER NOT NULL, ttlMs INTEGER NOT NULL) WITHOUT ROWID;
`;
