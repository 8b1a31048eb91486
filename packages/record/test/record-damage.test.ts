import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sqlDrivers } from '../src/index.ts';
import type { SqlDriver } from '../src/index.ts';
import { add, documentOf, start, withTrial, write } from './record-trial.ts';

/** Changes the file behind the record's back. */
function damage(driver: SqlDriver, folder: string, sql: string): void {
  const database = driver.open(join(folder, 'record.db'));
  database.exec(sql);
  database.close();
}

describe.each(await sqlDrivers())('a damaged record on $name', (driver) => {
  it.each([
    ['text', "UPDATE texts SET text = CAST('Another text' AS BLOB) WHERE number = 2"],
    ['title', "UPDATE texts SET title = CAST('T' AS BLOB) WHERE number = 2"],
    ['tier', 'UPDATE rows SET tier = 3 WHERE number = 2'],
    ['expiry', 'UPDATE rows SET expiresAt = expiresAt + 1 WHERE number = 2'],
    ['number beyond what JavaScript counts', 'UPDATE rows SET createdAt = 9223372036854775807 WHERE number = 2'],
    ['text of another row', 'UPDATE texts SET text = (SELECT text FROM texts WHERE number = 1) WHERE number = 2'],
    ['missing text', 'DELETE FROM texts WHERE number = 2'],
    ['missing row', 'DELETE FROM rows WHERE number = 2'],
  ])('never answers from a row with a damaged %s: moves it aside, counts it and tells once', async (_, sql) => {
    await withTrial(driver, async ({ folder, log, open }) => {
      const record = await open();
      const rows = ['one', 'two', 'three'].map((text) => add(record, { text }).row);
      record.close();
      damage(driver, folder, sql);
      const again = await open();
      expect(again.byNumber([1, 2, 3]).map((found) => found?.row.text)).toEqual(['one', undefined, 'three']);
      expect(log.filter((line) => line.includes('damaged'))).toHaveLength(1);
      expect(again.byId(rows.map(({ id }) => id)).map((found) => found?.row.text)).toEqual(['one', undefined, 'three']);
      expect(again.scan(0, 9).map(({ row }) => row.text)).toEqual(['one', 'three']);
      expect(again.changes(3, 9)).toMatchObject([{ type: 'removed', number: 2, reason: null }]);
      expect(again.stats(start).rows.total).toBe(2);
      expect(again.verify()).toMatchObject([{ where: 'record', action: 'quarantined' }]);
      expect(again.verify()).toEqual([]);
      expect(log.filter((line) => line.includes('damaged'))).toHaveLength(1);
      const kept = driver.open(join(folder, 'record.db'));
      expect(kept.prepare('SELECT number FROM quarantine').all()).toEqual([expect.objectContaining({ number: 2 })]);
      kept.close();
    });
  });

  it('gives words of sound rows page by page, and moves rows with damaged words aside', async () => {
    await withTrial(driver, async ({ folder, log, open }) => {
      const record = await open();
      add(record, { text: 'one', title: 'first' });
      for (const text of ['two', 'three', 'four', 'nul \u0000 and ∑, 🙂']) add(record, { text });
      expect(record.texts(0, 9)).toEqual(
        record.scan(0, 9).map(({ number, row: { title, text } }) => ({ number, title, text })),
      );
      record.close();
      damage(driver, folder, "UPDATE texts SET text = CAST('Another text' AS BLOB) WHERE number = 2");
      damage(driver, folder, 'DELETE FROM texts WHERE number = 3');
      const again = await open();
      expect(again.texts(0, 1)).toEqual([{ number: 1, title: 'first', text: 'one' }]);
      expect(again.texts(1, 1)).toEqual([{ number: 4, title: null, text: 'four' }]);
      expect(again.texts(5, 1)).toEqual([]);
      expect(log.filter((line) => line.includes('damaged'))).toHaveLength(2);
      expect(again.changes(5, 9)).toMatchObject([
        { type: 'removed', number: 2 },
        { type: 'removed', number: 3 },
      ]);
    });
  });

  it('is found to be by verify, wherever it is', async () => {
    await withTrial(driver, async ({ folder, open }) => {
      const record = await open();
      const rows = ['one', 'two', 'three'].map((text) => add(record, { text }));
      write(record, [{ type: 'put-document', document: documentOf('d', ['a', 'b']) }]);
      record.putVectors(
        'e',
        rows.map(({ number }) => ({ number, vector: new Float32Array([1, 0]) })),
      );
      record.close();
      damage(
        driver,
        folder,
        `UPDATE texts SET text = CAST('x' AS BLOB) WHERE number = 1;
         UPDATE vectors SET vector = CAST('12345678' AS BLOB) WHERE number = 2;
         UPDATE documents SET bytes = 99;
         UPDATE changes SET at = 1 WHERE seq = 2;`,
      );
      const again = await open();
      const problems = again.verify();
      expect(problems.map(({ action, what }) => `${action}: ${what.split(' ').slice(0, 4).join(' ')}`)).toEqual([
        'rebuilt: The facts of a',
        'rebuilt: The log of changes',
        'rebuilt: A vector was damaged',
        'quarantined: Row 1: The checksum',
      ]);
      expect(again.verify()).toEqual([]);
      expect(again.withoutVector('e', 9).map(({ number }) => number)).toEqual([2, 4, 5]);
      expect(again.documents('')).toEqual([]);
      expect(again.stats(start)).toMatchObject({ rows: { byKind: { document: 2, memory: 2 } }, documents: 0 });
    });
  });

  it('tells those who follow the namespace of a damaged row, whoever comes upon it', async () => {
    await withTrial(driver, async ({ folder, open }) => {
      const here = await open();
      const other = await open({ namespace: 'there' });
      add(here, { text: 'here' });
      const { number } = add(other, { text: 'one' });
      add(other, { text: 'two' });
      damage(driver, folder, `UPDATE rows SET expiresAt = expiresAt + 1 WHERE number = ${number}`);
      expect(here.verify()).toEqual([]);
      expect(here.seq()).toBe(1);
      expect(other.changes(2, 9)).toMatchObject([{ type: 'removed', number, reason: null }]);
      expect(other.stats(start).rows.total).toBe(1);
      expect(other.verify()).toMatchObject([{ where: 'record', action: 'quarantined' }]);
      expect(other.verify()).toEqual([]);
    });
  });

  it('whose log of changes lost one makes its readers read anew', async () => {
    await withTrial(driver, async ({ folder, open }) => {
      const record = await open();
      for (const text of ['one', 'two', 'three']) add(record, { text });
      record.close();
      damage(driver, folder, 'DELETE FROM changes WHERE seq = 2');
      const again = await open();
      expect(() => again.changes(1, 9)).toThrow(expect.objectContaining({ code: 'MEMORY_CHANGES_GONE' }));
      const position = again.seq();
      expect(position).toBeGreaterThan(3);
      add(again, { text: 'four' });
      expect(again.changes(position, 9)).toHaveLength(1);
    });
  });

  it('takes writes again when its counts were what was damaged', async () => {
    await withTrial(driver, async ({ folder, open }) => {
      const record = await open();
      const { row } = add(record, { text: 'one' });
      record.close();
      damage(driver, folder, 'UPDATE namespaces SET seq = 7, lastId = NULL');
      const again = await open();
      const next = add(again, { text: 'two' }, start - 1_000).row;
      expect(next.id > row.id).toBe(true);
      expect(again.stats(start).rows.total).toBe(2);
      expect(() => again.changes(1, 9)).toThrow(expect.objectContaining({ code: 'MEMORY_CHANGES_GONE' }));
    });
  });
});
