import { withTemporaryFolder } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import { add, commit, expectTruth, numbersOf, openPlace, workToTheEnd } from './index-places.ts';
import { item } from './item.ts';

describe('rows of equal score', () => {
  it('come in the order of their numbers, also where an old one was changed last', async () => {
    await withTemporaryFolder(async (folder) => {
      const place = await openPlace(folder, 4);
      const rows = add(
        place.record,
        Array.from({ length: 20 }, () => 'same words'),
      );
      numbersOf(place, 'same words');
      workToTheEnd(place.index);
      expect(place.index.stats().index.segments).toBeGreaterThan(0);
      // It comes anew, behind all others, under its old number.
      commit(place.record, [{ type: 'update', id: item(rows, 1).id, changes: { title: 'same' } }]);
      commit(place.record, [{ type: 'update', id: item(rows, 1).id, changes: { title: null } }]);
      const numbers = rows.map(({ number }) => number);
      for (const limit of [1, 2, 3, 19, 20])
        expect(numbersOf(place, 'same words', limit), `${limit} rows`).toEqual(numbers.slice(0, limit));
      expectTruth(place, 'after a change');
      place.close();
    });
  });
});
