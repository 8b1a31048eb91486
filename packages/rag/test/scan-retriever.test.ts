import { join } from 'node:path';
import { GemmaError } from '@gemma-cli/contracts';
import type { RecordStore, Retriever, RowSet } from '@gemma-cli/contracts';
import { bm25Defaults, createAnalyzer, inverseDocumentFrequency, stopWordScale, termScore } from '@gemma-cli/rag-core';
import { openRecord } from '@gemma-cli/record';
import { withTemporaryFolder } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import { createScanRetriever } from '../src/index.ts';

const start = Date.UTC(2026, 0, 1);

/** A record with these texts, and a retriever on it. */
async function withTexts(
  texts: readonly string[],
  body: (trial: {
    readonly record: RecordStore;
    readonly numbers: readonly number[];
    readonly scan: (record?: RecordStore, embedId?: string | null) => Retriever;
    readonly find: (
      retriever: Retriever,
      query: string,
      rest?: Partial<Parameters<Retriever['lexical']>[0]>,
    ) => ReturnType<Retriever['lexical']>;
  }) => void,
): Promise<void> {
  await withTemporaryFolder(async (folder) => {
    const record = await openRecord({ folder: join(folder, 'memory') });
    const analyzer = await createAnalyzer();
    try {
      const numbers = add(record, texts);
      body({
        record,
        numbers,
        scan: (on = record, embedId = null) => createScanRetriever({ record: on, analyzer, embedId }),
        find(retriever, query, rest = {}) {
          retriever.sync();
          return retriever.lexical({
            terms: analyzer.query(query),
            limit: 10,
            allowed: null,
            hidden: null,
            explain: false,
            ...rest,
          });
        },
      });
    } finally {
      record.close();
    }
  });
}

function add(record: RecordStore, texts: readonly string[]): readonly number[] {
  const [results] = record.commit([{ writes: texts.map((text) => ({ type: 'add', memory: { text } })), now: start }]);
  if (results === undefined || results instanceof Error) throw new Error('Nothing was added.', { cause: results });
  return results.flatMap(({ rows }) => rows.map(({ number }) => number));
}

function setOf(numbers: readonly number[]): RowSet {
  return { has: (number) => numbers.includes(number), size: numbers.length, numbers: () => numbers };
}

describe('words', () => {
  it('score by the formula, over all rows whatever is allowed or hidden', () =>
    withTexts(['storm storm sea', 'sea and land', 'a calm day'], ({ numbers, scan, find }) => {
      const [first, second] = numbers as [number, number];
      const retriever = scan();
      // Lengths are counted with stop words: 3 each.
      const idf = (frequency: number) => inverseDocumentFrequency(frequency, 3);
      const expected = termScore(2, 3, 3, idf(1), bm25Defaults) + 2 * termScore(1, 3, 3, idf(2), bm25Defaults);
      expect(find(retriever, 'storm sea sea')).toEqual([
        { number: first, score: expected },
        { number: second, score: 2 * termScore(1, 3, 3, idf(2), bm25Defaults) },
      ]);
      expect(find(retriever, 'storm sea sea', { allowed: setOf([first]) })).toEqual([
        { number: first, score: expected },
      ]);
      expect(find(retriever, 'storm sea sea', { hidden: setOf([second]) })).toEqual([
        { number: first, score: expected },
      ]);
      expect(find(retriever, 'storm sea sea', { limit: 1 })).toEqual([{ number: first, score: expected }]);
    }));

  it('that are only stop words bring a row behind all others', () =>
    withTexts(['the the the', 'the sea'], ({ numbers, scan, find }) => {
      const [stop, content] = numbers as [number, number];
      const retriever = scan();
      const hits = find(retriever, 'the sea');
      const full = find(retriever, 'the');
      expect(hits.map(({ number }) => number)).toEqual([content, stop]);
      expect(full.map(({ number }) => number)).toEqual([stop, content]);
      expect(hits[1]?.score).toBe(stopWordScale * (full[0]?.score ?? 0));
    }));
});

