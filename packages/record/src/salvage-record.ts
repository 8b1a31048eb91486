import { randomUUID } from 'node:crypto';
import {
  closeSync,
  copyFileSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { prepareDatabase } from './connection.ts';
import { documentChecksum } from './documents.ts';
import { countRows, noCounts, writeNamespace } from './namespace-state.ts';
import { columnsAsJson } from './quarantine.ts';
import { damageOf, rowColumns, storedRowOf } from './row-codec.ts';
import { schema } from './schema.ts';
import { storedSourceOf, writeSourceRows } from './sources.ts';
import type { SqlDatabase, SqlDriver, SqlRow, SqlValue } from './sql-driver.ts';
import { isCorrupt } from './sql-errors.ts';
import { syncFolder } from './sync-folder.ts';
import { uuidText } from './uuid-v7.ts';
import { vectorOf } from './vectors.ts';

/** What came of making a record anew from what is left of it. */
export interface Salvage {
  /** Rows that are in the new record. */
  readonly rows: number;
  /** Rows of which a part was left: they are in the quarantine. */
  readonly quarantined: number;
  /** Documents that lost chunks, and are to be ingested again. */
  readonly documents: number;
  /** The damaged file, as it was. */
  readonly kept: string;
}

/**
 * Makes a record anew, row by row, from a file whose trees are damaged, and puts it in its place. The damaged file is kept
 * beside it. Rows keep their numbers and ids; the log of changes begins anew, so that everything derived is built anew.
 *
 * @param namespace - Gets the rows whose namespace has lost its name.
 * @returns `null` when nothing is left that could be read: the file stays where it is.
 */
export function salvageRecord({
  path,
  driver,
  namespace,
  now,
}: {
  readonly path: string;
  readonly driver: SqlDriver;
  readonly namespace: string;
  readonly now: number;
}): Salvage | null {
  const source = `${path}.salvage`;
  const target = `${path}.new`;
  removeFiles(source);
  removeFiles(target);
  const held = hold(driver, path);
  try {
    copyFileSync(path, source);
    if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${source}-wal`);
    const fresh = driver.open(target);
    let result: Omit<Salvage, 'kept'>;
    try {
      prepareDatabase(fresh, target);
      const from = openSource(driver, source, target);
      if (from === null) return null;
      try {
        fresh.exec('BEGIN IMMEDIATE');
        result = copyRecord(from, fresh, { namespace, now, numbersMax: statSync(source).size / leastRowBytes });
        fresh.exec('COMMIT');
        fresh.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
      } finally {
        from.close();
      }
    } finally {
      fresh.close();
    }
    held?.close();
    if (result.rows + result.quarantined === 0) return null;
    const kept = keptName(path);
    renameSync(path, kept);
    // What was in its log belongs to it. An empty one stays where a connection is not collected yet.
    if ((statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0) renameSync(`${path}-wal`, `${kept}-wal`);
    else rmSync(`${path}-wal`, { force: true });
    rmSync(`${path}-shm`, { force: true });
    renameSync(target, path);
    syncFolder(dirname(path));
    return { ...result, kept };
  } finally {
    held?.close();
    removeFiles(source);
    removeFiles(target);
  }
}

/** A row has at least so many bytes: what a file can hold bounds the numbers that are tried where no tree tells them. */
const leastRowBytes = 40;

/** Keeps others from writing to the damaged file meanwhile, where that can still be done. */
function hold(driver: SqlDriver, path: string): { close(): void } | null {
  let database: SqlDatabase | null = null;
  let isClosed = false;
  const close = (): void => {
    if (isClosed) return;
    isClosed = true;
    database?.close();
  };
  try {
    database = driver.open(path);
    database.exec('BEGIN IMMEDIATE');
    return { close };
  } catch (error) {
    close();
    if (isCorrupt(error)) return null;
    throw error;
  }
}

/**
 * Opens the copy. Where its first page does not tell what is where, it gets those of a new record, which has all tables in
 * the same places. `null` where even that does not help.
 */
function openSource(driver: SqlDriver, source: string, fresh: string): SqlDatabase | null {
  const database = openedSource(driver, source);
  if (database !== null) return database;
  copySchemaPages(driver, fresh, source);
  return openedSource(driver, source);
}

function openedSource(driver: SqlDriver, source: string): SqlDatabase | null {
  const database = driver.open(source);
  try {
    const tables = database
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
      .all()
      .map(({ name }) => String(name));
    const wanted = [...schema.matchAll(/^CREATE TABLE (\w+)/gmu)].map(([, name]) => String(name));
    if (wanted.every((name) => tables.includes(name))) return database;
  } catch (error) {
    if (!isCorrupt(error)) throw error;
  }
  database.close();
  return null;
}

/** Where SQLite's head of a file has the size of a page, and counts that are those of this file alone. */
const head = { pageBytes: 16, changes: 24, pages: 28, freePages: 32, validFor: 92 } as const;

function copySchemaPages(driver: SqlDriver, fresh: string, source: string): void {
  const blank = `${fresh}.blank`;
  removeFiles(blank);
  try {
    const database = driver.open(blank);
    prepareDatabase(database, blank);
    database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get();
    database.close();
    const bytes = readFileSync(blank);
    const pageBytes = bytes.readUInt16BE(head.pageBytes);
    bytes.writeUInt32BE(Math.floor(statSync(source).size / pageBytes), head.pages);
    bytes.writeUInt32BE(bytes.readUInt32BE(head.changes), head.validFor);
    bytes.fill(0, head.freePages, head.freePages + 8);
    const file = openSync(source, 'r+');
    try {
      for (const page of [1, ...childPages(bytes)]) {
        const at = (page - 1) * pageBytes;
        writeSync(file, bytes, at, pageBytes, at);
      }
    } finally {
      closeSync(file);
    }
  } finally {
    removeFiles(blank);
  }
}

/** Pages below the first one, if it is the root of others: the list of tables is longer than a page. */
function childPages(bytes: Buffer): readonly number[] {
  const root = 100;
  const interior = 5;
  if (bytes[root] !== interior) return [];
  const cells = bytes.readUInt16BE(root + 3);
  const left = Array.from({ length: cells }, (_, cell) => bytes.readUInt32BE(bytes.readUInt16BE(root + 12 + cell * 2)));
  return [...left, bytes.readUInt32BE(root + 8)];
}

function copyRecord(
  from: SqlDatabase,
  to: SqlDatabase,
  { namespace, now, numbersMax }: { readonly namespace: string; readonly now: number; readonly numbersMax: number },
): Omit<Salvage, 'kept'> {
  const insert = (table: string, row: SqlRow): boolean => {
    const columns = Object.keys(row);
    const marks = columns.map(() => '?').join(', ');
    const values = columns.map((column) => row[column] ?? null);
    return (
      to.prepare(`INSERT OR IGNORE INTO ${table} (${columns.join(', ')}) VALUES (${marks})`).run(...values).changes > 0
    );
  };
  const read = (table: string, key: string): Generator<SqlRow> => readRows(from, table, key, numbersMax);
  to.prepare("UPDATE meta SET value = ? WHERE key = 'record'").run(randomUUID());

  const sources = new Map<number, { readonly namespace: number; readonly rows: number }>();
  for (const sql of read('sources', 'id')) {
    const stored = storedSourceOf(sql);
    if (stored !== null && insert('sources', sql)) sources.set(stored.id, stored);
  }

  let rows = 0;
  let quarantined = 0;
  let seqMax = 0;
  let last = 0;
  const namespaces = new Set<number>();
  const chunks = new Map<number, number>();
  const aside = (number: number, what: string, row: SqlRow | undefined, text: SqlRow | undefined): void => {
    const { id, namespace: of } = row ?? {};
    quarantined += 1;
    insert('quarantine', {
      number,
      namespace: typeof of === 'number' ? of : 0,
      at: now,
      id: id instanceof Uint8Array && id.byteLength === 16 ? uuidText(id) : null,
      what,
      told: 0,
      row: columnsAsJson(row),
      title: text?.['title'] ?? null,
      text: text?.['text'] ?? new Uint8Array(),
    });
  };
  const textOf = from.prepare('SELECT title, text FROM texts WHERE number = ?');
  const isThere = to.prepare('SELECT 1 FROM rows WHERE number = ?');
  for (const sql of read('rows', 'number')) {
    const number = Number(sql['number']);
    last = Math.max(last, number);
    const text = ifReadable(() => textOf.get(number));
    const stored = storedRowOf(sql);
    const what = damageOf(stored, { ...sql, ...(text ?? { title: null, text: null }) });
    if (what !== null) {
      aside(number, what, sql, text);
      continue;
    }
    if (stored.source !== null && !sources.has(stored.source)) {
      aside(number, 'The source of the row is damaged.', sql, text);
      continue;
    }
    if (!insert('rows', onlyColumns(sql))) continue;
    insert('texts', { number, title: text?.['title'] ?? null, text: text?.['text'] ?? null });
    rows += 1;
    seqMax = Math.max(seqMax, stored.seq);
    namespaces.add(stored.namespace);
    if (stored.source !== null) chunks.set(stored.source, (chunks.get(stored.source) ?? 0) + 1);
  }
  for (const sql of read('texts', 'number')) {
    const number = Number(sql['number']);
    last = Math.max(last, number);
    const isAside = to.prepare('SELECT 1 FROM quarantine WHERE number = ?').get(number) !== undefined;
    if (isThere.get(number) === undefined && !isAside) aside(number, 'The row of a text is not there.', undefined, sql);
  }

  let documents = 0;
  for (const sql of read('documents', 'source')) {
    const { source, namespace: of, bytes, ingestedAt } = sql as Readonly<Record<string, number>>;
    if (documentChecksum(source ?? 0, of ?? 0, bytes ?? 0, ingestedAt ?? 0) !== sql['crc']) continue;
    const known = sources.get(source ?? 0);
    if (known !== undefined && known.rows === (chunks.get(source ?? 0) ?? 0)) insert('documents', sql);
    else documents += 1;
  }
  for (const [id, { rows: counted }] of sources) {
    const found = chunks.get(id) ?? 0;
    if (found === 0) to.prepare('DELETE FROM sources WHERE id = ?').run(id);
    else if (found !== counted) writeSourceRows(to, id, found);
  }
  for (const sql of read('quarantine', 'number')) insert('quarantine', sql);
  for (const sql of read('embedders', 'id')) insert('embedders', sql);
  for (const sql of read('vectors', 'seq')) {
    if (isThere.get(Number(sql['number'])) !== undefined && vectorOf(sql) !== null) insert('vectors', sql);
  }

  const named = new Map<number, SqlRow>();
  for (const { name, seq } of ifReadable(() => from.prepare('SELECT name, seq FROM sqlite_sequence').all()) ?? []) {
    if (name === 'rows' && Number(seq) < 2 ** 50) last = Math.max(last, Number(seq));
  }
  for (const sql of read('namespaces', 'id')) named.set(Number(sql['id']), sql);
  const names = new Set([...named.values()].map(({ name }) => String(name)));
  for (const id of new Set([...named.keys(), ...namespaces])) {
    const sql = named.get(id);
    const seq = Number(sql?.['seq'] ?? 0);
    const lost = names.has(namespace) ? `salvaged-${id}` : namespace;
    const name = sql === undefined ? lost : String(sql['name']);
    names.add(name);
    // Far above all that was: whoever derived something from the record must see that it is another one.
    const position = (Number.isSafeInteger(seq) && seq < 2 ** 50 ? Math.max(seq, seqMax) : seqMax) + positionsLeftOut;
    const lastId = to.prepare('SELECT max(id) AS id FROM rows WHERE namespace = ?').get(id)?.['id'];
    insert('namespaces', { id, name, seq: position, pruned: position, lastId: null, counts: '', crc: 0 });
    const kept = typeof sql?.['lastId'] === 'string' && /^[0-9a-f-]{36}$/u.test(sql['lastId']) ? sql['lastId'] : '';
    const found = lastId instanceof Uint8Array ? uuidText(lastId) : '';
    const greatest = kept > found ? kept : found;
    const counts = { ...countRows(to, id, noCounts()), quarantined };
    const state = { id, name, seq: position, pruned: position, lastId: greatest === '' ? null : greatest, counts };
    writeNamespace(to, state);
  }
  // Rows whose namespace is not known are told by whoever verifies first.
  const [some = 1] = named.keys();
  to.prepare('UPDATE quarantine SET namespace = ? WHERE namespace = 0').run(some);
  to.prepare("DELETE FROM sqlite_sequence WHERE name = 'rows'").run();
  to.prepare("INSERT INTO sqlite_sequence (name, seq) VALUES ('rows', ?)").run(last);
  return { rows, quarantined, documents };
}

/** Positions of changes that are left out. */
const positionsLeftOut = 1_000_000;

const pageRows = 500;

/** Rows of a table by key, as far as they can be read: where a page cannot, keys are tried one by one. */
function* readRows(from: SqlDatabase, table: string, key: string, keysMax: number): Generator<SqlRow> {
  const page = from.prepare(`SELECT * FROM ${table} WHERE ${key} > ? ORDER BY ${key} LIMIT ${pageRows}`);
  const one = from.prepare(`SELECT * FROM ${table} WHERE ${key} = ?`);
  const greatest = Math.max(
    Number(ifReadable(() => from.prepare(`SELECT max(${key}) AS last FROM ${table}`).get())?.['last'] ?? 0),
    Number(ifReadable(() => from.prepare('SELECT max(seq) AS last FROM sqlite_sequence').get())?.['last'] ?? 0),
  );
  // A damaged number must not make this try for ever.
  const last = greatest > 0 && greatest < 2 ** 40 ? Math.max(greatest, 1) : keysMax;
  for (let after = 0; ;) {
    const rows = ifReadable(() => page.all(after));
    if (rows === undefined) {
      for (let wanted = after + 1; wanted <= after + pageRows; wanted += 1) {
        const row = ifReadable(() => one.get(wanted));
        if (row !== undefined) yield row;
      }
      after += pageRows;
      if (after > last) return;
      continue;
    }
    yield* rows;
    if (rows.length < pageRows) return;
    after = Number(rows.at(-1)?.[key]);
  }
}

/** What can be read; `undefined` where the trees of the file do not lead there. */
function ifReadable<Result>(read: () => Result): Result | undefined {
  try {
    return read();
  } catch (error) {
    if (!isCorrupt(error)) throw error;
    return undefined;
  }
}

function onlyColumns(sql: SqlRow): SqlRow {
  return Object.fromEntries(rowColumns.split(', ').map((column): [string, SqlValue] => [column, sql[column] ?? null]));
}

function keptName(path: string): string {
  for (let count = 1; ; count += 1) {
    const name = join(dirname(path), `record-damaged-${count}.db`);
    if (!existsSync(name)) return name;
  }
}

function removeFiles(path: string): void {
  for (const end of ['', '-wal', '-shm', '-journal']) rmSync(`${path}${end}`, { force: true });
}
