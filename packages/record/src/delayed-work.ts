/** Work that is done once, some time after it was asked for. Keeps no process alive. */
export interface DelayedWork {
  /** Not later than the delay from now. */
  plan(): void;
  /** What is planned is not done. */
  cancel(): void;
}

/** @param onError - Nobody waits for the work who could be told. */
export function createDelayedWork({
  delayMs,
  work,
  onError,
}: {
  readonly delayMs: number;
  readonly work: () => void;
  readonly onError: (error: Error) => void;
}): DelayedWork {
  let timer: NodeJS.Timeout | null = null;
  return {
    plan() {
      timer ??= setTimeout(() => {
        timer = null;
        try {
          work();
        } catch (error) {
          onError(error as Error);
        }
      }, delayMs).unref();
    },
    cancel() {
      if (timer !== null) clearTimeout(timer);
      timer = null;
    },
  };
}
