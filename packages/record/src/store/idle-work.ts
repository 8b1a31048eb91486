import type { Retriever } from '@gemma-cli/contracts';

/** Does a retriever's work for idle times. */
export interface IdleWork {
  /** There may be something to do. */
  wake(): void;
  close(): void;
}

/** A search that comes meanwhile waits no longer than this. */
const sliceMs = 5;

/** How long nobody must have written before the work begins. */
const quietMs = 100;

/** Works in slices, between which everybody else has their turn. Keeps no process alive. */
export function createIdleWork(retriever: Retriever, log: (message: string) => void): IdleWork {
  let timer: NodeJS.Timeout | null = null;
  let isClosed = false;

  function plan(ms: number): void {
    if (isClosed) return;
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(() => {
      timer = null;
      try {
        if (retriever.work(sliceMs)) plan(0);
      } catch (error) {
        log(`The index of the memory could not be tended: ${error instanceof Error ? error.message : String(error)}`);
      }
    }, ms).unref();
  }

  return {
    wake: () => {
      plan(quietMs);
    },
    close() {
      isClosed = true;
      if (timer !== null) clearTimeout(timer);
    },
  };
}
