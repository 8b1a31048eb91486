import type { RecordRow, RowSource } from '@gemma-cli/contracts';
import type { AccessCounts } from './access-counts.ts';
import type { Connection } from './connection.ts';
import { readRows } from './read-rows.ts';
import { damageOf, recordRowOf, recordRowWith, selectRow, storedRowOf } from './row-codec.ts';
import type { StoredRow, StoredText } from './row-codec.ts';
import type { Repairs } from './sources.ts';
import { readSource } from './sources.ts';
import type { SqlRow, SqlValue } from './sql-driver.ts';
import { uuidBytes } from './uuid-v7.ts';

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
  /** The rows of numbers, in the order given, as {@link find} finds and {@link tell} tells each: by one statement. */
  findAll(numbers: readonly number[]): readonly (RecordRow | DamagedRow | undefined)[];
  /** As it is told, with accesses that are not written yet. */
  tell(row: ReadRow): RecordRow;
  /** The row of an id in this namespace; `undefined` when there is none. */
  findId(id: string): ReadRow | DamagedRow | undefined;
  /** The number of an id in this namespace; `undefined` when there is none, which takes a look beside the index. */
  numberOf(id: string): number | undefined;
  /** Whether the index has an id. */
  hasId(id: string): boolean;
  /** Forgets sources it knows: the file may be another one. */
  reset(): void;
}

const selectByNumber = `${selectRow} WHERE r.number = ?`;
const selectById = `${selectRow} WHERE r.namespace = ? AND r.id = ?`;

const damagedSource = 'The source of the row is damaged.';

/** Address and hash of a source never change, and many rows name it: so many sources are kept. */
const sourcesMax = 10_000;

export function createRowReader(
  connection: Connection,
  accesses: AccessCounts,
  namespaceNumber: () => number,
  repairs: Repairs,
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
      const sql = connection.prepare(selectByNumber).get(number);
      if (sql !== undefined) {
        const row = read(sql);
        return 'what' in row || row.stored.namespace === namespaceNumber() ? row : undefined;
      }
      // Words without a row: removing takes both, so one of the two trees of the file has lost its way.
      const words = connection.prepare('SELECT number FROM texts WHERE number = ?').get(number);
      return words === undefined ? undefined : { number, what: 'The row of a text is not there.' };
    },
    findAll(numbers) {
      let sound: ReturnType<typeof readRows>;
      try {
        sound = readRows(connection, numbers);
      } catch {
        // One damaged row fails all of them: alone, each tells what is wrong with it.
        return numbers.map((number) => toldAlone(reader.find(number)));
      }
      return numbers.map((number) => {
        const row = sound.get(number);
        if (row === undefined) return toldAlone(reader.find(number));
        const { stored, title, text } = row;
        if (stored.namespace !== namespaceNumber()) return undefined;
        const source = spanOf(stored);
        return source === undefined
          ? { number, what: damagedSource }
          : recordRowWith(accesses.with(stored), title, text, source);
      });
    },
    findId(id) {
      const bytes = uuidBytes(id);
      if (bytes === null) return undefined;
      const sql = connection.prepare(selectById).get(namespaceNumber(), bytes);
      if (sql !== undefined && isEqual(sql['id'], bytes)) return read(sql);
      const number = reader.numberOf(id);
      return number === undefined ? undefined : reader.find(number);
    },
    numberOf(id) {
      const bytes = uuidBytes(id);
      if (bytes === null) return undefined;
      const byIndex = numberInIndex(bytes);
      if (byIndex !== undefined && isEqual(idOf(byIndex), bytes)) return byIndex;
      const bySearch = searchNumber(bytes);
      if (bySearch !== undefined || byIndex !== undefined) repairs.index('rowsById');
      return bySearch;
    },
    hasId(id) {
      const bytes = uuidBytes(id);
      return bytes !== null && numberInIndex(bytes) !== undefined;
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

  function numberInIndex(bytes: Uint8Array): number | undefined {
    const sql = connection
      .prepare('SELECT number FROM rows WHERE namespace = ? AND id = ?')
      .get(namespaceNumber(), bytes);
    return sql === undefined ? undefined : (sql['number'] as number);
  }

  function idOf(number: number): SqlValue | undefined {
    return connection.prepare('SELECT id FROM rows NOT INDEXED WHERE number = ?').get(number)?.['id'];
  }

  /**
   * Ids grow with numbers, but for imported rows: so that a row that its index has lost is found without reading all.
   * An imported one is found again by `verify`.
   */
  function searchNumber(bytes: Uint8Array): number | undefined {
    const next = connection.prepare(
      'SELECT number, id FROM rows NOT INDEXED WHERE number > ? AND number <= ? AND namespace = ? ORDER BY number LIMIT 1',
    );
    let low = 0;
    let high = Number(connection.prepare('SELECT max(number) AS number FROM rows').get()?.['number'] ?? 0);
    while (low < high) {
      const middle = Math.floor((low + high - 1) / 2);
      const sql = next.get(middle, high, namespaceNumber());
      if (sql === undefined) {
        high = middle;
        continue;
      }
      const { id } = sql;
      if (!(id instanceof Uint8Array)) return undefined;
      const order = Buffer.compare(id, bytes);
      if (order === 0) return sql['number'] as number;
      if (order < 0) low = sql['number'] as number;
      else high = middle;
    }
    return undefined;
  }

  function read(sql: SqlRow): ReadRow | DamagedRow {
    const stored = storedRowOf(sql);
    const what = damageOf(stored, sql);
    if (what !== null) return { number: stored.number, what };
    const words = { title: sql['title'] as Uint8Array | null, text: sql['text'] as Uint8Array };
    const source = spanOf(stored);
    return source === undefined ? { number: stored.number, what: damagedSource } : { stored, words, source };
  }

  function toldAlone(row: ReadRow | DamagedRow | undefined): RecordRow | DamagedRow | undefined {
    return row === undefined || 'what' in row ? row : reader.tell(row);
  }

  /** Where a row is from; `null` = from nowhere, `undefined` = its source is damaged. */
  function spanOf({ source: id, spanStart, spanEnd }: StoredRow): RowSource | null | undefined {
    if (id === null) return null;
    const source = sourceOf(id);
    return source === null
      ? undefined
      : { uri: source.uri, hash: source.hash, start: spanStart ?? 0, end: spanEnd ?? 0 };
  }

  function sourceOf(id: number): Omit<RowSource, 'start' | 'end'> | null {
    const known = sources.get(id);
    if (known !== undefined) return known;
    const stored = readSource(connection, id);
    if (stored === null) return null;
    if (sources.size >= sourcesMax) sources.clear();
    const source = { uri: stored.uri, hash: stored.hash };
    sources.set(id, source);
    return source;
  }
}

function isEqual(value: SqlValue | undefined, bytes: Uint8Array): boolean {
  return value instanceof Uint8Array && Buffer.compare(value, bytes) === 0;
}
