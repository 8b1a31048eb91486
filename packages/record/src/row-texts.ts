import type { RowText } from '@gemma-cli/contracts';
import type { Connection } from './connection.ts';
import { textChecksum, textOf } from './row-codec.ts';

/**
 * Number and words of rows after a number, ascending. It is a third of the work of reading whole rows, and an index is
 * built of nothing else.
 *
 * @returns `null` in the place of words whose checksum does not fit.
 */
export function readTexts(
  connection: Connection,
  namespace: number,
  afterNumber: number,
  limit: number,
): readonly { readonly number: number; readonly words: RowText | null }[] {
  return connection
    .prepare(select)
    .all(afterNumber, namespace, limit)
    .map((sql) => {
      const number = sql['number'] as number;
      const { title, text } = sql;
      if (!(text instanceof Uint8Array) || !(title instanceof Uint8Array || title === null))
        return { number, words: null };
      if (textChecksum(number, { title, text }) !== sql['textCrc']) return { number, words: null };
      return { number, words: { number, title: title === null ? null : textOf(title), text: textOf(text) } };
    });
}

const select = `SELECT r.number, r.textCrc, t.title, t.text FROM rows r LEFT JOIN texts t ON t.number = r.number
  WHERE r.number > ? AND +r.namespace = ? ORDER BY r.number LIMIT ?`;
