import { GemmaError, toGemmaError } from '@gemma-cli/contracts';
import { abortedError, closedError } from './errors.ts';

/** Lets work start in order of arrival, as seats get free, with a bound on those that wait. */
export interface AdmissionQueue {
  /** How many wait now. */
  readonly waiting: number;
  /**
   * Waits until everybody before has started and `take` gives a seat. Resolves with how to leave it; calling that twice
   * is harmless.
   *
   * @param take - Takes a seat and gives how to leave it, or nothing when none is free. Asked again whenever one is left.
   *   A promise keeps the place in the line while it is looked for where the seats are. Whoever looks for longer than
   *   `lookMsMax` is passed by until it is known.
   * @throws GemmaError `ENGINE_BUSY` when the queue is full, `ENGINE_CLOSED` after `close`, `ABORTED` when the signal is
   *   aborted before the turn comes; what the promise of `take` throws.
   */
  enter(take: TakeSeat | Promise<TakeSeat>, signal?: AbortSignal): Promise<() => void>;
  /** A seat may have got free in another way than by leaving one: whoever is first asks again. */
  retry(): void;
  /** Fails everybody who waits, and everybody who comes later, with `ENGINE_CLOSED`. */
  close(): void;
}

/** Takes a seat and gives how to leave it, or nothing when none is free. */
type TakeSeat = () => (() => void) | undefined;

/** How long somebody who still looks for a seat keeps those behind waiting, in milliseconds: a file on a dead drive. */
const defaultLookMsMax = 1_000;

interface Waiter {
  /** Nothing as long as it is looked for. */
  take: TakeSeat | undefined;
  /** Whether it was looked for too long, so that others pass by. */
  isLate: boolean;
  readonly admit: (leave: () => void) => void;
  readonly fail: (error: GemmaError) => void;
}

/** Makes a queue in which at most `waitingMax` wait. */
export function createAdmissionQueue({
  waitingMax,
  lookMsMax = defaultLookMsMax,
}: {
  readonly waitingMax: number;
  readonly lookMsMax?: number;
}): AdmissionQueue {
  const waiters: Waiter[] = [];
  let closed = false;

  /** A seat that is left at most once, and then offered to the first who waits. */
  function seat(leave: () => void): () => void {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      leave();
      advance();
    };
  }

  /** Seats whoever can be seated, in order of arrival, and turns away those who would be too many to wait. */
  function advance(): void {
    let isFull = false;
    let waiting = 0;
    for (let waiter = waiters[0]; waiter !== undefined; waiter = waiters[waiting]) {
      // Whoever came first is first served, also when a later one could start now.
      if (waiter.take === undefined && !waiter.isLate) return;
      const leave = isFull ? undefined : waiter.take?.();
      if (leave !== undefined) {
        remove(waiter);
        waiter.admit(seat(leave));
        continue;
      }
      isFull ||= waiter.take !== undefined;
      if (waiting < waitingMax) {
        waiting += 1;
        continue;
      }
      remove(waiter);
      waiter.fail(busy(waitingMax));
    }
  }

  function remove(waiter: Waiter): void {
    const index = waiters.indexOf(waiter);
    if (index >= 0) waiters.splice(index, 1);
  }

  /** Those who certainly wait: who still looks for a seat, and those behind, may be seated in a moment. */
  function waitingForSeat(): number {
    const looking = waiters.findIndex(({ take, isLate }) => take === undefined && !isLate);
    return looking < 0 ? waiters.length : looking;
  }

  return {
    get waiting() {
      return waiters.length;
    },
    enter(take, signal) {
      const isKnown = typeof take === 'function';
      // Whoever is turned away at once does not hear what the search gives.
      if (!isKnown) take.catch(() => {});
      if (closed) return Promise.reject(closedError());
      if (signal?.aborted) return Promise.reject(abortedError('The request was aborted while it waited.'));
      const leave = isKnown && waiters.length === 0 ? take() : undefined;
      if (leave !== undefined) return Promise.resolve(seat(leave));
      if (waitingForSeat() >= waitingMax) return Promise.reject(busy(waitingMax));
      return new Promise((resolve, reject) => {
        const lateTimer = isKnown ? undefined : setTimeout(onLate, lookMsMax);
        const settle = (): void => {
          clearTimeout(lateTimer);
          signal?.removeEventListener('abort', onAbort);
        };
        const waiter: Waiter = {
          take: isKnown ? take : undefined,
          isLate: false,
          admit: (left) => {
            settle();
            resolve(left);
          },
          fail: (error) => {
            settle();
            reject(error);
          },
        };
        function leaveLine(error: unknown): void {
          remove(waiter);
          waiter.fail(toGemmaError(error));
          // The next one may fit where this one did not.
          advance();
        }
        function onLate(): void {
          waiter.isLate = true;
          advance();
        }
        function onAbort(): void {
          leaveLine(abortedError('The request was aborted while it waited.'));
        }
        signal?.addEventListener('abort', onAbort, { once: true });
        waiters.push(waiter);
        if (isKnown) return;
        take.then((found) => {
          clearTimeout(lateTimer);
          waiter.take = found;
          advance();
        }, leaveLine);
      });
    },
    retry: advance,
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

function busy(waitingMax: number): GemmaError {
  return new GemmaError({
    code: 'ENGINE_BUSY',
    message: `Expected at most ${waitingMax} waiting requests, and ${waitingMax} wait already. Try again later, or raise engine.queue_max.`,
    facts: { waiting: waitingMax, waitingMax },
  });
}
