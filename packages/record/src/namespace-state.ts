import type { MemoryStats, MemoryTier, RemovalReason } from '@gemma-cli/contracts';
import type { Connection } from './connection.ts';
import { checksum, tierOf } from './row-codec.ts';
import type { SqlRow } from './sql-driver.ts';
import { uuidText } from './uuid-v7.ts';

/** Counts of a namespace. */
export interface NamespaceCounts {
  /** Chunks of documents. */
  chunks: number;
  documents: number;
  readonly tiers: Record<MemoryTier, number>;
  readonly removed: Record<RemovalReason, number>;
  /** Rows that were moved aside because their checksum did not fit. */
  quarantined: number;
  consolidation: MemoryStats['consolidation'];
}

/** What is kept of a namespace beside its rows. Read at the start of each transaction, and written at its end. */
export interface NamespaceState {
  readonly id: number;
  readonly name: string;
  /** Position of the last change. */
  seq: number;
  /** Position of the last change that is no longer kept. */
  pruned: number;
  /** Greatest id that the namespace ever had. */
  lastId: string | null;
  counts: NamespaceCounts;
}

/** Its number; made when it is not there. */
export function namespaceNumber(connection: Connection, name: string): number {
  const find = (): number | undefined =>
    connection.prepare('SELECT id FROM namespaces WHERE name = ?').get(name)?.['id'] as number | undefined;
  return (
    connection.read(find) ??
    connection.write('durable', () => {
      const found = find();
      if (found !== undefined) return found;
      const { lastInsertRowid: id } = connection
        .prepare("INSERT INTO namespaces (name, seq, pruned, lastId, counts, crc) VALUES (?, 0, 0, NULL, '', 0)")
        .run(name);
      writeNamespace(connection, { id, name, seq: 0, pruned: 0, lastId: null, counts: noCounts() });
      return id;
    })
  );
}

/** Reads it; `null` when its checksum does not fit. */
export function readNamespace(connection: Connection, id: number): NamespaceState | null {
  const sql = connection.prepare('SELECT * FROM namespaces WHERE id = ?').get(id);
  return sql === undefined || checksumOf(sql) !== sql['crc'] ? null : stateOf(sql);
}

/** Reads it, and gives the same again while it is the same: every search asks for its position. */
export function createNamespaceReader(connection: Connection): (id: number) => Readonly<NamespaceState> | null {
  let last: { readonly sql: SqlRow; readonly state: NamespaceState } | null = null;
  const isLast = (sql: SqlRow): boolean =>
    last !== null && columns.every((column) => last?.sql[column] === sql[column]);
  return (id) => {
    const sql = connection.prepare('SELECT * FROM namespaces WHERE id = ?').get(id);
    if (sql === undefined) return null;
    if (last !== null && isLast(sql)) return last.state;
    if (checksumOf(sql) !== sql['crc']) return null;
    last = { sql, state: stateOf(sql) };
    return last.state;
  };
}

const columns = ['id', 'name', 'seq', 'pruned', 'lastId', 'counts', 'crc'] as const;

/** Writes it. */
export function writeNamespace(
  connection: Pick<Connection, 'prepare'>,
  { id, name, seq, pruned, lastId, counts }: NamespaceState,
): void {
  const json = JSON.stringify(counts);
  const crc = checksum([id, name, seq, pruned, lastId, json]);
  connection
    .prepare('UPDATE namespaces SET name = ?, seq = ?, pruned = ?, lastId = ?, counts = ?, crc = ? WHERE id = ?')
    .run(name, seq, pruned, lastId, json, crc, id);
}

/**
 * Makes it anew from what is left. The position moves by one and all changes before it count as pruned, so that whoever
 * derived something from the record derives it anew; counts of what was done begin at 0.
 */
export function rebuildNamespace(connection: Connection, id: number, name: string): NamespaceState {
  const ofRows = connection.prepare('SELECT max(seq) AS seq, max(id) AS id FROM rows WHERE namespace = ?').get(id);
  const ofChanges = connection.prepare('SELECT max(seq) AS seq FROM changes WHERE namespace = ?').get(id);
  const seq = Math.max(Number(ofRows?.['seq'] ?? 0), Number(ofChanges?.['seq'] ?? 0)) + 1;
  const lastId = ofRows?.['id'];
  connection.prepare('DELETE FROM changes WHERE namespace = ?').run(id);
  const state: NamespaceState = {
    id,
    name,
    seq,
    pruned: seq,
    lastId: lastId instanceof Uint8Array ? uuidText(lastId) : null,
    counts: countRows(connection, id, noCounts()),
  };
  writeNamespace(connection, state);
  return state;
}

/** Counts what is there; what was done stays as `before` has it. */
export function countRows(
  connection: Pick<Connection, 'prepare'>,
  id: number,
  before: NamespaceCounts,
): NamespaceCounts {
  const { removed, quarantined, consolidation } = before;
  const counts = { ...noCounts(), removed: { ...removed }, quarantined, consolidation };
  const rows = connection.prepare('SELECT tier, count(*) AS rows FROM rows WHERE namespace = ? GROUP BY tier').all(id);
  for (const { tier: code, rows: count } of rows) {
    const tier = tierOf(Number(code));
    if (tier === null) counts.chunks += Number(count);
    else counts.tiers[tier] = Number(count);
  }
  const documents = connection.prepare('SELECT count(*) AS documents FROM documents WHERE namespace = ?').get(id);
  counts.documents = Number(documents?.['documents'] ?? 0);
  return counts;
}

/** A copy that changes on its own: what a refused group goes back to. */
export function copyState(state: NamespaceState): NamespaceState {
  const { counts } = state;
  return { ...state, counts: { ...counts, tiers: { ...counts.tiers }, removed: { ...counts.removed } } };
}

/** Counts of a namespace without rows. */
export function noCounts(): NamespaceCounts {
  return {
    chunks: 0,
    documents: 0,
    tiers: { working: 0, short_term: 0, long_term: 0, episodic: 0, semantic: 0 },
    removed: { forgotten: 0, expired: 0, evicted: 0, replaced: 0, consolidated: 0 },
    quarantined: 0,
    consolidation: { runs: 0, promoted: 0, lastAt: null },
  };
}

function checksumOf(sql: SqlRow): number {
  const value = (column: string): string | number | null => {
    const held = sql[column];
    return held instanceof Uint8Array ? null : (held ?? null);
  };
  return checksum([value('id'), value('name'), value('seq'), value('pruned'), value('lastId'), value('counts')]);
}

function stateOf(sql: SqlRow): NamespaceState {
  return {
    id: sql['id'] as number,
    name: sql['name'] as string,
    seq: sql['seq'] as number,
    pruned: sql['pruned'] as number,
    lastId: sql['lastId'] as string | null,
    // What an older version did not count begins at 0.
    counts: { ...noCounts(), ...(JSON.parse(sql['counts'] as string) as Partial<NamespaceCounts>) },
  };
}
