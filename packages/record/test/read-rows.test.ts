import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { openConnection } from '../src/connection.ts';
import { findSqlDriver, openRecord } from '../src/index.ts';
import { readRows } from '../src/read-rows.ts';

const folder = mkdtempSync(join(tmpdir(), 'gemma-read-rows-'));
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('rows that are read together', () => {
  it('are those that are read one by one, whatever their words are, and none has to be read twice', async () => {
    const texts = ['plain', 'a\u0000b\u001f"\\\n', '語 😀 é \u2028', '\ufeffbegins', '0', 'x'.repeat(9_000)];
    const record = await openRecord({ folder });
    const [results] = record.commit([
      {
        writes: [
          ...texts.map(
            (text, index) =>
              ({
                type: 'add',
                memory: {
                  text,
                  title: index % 2 === 0 ? null : `${text}!`.slice(0, 100),
                  tags: ['ä"\\b', text.slice(0, 20)],
                  importance: 0.1 + index * 0.07,
                  session: 'one',
                },
              }) as const,
          ),
          {
            type: 'put-document',
            document: {
              uri: 'file:///a',
              hash: '0'.repeat(64),
              bytes: 5,
              chunks: [{ text: 'chunk', source: { uri: 'file:///a', hash: '0'.repeat(64), start: 0, end: 5 } }],
            },
          },
        ],
        now: 1_700_000_000_000.5,
      },
    ]);
    if (results === undefined || results instanceof Error) throw results ?? new Error('Nothing was committed.');
    const rows = results.flatMap((result) => result.rows);
    expect(rows).toHaveLength(texts.length + 1);
    const numbers = rows.map(({ number }) => number);
    const together = record.byNumber([...numbers, 999]);
    expect(together).toEqual([...record.byId(rows.map(({ row }) => row.id)), undefined]);
    expect(together.map((found) => found?.row.text)).toEqual([...texts, 'chunk', undefined]);
    record.close();
    const driver = await findSqlDriver();
    const connection = openConnection({ folder, driver, log: () => undefined, onOpen: () => undefined });
    expect([...readRows(connection, numbers).keys()].toSorted((one, other) => one - other)).toEqual(numbers);
    expect(
      readRows(
        connection,
        Array.from({ length: 600 }, (_, index) => index),
      ).size,
    ).toBe(numbers.length);
    connection.close();
  });
});
