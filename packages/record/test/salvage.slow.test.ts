import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isGemmaError } from '@gemma-cli/contracts';
import type { RecordStore } from '@gemma-cli/contracts';
import { seededRandom, withTemporaryFolder } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import { openRecord, sqlDrivers } from '../src/index.ts';
import { add, documentOf, start, there, write } from './record-trial.ts';

const seed = Number(process.env['GEMMA_TEST_SEED'] ?? 20_261_123);
const pageBytes = 4_096;

function fill(record: RecordStore): void {
  for (let count = 0; count < 120; count += 1) {
    add(record, { text: `Memory ${count}: ${'the tide comes and goes. '.repeat(8)}`, tier: 'semantic', tags: ['m'] });
  }
  for (const name of ['a', 'b', 'c']) {
    const texts = Array.from(
      { length: 20 },
      (_, chunk) => `Chunk ${chunk} of ${name}. ${'Rope and sail. '.repeat(20)}`,
    );
    write(record, [{ type: 'put-document', document: documentOf(`file:///${name}.md`, texts) }]);
  }
  const vector = Float32Array.from({ length: 8 }, (_, at) => at);
  record.putVectors(
    'e',
    record.scan(0, 30).map(({ number }) => ({ number, vector })),
  );
}

describe.each(await sqlDrivers())('a record on $name whose file has lost a page', (driver) => {
  it('is made anew from what is left, tells what went, and answers nothing else', { timeout: 120_000 }, async () => {
    await withTemporaryFolder(async (folder) => {
      const random = seededRandom(seed);
      const whole = join(folder, 'whole');
      const record = await openRecord({ folder: whole, driver });
      fill(record);
      const truth = new Map(record.scan(0, 1_000).map(({ number, row }) => [number, row]));
      const last = Math.max(...truth.keys());
      const greatestId = there([...truth.values()].at(-1)).id;
      record.close();
      const bytes = readFileSync(join(whole, 'record.db'));
      const pages = bytes.length / pageBytes;
      let salvaged = 0;
      let kept = 0;
      for (let page = 0; page < pages; page += 1) {
        const about = `seed ${seed}, page ${page + 1} of ${pages}`;
        const damaged = Buffer.from(bytes);
        const isZeros = random() < 0.5;
        for (let at = 0; at < pageBytes; at += 1) {
          damaged[page * pageBytes + at] = isZeros ? 0 : Math.floor(random() * 256);
        }
        const place = join(folder, `page-${page}`);
        mkdirSync(place);
        writeFileSync(join(place, 'record.db'), damaged);
        const log: string[] = [];
        const again = await openRecord({ folder: place, driver, log: (line) => log.push(line) });
        const problems = again.verify();
        const rows = again.scan(0, 1_000);
        for (const { number, row } of rows) expect(row, about).toEqual({ ...truth.get(number), seq: row.seq });
        kept += rows.length;
        if (rows.length < truth.size) expect(problems.length + log.length, about).toBeGreaterThan(0);
        expect(again.verify(), about).toEqual([]);
        expect(again.list({ filter: { tags: ['m'] }, afterId: null, limit: 1_000, now: start }).length, about).toBe(
          rows.filter(({ row }) => row.kind === 'memory').length,
        );
        for (const { uri } of again.documents('')) {
          expect(rows.filter(({ row }) => row.source?.uri === uri).length, `${about}: ${uri} is whole`).toBe(20);
        }
        expect(again.stats(start).rows.total, about).toBe(rows.length);
        const added = add(again, { text: 'after it', tier: 'semantic' });
        expect(added.number, about).toBeGreaterThan(last);
        expect(added.row.id > greatestId, about).toBe(true);
        again.close();
        const aside = readdirSync(place).filter((name) => name.startsWith('record-damaged'));
        if (aside.length > 0) {
          salvaged += 1;
          expect(aside, about).toContain('record-damaged-1.db');
          expect(readFileSync(join(place, 'record-damaged-1.db')).length, about).toBe(bytes.length);
          expect(log.join('\n'), about).toContain('made anew');
        }
        expect(
          readdirSync(place).filter((name) => /salvage|\.new/u.test(name)),
          about,
        ).toEqual([]);
      }
      expect(salvaged, 'pages of trees').toBeGreaterThan(pages / 2);
      expect(kept / (truth.size * pages), 'share of rows that are left when a page is lost').toBeGreaterThan(0.8);
    });
  });

  it('stays as it is when nothing of it can be read', async () => {
    await withTemporaryFolder(async (folder) => {
      const noise = Buffer.from('This is no record at all. '.repeat(2_000));
      writeFileSync(join(folder, 'record.db'), noise);
      const error = await openRecord({ folder, driver }).catch((thrown: unknown) => thrown);
      expect(isGemmaError(error) && error.code).toBe('MEMORY_DAMAGED');
      expect(readFileSync(join(folder, 'record.db'))).toEqual(noise);
      expect(existsSync(join(folder, 'record-damaged-1.db'))).toBe(false);
    });
  });
});
