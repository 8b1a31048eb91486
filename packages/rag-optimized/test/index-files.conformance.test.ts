import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom, withTemporaryFolder } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import { readChecked, writeChecked } from '../src/index-files.ts';
import { manifestFile } from '../src/manifest.ts';
import { finished } from '../src/segment-writer.ts';
import { add, commit, expectTruth, numbersOf, openPlace, workToTheEnd } from './index-places.ts';
import { item } from './item.ts';
import { seed } from './seed.ts';
import { textMaker } from './text-corpus.ts';

const make = textMaker(seededRandom(seed), 300);
const texts = (count: number) => Array.from({ length: count }, () => make(20));
const filesOf = (folder: string) => readdirSync(join(folder, 'index', 'default')).toSorted();

describe('an index on disk', () => {
  it('is read back without analyzing a text again', async () => {
    await withTemporaryFolder(async (folder) => {
      const first = await openPlace(folder);
      const rows = add(first.record, texts(300));
      commit(first.record, [{ type: 'remove', ids: [item(rows, 7).id], reason: 'forgotten' }]);
      workToTheEnd(first.index);
      const wanted = numbersOf(first, 'w0q w1q');
      first.close();
      const second = await openPlace(folder);
      expect(numbersOf(second, 'w0q w1q')).toEqual(wanted);
      expect(second.analyzed()).toBe(0);
      expect(second.index.stats().indexBytes).toBeGreaterThan(0);
      expectTruth(second, 'reopened');
      second.close();
    });
  });

  it('is its owner’s alone', async () => {
    await withTemporaryFolder(async (folder) => {
      const place = await openPlace(folder);
      add(place.record, texts(100));
      workToTheEnd(place.index);
      place.close();
      expect(statSync(join(folder, 'index', 'default')).mode & 0o777).toBe(0o700);
      for (const name of filesOf(folder))
        expect(statSync(join(folder, 'index', 'default', name)).mode & 0o777).toBe(0o600);
    });
  });

  it('takes over what was written after it was kept', async () => {
    await withTemporaryFolder(async (folder) => {
      const first = await openPlace(folder);
      const rows = add(first.record, texts(200));
      workToTheEnd(first.index);
      const added = add(first.record, ['w0q anew']);
      commit(first.record, [
        { type: 'remove', ids: [item(rows, 0).id], reason: 'forgotten' },
        { type: 'update', id: item(rows, 1).id, changes: { text: 'changed' } },
      ]);
      first.close();
      const second = await openPlace(folder);
      expect(numbersOf(second, 'anew')).toEqual([item(added, 0).number]);
      expect(numbersOf(second, 'changed')).toEqual([item(rows, 1).number]);
      expect(second.analyzed()).toBeLessThan(10);
      expectTruth(second, 'after changes');
      second.close();
    });
  });

  it('that is cut short, missing or foreign is not used', async () => {
    await withTemporaryFolder(async (folder) => {
      const first = await openPlace(folder);
      add(first.record, texts(200));
      workToTheEnd(first.index);
      first.close();
      const damages: readonly ((path: string) => void)[] = [
        (path) => {
          writeFileSync(path, '');
        },
        (path) => {
          writeFileSync(path, readFileSync(path).subarray(0, 100));
        },
        (path) => {
          rmSync(path);
        },
        (path) => {
          writeFileSync(path, 'something else altogether');
        },
      ];
      for (const damage of damages)
        for (const pattern of [/manifest/u, /segment/u]) {
          const name = filesOf(folder).find((file) => pattern.test(file)) ?? '';
          damage(join(folder, 'index', 'default', name));
          const place = await openPlace(folder);
          expectTruth(place, name);
          workToTheEnd(place.index);
          place.close();
        }
    });
  });

  it('of another format, analyzer or ranking is built anew, whatever else of it fits', async () => {
    await withTemporaryFolder(async (folder) => {
      const first = await openPlace(folder);
      add(first.record, texts(200));
      workToTheEnd(first.index);
      first.close();
      const place = join(folder, 'index', 'default');
      const plain = (size: number) => ({ bytes: new Uint8Array(size), memory: null });
      const others: readonly ((manifest: Record<string, unknown>) => object)[] = [
        ({ version }) => ({ version: Number(version) - 1 }),
        ({ segmentVersion }) => ({ segmentVersion: Number(segmentVersion) - 1 }),
        ({ segmentVersion }) => ({ segmentVersion: Number(segmentVersion) + 1 }),
        ({ analyzer }) => ({ analyzer: String(analyzer).replace(/^\d+/u, (version) => String(Number(version) + 1)) }),
        ({ analyzer }) => ({ analyzer: String(analyzer).replace(/\d+$/u, (version) => String(Number(version) + 1)) }),
      ];
      for (const other of others) {
        const kept = readChecked(place, manifestFile, plain);
        if (kept.state !== 'sound') throw new Error(kept.state);
        const manifest = JSON.parse(Buffer.from(kept.room.bytes).toString()) as Record<string, unknown>;
        const changed = { ...manifest, ...other(manifest) };
        expect(changed).not.toEqual(manifest);
        finished(writeChecked(place, manifestFile, Buffer.from(JSON.stringify(changed))));
        const second = await openPlace(folder);
        expectTruth(second, JSON.stringify(changed));
        expect(second.analyzed()).toBe(200);
        expect(second.lines.join('\n')).toContain('built anew');
        expect(second.index.verify(), 'is no damage').toEqual([]);
        workToTheEnd(second.index);
        second.close();
      }
      const last = await openPlace(folder);
      expectTruth(last, 'kept by this version');
      expect(last.analyzed()).toBe(0);
      last.close();
    });
  });

  it('of another record is not used', async () => {
    await withTemporaryFolder(async (folder) => {
      const first = await openPlace(folder);
      add(first.record, texts(200));
      workToTheEnd(first.index);
      first.close();
      for (const name of readdirSync(folder))
        if (name.startsWith('record')) rmSync(join(folder, name), { recursive: true });
      const second = await openPlace(folder);
      add(second.record, texts(250));
      expectTruth(second, 'another record');
      second.close();
      const third = await openPlace(folder);
      expectTruth(third, 'reopened');
      third.close();
    });
  });

  it('that is further behind than the log of changes goes back is built anew', async () => {
    await withTemporaryFolder(async (folder) => {
      const place = await openPlace(folder, 50, 40);
      const rows = add(place.record, texts(60));
      workToTheEnd(place.index);
      const gone = rows.slice(0, 30).map(({ id }) => id);
      commit(place.record, [{ type: 'remove', ids: gone, reason: 'forgotten' }]);
      add(place.record, texts(100));
      expect(() => place.record.changes(60, 1)).toThrow(/Read its rows anew/u);
      expectTruth(place, 'after the cut');
      place.close();
    });
  });

  it('leaves no file behind that is not in use', async () => {
    await withTemporaryFolder(async (folder) => {
      const place = await openPlace(folder);
      for (let round = 0; round < 6; round++) {
        add(place.record, texts(60));
        workToTheEnd(place.index);
      }
      expect(place.index.stats().index.segments).toBeLessThanOrEqual(4);
      expect(filesOf(folder)).toHaveLength(1 + place.index.stats().index.segments);
      place.close();
    });
  });

  it('that cannot be written is done without', async () => {
    await withTemporaryFolder(async (folder) => {
      // A file stands where its folder should be.
      writeFileSync(join(folder, 'index'), '');
      const place = await openPlace(folder);
      add(place.record, texts(100));
      workToTheEnd(place.index);
      expectTruth(place, 'no room');
      expect(place.lines.join('\n')).toContain('cannot be kept');
      place.close();
    });
  });

  it('is checked by verify, and built anew where it does not fit', async () => {
    await withTemporaryFolder(async (folder) => {
      const place = await openPlace(folder);
      add(place.record, texts(200));
      workToTheEnd(place.index);
      expect(place.index.verify()).toEqual([]);
      const path = join(folder, 'index', 'default', item(filesOf(folder), 0));
      const bytes = readFileSync(path);
      bytes[100] = item(bytes, 100) ^ 4;
      writeFileSync(path, bytes);
      const [problem] = place.index.verify();
      expect(problem).toMatchObject({ where: 'index', action: 'rebuilt' });
      expect(place.index.verify()).toEqual([]);
      expectTruth(place, 'rebuilt');
      place.close();
    });
  });
});

describe('two retrievers on one folder', () => {
  it('keep one index: the other takes it over, and builds when the first is gone', async () => {
    await withTemporaryFolder(async (folder) => {
      const one = await openPlace(folder);
      const other = await openPlace(folder);
      add(one.record, texts(120));
      workToTheEnd(one.index);
      other.index.sync();
      workToTheEnd(other.index);
      expectTruth(other, 'taken over');
      const before = other.analyzed();
      add(one.record, texts(60));
      workToTheEnd(one.index);
      workToTheEnd(other.index);
      expectTruth(other, 'again');
      expect(other.analyzed()).toBeLessThanOrEqual(before + 60);
      one.close();
      add(other.record, texts(120));
      expectTruth(other, 'alone');
      other.close();
      const third = await openPlace(folder);
      expectTruth(third, 'later');
      third.close();
    });
  });
});
