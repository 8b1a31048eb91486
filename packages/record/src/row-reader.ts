import type { RecordRow, RowSource } from '@gemma-cli/contracts';
import type { AccessCounts } from './access-counts.ts';
import type { Connection } from './connection.ts';
import { checksum, damageOf, recordRowOf, selectRow, storedRowOf } from './row-codec.ts';
import type { StoredRow, StoredText } from './row-codec.ts';
import type { SqlRow } from './sql-driver.ts';

/** A row whose checksums fit, as it is stored and as it is told. */
export interface ReadRow {
  readonly stored: StoredRow;
  readonly words: StoredText;
  readonly source: RowSource | null;
}

/** A row whose checksums do not fit. */
export interface DamagedRow {
  readonly number: number;
  readonly what: string;
}

/** Reads rows, and compares checksums. */
export interface RowReader {
  /** Splits a result of {@link selectRow} into what is sound and what is damaged. */
  check(rows: readonly SqlRow[]): { readonly sound: readonly ReadRow[]; readonly damaged: readonly DamagedRow[] };
  /** The row of a number in this namespace; `undefined` when there is none. */
  find(number: number): ReadRow | DamagedRow | undefined;
  /** As it is told, with accesses that are not written yet. */
  tell(row: ReadRow): RecordRow;
  /** Forgets sources it knows: the file may be another one. */
  reset(): void;
}

/** Sources are written once and named by many rows: so many are kept. */
const sourcesMax = 10_000;

export function createRowReader(
  connection: Connection,
  accesses: AccessCounts,
  namespaceNumber: () => number,
): RowReader {
  const sources = new Map<number, Omit<RowSource, 'start' | 'end'>>();

  const reader: RowReader = {
    check(rows) {
      const sound: ReadRow[] = [];
      const damaged: DamagedRow[] = [];
      for (const sql of rows) {
        const row = read(sql);
        if ('what' in row) damaged.push(row);
        else sound.push(row);
      }
      return { sound, damaged };
    },
    find(number) {
      const sql = connection.prepare(`${selectRow} WHERE r.number = ?`).get(number);
      if (sql !== undefined) {
        const row = read(sql);
        return 'what' in row || row.stored.namespace === namespaceNumber() ? row : undefined;
      }
      // Words without a row: removing takes both, so one of the two trees of the file has lost its way.
      const words = connection.prepare('SELECT number FROM texts WHERE number = ?').get(number);
      return words === undefined ? undefined : { number, what: 'The row of a text is not there.' };
    },
    tell({ stored, words, source }) {
      const counted = accesses.with(stored);
      return recordRowOf(counted, words, source);
    },
    reset() {
      sources.clear();
    },
  };
  return reader;

  function read(sql: SqlRow): ReadRow | DamagedRow {
    const stored = storedRowOf(sql);
    const what = damageOf(stored, sql);
    if (what !== null) return { number: stored.number, what };
    const words = { title: sql['title'] as Uint8Array | null, text: sql['text'] as Uint8Array };
    if (stored.source === null) return { stored, words, source: null };
    const source = sourceOf(stored.source);
    if (source === null) return { number: stored.number, what: 'The source of the row is damaged.' };
    return { stored, words, source: { ...source, start: stored.spanStart ?? 0, end: stored.spanEnd ?? 0 } };
  }

  function sourceOf(id: number): Omit<RowSource, 'start' | 'end'> | null {
    const known = sources.get(id);
    if (known !== undefined) return known;
    const sql = connection.prepare('SELECT * FROM sources WHERE id = ?').get(id);
    if (sql === undefined) return null;
    const [uri, hash] = [String(sql['uri']), String(sql['hash'])];
    if (sourceChecksum(id, sql['namespace'] as number, uri, hash) !== sql['crc']) return null;
    if (sources.size >= sourcesMax) sources.clear();
    const source = { uri, hash };
    sources.set(id, source);
    return source;
  }
}

/** CRC-32 of a source's columns. */
export function sourceChecksum(id: number, namespace: number, uri: string, hash: string): number {
  return checksum([id, namespace, uri, hash]);
}
