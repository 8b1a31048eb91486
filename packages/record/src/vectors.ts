import { endianness } from 'node:os';
import { crc32 } from 'node:zlib';
import { GemmaError } from '@gemma-cli/contracts';
import type { NewRowVector, RowVector } from '@gemma-cli/contracts';
import type { Connection } from './connection.ts';
import { storedText } from './row-codec.ts';
import type { SqlRow } from './sql-driver.ts';

/** Keeps vectors of rows of a namespace, in the place of older ones. In one transaction with the look at what rows say. */
export function putVectors(
  connection: Connection,
  namespace: number,
  embedId: string,
  vectors: readonly NewRowVector[],
): void {
  const embedder = embedderNumber(connection, embedId);
  const isThere = connection.prepare('SELECT 1 FROM rows WHERE number = ? AND namespace = ?');
  for (const { number, vector, words } of vectors) {
    if (vector.length === 0 || !vector.every(Number.isFinite)) {
      throw new GemmaError({
        code: 'REQUEST_INVALID',
        message: `Expected a vector of finite numbers for row ${number}, got one of length ${vector.length}.`,
        facts: { number, length: vector.length },
      });
    }
    if (isThere.get(number, namespace) === undefined) continue;
    if (words !== undefined && !hasWords(connection, number, words)) continue;
    connection.prepare('DELETE FROM vectors WHERE number = ? AND embedder = ?').run(number, embedder);
    const bytes = littleEndian(Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength));
    connection
      .prepare('INSERT INTO vectors (namespace, embedder, number, vector, crc) VALUES (?, ?, ?, ?, ?)')
      .run(namespace, embedder, number, bytes, vectorChecksum(namespace, embedder, number, bytes));
  }
}

/** Whether a row says just this. */
function hasWords(
  connection: Connection,
  number: number,
  { title, text }: NonNullable<NewRowVector['words']>,
): boolean {
  const there = connection.prepare('SELECT title, text FROM texts WHERE number = ?').get(number);
  const wanted = storedText(title, text);
  return there !== undefined && isSame(there['title'], wanted.title) && isSame(there['text'], wanted.text);
}

function isSame(one: unknown, other: Uint8Array | null): boolean {
  if (!(one instanceof Uint8Array) || other === null) return one === other;
  return Buffer.compare(one, other) === 0;
}

/** Vectors after a position. One whose checksum does not fit is removed, and made anew when its row is seen without. */
export function readVectors(
  connection: Connection,
  namespace: number,
  embedId: string,
  afterSeq: number,
  limit: number,
  log: (message: string) => void,
): readonly (RowVector & { readonly seq: number })[] {
  const embedder = connection.prepare('SELECT id FROM embedders WHERE name = ?').get(embedId)?.['id'];
  if (embedder === undefined) return [];
  const vectors: (RowVector & { readonly seq: number })[] = [];
  // In the order of the table itself, those of others too: an index that has lost one would hide it.
  const page = connection.prepare('SELECT * FROM vectors WHERE seq > ? ORDER BY seq LIMIT ?');
  let after = afterSeq;
  while (vectors.length < limit) {
    const count = limit - vectors.length;
    const rows = page.all(after, count);
    for (const sql of rows) {
      const vector = vectorOf(sql);
      after = sql['seq'] as number;
      if (vector === null) {
        log('A vector of the memory is damaged; it is computed anew.');
        connection.write('relaxed', () => connection.prepare('DELETE FROM vectors WHERE seq = ?').run(after));
      } else if (sql['namespace'] === namespace && sql['embedder'] === embedder) {
        vectors.push({ number: sql['number'] as number, vector, seq: after });
      }
    }
    if (rows.length < count) break;
  }
  return vectors;
}

/** The vector of a row of the table; `null` when its checksum does not fit. */
export function vectorOf(sql: SqlRow): Float32Array | null {
  const { namespace, embedder, number, vector } = sql;
  if (!(vector instanceof Uint8Array)) return null;
  const crc = vectorChecksum(Number(namespace), Number(embedder), Number(number), vector);
  return crc === sql['crc'] ? floatsOf(vector) : null;
}

/** CRC-32 of a vector, bound to its row and embedder. */
function vectorChecksum(namespace: number, embedder: number, number: number, bytes: Uint8Array): number {
  return crc32(bytes, crc32(`${namespace} ${embedder} ${number} ${bytes.byteLength}\n`));
}

function embedderNumber(connection: Connection, embedId: string): number {
  const found = connection.prepare('SELECT id FROM embedders WHERE name = ?').get(embedId);
  if (found !== undefined) return found['id'] as number;
  return connection.prepare('INSERT INTO embedders (name) VALUES (?)').run(embedId).lastInsertRowid;
}

function floatsOf(bytes: Uint8Array): Float32Array {
  const copy = littleEndian(bytes);
  return new Float32Array(copy.buffer, copy.byteOffset, copy.byteLength / 4);
}

/** A copy in the file's order of bytes, which is that of nearly all machines; back again on the others. */
function littleEndian(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes);
  if (endianness() === 'BE') Buffer.from(copy.buffer).swap32();
  return copy;
}
