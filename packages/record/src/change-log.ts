import { GemmaError } from '@gemma-cli/contracts';
import type { MemoryChange, RecordChange, RemovalReason } from '@gemma-cli/contracts';
import type { Connection } from './connection.ts';
import type { NamespaceState } from './namespace-state.ts';
import { changeChecksum } from './row-writer.ts';
import { changeCodes, reasonCodes } from './schema.ts';
import type { SqlRow } from './sql-driver.ts';
import { uuidText } from './uuid-v7.ts';

/**
 * Changes after a position; `null` when the log is damaged: positions have no gaps, so that a missing change shows.
 *
 * @throws GemmaError `MEMORY_CHANGES_GONE`.
 */
export function readChanges(
  connection: Connection,
  { id, seq, pruned }: NamespaceState,
  afterSeq: number,
  limit: number,
): readonly RecordChange[] | null {
  if (afterSeq < pruned || afterSeq > seq) {
    throw new GemmaError({
      code: 'MEMORY_CHANGES_GONE',
      message:
        afterSeq > seq
          ? `The memory has ${seq} changes and was asked for those after ${afterSeq}: it is not the one that had them. Read its rows anew.`
          : `The memory keeps its changes after ${pruned} and was asked for those after ${afterSeq}. Read its rows anew.`,
      facts: { afterSeq, oldestSeq: pruned, seq },
    });
  }
  const count = Math.min(limit, seq - afterSeq);
  const rows = connection
    .prepare('SELECT * FROM changes WHERE namespace = ? AND seq > ? ORDER BY seq LIMIT ?')
    .all(id, afterSeq, count);
  if (rows.length < count) return null;
  const changes: RecordChange[] = [];
  for (const sql of rows) {
    const change = changeOf(sql, id);
    if (change?.seq !== afterSeq + changes.length + 1) return null;
    changes.push(change);
  }
  return changes;
}

const types = Object.keys(changeCodes) as MemoryChange['type'][];
const reasons = Object.keys(reasonCodes) as RemovalReason[];

function changeOf(sql: SqlRow, namespace: number): RecordChange | null {
  const bytes = sql['id'];
  const change = {
    seq: sql['seq'] as number,
    type: sql['type'] as number,
    number: sql['number'] as number,
    id: bytes instanceof Uint8Array ? uuidText(bytes) : '',
    at: sql['at'] as number,
    reason: sql['reason'] as number,
  };
  if (changeChecksum(namespace, change) !== sql['crc']) return null;
  const type = types.find((name) => changeCodes[name] === change.type);
  if (type === undefined) return null;
  return { ...change, type, reason: reasons.find((name) => reasonCodes[name] === change.reason) ?? null };
}
