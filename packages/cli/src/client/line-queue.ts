/** Lines from a producer to one consumer, in order. */
export interface LineQueue {
  push(line: string): void;
  /** No line comes after this. */
  end(): void;
  /** How many lines wait. */
  readonly length: number;
  /** Resolves when no line waits, or nobody reads any more. */
  drained(): Promise<void>;
  readonly lines: AsyncIterable<string>;
}

/** Makes a queue. The producer bounds it by waiting for {@link LineQueue.drained}. */
export function createLineQueue(): LineQueue {
  const waiting: string[] = [];
  let ended = false;
  let wakeReader = (): void => undefined;
  let wakeWriter = (): void => undefined;

  async function* read(): AsyncGenerator<string> {
    try {
      for (;;) {
        const line = waiting.shift();
        if (line !== undefined) yield line;
        else if (ended) return;
        else {
          wakeWriter();
          await new Promise<void>((resolve) => {
            wakeReader = resolve;
          });
        }
      }
    } finally {
      ended = true;
      wakeWriter();
    }
  }

  return {
    push(line) {
      waiting.push(line);
      wakeReader();
    },
    end() {
      ended = true;
      wakeReader();
      wakeWriter();
    },
    get length() {
      return waiting.length;
    },
    async drained() {
      if (waiting.length === 0 || ended) return;
      await new Promise<void>((resolve) => {
        wakeWriter = resolve;
      });
    },
    lines: read(),
  };
}
