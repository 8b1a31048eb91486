import { GemmaError } from '@gemma-cli/contracts';

/** Lets work start in order of arrival, as seats get free, with a bound on those that wait. */
export interface AdmissionQueue {
  /** How many wait now. */
  readonly waiting: number;
  /**
   * Waits until everybody before has started and `take` gives a seat. Resolves with how to leave it; calling that twice
   * is harmless.
   *
   * @param take - Takes a seat and gives how to leave it, or nothing when none is free. Asked again whenever one is left.
   * @throws GemmaError `ENGINE_BUSY` at once when the queue is full, `ENGINE_CLOSED` after `close`, `ABORTED` when the
   *   signal is aborted before the turn comes.
   */
  enter(take: () => (() => void) | undefined, signal?: AbortSignal): Promise<() => void>;
  /** A seat may have got free in another way than by leaving one: whoever is first asks again. */
  retry(): void;
  /** Fails everybody who waits, and everybody who comes later, with `ENGINE_CLOSED`. */
  close(): void;
}

interface Waiter {
  readonly take: () => (() => void) | undefined;
  readonly admit: (leave: () => void) => void;
  readonly fail: (error: GemmaError) => void;
}

/** Makes a queue in which at most `waitingMax` wait. */
export function createAdmissionQueue({ waitingMax }: { readonly waitingMax: number }): AdmissionQueue {
  const waiters: Waiter[] = [];
  let closed = false;

  /** A seat that is left at most once, and then offered to the first who waits. */
  function seat(leave: () => void): () => void {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      leave();
      admitWaiting();
    };
  }

  function admitWaiting(): void {
    for (let first = waiters[0]; first !== undefined; first = waiters[0]) {
      const leave = first.take();
      // Whoever came first is first served, also when a later one could start now.
      if (leave === undefined) return;
      waiters.shift();
      first.admit(seat(leave));
    }
  }

  return {
    get waiting() {
      return waiters.length;
    },
    enter(take, signal) {
      if (closed) return Promise.reject(closedError());
      if (signal?.aborted) return Promise.reject(abortedError());
      const leave = waiters.length === 0 ? take() : undefined;
      if (leave !== undefined) return Promise.resolve(seat(leave));
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
          take,
          admit: (left) => {
            signal?.removeEventListener('abort', onAbort);
            resolve(left);
          },
          fail: (error) => {
            signal?.removeEventListener('abort', onAbort);
            reject(error);
          },
        };
        function onAbort(): void {
          waiters.splice(waiters.indexOf(waiter), 1);
          waiter.fail(abortedError());
          // The next one may fit where this one did not.
          admitWaiting();
        }
        signal?.addEventListener('abort', onAbort, { once: true });
        waiters.push(waiter);
      });
    },
    retry: admitWaiting,
    close() {
      closed = true;
      for (const waiter of waiters.splice(0)) waiter.fail(closedError());
    },
  };
}

/** One seat for everybody. */
export function singleSeat(): { take(): (() => void) | undefined } {
  let taken = false;
  return {
    take() {
      if (taken) return undefined;
      taken = true;
      return () => {
        taken = false;
      };
    },
  };
}

function closedError(): GemmaError {
  return new GemmaError({ code: 'ENGINE_CLOSED', message: 'The engine is closed. Make a new one to go on.' });
}

function abortedError(): GemmaError {
  return new GemmaError({ code: 'ABORTED', message: 'The request was aborted while it waited.' });
}