describe('rows', () => {
  it('that come, change and go are followed', () =>
    withTexts(['red', 'green'], ({ record, numbers, scan, find }) => {
      const retriever = scan();
      const before = retriever.sync();
      expect(retriever.sync()).toBe(before);
      const [row] = record.byNumber([numbers[0] ?? 0]);
      const writes = [
        { type: 'update' as const, id: row?.row.id ?? '', changes: { text: 'blue' } },
        { type: 'add' as const, memory: { text: 'red again' } },
      ];
      record.commit([{ writes, now: start }]);
      expect(retriever.sync()).toBeGreaterThan(before);
      expect(find(retriever, 'blue').map(({ number }) => number)).toEqual([numbers[0]]);
      expect(find(retriever, 'red').length).toBe(1);
      record.commit([
        { writes: [{ type: 'remove-matching', filter: { kind: 'memory' }, reason: 'forgotten' }], now: start },
      ]);
      expect(find(retriever, 'red green blue')).toEqual([]);
      expect(retriever.stats().index).toMatchObject({ terms: 0, postings: 0 });
    }));

  it('are read anew where the record no longer keeps the changes', () =>
    withTexts(['red', 'green'], ({ record, scan, find }) => {
      let isGone = false;
      const forgetful: RecordStore = {
        ...record,
        changes(afterSeq, limit) {
          if (!isGone) return record.changes(afterSeq, limit);
          isGone = false;
          throw new GemmaError({ code: 'MEMORY_CHANGES_GONE', message: 'They are gone.' });
        },
      };
      const retriever = scan(forgetful);
      record.commit([
        { writes: [{ type: 'remove-matching', filter: { kind: 'memory' }, reason: 'forgotten' }], now: start },
      ]);
      add(record, ['red and blue']);
      isGone = true;
      expect(find(retriever, 'red green').length).toBe(1);
      expect(isGone).toBe(false);
      expect(retriever.stats().index).toMatchObject({ terms: 3, postings: 3 });
    }));

  it('that the record quarantined are not found', () =>
    withTexts(['red', 'green'], ({ record, numbers, scan, find }) => {
      const [bad] = numbers;
      const sound = (wanted: readonly number[]) =>
        wanted.map((number) => (number === bad ? undefined : record.byNumber([number])[0]));
      const retriever = scan();
      expect(find(retriever, 'red').length).toBe(1);
      const [row] = record.byNumber([bad ?? 0]);
      record.commit([{ writes: [{ type: 'update', id: row?.row.id ?? '', changes: { tags: ['x'] } }], now: start }]);
      const damaged = scan({
        ...record,
        byNumber: sound,
        scan: (after, limit) => record.scan(after, limit).filter(({ number }) => number !== bad),
      });
      expect(find(damaged, 'red')).toEqual([]);
    }));
});

describe('vectors', () => {
  const embedId = 'toy';
  const east = Float32Array.of(1, 0);
  const north = Float32Array.of(0, 1);
  const dense = (retriever: Retriever, vector: Float32Array) => {
    retriever.sync();
    return retriever.dense({ vector, limit: 10, allowed: null, hidden: null });
  };

  it('are compared by cosine, ties by number, and raise the position', () =>
    withTexts(['a', 'b', 'c'], ({ record, numbers, scan }) => {
      const [a, b, c] = numbers as [number, number, number];
      const retriever = scan(record, embedId);
      const before = retriever.sync();
      record.putVectors(embedId, [
        { number: c, vector: east },
        { number: b, vector: north },
        { number: a, vector: east },
      ]);
      expect(retriever.sync()).toBeGreaterThan(before);
      expect(dense(retriever, east)).toEqual([
        { number: a, score: 1 },
        { number: c, score: 1 },
        { number: b, score: 0 },
      ]);
      expect(dense(scan(record, 'another'), east)).toEqual([]);
      expect(dense(scan(record, null), east)).toEqual([]);
    }));

  it('go with the text that they were made of, and stay when something else changes', () =>
    withTexts(['a', 'b'], ({ record, numbers, scan }) => {
      const [a, b] = numbers as [number, number];
      record.putVectors(embedId, [
        { number: a, vector: east },
        { number: b, vector: east },
      ]);
      const retriever = scan(record, embedId);
      const ids = record.byNumber([a, b]).map((row) => row?.row.id ?? '');
      const update = (id: string | undefined, changes: object) =>
        record.commit([{ writes: [{ type: 'update', id: id ?? '', changes }], now: start }]);
      expect(dense(retriever, east).length).toBe(2);
      update(ids[0], { tags: ['x'] });
      update(ids[1], { text: 'changed' });
      expect(dense(retriever, east)).toEqual([{ number: a, score: 1 }]);
      record.putVectors(embedId, [{ number: b, vector: north }]);
      expect(dense(retriever, north)[0]).toEqual({ number: b, score: 1 });
    }));

  it('that were made of a text which is not known yet wait for that text', () =>
    withTexts(['a'], ({ record, numbers, scan }) => {
      const [a] = numbers as [number];
      const id = record.byNumber([a])[0]?.row.id ?? '';
      record.putVectors(embedId, [{ number: a, vector: east }]);
      // Another process changes the text and puts its vector between the two reads of a retriever.
      let between = (): void => undefined;
      const busy: RecordStore = {
        ...record,
        vectors(...request) {
          between();
          between = () => undefined;
          return record.vectors(...request);
        },
      };
      const retriever = scan(busy, embedId);
      expect(dense(retriever, east)).toEqual([{ number: a, score: 1 }]);
      between = () => {
        record.commit([{ writes: [{ type: 'update', id, changes: { text: 'b' } }], now: start }]);
        record.putVectors(embedId, [{ number: a, vector: north }]);
      };
      expect(dense(retriever, north)).toEqual([{ number: a, score: 1 }]);
      expect(dense(retriever, north)).toEqual([{ number: a, score: 1 }]);
    }));
});
