import { isGemmaError } from '@gemma-cli/contracts';
import type { MemoryChange, RecordChange, RecordStore } from '@gemma-cli/contracts';

/** Tells listeners what changed. */
export interface ChangeFeed {
  /** Gives how to leave. */
  subscribe(listener: (change: MemoryChange) => void): () => void;
  /** Tells what was not told yet. */
  catchUp(): void;
}

const pageRows = 1_000;

/** Listeners hear in the order of the record. One that throws is told to the log, and hears of the next change again. */
export function createChangeFeed(record: RecordStore, log: (message: string) => void): ChangeFeed {
  const listeners = new Set<(change: MemoryChange) => void>();
  let toldSeq = 0;
  let isTelling = false;

  function tell(change: MemoryChange): void {
    for (const listener of listeners) {
      try {
        listener(change);
      } catch (error) {
        log(`A listener to changes of the memory failed: ${String(error)}`);
      }
    }
  }

  function changesAfter(seq: number): readonly RecordChange[] {
    try {
      return record.changes(seq, pageRows);
    } catch (error) {
      if (!isGemmaError(error) || error.code !== 'MEMORY_CHANGES_GONE') throw error;
      toldSeq = record.seq();
      log('Listeners to changes of the memory missed those that are no longer kept.');
      return [];
    }
  }

  function catchUp(): void {
    // A listener may call the memory, which comes here again: the outer call tells that, too.
    if (listeners.size === 0 || isTelling) return;
    isTelling = true;
    try {
      for (;;) {
        const changes = changesAfter(toldSeq);
        for (const change of changes) {
          toldSeq = change.seq;
          tell(plainChange(change));
        }
        if (changes.length < pageRows) return;
      }
    } finally {
      isTelling = false;
    }
  }

  return {
    subscribe(listener) {
      // One object for each subscription: the same function may be there twice.
      const own = (change: MemoryChange) => {
        listener(change);
      };
      // What was before is for those who were there.
      catchUp();
      if (listeners.size === 0) toldSeq = record.seq();
      listeners.add(own);
      return () => {
        listeners.delete(own);
      };
    },
    catchUp,
  };
}

/** Without the number, which means nothing outside. */
export function plainChange({ seq, type, id, at, reason }: RecordChange): MemoryChange {
  return { seq, type, id, at, reason };
}
