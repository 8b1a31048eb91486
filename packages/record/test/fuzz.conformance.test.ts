import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fuzz, hostileText, oneOf, withTemporaryFolder } from '@gemma-cli/testkit';
import type { MemoryRow, NewMemory } from '@gemma-cli/contracts';
import { describe, expect, it } from 'vitest';
import { openRecord, readAncestorStore } from '../src/index.ts';
import type { SqlRow, SqlValue } from '../src/index.ts';
import { isCutShort } from '../src/log-end.ts';
import {
  damageOf,
  recordRowOf,
  rowColumns,
  rowValues,
  storedOrigin,
  storedRowOf,
  storedTags,
  storedText,
  textChecksum,
} from '../src/row-codec.ts';
import { isUuidV7, uuidBytes, uuidText } from '../src/uuid-v7.ts';
import { checkImport, checkMemory } from '../src/validate-rows.ts';
import { wellFormed } from '../src/well-formed.ts';

/** `GEMMA_TEST_FUZZ=10000000` is the long form. */
const inputs = Number(process.env['GEMMA_TEST_FUZZ'] ?? 1_000);
const seed = Number(process.env['GEMMA_TEST_SEED'] ?? 20_261_123);
/** Inputs that are files take so much longer. */
const files = Math.ceil(inputs / 10);

const numbers = [0, -0, 1, -1, 0.5, 2 ** 31, 2 ** 53, -(2 ** 53), 1e308, 5e-324, Number.NaN, Infinity];
const names = [
  '',
  'working',
  'semantic',
  'document',
  'memory',
  '2026-11-23T00:00:00',
  '01a207c4-cd0e-74e7-99cd-34d7177f0ec7',
];
const columns = [...rowColumns.split(', '), 'title', 'text'];

type Random = () => number;
const bytesOf = (random: Random, length: number) => Uint8Array.from({ length }, () => Math.floor(random() * 256));
const textOf = (random: Random) =>
  random() < 0.5 ? oneOf(random, names) : hostileText(random, Math.floor(random() * 40));

/** A value that a column of SQLite may have. */
function sqlValue(random: Random): SqlValue {
  const kind = random();
  if (kind < 0.1) return null;
  if (kind < 0.5) return oneOf(random, numbers);
  return kind < 0.75 ? textOf(random) : bytesOf(random, oneOf(random, [0, 1, 15, 16, 17, 100]));
}

/** Any value of JSON. */
function jsonValue(random: Random, depth = 0): unknown {
  const kind = random();
  if (kind < 0.3) return textOf(random);
  if (kind < 0.5) return oneOf(random, numbers);
  if (kind < 0.6 || depth > 3) return oneOf(random, [null, true, false]);
  const parts = Array.from({ length: Math.floor(random() * 5) }, () => jsonValue(random, depth + 1));
  return kind < 0.8 ? parts : Object.fromEntries(parts.map((part) => [textOf(random), part]));
}

describe('the codecs of the record', () => {
  fuzz({
    name: 'give a row back as it was, and take no other for it',
    inputs,
    seed,
    take(random, about) {
      const sql = Object.fromEntries(columns.map((column) => [column, sqlValue(random)])) as SqlRow;
      expect(damageOf(storedRowOf(sql), sql), `${about}: what has no checksum is damaged`).not.toBeNull();

      const title = random() < 0.5 ? null : wellFormed(textOf(random));
      const text = wellFormed(textOf(random));
      const tags = [textOf(random), textOf(random)];
      const writer = random() < 0.5 ? null : textOf(random);
      const words = storedText(title, text);
      const number = Math.floor(random() * 2 ** 40);
      const stored = {
        number,
        namespace: 1,
        id: uuidText(bytesOf(random, 16)),
        tier: Math.floor(random() * 6),
        seq: 7,
        createdAt: 1,
        updatedAt: 2,
        importance: oneOf(random, [null, 0.5, 1]),
        accessedAt: oneOf(random, [null, 7]),
        accessCount: oneOf(random, [null, 3]),
        expiresAt: null,
        source: null,
        spanStart: null,
        spanEnd: null,
        tags: storedTags(tags),
        origin: storedOrigin('session', writer),
        textCrc: textChecksum(number, words),
      };
      const values = rowValues(stored);
      const written: SqlRow = {
        ...Object.fromEntries(rowColumns.split(', ').map((column, at) => [column, values[at] ?? null])),
        ...words,
      };
      expect(damageOf(storedRowOf(written), written), about).toBeNull();
      expect(recordRowOf(stored, words, null).row, about).toMatchObject({ title, text, tags, writer });
      const column = oneOf(random, columns);
      const other = sqlValue(random);
      if (isSame(other, written[column] ?? null)) return;
      const damaged = { ...written, [column]: other };
      expect(damageOf(storedRowOf(damaged), damaged), `${about}: another ${column}`).not.toBeNull();
    },
  });

  fuzz({
    name: 'give an id back as it was, or say that it is none',
    inputs,
    seed,
    take(random) {
      const bytes = bytesOf(random, 16);
      expect(Buffer.compare(uuidBytes(uuidText(bytes)) ?? new Uint8Array(), bytes)).toBe(0);
      const id = textOf(random);
      if (isUuidV7(id)) expect(uuidText(uuidBytes(id) ?? bytes)).toBe(id.toLowerCase());
    },
  });

  fuzz({
    name: 'take or refuse a row of an export, and a new memory',
    inputs,
    seed,
    take(random) {
      const value = () =>
        random() < 0.2 ? jsonValue(random) : oneOf(random, [textOf(random), oneOf(random, numbers), null]);
      const row = Object.fromEntries(importFields.map((field) => [field, value()]));
      const source = Object.fromEntries(['uri', 'hash', 'start', 'end'].map((field) => [field, value()]));
      const both = {
        ...row,
        ...(random() < 0.3 ? { source } : {}),
        ...(random() < 0.5 ? { tags: [textOf(random)] } : {}),
      };
      if (random() < 0.5) checkImport(both as unknown as MemoryRow);
      else checkMemory({ ...both, text: textOf(random) } as unknown as NewMemory);
    },
  });
});

