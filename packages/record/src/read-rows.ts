import type { Connection } from './connection.ts';
import { rowColumns, textChecksumOf, checksum } from './row-codec.ts';
import type { StoredRow } from './row-codec.ts';
import { uuidOfHex } from './uuid-v7.ts';

/** A row whose checksums fit, with its words. */
export interface SoundRow {
  readonly stored: StoredRow;
  readonly title: string | null;
  readonly text: string;
}

/** Of more rows, one text of all of them would be a burden of its own. */
const rowsAtOnceMax = 256;

/** Columns that JSON of SQLite would not give as they are: bytes, and fractions with all of their digits. */
const special: Readonly<Record<string, string>> = {
  id: onlyBytes('r.id', 'hex(r.id)'),
  importance: "CASE typeof(r.importance) WHEN 'real' THEN printf('%!.17g', r.importance) ELSE r.importance END",
};

const ofRow = rowColumns
  .split(', ')
  .filter((column) => column !== 'crc')
  .map((column) => special[column] ?? `r.${column}`)
  .join(', ');

/** What is no bytes, as words are stored, is no text here. */
function onlyBytes(column: string, made: string): string {
  return `CASE typeof(${column}) WHEN 'blob' THEN ${made} END`;
}

/** One value for all rows: drivers take longer to make an object with twenty values than SQLite takes to find the row. */
const selectRows = `SELECT json_group_array(json_array(json_array(${ofRow}), r.crc,
  CASE typeof(t.title) WHEN 'null' THEN 0 ELSE ${onlyBytes('t.title', 'CAST(t.title AS TEXT)')} END,
  ${onlyBytes('t.text', 'CAST(t.text AS TEXT)')})) AS found
  FROM rows r LEFT JOIN texts t ON t.number = r.number WHERE r.number IN (SELECT value FROM json_each(?))`;

/** The values of a row, its checksum, its title (0 = it has none) and its text. */
type FoundRow = readonly [(string | number | null)[], number | null, string | 0 | null, string | null];

/**
 * The rows of numbers, by number, of whatever namespace. One that is not there, or of which not everything is as it was
 * written, is left out: reading it by itself tells what is wrong with it.
 *
 * @throws Whatever the driver throws, where a damaged row fails all of them.
 */
export function readRows(connection: Connection, numbers: readonly number[]): ReadonlyMap<number, SoundRow> {
  const rows = new Map<number, SoundRow>();
  if (numbers.length > rowsAtOnceMax) {
    for (let from = 0; from < numbers.length; from += rowsAtOnceMax)
      for (const [number, row] of readRows(connection, numbers.slice(from, from + rowsAtOnceMax)))
        rows.set(number, row);
    return rows;
  }
  const found = connection.prepare(selectRows).get(JSON.stringify(numbers))?.['found'];
  for (const each of JSON.parse(String(found)) as readonly FoundRow[]) {
    const row = soundRow(each);
    if (row !== null) rows.set(row.stored.number, row);
  }
  return rows;
}

function soundRow([values, crc, titleOrNone, text]: FoundRow): SoundRow | null {
  const title = titleOrNone === 0 ? null : titleOrNone;
  if (text === null || (title === null && titleOrNone !== 0)) return null;
  values[2] = uuidOfHex(String(values[2]));
  if (values[7] !== null) values[7] = Number(values[7]);
  if (checksum(values) !== crc) return null;
  // The checksum fits: these are the types that were written.
  const stored = {
    number: values[0],
    namespace: values[1],
    id: values[2],
    tier: values[3],
    seq: values[4],
    createdAt: values[5],
    updatedAt: values[6],
    importance: values[7],
    accessedAt: values[8],
    accessCount: values[9],
    expiresAt: values[10],
    tags: values[11],
    origin: values[12],
    source: values[13],
    spanStart: values[14],
    spanEnd: values[15],
    textCrc: values[16],
  } as StoredRow;
  return textChecksumOf(stored.number, title, text) === stored.textCrc ? { stored, title, text } : null;
}
