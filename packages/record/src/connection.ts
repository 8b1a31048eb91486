import { randomUUID } from 'node:crypto';
import { closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { GemmaError } from '@gemma-cli/contracts';
import type { MemoryDurability } from '@gemma-cli/contracts';
import { isCutShort } from './log-end.ts';
import { announcePresence } from './presence.ts';
import type { Presence } from './presence.ts';
import { recordFormat, schema } from './schema.ts';
import type { SqlDatabase, SqlDriver, SqlStatement } from './sql-driver.ts';
import { isBusy, isCorrupt, isIoError, sqlCodeOf, toRecordError } from './sql-errors.ts';
import { syncFolder } from './sync-folder.ts';

/**
 * The file of a record, open or about to be opened again: after a failure of the disk, or when another file took its
 * place, the next call opens what is there then.
 */
export interface Connection {
  readonly path: string;
  prepare(sql: string): SqlStatement;
  exec(sql: string): void;
  /** Reads, and waits for locks of others. Inside a transaction it is a part of it. */
  read<Result>(body: () => Result): Result;
  /**
   * One transaction; inside another one a part of it. `body` may run again when it was rolled back. A relaxed one is on
   * the disk with the next durable one that writes, or with `sync`.
   *
   * @throws GemmaError of the disk; whatever `body` throws otherwise. Nothing is changed then.
   */
  write<Result>(durability: MemoryDurability, body: () => Result): Result;
  /** Returns when the disk has all that was written through this connection. Costs nothing where it has it. */
  sync(): void;
  /** Whether a transaction is open. */
  readonly isWriting: boolean;
  /** Brings the write-ahead log into the file and empties it, so that nothing of removed texts stays there. */
  checkpoint(): boolean;
  /** Looks, once in a second, whether the file is still the one that is open. Every transaction looks too. */
  checkPlace(): void;
  /** Closes the file: the next call opens what is there then. */
  release(): void;
  close(): void;
}

/** How often readers look whether the file is still the same. */
const placeCheckMs = 1_000;

/** How long SQLite waits for a lock at once. */
const busyTimeoutMs = 5_000;

/** How long a lock is waited for in all. A process that holds one so long has been stopped. */
const lockWaitMsMax = 60_000;

/**
 * Opens the file, which is made when it is not there.
 *
 * @param onOpen - Runs with every new connection, the first one included.
 */
export function openConnection({
  folder,
  driver,
  log,
  onOpen,
}: {
  readonly folder: string;
  readonly driver: SqlDriver;
  readonly log: (message: string) => void;
  readonly onOpen: (connection: Connection) => void;
}): Connection {
  const path = join(folder, 'record.db');
  let database: SqlDatabase | null = null;
  let presence: Presence | null = null;
  let place = '';
  let placeCheckedAt = 0;
  let isWriting = false;
  let durability: MemoryDurability = 'durable';
  /** A relaxed transaction was written, and nothing is known to have synced it. */
  let isUnsynced = false;
  /** After a failed sync the log on the disk may lack what memory shows of it: see {@link rescueLog}. */
  let hasFailed = false;

  const connection: Connection = {
    path,
    prepare: (sql) => opened().prepare(sql),
    exec: (sql) => {
      opened().exec(sql);
    },
    read: (body) => (isWriting ? body() : guarded(body)),
    write(wanted, body) {
      if (isWriting) return body();
      return guarded(() => transaction(wanted, body));
    },
    sync() {
      if (!isUnsynced) return;
      // An empty transaction is not synced. This one writes a page in which nothing has changed.
      guarded(() => transaction('durable', () => opened().exec('PRAGMA user_version = 0')));
      isUnsynced = false;
    },
    get isWriting() {
      return isWriting;
    },
    checkpoint: () => guarded(() => opened().prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy'] === 0),
    checkPlace() {
      if (isWriting || database === null || performance.now() - placeCheckedAt < placeCheckMs) return;
      placeCheckedAt = performance.now();
      if (placeOf(path) !== place) drop();
    },
    release: drop,
    close() {
      if (database !== null) emptyLog(database);
      drop();
    },
  };
  guarded(opened);
  return connection;

  function opened(): SqlDatabase {
    if (database !== null) return database;
    makeFile(folder, path);
    const present = announcePresence(folder);
    let fresh: SqlDatabase | null = null;
    try {
      if (present.isAfterUncleanStop && isCutShort(`${path}-wal`)) {
        log(
          `The end of the log of the memory ${path} cannot be read. If the machine lost its power, what stood there was not acknowledged, or with the durability "relaxed"; otherwise the disk has damaged it, and the last writes are lost.`,
        );
      }
      fresh = driver.open(path);
      prepareDatabase(fresh, path);
      if (hasFailed) rescueLog(fresh, path);
      if (present.isAfterUncleanStop) checkAfterUncleanStop(fresh, path, log);
      place = placeOf(path);
      database = fresh;
      presence = present;
      durability = 'durable';
      onOpen(connection);
      hasFailed = false;
      return fresh;
    } catch (error) {
      database = null;
      presence = null;
      if (fresh !== null) closeQuietly(fresh);
      present.leave();
      throw error;
    }
  }

  function transaction<Result>(wanted: MemoryDurability, body: () => Result): Result {
    let current = opened();
    if (wanted !== durability) {
      current.exec(`PRAGMA synchronous = ${wanted === 'durable' ? 'FULL' : 'NORMAL'}`);
      durability = wanted;
    }
    current.exec('BEGIN IMMEDIATE');
    if (placeOf(path) !== place) {
      // Somebody moved the file away while we waited: what is written to it now, nobody would read.
      drop();
      current = opened();
      current.exec('BEGIN IMMEDIATE');
    }
    isWriting = true;
    try {
      const result = body();
      current.exec('COMMIT');
      isUnsynced ||= wanted === 'relaxed';
      return result;
    } catch (error) {
      isWriting = false;
      if (!rollBack(current)) drop();
      throw error;
    } finally {
      isWriting = false;
    }
  }

  function guarded<Result>(body: () => Result): Result {
    const start = performance.now();
    for (;;) {
      try {
        return body();
      } catch (error) {
        if (isBusy(error) && performance.now() - start < lockWaitMsMax) {
          sleep(10);
          continue;
        }
        if (isIoError(error)) {
          hasFailed = true;
          drop();
        }
        throw isSqlOrSystem(error) ? toRecordError(error, path) : error;
      }
    }
  }

  function drop(): void {
    const [closing, leaving] = [database, presence];
    database = null;
    presence = null;
    if (closing !== null) closeQuietly(closing);
    leaving?.leave();
  }
}

function isSqlOrSystem(error: unknown): boolean {
  return sqlCodeOf(error) !== null || typeof (error as { syscall?: unknown }).syscall === 'string';
}

/** Makes folder and file for their owner alone. SQLite gives its other files the mode of the first. */
function makeFile(folder: string, path: string): void {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  closeSync(openSync(path, 'a', 0o600));
  syncFolder(folder);
}

/** Which file is at a path: another one after it was replaced. */
function placeOf(path: string): string {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat === undefined ? '' : `${stat.dev}:${stat.ino}`;
}

/** Sets up a connection, and makes the tables where there are none. */
export function prepareDatabase(database: SqlDatabase, path: string): void {
  database.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
  const mode = database.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode'];
  if (mode !== 'wal') {
    throw new GemmaError({
      code: 'MEMORY_UNAVAILABLE',
      message: `The memory ${path} needs a disk on which several processes can share memory; this one cannot (journal mode ${String(mode)}). Put the memory on a local disk, not on a network drive.`,
      facts: { path, journalMode: mode },
    });
  }
  // fullfsync: on macOS a sync without it leaves the data in the drive's cache.
  // cache_size: 2 MiB. With 8, rows among 100,000 were read and written no faster, and a memory took 6 MiB more.
  database.exec(`
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = ON;
    PRAGMA checkpoint_fullfsync = ON;
    PRAGMA secure_delete = ON;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -2048;
    PRAGMA journal_size_limit = 4194304;
  `);
  if (formatOf(database) === null) makeSchema(database);
  const format = formatOf(database);
  if (format === String(recordFormat)) return;
  throw new GemmaError({
    code: 'MEMORY_FORMAT',
    message: `The memory ${path} has format ${format ?? 'none'}; this version of gemma reads format ${recordFormat}. Use the version of gemma that wrote it to run \`gemma memory export\`, and import that file with this one; or give another folder.`,
    facts: { path, format, expected: recordFormat },
  });
}

/** `null` for a file that nothing was written to. */
function formatOf(database: SqlDatabase): string | null {
  const tables = database.prepare("SELECT count(*) AS tables FROM sqlite_schema WHERE type = 'table'").get();
  if (tables?.['tables'] === 0) return null;
  const known = database.prepare("SELECT count(*) AS found FROM sqlite_schema WHERE name = 'meta'").get();
  if (known?.['found'] === 0) return 'unknown';
  return String(database.prepare("SELECT value FROM meta WHERE key = 'format'").get()?.['value'] ?? 'unknown');
}

function makeSchema(database: SqlDatabase): void {
  database.exec('BEGIN IMMEDIATE');
  try {
    // Another process may have made it while this one waited.
    if (formatOf(database) === null) {
      database.exec(schema);
      const put = database.prepare('INSERT INTO meta (key, value) VALUES (?, ?)');
      put.run('format', String(recordFormat));
      put.run('record', randomUUID());
    }
    database.exec('COMMIT');
  } catch (error) {
    rollBack(database);
    throw error;
  }
}

/** `false` for a connection that is of no use any more. The error that led here tells more than a second one. */
function rollBack(database: SqlDatabase): boolean {
  try {
    database.exec('ROLLBACK');
    return true;
  } catch (error) {
    // SQLite rolls back by itself where the disk is full or fails, and says then that there is nothing to roll back.
    return sqlCodeOf(error) === 1;
  }
}

/**
 * After a failed sync the system may have dropped what it could not write, and show it nevertheless. Whatever is appended
 * behind such a hole in the log is lost with it. So the log is brought into the file, which writes all of it anew, and
 * emptied, before anything else is written.
 */
function rescueLog(database: SqlDatabase, path: string): void {
  if (database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.['busy'] === 0) return;
  throw new GemmaError({
    code: 'MEMORY_UNAVAILABLE',
    message: `The disk failed while the memory ${path} was written, and other processes still use it. Close them, look at the disk, then try again.`,
    facts: { path },
  });
}

function checkAfterUncleanStop(database: SqlDatabase, path: string, log: (message: string) => void): void {
  let found: string;
  try {
    const lines = database.prepare('PRAGMA quick_check(5)').all();
    found = lines.map((line) => String(line['quick_check'])).join('; ');
  } catch (error) {
    if (!isCorrupt(error)) throw error;
    found = (error as Error).message;
  }
  if (found === 'ok') log('The memory was not closed the last time; its file is in order.');
  else log(`The memory was not closed the last time, and ${path} is damaged (${found}). Run \`gemma memory verify\`.`);
}

/**
 * The last one to close a database empties the log: but @photostructure/sqlite keeps a database open behind its `close`
 * until its statements are collected. Somebody else who reads now is not waited for: they empty it.
 */
function emptyLog(database: SqlDatabase): void {
  try {
    database.exec('PRAGMA busy_timeout = 100');
    database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
  } catch {
    // What is in the log stays there, and the next one to open the file reads it.
  }
}

function closeQuietly(database: SqlDatabase): void {
  try {
    database.close();
  } catch {
    // What was acknowledged is on the disk; the next one to open the file tells what is wrong with it.
  }
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
