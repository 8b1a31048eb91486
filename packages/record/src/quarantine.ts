import type { Connection } from './connection.ts';
import type { NamespaceState } from './namespace-state.ts';
import { countRows, readNamespace, writeNamespace } from './namespace-state.ts';
import { rowColumns, selectRow } from './row-codec.ts';
import { appendChange, deleteRow } from './row-writer.ts';
import type { RowWriterParts } from './row-writer.ts';
import { changeCodes } from './schema.ts';
import { recountSources } from './sources.ts';
import type { SqlRow } from './sql-driver.ts';
import { isCorrupt } from './sql-errors.ts';
import { uuidText } from './uuid-v7.ts';

/**
 * Moves what is left of a row aside, so that it is never answered from, and counts it. Within a transaction. Whoever comes
 * upon the row, it is a change of the namespace that it is in.
 */
export function quarantineRow(
  { connection, state: here, changesKept }: Pick<RowWriterParts, 'connection' | 'state' | 'changesKept'>,
  { number, what, now }: { readonly number: number; readonly what: string; readonly now: number },
): void {
  const row = connection.prepare(`${selectRow} WHERE r.number = ?`).get(number);
  const words = connection.prepare('SELECT title, text FROM texts WHERE number = ?').get(number);
  // Another process was here first.
  if (row === undefined && words === undefined) return;
  const elsewhere = row === undefined || row['namespace'] === here.id ? null : stateOf(connection, row);
  const state = elsewhere ?? here;
  const id = row?.['id'] instanceof Uint8Array && row['id'].byteLength === 16 ? uuidText(row['id']) : null;
  connection
    .prepare(
      'INSERT OR REPLACE INTO quarantine (number, namespace, at, id, what, told, row, title, text) VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?)',
    )
    .run(
      number,
      state.id,
      now,
      id,
      what,
      columnsAsJson(row),
      words?.['title'] ?? null,
      words?.['text'] ?? new Uint8Array(),
    );
  try {
    deleteRow(connection, number);
  } catch (error) {
    if (!isCorrupt(error)) throw error;
    // An index has another value than the damaged row, and does not find what it shall remove.
    connection.exec('REINDEX rows');
    deleteRow(connection, number);
  }
  appendChange(
    { connection, state, changesKept },
    { type: changeCodes.removed, number, id: id ?? noId, reason: 0 },
    now,
  );
  recount(connection, state);
  if (elsewhere !== null) writeNamespace(connection, elsewhere);
}

/** State of the namespace that a row says it is in; `null` where there is none of this number. */
function stateOf(connection: Connection, row: SqlRow): NamespaceState | null {
  const { namespace } = row;
  return typeof namespace === 'number' ? readNamespace(connection, namespace) : null;
}

/** Of a row whose id is lost: readers of changes go by its number. */
const noId = '00000000-0000-0000-0000-000000000000';

/** Its tier may be what was damaged, so that counts cannot be kept by it. */
function recount(connection: Connection, state: NamespaceState): void {
  recountSources(connection, state.id);
  const { quarantined } = state.counts;
  state.counts = { ...countRows(connection, state.id, state.counts), quarantined: quarantined + 1 };
}

/** What is left of a row's columns, as it is kept. */
export function columnsAsJson(row: SqlRow | undefined): string {
  if (row === undefined) return '{}';
  return JSON.stringify(
    Object.fromEntries(
      rowColumns.split(', ').map((column) => {
        const value = row[column];
        return [column, value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value];
      }),
    ),
  );
}
