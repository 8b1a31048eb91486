import type { RecordStore, RecordWrite, Retriever, WriteResult } from '@gemma-cli/contracts';
import { createScanRetriever } from '@gemma-cli/rag';
import { createAnalyzer } from '@gemma-cli/rag-core';
import type { Analyzer } from '@gemma-cli/rag-core';
import { openRecord } from '@gemma-cli/record';
import { expect } from 'vitest';
import { createIndexRetriever } from '../src/index.ts';

/** An index on a record of its own, and what both did. */
export interface IndexPlace {
  readonly record: RecordStore;
  readonly analyzer: Analyzer;
  readonly index: Retriever;
  readonly lines: string[];
  /** Texts that were analyzed. */
  readonly analyzed: () => number;
  readonly close: () => void;
}

/** Opens record and index of a folder. */
export async function openPlace(folder: string, tailRows = 50, changesKept = 100_000): Promise<IndexPlace> {
  const record = await openRecord({ folder, changesKept });
  const lines: string[] = [];
  let count = 0;
  const plain = await createAnalyzer();
  const analyzer: Analyzer = {
    ...plain,
    analyze(text) {
      count++;
      return plain.analyze(text);
    },
    numbering() {
      const numbering = plain.numbering();
      return {
        ...numbering,
        analyze(text) {
          count++;
          return numbering.analyze(text);
        },
      };
    },
  };
  const index = await createIndexRetriever({
    record,
    analyzer,
    embedId: null,
    folder,
    log: (line) => lines.push(line),
    tailRows,
  });
  return {
    record,
    analyzer: plain,
    index,
    lines,
    analyzed: () => count,
    close() {
      index.close();
      record.close();
    },
  };
}

/** Writes in one commit. */
export function commit(record: RecordStore, writes: readonly RecordWrite[]): readonly WriteResult[] {
  const [result] = record.commit([{ writes, now: 1_000 }]);
  if (result instanceof Error || result === undefined) throw result ?? new Error('nothing came of it');
  return result;
}

/** Adds memories that never expire. */
export function add(
  record: RecordStore,
  texts: readonly string[],
): readonly { readonly id: string; readonly number: number }[] {
  const writes = texts.map((text): RecordWrite => ({ type: 'add', memory: { text, tier: 'semantic' } }));
  return commit(record, writes).flatMap(({ rows }) => rows.map(({ row, number }) => ({ id: row.id, number })));
}

/** Does all that there is to do. */
export function workToTheEnd(index: Retriever): void {
  while (index.work(1_000));
}

/** Numbers of the rows that answer a question. */
export function numbersOf({ index, analyzer }: IndexPlace, query: string, limit = 10): readonly number[] {
  index.sync();
  return index
    .lexical({ terms: analyzer.query(query), limit, allowed: null, hidden: null, explain: false })
    .map(({ number }) => number);
}

/** Questions to texts of `textMaker` find what a scan finds. */
export function expectTruth({ record, analyzer, index }: IndexPlace, label: string): void {
  const scan = createScanRetriever({ record, analyzer, embedId: null });
  scan.sync();
  index.sync();
  for (const query of ['w0q w1q', 'w5q', 'w60q w7q w200q', 'the']) {
    const request = { terms: analyzer.query(query), limit: 20, allowed: null, hidden: null, explain: false };
    expect(index.lexical(request), `${label}: ${query}`).toEqual(scan.lexical(request));
  }
}
