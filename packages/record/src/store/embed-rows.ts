import { setTimeout as sleep } from 'node:timers/promises';
import { isGemmaError } from '@gemma-cli/contracts';
import type { Embedder, RecordChange, RecordStore } from '@gemma-cli/contracts';
import { searchedText } from '@gemma-cli/rag-core';
import { memoryClosed } from './refuse.ts';

/** Gives rows their vectors while nobody waits. */
export interface RowEmbedder {
  /** Something was written, or may be missing. Does nothing where vectors are made only for who waits. */
  wake(): void;
  /** Vectors may be gone: looks at all rows again. */
  lookAgain(): void;
  /** Settles when every row has its vector. Rejects with what the embedder failed with, and `MEMORY_CLOSED` when the work was ended. */
  settle(): Promise<void>;
  /** Ends the work; what is missing is made by whoever opens the record next. */
  close(): Promise<void>;
}

/** What {@link createRowEmbedder} takes. */
export interface RowEmbedderParts {
  readonly record: RecordStore;
  readonly embedder: Embedder;
  /** Whether vectors are made before anybody waits for them. */
  readonly inBackground: boolean;
  readonly log: (message: string) => void;
}

/** Texts that go to the embedder at once: after so many their vectors are kept, whatever happens to the next. */
const batchRows = 32;

/** The work on one folder is done by one process. When that one was killed, another one may begin after so long. */
const leaseTtlMs = 10_000;
/** A batch may take longer than that. */
const leaseRenewMs = 2_500;

/** Changes that are read at once. */
const changesAtOnce = 1_000;

/** How often one that waits for the work of another process looks again. */
const lookMs = 250;

/** Works from the row with the lowest number without a vector on, until there is none. */
export function createRowEmbedder({ record, embedder, inBackground, log }: RowEmbedderParts): RowEmbedder {
  const { embedId } = embedder;
  const leaseName = `embed ${embedId}`;
  const closing = new AbortController();
  let running: Promise<void> | null = null;
  let isAwake = false;
  /** All rows had their vectors when the record stood here. `null` = nobody has looked yet. */
  let doneSeq: number | null = null;
  let isDoubtful = false;

  function begin(): void {
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
    const renewal = setInterval(renew, leaseRenewMs).unref();
    try {
      while (record.lease(leaseName, leaseTtlMs)) {
        const rows = record.withoutVector(embedId, batchRows, after);
        const last = rows.at(-1);
        if (last === undefined) return true;
        const texts = rows.map(({ row }) => searchedText(row));
        const vectors = await vectorsOf(texts);
        closing.signal.throwIfAborted();
        record.putVectors(
          embedId,
          rows.flatMap(({ number, row }, index) => {
            const vector = vectors[index];
            // A row that was changed meanwhile is seen again: it is without a vector.
            return vector === null || vector === undefined ? [] : [{ number, vector, words: row }];
          }),
        );
        after = last.number;
      }
      return false;
    } finally {
      clearInterval(renewal);
      record.release(leaseName);
    }
  }

  function renew(): void {
    try {
      record.lease(leaseName, leaseTtlMs);
    } catch (error) {
      // The work itself meets the same trouble with its next batch, and tells those who wait.
      log(`The lease on the vectors is not renewed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** `null` for a text in which an embedder finds nothing to read: it must not keep the others from theirs. */
  async function vectorsOf(texts: readonly string[]): Promise<readonly (Float32Array | null)[]> {
    try {
      const vectors = await embedder.embed(texts, { kind: 'document', truncate: true, signal: closing.signal });
      if (vectors.length === texts.length) return vectors;
      throw new Error(`The embedder gave ${vectors.length} vectors for ${texts.length} texts.`);
    } catch (error) {
      if (!isGemmaError(error) || error.code !== 'REQUEST_INVALID') throw error;
      if (texts.length === 1) return [null];
      const vectors: (Float32Array | null)[] = [];
      for (const text of texts) vectors.push(...(await vectorsOf([text])));
      return vectors;
    }
  }

  function wake(): void {
    if (inBackground) begin();
  }

  return {
    wake,
    lookAgain() {
      isDoubtful = true;
      wake();
    },
    async settle() {
      begin();
      await running;
      if (closing.signal.aborted) throw memoryClosed();
    },
    async close() {
      closing.abort();
      // What it fails with now is that it was ended.
      await running?.catch(() => undefined);
    },
  };
}
