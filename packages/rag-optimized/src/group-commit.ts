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
 * A store that is idle commits at once: when the caller's turn is over, with all that was given in it. What comes until the
 * event loop has been round once more, from others who were answered or whose requests came while the disk was waited for,
 * shares the next commit. So nobody waits for a clock, and the busier it is the more share one wait for the disk.
 */
export function createGroupCommit({ record, batchSize }: GroupCommitParts): GroupCommit {
  let waiting: Waiting[] = [];
  /** `idle`: no commit in this round of the event loop; `soon`: at the end of this turn; `gathering`: in the next round. */
  let state: 'idle' | 'soon' | 'gathering' = 'idle';

  function plan(isUrgent: boolean): void {
    if (state === 'soon' || (state === 'gathering' && !isUrgent)) return;
    const wasIdle = state === 'idle';
    state = 'soon';
    queueMicrotask(() => {
      commitSome();
      if (isUrgent) while (waiting.length > 0) commitSome();
      state = 'gathering';
      if (wasIdle) setImmediate(nextRound);
    });
  }

  function nextRound(): void {
    if (waiting.length === 0) {
      state = 'idle';
      return;
    }
    commitSome();
    state = 'gathering';
    setImmediate(nextRound);
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
        // Nothing to write: somebody wants to see everything durable that was given before.
        plan(group.writes.length === 0);
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
