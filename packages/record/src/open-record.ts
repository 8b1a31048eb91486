import { randomUUID } from 'node:crypto';
import { statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { GemmaError, isGemmaError, memoryDefaults } from '@gemma-cli/contracts';
import type {
  MemoryDurability,
  MemoryProblem,
  RecordGroup,
  RecordRow,
  RecordStats,
  RecordStore,
  RowFilter,
  TierTable,
  WriteResult,
} from '@gemma-cli/contracts';
import { accessDelayMs, createAccessCounts, pendingRowsMax } from './access-counts.ts';
import { readChanges } from './change-log.ts';
import { openConnection } from './connection.ts';
import type { Connection } from './connection.ts';
import { createDelayedWork } from './delayed-work.ts';
import { listDocuments } from './documents.ts';
import { releaseLease, takeLease } from './leases.ts';
import {
  copyState,
  createNamespaceReader,
  namespaceNumber,
  readNamespace,
  rebuildNamespace,
  writeNamespace,
} from './namespace-state.ts';
import type { NamespaceState } from './namespace-state.ts';
import { hasOtherUsers } from './presence.ts';
import { quarantineRow } from './quarantine.ts';
import { selectRow, tierOf } from './row-codec.ts';
import { conditionOf } from './row-filter.ts';
import { createRowReader } from './row-reader.ts';
import type { DamagedRow, ReadRow } from './row-reader.ts';
import { readTexts } from './row-texts.ts';
import { applyGroup, changesKeptDefault, writeAccesses } from './row-writer.ts';
import type { RowWriterParts } from './row-writer.ts';
import { salvageRecord } from './salvage-record.ts';
import type { Salvage } from './salvage-record.ts';
import { findSqlDriver } from './sql-driver.ts';
import type { SqlDriver, SqlRow, SqlValue } from './sql-driver.ts';
import { recountSources } from './sources.ts';
import type { Repairs } from './sources.ts';
import { uuidBytes } from './uuid-v7.ts';
import { putVectors, readVectors } from './vectors.ts';
import { verifyRecord } from './verify-record.ts';

/** What a record is opened with. */
export interface OpenRecordOptions {
  /** Folder of `record.db` and the files beside it, absolute. Made when it is not there, for its owner alone. */
  readonly folder: string;
  /** Default `default`. */
  readonly namespace?: string | undefined;
  /** Rules of tiers that differ from the documented ones. Default: none. */
  readonly tiers?: Partial<TierTable> | undefined;
  /** Called with one line per noteworthy event. Default: silence. */
  readonly log?: ((message: string) => void) | undefined;
  /** Milliseconds since 1970: leases go by it. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
  /** Of commits. Default `durable`. */
  readonly durability?: MemoryDurability | undefined;
  /** Changes that are kept at least: whoever is further behind reads the rows anew. Default 100,000. */
  readonly changesKept?: number | undefined;
  /** The way to SQLite. Default: the best that works here. */
  readonly driver?: SqlDriver | undefined;
}

/**
 * Opens the record of a namespace, which is made when it is not there.
 *
 * @throws GemmaError `REQUEST_INVALID`, `MEMORY_UNAVAILABLE`, `MEMORY_DAMAGED`, `MEMORY_FORMAT`, `DISK_FULL`;
 *   UnsupportedError where no driver works.
 */
export async function openRecord(options: OpenRecordOptions): Promise<RecordStore> {
  const { folder, namespace = memoryDefaults.namespace, log = () => undefined, now = Date.now } = options;
  const { durability = memoryDefaults.durability } = options;
  checkFolder(folder);
  checkNamespace(namespace);
  checkDurability(durability);
  const tiers = checkTiers({ ...memoryDefaults.tiers, ...options.tiers });
  const driver = options.driver ?? (await findSqlDriver());
  const { changesKept = changesKeptDefault } = options;
  return openWith({ folder, namespace, tiers, log, now, driver, durability, changesKept });
}

function openWith({
  folder,
  namespace,
  tiers,
  log,
  now,
  driver,
  durability,
  changesKept,
}: {
  readonly folder: string;
  readonly namespace: string;
  readonly tiers: TierTable;
  readonly log: (message: string) => void;
  readonly now: () => number;
  readonly driver: SqlDriver;
  readonly durability: MemoryDurability;
  readonly changesKept: number;
}): RecordStore {
  const owner = randomUUID();
  const accesses = createAccessCounts();
  let number = 0;
  let recordId = '';
  let isClosed = false;
  /** Groups that were committed relaxed since the last sync. */
  let unsynced = 0;
  /** Texts were removed or changed, and the write-ahead log may still have them. */
  let hasRemoved = false;
  /** Accesses are written, and removed texts taken out of the log, after some seconds at the latest. */
  const tidying = createDelayedWork({
    delayMs: accessDelayMs,
    work: tidy,
    onError(error) {
      log(`Accesses of memories could not be written: ${error.message}`);
    },
  });
  /** What is written relaxed waits no longer than this for the disk, however much follows. */
  const syncing = createDelayedWork({
    delayMs: syncDelayMs,
    work: sync,
    onError(error) {
      log(`Writes that are done may not be on the disk: ${error.message}`);
    },
  });
  let state: NamespaceState | null = null;
  /** What is remembered of the file: another one may have taken its place. */
  let forgetFile = (): void => undefined;

  const repairs: Repairs = {
    index(name) {
      log(`An index of the memory is damaged; it is built anew (${name}).`);
      connection.write('durable', () => {
        connection.exec(`REINDEX ${name}`);
        recountSources(connection, number);
      });
    },
    tell(what) {
      log(`${what} It is left out. Run \`gemma memory verify\`.`);
    },
  };
  const open = (): Connection =>
    openConnection({
      folder,
      driver,
      log,
      onOpen(opened) {
        recordId = String(opened.prepare("SELECT value FROM meta WHERE key = 'record'").get()?.['value'] ?? '');
        number = namespaceNumber(opened, namespace);
        forgetFile();
      },
    });
  const connection = openOrSalvage();
  const reader = createRowReader(connection, accesses, () => number, repairs);
  forgetFile = reader.reset;
  const readState = createNamespaceReader(connection);

  return {
    namespace,
    get recordId() {
      return recordId;
    },
    tiers,
    durability,

    commit(groups) {
      checkOpen();
      const results = write(durability, (parts) => groups.map((group) => savepoint(parts, group)));
      if (durability === 'relaxed')
        unsynced += results.filter((result) => !(result instanceof Error || result.length === 0)).length;
      const hasUpdated = groups.some(({ writes }) => writes.some(({ type }) => type === 'update'));
      const hasTaken = results.some(
        (result) => !(result instanceof Error) && result.some(({ removed }) => removed > 0),
      );
      if (hasUpdated || hasTaken) {
        hasRemoved = true;
        tidying.plan();
      }
      if (unsynced > 0) syncing.plan();
      return results;
    },
    touch(ids, at) {
      checkOpen();
      for (const id of ids) accesses.count(id, at);
      if (accesses.size >= pendingRowsMax) flushAccesses();
      else if (accesses.size > 0) tidying.plan();
    },
    sync() {
      checkOpen();
      sync();
    },

    seq() {
      checkOpen();
      connection.checkPlace();
      return namespaceState().seq;
    },
    changes(afterSeq, limit) {
      checkOpen();
      return connection.read(() => {
        const changes = readChanges(connection, namespaceState(), afterSeq, limit);
        if (changes !== null) return changes;
        log('The memory’s log of changes is damaged; what is derived from it is built anew.');
        rebuild();
        return readChanges(connection, namespaceState(), afterSeq, limit) ?? [];
      });
    },
    byId(ids) {
      checkOpen();
      return ids.map((id) => told(connection.read(() => reader.findId(id))));
    },
    byNumber(numbers) {
      checkOpen();
      return connection.read(() => reader.findAll(numbers)).map(toldOrSetAside);
    },
    scan(afterNumber, limit) {
      checkOpen();
      return scan(afterNumber, limit);
    },
    texts(afterNumber, limit) {
      checkOpen();
      // Where something is damaged, reading whole rows moves it aside.
      return (
        connection.read(() => readTexts(connection, number, afterNumber, limit)) ??
        scan(afterNumber, limit).map(({ number: each, row }) => ({ number: each, title: row.title, text: row.text }))
      );
    },
    matching(filter, at) {
      checkOpen();
      return connection.read(() => {
        const { sql, parameters } = conditionOf(connection, filter, number, repairs);
        return connection
          .prepare(`SELECT number FROM rows WHERE ${sql} AND (expiresAt IS NULL OR expiresAt > ?) ORDER BY number`)
          .all(...parameters, at)
          .map((row) => row['number'] as number);
      });
    },
    expired(at) {
      checkOpen();
      return connection.read(() =>
        connection
          .prepare('SELECT number FROM rows WHERE namespace = ? AND expiresAt <= ? ORDER BY number')
          .all(number, at)
          .map((row) => row['number'] as number),
      );
    },
    list: (request) => {
      checkOpen();
      return listRows(request);
    },
    documents(uriPrefix) {
      checkOpen();
      return connection.read(() => listDocuments(connection, number, uriPrefix, repairs));
    },
    stats(at) {
      checkOpen();
      return connection.read(() => stats(at));
    },

    putVectors(embedId, vectors) {
      checkOpen();
      write('relaxed', () => {
        putVectors(connection, number, embedId, vectors);
      });
    },
    vectors(embedId, afterSeq, limit) {
      checkOpen();
      return connection.read(() => readVectors(connection, number, embedId, afterSeq, limit, log));
    },
    withoutVector(embedId, limit, afterNumber = 0) {
      checkOpen();
      return collect(limit, afterNumber, (after, count) => ({
        sql: `${selectRow} WHERE r.number > ? AND +r.namespace = ? AND NOT EXISTS (
          SELECT 1 FROM vectors v JOIN embedders e ON e.id = v.embedder WHERE v.number = r.number AND e.name = ?
        ) ORDER BY r.number LIMIT ?`,
        parameters: [after, number, embedId, count],
      }));
    },

    lease(name, ttlMs) {
      checkOpen();
      return takeLease(connection, { name, owner, ttlMs, now: now() });
    },
    release(name) {
      checkOpen();
      releaseLease(connection, { name, owner });
    },

    verify(): readonly MemoryProblem[] {
      checkOpen();
      return verifyRecord({
        connection,
        namespace: () => number,
        salvage() {
          connection.release();
          return salvage();
        },
        quarantine: setAside,
        check: reader.check,
        rebuild,
        reindex: () => {
          connection.write('durable', () => {
            connection.exec('REINDEX');
          });
        },
      });
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      try {
        try {
          tidy();
        } finally {
          if (unsynced > 0) sync();
        }
      } finally {
        tidying.cancel();
        syncing.cancel();
        connection.close();
      }
    },
  };

  function checkOpen(): void {
    if (!isClosed) return;
    throw new GemmaError({ code: 'MEMORY_CLOSED', message: `The memory in ${folder} was closed; open it again.` });
  }

  /** A record that cannot even be opened is made anew from what is left of it. */
  function openOrSalvage(): Connection {
    try {
      return open();
    } catch (error) {
      if (!isGemmaError(error) || error.code !== 'MEMORY_DAMAGED' || salvage() === null) throw error;
      return open();
    }
  }

  /** `null` where that must wait for others, or nothing is left. */
  function salvage(): Salvage | null {
    if (hasOtherUsers(folder)) return null;
    log('The file of the memory is damaged; it is made anew from what can be read.');
    const salvaged = salvageRecord({ path: join(folder, 'record.db'), driver, namespace, now: now() });
    if (salvaged === null) return null;
    const { rows, quarantined, documents, kept } = salvaged;
    log(
      `The memory was made anew: ${rows} rows are there, ${quarantined} were moved aside, ${documents} documents are to be ingested again. The damaged file is ${kept}.`,
    );
    return salvaged;
  }

  /** A transaction, with the namespace's state read before and written after it. */
  function write<Result>(durability: MemoryDurability, body: (parts: RowWriterParts) => Result): Result {
    let settled: readonly string[] = [];
    const result = connection.write(durability, () => {
      const isOutermost = state === null;
      state ??= readNamespace(connection, number) ?? rebuildNamespace(connection, number, namespace);
      try {
        const before = JSON.stringify(state);
        const parts = partsOf();
        if (isOutermost && accesses.size > 0) {
          settled = writeAccesses({ ...parts, namespace: number });
          accesses.hide(true);
        }
        const result = body(parts);
        if (JSON.stringify(state) !== before) writeNamespace(connection, state);
        return result;
      } finally {
        if (isOutermost) {
          state = null;
          accesses.hide(false);
        }
      }
    });
    accesses.settle(settled);
    return result;
  }

  function partsOf(): RowWriterParts {
    return {
      connection,
      reader,
      accesses,
      tiers,
      changesKept,
      numbers: { last: null },
      repairs,
      get state() {
        if (state === null) throw new Error('A write outside of a transaction.');
        return state;
      },
      quarantine: (row, what) => {
        setAside({ number: row, what });
      },
    };
  }

  function savepoint(parts: RowWriterParts, group: RecordGroup): readonly WriteResult[] | Error {
    const before = copyState(parts.state);
    connection.exec('SAVEPOINT work');
    try {
      const results = applyGroup(parts, group);
      connection.exec('RELEASE work');
      return results;
    } catch (error) {
      if (!isGemmaError(error) || error.code !== 'REQUEST_INVALID') throw error;
      connection.exec('ROLLBACK TO work');
      connection.exec('RELEASE work');
      state = before;
      return error;
    }
  }

  /** Outside of a transaction. */
  function namespaceState(): Readonly<NamespaceState> {
    return connection.read(() => state ?? readState(number) ?? rebuild());
  }

  function rebuild(): NamespaceState {
    return connection.write('durable', () => {
      const rebuilt = rebuildNamespace(connection, number, namespace);
      if (state !== null) state = rebuilt;
      return rebuilt;
    });
  }

  /** Rows of a query that takes a number to begin after; damaged ones are moved aside, and others come in their place. */
  function collect(
    limit: number,
    afterNumber: number,
    query: (after: number, count: number) => { readonly sql: string; readonly parameters: readonly SqlValue[] },
  ): readonly RecordRow[] {
    const rows: RecordRow[] = [];
    let after = afterNumber;
    while (rows.length < limit) {
      const count = limit - rows.length;
      const { sql, parameters } = query(after, count);
      const { read, found } = checked(sql, parameters);
      rows.push(...found.map(reader.tell));
      if (read.length < count) break;
      after = read.at(-1)?.['number'] as number;
    }
    return rows;
  }

  function listRows({
    filter,
    afterId,
    limit,
    now: at,
  }: {
    readonly filter: RowFilter;
    readonly afterId: string | null;
    readonly limit: number;
    readonly now: number;
  }): readonly RecordRow['row'][] {
    const rows: RecordRow['row'][] = [];
    let after: Uint8Array | null = afterId === null ? null : afterBytes(afterId);
    while (rows.length < limit) {
      const count = limit - rows.length;
      const { sql, parameters } = connection.read(() => conditionOf(connection, filter, number, repairs));
      const { read, found } = checked(
        `${selectRow} WHERE r.number IN (
          SELECT number FROM rows INDEXED BY rowsById WHERE namespace = ? AND id > ? AND ${sql}
          AND (expiresAt IS NULL OR expiresAt > ?) ORDER BY id LIMIT ?
        ) ORDER BY r.id`,
        [number, after ?? new Uint8Array(), ...parameters, at, count],
      );
      rows.push(...found.map((row) => reader.tell(row).row));
      if (read.length < count) break;
      after = read.at(-1)?.['id'] as Uint8Array;
    }
    return rows;
  }

  function checked(
    sql: string,
    parameters: readonly SqlValue[],
  ): { readonly read: readonly SqlRow[]; readonly found: readonly ReadRow[] } {
    const { read, sound, damaged } = connection.read(() => {
      const read = connection.prepare(sql).all(...parameters);
      return { read, ...reader.check(read) };
    });
    for (const row of damaged) setAside(row);
    return { read, found: sound };
  }

  function told(found: ReadRow | DamagedRow | undefined): RecordRow | undefined {
    return toldOrSetAside(found === undefined || 'what' in found ? found : reader.tell(found));
  }

  function toldOrSetAside(found: RecordRow | DamagedRow | undefined): RecordRow | undefined {
    if (found === undefined || !('what' in found)) return found;
    setAside(found);
    return undefined;
  }

  function scan(afterNumber: number, limit: number): readonly RecordRow[] {
    return collect(limit, afterNumber, (after, count) => ({
      sql: `${selectRow} WHERE r.number > ? AND +r.namespace = ? ORDER BY r.number LIMIT ?`,
      parameters: [after, number, count],
    }));
  }

  function setAside({ number: damaged, what }: DamagedRow): void {
    write('durable', (parts) => {
      quarantineRow(parts, { number: damaged, what, now: now() });
    });
    log(`Row ${damaged} of the memory is damaged and was moved aside: ${what} Run \`gemma memory verify\`.`);
  }

  function stats(at: number): RecordStats {
    const { counts, seq } = namespaceState();
    const byTier = { ...counts.tiers };
    let expired = 0;
    const rows = connection
      .prepare('SELECT tier, count(*) AS rows FROM rows WHERE namespace = ? AND expiresAt <= ? GROUP BY tier')
      .all(number, at);
    for (const { tier: code, rows: count } of rows) {
      const tier = tierOf(Number(code));
      if (tier === null) continue;
      byTier[tier] -= Number(count);
      expired += Number(count);
    }
    const memories = Object.values(byTier).reduce((sum, count) => sum + count, 0);
    return {
      rows: {
        total: counts.chunks + memories,
        byKind: { document: counts.chunks, memory: memories },
        byTier,
      },
      documents: counts.documents,
      expired,
      removed: { ...counts.removed },
      consolidation: counts.consolidation,
      unsynced,
      seq,
      bytes: sizeOf(connection.path) + sizeOf(`${connection.path}-wal`),
    };
  }

  function sync(): void {
    connection.sync();
    unsynced = 0;
  }

  function tidy(): void {
    flushAccesses();
    if (!hasRemoved) return;
    // Somebody who reads an older state keeps the log; the last one to close empties it.
    if (connection.checkpoint()) hasRemoved = false;
    else tidying.plan();
  }

  function flushAccesses(): void {
    if (accesses.size > 0) write('relaxed', () => undefined);
  }
}

/** Longest time for which the end of the machine can take what was written relaxed, in a process that is not held up. */
const syncDelayMs = 500;

function afterBytes(id: string): Uint8Array {
  const bytes = uuidBytes(id);
  if (bytes !== null) return bytes;
  throw new GemmaError({
    code: 'REQUEST_INVALID',
    message: `Expected a cursor that an earlier page gave, got "${id.slice(0, 100)}". Begin without a cursor.`,
  });
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function checkFolder(folder: string): void {
  if (isAbsolute(folder)) return;
  throw new GemmaError({
    code: 'REQUEST_INVALID',
    message: `Expected the absolute path of the memory's folder, got "${folder}".`,
    facts: { folder },
  });
}

function checkNamespace(namespace: string): void {
  if (/^[a-z0-9][a-z0-9._-]{0,63}$/.test(namespace)) return;
  throw new GemmaError({
    code: 'REQUEST_INVALID',
    message: `Expected the name of a memory, 1 to 64 of a-z, 0-9, ".", "_" and "-", the first a letter or digit, got "${namespace}".`,
    facts: { namespace },
  });
}

function checkDurability(durability: unknown): void {
  if (durability === 'durable' || durability === 'relaxed') return;
  throw new GemmaError({
    code: 'REQUEST_INVALID',
    message: `Expected the durability of the memory to be durable or relaxed, got ${String(durability)}.`,
    facts: { durability },
  });
}

function checkTiers(tiers: TierTable): TierTable {
  for (const [tier, { ttlMs, capacity }] of Object.entries(tiers)) {
    const isTime = ttlMs === null || (Number.isFinite(ttlMs) && ttlMs > 0);
    if (isTime && Number.isSafeInteger(capacity) && capacity > 0) continue;
    throw new GemmaError({
      code: 'REQUEST_INVALID',
      message: `Expected for the tier ${tier} a time to live above 0 (or none) and a capacity of at least 1, got ${String(ttlMs)} ms and ${String(capacity)}.`,
      facts: { tier, ttlMs, capacity },
    });
  }
  return Object.freeze({ ...tiers });
}
