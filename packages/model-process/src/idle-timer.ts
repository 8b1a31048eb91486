/** Rings once nobody asked for a while. */
export interface IdleTimer {
  /** When it rings, in milliseconds since 1970. `null` = it does not run, or never rings. */
  readonly until: number | null;
  /** Begins to wait, from now on. @param onIdle - Called when the time is over. */
  start(onIdle: () => void): void;
  stop(): void;
}

/** setTimeout cannot wait longer. */
const timeoutMsMax = 2 ** 31 - 1;

/** Makes a timer that rings after `idleMs`; Infinity = never. */
export function createIdleTimer(idleMs: number): IdleTimer {
  let timer: NodeJS.Timeout | undefined;
  let until: number | null = null;

  function stop(): void {
    clearTimeout(timer);
    until = null;
  }

  return {
    get until() {
      return until;
    },
    start(onIdle) {
      stop();
      if (idleMs === Number.POSITIVE_INFINITY) return;
      const waitMs = Math.min(idleMs, timeoutMsMax);
      until = Date.now() + waitMs;
      timer = setTimeout(() => {
        until = null;
        onIdle();
      }, waitMs);
    },
    stop,
  };
}
