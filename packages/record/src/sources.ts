import type { RowSource } from '@gemma-cli/contracts';
import type { Connection } from './connection.ts';
import { checksum } from './row-codec.ts';
import type { SqlRow } from './sql-driver.ts';

/** What is done about damage that reading comes upon. */
export interface Repairs {
  /** Builds an index anew that does not find all rows. */
  index(name: string): void;
  /** Tells what was left out. */
  tell(what: string): void;
}

/** A source as its table has it. */
export interface StoredSource {
  readonly id: number;
  readonly namespace: number;
  readonly uri: string;
  readonly hash: string;
  /** How many rows name it: what the index of sources must find. */
  readonly rows: number;
}

/** A source; `null` when there is none or its checksum does not fit. */
export function readSource(connection: Pick<Connection, 'prepare'>, id: number): StoredSource | null {
  const sql = connection.prepare('SELECT * FROM sources WHERE id = ?').get(id);
  return sql === undefined ? null : storedSourceOf(sql);
}

/** All sources of a namespace whose address begins so. Those whose checksum does not fit are left out, and told of. */
export function sourcesOf(
  connection: Connection,
  namespace: number,
  uriPrefix: string,
  repairs: Pick<Repairs, 'tell'>,
): readonly StoredSource[] {
  return connection
    .prepare('SELECT * FROM sources ORDER BY id')
    .all()
    .flatMap((sql) => {
      const source = storedSourceOf(sql);
      if (source === null) repairs.tell('A source of rows is damaged.');
      return source?.namespace === namespace && source.uri.startsWith(uriPrefix) ? [source] : [];
    });
}

/** Finds a source, or adds it, without rows. */
export function sourceNumber(
  connection: Connection,
  namespace: number,
  { uri, hash }: Pick<RowSource, 'uri' | 'hash'>,
): number {
  const found = connection
    .prepare('SELECT id FROM sources WHERE namespace = ? AND uri = ? AND hash = ?')
    .get(namespace, uri, hash);
  if (found !== undefined) return found['id'] as number;
  const { lastInsertRowid: id } = connection
    .prepare('INSERT INTO sources (namespace, uri, hash, rows, crc) VALUES (?, ?, ?, 0, 0)')
    .run(namespace, uri, hash);
  writeRows(connection, { id, namespace, uri, hash, rows: 0 });
  return id;
}

/** Counts rows that came or went. A source without rows goes; `true` then. */
export function changeSourceRows(connection: Connection, id: number, more: number): boolean {
  const source = readSource(connection, id);
  // Its rows are moved aside when they are read.
  if (source === null) return false;
  const rows = source.rows + more;
  if (rows > 0) writeRows(connection, { ...source, rows });
  else connection.prepare('DELETE FROM sources WHERE id = ?').run(id);
  return rows <= 0;
}

/** Counts anew, after rows were moved aside whose columns cannot be trusted. Tells how many counts were wrong. */
export function recountSources(connection: Connection, namespace: number): number {
  const wrong = connection
    .prepare(
      `SELECT id, (SELECT count(*) FROM rows r WHERE r.source = s.id) AS found FROM sources s
       WHERE namespace = ? AND rows <> (SELECT count(*) FROM rows r WHERE r.source = s.id)`,
    )
    .all(namespace);
  for (const { id, found } of wrong) {
    writeSourceRows(connection, Number(id), Number(found));
  }
  return wrong.length;
}

/** Writes another count of a source's rows. */
export function writeSourceRows(connection: Pick<Connection, 'prepare'>, id: number, rows: number): void {
  const source = readSource(connection, id);
  if (source !== null) writeRows(connection, { ...source, rows });
}

function writeRows(connection: Pick<Connection, 'prepare'>, source: StoredSource): void {
  connection
    .prepare('UPDATE sources SET rows = ?, crc = ? WHERE id = ?')
    .run(source.rows, checksumOf(source), source.id);
}

/** A source as it is stored; `null` when its checksum does not fit. */
export function storedSourceOf(sql: SqlRow): StoredSource | null {
  const source = {
    id: sql['id'] as number,
    namespace: sql['namespace'] as number,
    uri: String(sql['uri']),
    hash: String(sql['hash']),
    rows: sql['rows'] as number,
  };
  return checksumOf(source) === sql['crc'] ? source : null;
}

function checksumOf({ id, namespace, uri, hash, rows }: StoredSource): number {
  return checksum([id, namespace, uri, hash, rows]);
}
