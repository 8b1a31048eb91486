import { GemmaError } from '@gemma-cli/contracts';

/** Lets one piece of work at a time through, in order of arrival, with a bound on those that wait. */
export interface AdmissionQueue {
  /** How many wait now. */
  readonly waiting: number;
  /**
   * Waits for the turn. Resolves with a function that gives the turn to the next one; calling it twice is harmless.
   *
   * @throws GemmaError `ENGINE_BUSY` at once when the queue is full, `ENGINE_CLOSED` after `close`, `ABORTED` when the
   *   signal is aborted before the turn comes.
   */
  enter(signal?: AbortSignal): Promise<() => void>;
  /** Fails everybody who waits, and everybody who comes later, with `ENGINE_CLOSED`. */
  close(): void;
}

interface Waiter {
  readonly admit: () => void;
  readonly fail: (error: GemmaError) => void;
}

/** Makes a queue in which at most `waitingMax` wait behind the one that works. */
export function createAdmissionQueue({ waitingMax }: { readonly waitingMax: number }): AdmissionQueue {
  const waiters: Waiter[] = [];
  let busy = false;
  let closed = false;

  function leave(): void {
    const next = waiters.shift();
    if (next === undefined) busy = false;
    else next.admit();
  }

  function pass(): () => void {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      leave();
    };
  }

  return {
    get waiting() {
      return waiters.length;
    },
    enter(signal) {
      if (closed) return Promise.reject(closedError());
      if (signal?.aborted) return Promise.reject(abortedError());
      if (!busy) {
        busy = true;
        return Promise.resolve(pass());
      }
      if (waiters.length >= waitingMax) {
        return Promise.reject(
          new GemmaError({
            code: 'ENGINE_BUSY',
            message: `Expected at most ${waitingMax} waiting requests, and ${waiters.length} wait already. Try again later, or raise engine.queue_max.`,
            facts: { waiting: waiters.length, waitingMax },
          }),
        );
      }
      return new Promise((resolve, reject) => {
        const waiter: Waiter = {
          admit: () => {
            signal?.removeEventListener('abort', onAbort);
            resolve(pass());
          },
          fail: (error) => {
            signal?.removeEventListener('abort', onAbort);
            reject(error);
          },
        };
        function onAbort(): void {
          waiters.splice(waiters.indexOf(waiter), 1);
          waiter.fail(abortedError());
        }
        signal?.addEventListener('abort', onAbort, { once: true });
        waiters.push(waiter);
      });
    },
    close() {
      closed = true;
      for (const waiter of waiters.splice(0)) waiter.fail(closedError());
    },
  };
}

function closedError(): GemmaError {
  return new GemmaError({ code: 'ENGINE_CLOSED', message: 'The engine is closed. Make a new one to go on.' });
}

function abortedError(): GemmaError {
  return new GemmaError({ code: 'ABORTED', message: 'The request was aborted while it waited.' });
}
