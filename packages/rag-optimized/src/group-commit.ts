import type { RecordGroup, RecordStore, WriteResult } from '@gemma-cli/contracts';

/** Makes groups of writes durable, several with one commit. */
export interface GroupCommit {
  /** Settles when the group is durable. Groups become durable in the order in which they were given. */
  readonly commit: (group: RecordGroup) => Promise<readonly WriteResult[]>;
  /** Groups that wait. */
  readonly pendingWrites: () => number;
}

/** What {@link createGroupCommit} takes. */
export interface GroupCommitParts {
  readonly record: Pick<RecordStore, 'commit'>;
  /** Most writes of one commit. A group that has more by itself is committed alone. */
  readonly batchSize: number;
}

interface Waiting {
  readonly group: RecordGroup;
  readonly resolve: (results: readonly WriteResult[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Writes of one turn of the event loop share a commit, and so one wait for the disk. Nobody waits for others to come: a
 * store that is idle commits at the end of the turn. A commit takes the thread, so that what comes meanwhile (from other
 * programs, say) is there when it ends, and shares the next one.
 */
export function createGroupCommit({ record, batchSize }: GroupCommitParts): GroupCommit {
  let waiting: Waiting[] = [];
  let isPlanned = false;

  function plan(): void {
    if (isPlanned) return;
    isPlanned = true;
    setImmediate(() => {
      isPlanned = false;
      commitSome();
      if (waiting.length > 0) plan();
    });
  }

  function commitSome(): void {
    const batch = waiting.slice(0, batchLength(waiting, batchSize));
    waiting = waiting.slice(batch.length);
    let results: ReturnType<RecordStore['commit']>;
    try {
      results = record.commit(batch.map(({ group }) => group));
    } catch (error) {
      for (const { reject } of batch) reject(error);
      return;
    }
    for (const [index, { resolve, reject }] of batch.entries()) {
      const result = results[index] ?? [];
      if (result instanceof Error) reject(result);
      else resolve(result);
    }
  }

  return {
    commit: (group) =>
      new Promise((resolve, reject) => {
        waiting.push({ group, resolve, reject });
        plan();
      }),
    pendingWrites: () => waiting.length,
  };
}

/** How many of those that wait make the next commit: at least one, otherwise as many as have at most so many writes. */
function batchLength(waiting: readonly Waiting[], batchSize: number): number {
  let writes = 0;
  let length = 0;
  for (const { group } of waiting) {
    writes += Math.max(1, group.writes.length);
    if (length > 0 && writes > batchSize) break;
    length++;
  }
  return length;
}
