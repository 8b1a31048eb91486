import type { Timings } from '@gemma-cli/contracts';

/** Takes the times of one request. */
export interface RequestClock {
  /** The request was admitted. */
  admitted(): void;
  /** A cold model became ready `loadMs` after its process was spawned. */
  loaded(loadMs: number): void;
  /** The prompt's tokens are known; their evaluation begins. */
  promptStart(): void;
  /** A token came. */
  token(): void;
  /** The times so far, as those of the whole request. */
  timings(): Timings;
}

/** Starts the clock of a request. @param now - Milliseconds, monotonic. */
export function startRequestClock(now: () => number = () => performance.now()): RequestClock {
  const start = now();
  let queueMs: number | undefined;
  let loadMs = 0;
  let promptStart: number | undefined;
  let firstToken: number | undefined;
  let lastToken = 0;
  let tokens = 0;
  return {
    admitted() {
      queueMs = now() - start;
    },
    loaded(ms) {
      loadMs = ms;
    },
    promptStart() {
      promptStart = now();
    },
    token() {
      lastToken = now();
      firstToken ??= lastToken;
      tokens += 1;
    },
    timings() {
      const totalMs = now() - start;
      return {
        queueMs: queueMs ?? totalMs,
        loadMs,
        promptMs: promptStart === undefined || firstToken === undefined ? null : firstToken - promptStart,
        ttftMs: firstToken === undefined ? null : firstToken - start,
        tpotMs: firstToken === undefined || tokens < 2 ? null : (lastToken - firstToken) / (tokens - 1),
        totalMs,
      };
    },
  };
}
