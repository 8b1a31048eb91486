import { setTimeout as sleep } from 'node:timers/promises';
import { isGemmaError } from '@gemma-cli/contracts';
import type { Embedder, RecordChange, RecordRow, RecordStore, RowVector } from '@gemma-cli/contracts';
import { searchedText } from '@gemma-cli/rag-core';

/** Gives rows their vectors while nobody waits. */
export interface RowEmbedder {
  /** Something was written. */
  wake(): void;
  /** Vectors may be gone: looks at all rows again. */
  lookAgain(): void;
  /** Settles when no row is without a vector. Rejects with what the embedder failed with. */
  settle(): Promise<void>;
  /** Ends the work; what is missing is made by whoever opens the record next. */
  close(): Promise<void>;
}

/** What {@link createRowEmbedder} takes. */
export interface RowEmbedderParts {
  readonly record: RecordStore;
  readonly embedder: Embedder;
  readonly log: (message: string) => void;
}

/** Texts that go to the embedder at once: after so many their vectors are kept, whatever happens to the next. */
const batchRows = 32;

/** The work on one folder is done by one process. When that one is gone, another one may begin after so long. */
const leaseTtlMs = 60_000;

/** Changes that are read at once. */
const changesAtOnce = 1_000;

/** How often one that waits for the work of another process looks again. */
const lookMs = 250;

/** Works from the row with the lowest number without a vector on, until there is none. */
export function createRowEmbedder({ record, embedder, log }: RowEmbedderParts): RowEmbedder {
  const { embedId } = embedder;
  const leaseName = `embed ${embedId}`;
  const closing = new AbortController();
  let running: Promise<void> | null = null;
  let isAwake = false;
  /** All rows had their vectors when the record stood here. `null` = nobody has looked yet. */
  let doneSeq: number | null = null;
  let isDoubtful = false;

  function wake(): void {
    isAwake = true;
    if (running !== null || closing.signal.aborted) return;
    running = work();
    // Whoever settles hears of it; the log has it in any case.
    running.catch(() => undefined);
  }

  async function work(): Promise<void> {
    try {
      while (isAwake && !closing.signal.aborted) {
        // Not in the caller's turn: a write is answered first.
        await sleep(0, undefined, { signal: closing.signal });
        isAwake = false;
        if (isDoubtful) doneSeq = null;
        isDoubtful = false;
        const seq = record.seq();
        const after = firstToLookAt(seq);
        if (after === null || record.withoutVector(embedId, 1, after).length === 0) doneSeq = seq;
        else if (record.lease(leaseName, leaseTtlMs)) {
          if (await makeVectors(after)) doneSeq = seq;
          // What was written meanwhile, or what somebody else took over, comes next.
          isAwake = true;
        } else {
          isAwake = true;
          await sleep(lookMs, undefined, { signal: closing.signal });
        }
      }
    } catch (error) {
      if (closing.signal.aborted) return;
      log(`Vectors of the memory are not made: ${error instanceof Error ? error.message : String(error)}`);
      throw error;
    } finally {
      running = null;
    }
  }

  /** Rows up to this number have their vectors, or had them until now. `null` = all rows have. */
  function firstToLookAt(seq: number): number | null {
    if (doneSeq === null || doneSeq > seq) return 0;
    let first = Number.POSITIVE_INFINITY;
    for (let after: number = doneSeq; after < seq;) {
      const changes = changesAfter(after);
      const last = changes?.at(-1);
      if (changes === null || last === undefined) return 0;
      for (const { type, number } of changes) if (type !== 'removed') first = Math.min(first, number);
      after = last.seq;
    }
    return first === Number.POSITIVE_INFINITY ? null : first - 1;
  }

  /** `null` = they are no longer kept. */
  function changesAfter(seq: number): readonly RecordChange[] | null {
    try {
      return record.changes(seq, changesAtOnce);
    } catch (error) {
      if (isGemmaError(error) && error.code === 'MEMORY_CHANGES_GONE') return null;
      throw error;
    }
  }

  /** Tells whether it came to the end; otherwise somebody else has the lease, after a batch that took too long. */
  async function makeVectors(afterNumber: number): Promise<boolean> {
    let after = afterNumber;
    try {
      while (record.lease(leaseName, leaseTtlMs)) {
        const rows = record.withoutVector(embedId, batchRows, after);
        const last = rows.at(-1);
        if (last === undefined) return true;
        const texts = rows.map(({ row }) => searchedText(row));
        const vectors = await embedder.embed(texts, { kind: 'document', truncate: true, signal: closing.signal });
        closing.signal.throwIfAborted();
        if (vectors.length !== rows.length)
          throw new Error(`The embedder gave ${vectors.length} vectors for ${rows.length} texts.`);
        record.putVectors(embedId, fitting(rows, vectors));
        after = last.number;
      }
      return false;
    } finally {
      record.release(leaseName);
    }
  }

  /** Vectors of the rows that still have the text that the embedder read. */
  function fitting(rows: readonly RecordRow[], vectors: readonly Float32Array[]): readonly RowVector[] {
    const present = record.byNumber(rows.map(({ number }) => number));
    return rows.flatMap(({ number, row }, index): readonly RowVector[] => {
      const now = present[index]?.row;
      const vector = vectors[index];
      return now === undefined || vector === undefined || searchedText(now) !== searchedText(row)
        ? []
        : [{ number, vector }];
    });
  }

  return {
    wake,
    lookAgain() {
      isDoubtful = true;
      wake();
    },
    async settle() {
      wake();
      await running;
    },
    async close() {
      closing.abort();
      // What it fails with now is that it was ended.
      await running?.catch(() => undefined);
    },
  };
}
