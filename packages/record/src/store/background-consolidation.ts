import type { Consolidation, RecordStore } from '@gemma-cli/contracts';

/** Consolidates by itself, when nobody has asked anything for a while. */
export interface BackgroundConsolidation {
  /** Something was asked: not now. */
  wake(): void;
  /** Ends what is under way, and settles when it has ended. Safe to call twice. */
  close(): Promise<void>;
}

/** What {@link createBackgroundConsolidation} takes. */
export interface BackgroundConsolidationParts {
  readonly record: Pick<RecordStore, 'namespace' | 'lease' | 'release'>;
  /** At most once in so many milliseconds, over all processes. 0 = never. */
  readonly everyMs: number;
  /** The work itself; `check` throws where it must end. */
  readonly consolidate: (check: () => void) => Promise<Consolidation>;
  readonly log: (message: string) => void;
}

/** So long nobody must have asked anything: a person who reads an answer, not a program between two calls. */
const quietMsMax = 2_000;

/**
 * Makes it. The lease is the clock that all processes share: who takes it does the work and keeps it, so that nobody else
 * begins before its time is over. Keeps no process alive.
 */
export function createBackgroundConsolidation({
  record,
  everyMs,
  consolidate,
  log,
}: BackgroundConsolidationParts): BackgroundConsolidation {
  const lease = `consolidation of ${record.namespace}`;
  const quietMs = Math.min(quietMsMax, everyMs);
  let timer: NodeJS.Timeout | null = null;
  let work: Promise<void> | null = null;
  let isClosed = false;
  let runs = 0;
  /** Milliseconds of a clock that never jumps: nobody here tries before. */
  let dueAt = 0;

  function plan(): void {
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(
      () => {
        timer = null;
        work = run().finally(() => {
          work = null;
        });
      },
      Math.max(quietMs, dueAt - performance.now()),
    ).unref();
  }

  async function run(): Promise<void> {
    dueAt = performance.now() + everyMs;
    let isDone = false;
    let isMine = false;
    try {
      isMine = record.lease(lease, everyMs);
      if (!isMine) return;
      const { promoted, merged, expired, evicted } = await consolidate(checkOpen);
      isDone = true;
      runs += 1;
      log(
        `Consolidated the memory in the background, time ${runs}: ${promoted} moved up, ${merged} merged, ${expired} expired, ${evicted} evicted.`,
      );
    } catch (error) {
      if (!isClosed)
        log(`The memory could not be consolidated: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      // What was not finished is somebody else's to do, and soon.
      if (isMine && !isDone) giveBack();
    }
  }

  function giveBack(): void {
    try {
      record.release(lease);
    } catch (error) {
      log(`The lease of the consolidation stays: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  function checkOpen(): void {
    if (isClosed) throw new Error('The memory closes.');
  }

  return {
    wake() {
      if (everyMs > 0 && !isClosed && work === null) plan();
    },
    async close() {
      isClosed = true;
      if (timer !== null) clearTimeout(timer);
      timer = null;
      await work;
    },
  };
}