const importFields =
  'id kind text title tags source session writer createdAt updatedAt tier importance accessedAt accessCount expiresAt seq'.split(
    ' ',
  );

function isSame(one: SqlValue, other: SqlValue): boolean {
  if (one instanceof Uint8Array && other instanceof Uint8Array) return Buffer.compare(one, other) === 0;
  // JSON, of which a checksum is, tells neither -0 from 0 nor one that is no number from none.
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

describe('a file that may hold anything', () => {
  fuzz({
    name: 'is no log, or one that is cut short',
    inputs: files,
    seed,
    take: (random) =>
      withTemporaryFolder(async (folder) => {
        const log = Buffer.from(bytesOf(random, oneOf(random, [0, 31, 32, 33, 60, 4_200])));
        if (log.length > 12 && random() < 0.7) {
          log.writeUInt32BE(oneOf(random, [0x37_7f_06_82, 0x37_7f_06_83]), 0);
          log.writeUInt32BE(oneOf(random, [0, 1, 512, 4_096, 65_536, 2 ** 31]), 8);
        }
        writeFileSync(join(folder, 'log'), log);
        expect(isCutShort(join(folder, 'log'))).toBe(log.length > 32);
      }),
  });

  fuzz({
    name: 'is read as memories of the ancestor, or refused',
    inputs: files,
    seed,
    take: (random) =>
      withTemporaryFolder(async (folder) => {
        const entry = () =>
          random() < 0.2
            ? jsonValue(random)
            : Object.fromEntries(
                ['content', 'memory_type', 'importance', 'created_at', 'tags', 'embedding', '__proto__'].map(
                  (field) => [field, random() < 0.4 ? jsonValue(random) : textOf(random)],
                ),
              );
        const text = JSON.stringify(Array.from({ length: Math.floor(random() * 20) }, entry));
        const cut = random() < 0.7 ? text : text.slice(0, Math.floor(random() * text.length));
        writeFileSync(join(folder, 'store.json'), random() < 0.1 ? hostileText(random, 200) : cut);
        const { memories } = await readAncestorStore(join(folder, 'store.json'), 1_700_000_000_000);
        // What it gives, the record takes.
        for (const { memory, createdAt } of memories) {
          checkMemory(memory);
          expect(Number.isSafeInteger(createdAt) && createdAt >= 0).toBe(true);
        }
      }),
  });

  fuzz({
    name: 'is opened as a record, or refused',
    inputs: Math.ceil(files / 5),
    seed,
    take: (random) =>
      withTemporaryFolder(async (folder) => {
        const bytes = Buffer.from(bytesOf(random, oneOf(random, [0, 1, 16, 100, 4_096, 12_288])));
        if (random() < 0.7) bytes.write('SQLite format 3\0');
        if (random() < 0.5 && bytes.length > 20) bytes.set([16, 0, 2, 2], 16);
        writeFileSync(join(folder, 'record.db'), bytes);
        const record = await openRecord({ folder });
        record.verify();
        record.close();
      }),
  });
});

it('nesting of a mebibyte in a file of the ancestor is refused', async () => {
  await withTemporaryFolder(async (folder) => {
    const path = join(folder, 'store.json');
    writeFileSync(path, '['.repeat(2 ** 20));
    await expect(readAncestorStore(path, 0)).rejects.toMatchObject({ code: 'MEMORY_FORMAT' });
    writeFileSync(path, `[${'['.repeat(100_000)}${']'.repeat(100_000)}]`);
    const { memories, skipped } = await readAncestorStore(path, 0);
    expect([memories.length, skipped.length]).toEqual([0, 1]);
  });
});
