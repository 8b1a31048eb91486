import { setTimeout as sleep } from 'node:timers/promises';
import type { Embedder, RecordRow, RecordStore } from '@gemma-cli/contracts';
import { searchedText } from '@gemma-cli/rag-core';

/** Gives rows their vectors while nobody waits. */
export interface RowEmbedder {
  /** There may be rows without a vector. */
  wake(): void;
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

/** How often one that waits for the work of another process looks again. */
const lookMs = 250;

/** Works from the row with the lowest number without a vector on, until there is none. */
export function createRowEmbedder({ record, embedder, log }: RowEmbedderParts): RowEmbedder {
  const { embedId } = embedder;
  const leaseName = `embed ${embedId}`;
  const closing = new AbortController();
  let running: Promise<void> | null = null;
  let isAwake = false;

  function wake(): void {
    isAwake = true;
    if (running !== null || closing.signal.aborted) return;
    running = work().then(
      () => {
        running = null;
        if (isAwake) wake();
      },
      (error: unknown) => {
        running = null;
        if (closing.signal.aborted) return;
        log(`Vectors of the memory are not made: ${error instanceof Error ? error.message : String(error)}`);
        throw error;
      },
    );
    // Whoever settles hears of it; the log has it in any case.
    running.catch(() => undefined);
  }

  async function work(): Promise<void> {
    while (isAwake && !closing.signal.aborted) {
      // Not in the caller's turn: a write is answered first.
      await sleep(0, undefined, { signal: closing.signal });
      isAwake = false;
      if (record.withoutVector(embedId, 1).length === 0) continue;
      if (!record.lease(leaseName, leaseTtlMs)) {
        isAwake = true;
        await sleep(lookMs, undefined, { signal: closing.signal });
        continue;
      }
      try {
        await makeVectors();
      } finally {
        record.release(leaseName);
      }
    }
  }

  async function makeVectors(): Promise<void> {
    for (;;) {
      const rows = record.withoutVector(embedId, batchRows);
      if (rows.length === 0) return;
      const vectors = await embedder.embed(
        rows.map(({ row }) => searchedText(row)),
        {
          kind: 'document',
          truncate: true,
          signal: closing.signal,
        },
      );
      closing.signal.throwIfAborted();
      record.putVectors(
        embedId,
        unchanged(rows).flatMap((index) => vectorOf(rows[index]!, vectors[index])),
      );
      if (!record.lease(leaseName, leaseTtlMs)) return;
    }
  }

  /** Places of the rows that still have the text that the embedder read. */
  function unchanged(rows: readonly RecordRow[]): readonly number[] {
    const present = record.byNumber(rows.map(({ number }) => number));
    return [...rows.keys()].filter((index) => {
      const row = present[index]?.row;
      return row !== undefined && searchedText(row) === searchedText(rows[index]!.row);
    });
  }

  return {
    wake,
    async settle() {
      wake();
      while (running !== null) await running;
    },
    async close() {
      closing.abort();
      // What it fails with now is that it was ended.
      await running?.catch(() => undefined);
    },
  };
}

function vectorOf({ number }: RecordRow, vector: Float32Array | undefined) {
  return vector === undefined ? [] : [{ number, vector }];
}
