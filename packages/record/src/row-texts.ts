import type { RowText } from '@gemma-cli/contracts';
import type { Connection } from './connection.ts';
import { textChecksum } from './row-codec.ts';

/**
 * Number and words of rows after a number, ascending. All of them come as one row of SQLite, the words as one blob: that
 * is a sixth of the work of reading whole rows, and an index is built of nothing else.
 *
 * @returns `null` where a checksum does not fit, or something is missing.
 */
export function readTexts(
  connection: Connection,
  namespace: number,
  afterNumber: number,
  limit: number,
): readonly RowText[] | null {
  const page = connection.prepare(select).get(afterNumber, namespace, limit);
  const count = page?.['count'];
  if (page === undefined || count === 0) return [];
  const numbers = integersOf(page['numbers']);
  const checksums = integersOf(page['checksums']);
  const titles = integersOf(page['titles']);
  const texts = integersOf(page['texts']);
  const { words } = page;
  if (!(words instanceof Uint8Array)) return null;
  if ([numbers, checksums, titles, texts].some(({ length }) => length !== count)) return null;
  const rows: RowText[] = [];
  const bytes = Buffer.from(words.buffer, words.byteOffset, words.byteLength);
  let end = 0;
  for (const [index, number] of numbers.entries()) {
    const titleBytes = titles[index] ?? -1;
    const textBytes = texts[index] ?? -1;
    if (textBytes < 0) return null;
    const titleAt = end;
    const textAt = titleAt + Math.max(0, titleBytes);
    end = textAt + textBytes;
    const title = titleBytes < 0 ? null : bytes.subarray(titleAt, textAt);
    if (textChecksum(number, { title, text: bytes.subarray(textAt, end) }) !== checksums[index]) return null;
    rows.push({ number, title: title?.toString() ?? null, text: bytes.toString('utf8', textAt, end) });
  }
  return rows;
}

/** Lists of numbers come as text. Without `coalesce`, what is missing would be left out of its list, not of all. */
const select = `SELECT count(*) AS count, group_concat(number) AS numbers, group_concat(checksum) AS checksums,
    group_concat(title) AS titles, group_concat(text) AS texts, CAST(group_concat(words, '') AS BLOB) AS words
  FROM (
    SELECT r.number, coalesce(r.textCrc, -1) AS checksum,
      coalesce(length(CAST(t.title AS BLOB)), -1) AS title, coalesce(length(CAST(t.text AS BLOB)), -1) AS text,
      CAST(coalesce(t.title, '') AS TEXT) || CAST(coalesce(t.text, '') AS TEXT) AS words
    FROM rows r LEFT JOIN texts t ON t.number = r.number
    WHERE r.number > ? AND +r.namespace = ? ORDER BY r.number LIMIT ?
  )`;

function integersOf(list: unknown): readonly number[] {
  return typeof list === 'string' ? list.split(',').map(Number) : [];
}
