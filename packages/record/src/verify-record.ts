import { isGemmaError } from '@gemma-cli/contracts';
import type { MemoryProblem } from '@gemma-cli/contracts';
import type { Connection } from './connection.ts';
import { countRows, readNamespace, writeNamespace } from './namespace-state.ts';
import type { NamespaceState } from './namespace-state.ts';
import { readChanges } from './change-log.ts';
import { isDocumentSound } from './documents.ts';
import { selectRow } from './row-codec.ts';
import type { DamagedRow, RowReader } from './row-reader.ts';
import type { Salvage } from './salvage-record.ts';
import { recountSources, sourcesOf } from './sources.ts';
import { vectorOf } from './vectors.ts';

/** Reads everything, compares checksums, and repairs what can be. */
export function verifyRecord({
  connection,
  namespace: namespaceNumber,
  salvage,
  quarantine,
  check,
  rebuild,
  reindex,
}: {
  readonly connection: Connection;
  /** Another one after the record was made anew. */
  readonly namespace: () => number;
  /** Makes the record anew from what can be read; `null` where that cannot be done. */
  readonly salvage: () => Salvage | null;
  readonly quarantine: (row: DamagedRow) => void;
  readonly check: RowReader['check'];
  readonly rebuild: () => NamespaceState;
  readonly reindex: () => void;
}): readonly MemoryProblem[] {
  const problems: MemoryProblem[] = [];
  const tell = (what: string, action: MemoryProblem['action'], id: string | null = null): void => {
    problems.push({ where: 'record', what, id, action });
  };
  verifyFile();
  const namespace = namespaceNumber();
  verifyState();
  verifySources();
  verifyRows();
  verifyChanges();
  verifyVectors();
  verifyCounts();
  tellQuarantine();
  return problems;

  function verifyFile(): void {
    const faults = integrity();
    if (faults.length === 0) return;
    const left = isReindexed() ? integrity() : faults;
    const salvaged = left.length === 0 ? null : salvage();
    for (const fault of left.length === 0 ? faults : left) {
      tell(`The file of the record: ${fault}`, left.length === 0 || salvaged !== null ? 'rebuilt' : 'none');
    }
    if (salvaged === null) return;
    const { rows, quarantined, documents, kept } = salvaged;
    tell(
      `The record was made anew from what could be read: ${rows} rows are there, ${quarantined} were moved aside, ${documents} documents are to be ingested again. The damaged file is ${kept}.`,
      'rebuilt',
    );
  }

  function isReindexed(): boolean {
    try {
      reindex();
      return true;
    } catch (error) {
      if (!isGemmaError(error) || error.code !== 'MEMORY_DAMAGED') throw error;
      return false;
    }
  }

  function integrity(): readonly string[] {
    try {
      const lines = connection.read(() => connection.prepare('PRAGMA integrity_check(20)').all());
      return lines.map((line) => String(line['integrity_check'])).filter((line) => line !== 'ok');
    } catch (error) {
      if (!isGemmaError(error) || error.code !== 'MEMORY_DAMAGED') throw error;
      return [error.message];
    }
  }

  function verifyState(): void {
    if (connection.read(() => readNamespace(connection, namespace)) !== null) return;
    rebuild();
    tell('The checksum of the counts did not fit; they were counted anew.', 'rebuilt');
  }

  function verifySources(): void {
    for (const sql of connection.read(() => connection.prepare('SELECT * FROM documents').all())) {
      if (isDocumentSound(sql)) continue;
      connection.write('durable', () =>
        connection.prepare('DELETE FROM documents WHERE source = ?').run(Number(sql['source'])),
      );
      tell('The facts of a document are damaged and were taken out; ingest it again.', 'rebuilt');
    }
    connection.read(() =>
      sourcesOf(connection, namespace, '', {
        tell: (what) => {
          tell(`${what} Its rows are moved aside.`, 'quarantined');
        },
      }),
    );
  }

  function verifyRows(): void {
    const page = 1_000;
    for (let after = 0; ;) {
      const rows = connection.read(() =>
        connection.prepare(`${selectRow} WHERE r.number > ? ORDER BY r.number LIMIT ?`).all(after, page),
      );
      for (const row of check(rows).damaged) quarantine(row);
      if (rows.length < page) break;
      after = Number(rows.at(-1)?.['number']);
    }
    const lost = connection.read(() =>
      connection
        .prepare('SELECT number FROM texts WHERE number NOT IN (SELECT number FROM rows)')
        .all()
        .map((row) => Number(row['number'])),
    );
    for (const number of lost) quarantine({ number, what: 'The row of a text is not there.' });
  }

  function verifyChanges(): void {
    const state = connection.read(() => readNamespace(connection, namespace));
    if (state === null) return;
    const page = 10_000;
    for (let after = state.pruned; after < state.seq; after += page) {
      if (connection.read(() => readChanges(connection, state, after, page)) !== null) continue;
      rebuild();
      tell('The log of changes was damaged; what is derived from the record is built anew.', 'rebuilt');
      return;
    }
  }

  function verifyVectors(): void {
    const page = 1_000;
    for (let after = 0; ;) {
      const rows = connection.read(() =>
        connection.prepare('SELECT * FROM vectors WHERE seq > ? ORDER BY seq LIMIT ?').all(after, page),
      );
      for (const sql of rows) {
        if (vectorOf(sql) !== null) continue;
        connection.write('durable', () =>
          connection.prepare('DELETE FROM vectors WHERE seq = ?').run(Number(sql['seq'])),
        );
        tell('A vector was damaged and taken out; it is computed anew.', 'rebuilt');
      }
      if (rows.length < page) break;
      after = Number(rows.at(-1)?.['seq']);
    }
  }

  function verifyCounts(): void {
    const isRight = connection.write('durable', () => {
      const recounted = recountSources(connection, namespace);
      const state = readNamespace(connection, namespace);
      if (state === null) return false;
      const counts = countRows(connection, namespace, state.counts);
      if (JSON.stringify(counts) === JSON.stringify(state.counts)) return recounted === 0;
      writeNamespace(connection, { ...state, counts });
      return false;
    });
    if (!isRight) tell('The counts of rows were not those of the rows; they were counted anew.', 'rebuilt');
  }

  function tellQuarantine(): void {
    const rows = connection.read(() =>
      connection.prepare('SELECT number, id, what FROM quarantine WHERE namespace = ? AND told = 0').all(namespace),
    );
    if (rows.length === 0) return;
    for (const { number, id, what } of rows) {
      tell(
        `Row ${String(number)}: ${String(what)} What is left of it was moved aside.`,
        'quarantined',
        id as string | null,
      );
    }
    connection.write('durable', () =>
      connection.prepare('UPDATE quarantine SET told = 1 WHERE namespace = ? AND told = 0').run(namespace),
    );
  }
}
