import fc from 'fast-check';
import { withTemporaryFolder } from '@gemma-cli/testkit';
import { expect, it } from 'vitest';
import { openRecord } from '../src/index.ts';
import { add, start } from './record-trial.ts';

/** Any characters: NUL, quotes, halves of pairs, emoji. */
const anyText = (lengths: { readonly minLength?: number; readonly maxLength: number }) =>
  fc.oneof(
    fc.string({ unit: 'binary', ...lengths }),
    fc.string({ unit: fc.constantFrom('"', ',', '\\', 'a', '\0'), ...lengths }),
  );

it('gives any row back as it was added, and finds it by exactly its tags', async () => {
  await withTemporaryFolder(async (folder) => {
    const record = await openRecord({ folder });
    const row = fc.record({
      text: anyText({ maxLength: 200 }).map((text) => `x${text}`),
      title: fc.option(anyText({ minLength: 1, maxLength: 50 })),
      tags: fc.array(anyText({ minLength: 1, maxLength: 8 }), { maxLength: 5 }),
      session: fc.option(anyText({ maxLength: 20 })),
      writer: fc.option(anyText({ maxLength: 20 })),
      importance: fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 1e-12, max: 1, noNaN: true })),
    });
    const added = new Map<number, readonly string[]>();
    fc.assert(
      fc.property(row, (memory) => {
        const { number, row } = add(record, { ...memory, tier: 'semantic' });
        added.set(number, row.tags);
        const { text, title, session, writer, importance } = memory;
        expect(row).toMatchObject({ text, title, session, writer, importance });
        expect(new Set(row.tags)).toEqual(new Set(memory.tags));
        expect(record.byNumber([number])[0]?.row).toEqual(row);
        for (const tag of row.tags) {
          const having = [...added].filter(([, tags]) => tags.includes(tag)).map(([other]) => other);
          expect(record.matching({ tags: [tag] }, start)).toEqual(having);
        }
      }),
      { numRuns: 60 },
    );
    expect(add(record, { text: 'next to nothing', importance: 5e-324 }).row.importance).toBe(0);
    expect(record.verify()).toEqual([]);
    record.close();
  });
});
