import type { QueryTerm, RecordStore, RecordWrite, Retriever, RowSet } from '@gemma-cli/contracts';
import { createScanRetriever } from '@gemma-cli/rag';
import { createAnalyzer } from '@gemma-cli/rag-core';
import type { Analyzer } from '@gemma-cli/rag-core';
import { openRecord } from '@gemma-cli/record';
import { seededRandom, withTemporaryFolder } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import { createIndexRetriever } from '../src/index.ts';
import { textMaker } from './text-corpus.ts';

import { seed } from './seed.ts';

interface Place {
  readonly folder: string;
  readonly record: RecordStore;
  readonly analyzer: Analyzer;
}

async function place(folder: string, namespace = 'default'): Promise<Place> {
  return { folder, record: await openRecord({ folder, namespace }), analyzer: await createAnalyzer() };
}

function setOf(numbers: readonly number[]): RowSet {
  const set = new Set(numbers);
  return { has: (number) => set.has(number), size: set.size, numbers: () => numbers };
}

function commit(record: RecordStore, writes: readonly RecordWrite[]) {
  const [result] = record.commit([{ writes, now: 1_000 }]);
  if (result instanceof Error || result === undefined) throw result ?? new Error('nothing came of it');
  return result;
}

function add(
  record: RecordStore,
  texts: readonly string[],
): readonly { readonly id: string; readonly number: number }[] {
  const writes = texts.map((text): RecordWrite => ({ type: 'add', memory: { text, tier: 'semantic' } }));
  return commit(record, writes).flatMap(({ rows }) => rows.map(({ row, number }) => ({ id: row.id, number })));
}

function counts(retriever: Retriever) {
  const { terms, postings } = retriever.stats().index;
  return { terms, postings };
}

/** Searches both ways, and holds one result against the other. */
function compare(
  { record, analyzer }: Place,
  index: Retriever,
  queries: readonly string[],
  random: () => number,
  label: string,
): void {
  const scan = createScanRetriever({ record, analyzer, embedId: null });
  expect(index.sync(), label).toBe(scan.sync());
  expect(counts(index), label).toEqual(counts(scan));
  const numbers = record.scan(0, 1_000_000).map(({ number }) => number);
  for (const query of queries) {
    const terms: readonly QueryTerm[] = analyzer.query(query);
    const share = random();
    const allowed = random() < 0.5 ? null : setOf(numbers.filter(() => random() < share ** 4));
    const hidden = random() < 0.7 ? null : setOf(numbers.filter(() => random() < 0.2));
    const limit = 1 + Math.floor(random() * 30);
    const explain = random() < 0.3;
    const request = { terms, limit, allowed, hidden, explain };
    expect(index.lexical(request), `${label}: "${query}" of ${limit}`).toEqual(scan.lexical(request));
  }
  scan.close();
}

describe('an index beside a scan', () => {
  it('finds the same rows in the same order with the same scores, whatever is added, changed, removed, sealed and merged', async () => {
    const random = seededRandom(seed);
    await withTemporaryFolder(async (folder) => {
      const here = await place(folder);
      const { record } = here;
      const make = textMaker(random, 400);
      const index = await createIndexRetriever({ ...here, embedId: null, log: () => undefined, tailRows: 40 });
      let ids: string[] = [];
      for (let round = 0; round < 10; round++) {
        ids.push(
          ...add(
            record,
            Array.from({ length: 20 + Math.floor(random() * 40) }, () => make(30)),
          ).map(({ id }) => id),
        );
        const gone = ids.filter(() => random() < 0.05);
        ids = ids.filter((id) => !gone.includes(id));
        const changed = ids.filter(() => random() < 0.05);
        commit(record, [
          { type: 'remove', ids: gone, reason: 'forgotten' },
          ...changed.map((id): RecordWrite => ({ type: 'update', id, changes: { text: make(30) } })),
        ]);
        if (random() < 0.3) index.sync();
        // Some of the time the work is left half done.
        for (let slice = Math.floor(random() * 60); slice > 0 && index.work(0); slice--);
        const queries = Array.from({ length: 8 }, () => make(8));
        compare(here, index, [...queries, 'the', 'the unknownword', 'and w0q'], random, `seed ${seed}, round ${round}`);
      }
      index.close();
      record.close();
    });
  });

  it('finds the same in segments that are searched in WebAssembly, with filters and removed rows', async () => {
    const random = seededRandom(seed + 1);
    await withTemporaryFolder(async (folder) => {
      const here = await place(folder);
      const { record } = here;
      const make = textMaker(random, 3_000);
      const added = add(
        record,
        Array.from({ length: 2_500 }, () => make(30)),
      );
      const index = await createIndexRetriever({ ...here, embedId: null, log: () => undefined });
      index.sync();
      const queries = () => Array.from({ length: 15 }, () => make(8));
      compare(here, index, [...queries(), 'the 😀 w1'], random, `seed ${seed}, built anew`);
      commit(record, [
        { type: 'remove', ids: added.filter(() => random() < 0.1).map(({ id }) => id), reason: 'evicted' },
      ]);
      compare(here, index, queries(), random, `seed ${seed}, rows removed`);
      index.close();
      record.close();
    });
  });
});
