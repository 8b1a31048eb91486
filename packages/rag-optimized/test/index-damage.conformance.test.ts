import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededRandom, withTemporaryFolder } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import { add, commit, expectTruth, openPlace, workToTheEnd } from './index-places.ts';
import { item } from './item.ts';
import { seed } from './seed.ts';
import { textMaker } from './text-corpus.ts';

/** `GEMMA_TEST_FLIPS=1000` is the long form. */
const flips = Number(process.env['GEMMA_TEST_FLIPS'] ?? 50);
const make = textMaker(seededRandom(seed), 300);
const texts = (count: number) => Array.from({ length: count }, () => make(20));
const filesOf = (folder: string) => readdirSync(join(folder, 'index', 'default')).toSorted();

describe('an index on disk', () => {
  it(`with a flipped bit anywhere gives no wrong answer, says so, and is built anew, ${flips} times`, async () => {
    await withTemporaryFolder(async (folder) => {
      const random = seededRandom(seed + 3);
      const first = await openPlace(folder);
      const rows = add(first.record, texts(200));
      commit(first.record, [{ type: 'remove', ids: [item(rows, 7).id], reason: 'forgotten' }]);
      workToTheEnd(first.index);
      first.close();
      for (let flip = 0; flip < flips; flip++) {
        const files = filesOf(folder);
        const path = join(folder, 'index', 'default', item(files, Math.floor(random() * files.length)));
        const bytes = readFileSync(path);
        const bit = Math.floor(random() * bytes.length * 8);
        bytes[bit >>> 3] = item(bytes, bit >>> 3) ^ (1 << (bit & 7));
        writeFileSync(path, bytes);
        const place = await openPlace(folder);
        expectTruth(place, `seed ${seed}, bit ${bit} of ${path}`);
        expect(place.lines.join('\n')).toContain('built anew');
        workToTheEnd(place.index);
        place.close();
      }
    });
  });
});
