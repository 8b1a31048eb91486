import { setTimeout as sleep } from 'node:timers/promises';
import type { Embedder, RecordRow, RecordStore, RowVector } from '@gemma-cli/contracts';
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
        if (record.withoutVector(embedId, 1).length === 0) continue;
        if (record.lease(leaseName, leaseTtlMs)) await makeVectors();
        else {
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

  async function makeVectors(): Promise<void> {
    try {
      while (record.lease(leaseName, leaseTtlMs)) {
        const rows = record.withoutVector(embedId, batchRows);
        if (rows.length === 0) return;
        const texts = rows.map(({ row }) => searchedText(row));
        const vectors = await embedder.embed(texts, { kind: 'document', truncate: true, signal: closing.signal });
        closing.signal.throwIfAborted();
        if (vectors.length !== rows.length)
          throw new Error(`The embedder gave ${vectors.length} vectors for ${rows.length} texts.`);
        record.putVectors(embedId, fitting(rows, vectors));
      }
      // Somebody else took it over, after a batch that took longer than the lease.
      isAwake = true;
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
