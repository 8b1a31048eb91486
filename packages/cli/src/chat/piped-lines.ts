import { createInterface } from 'node:readline';
import type { Input } from '../command.ts';

/** The lines that a pipe brings, one message each. */
export interface PipedLines {
  /** The next line; `undefined` when the input has ended or the signal was aborted. */
  next(): Promise<string | undefined>;
  close(): void;
}

/** Reads lines of a stream that is no terminal. */
export function readPipedLines(stdin: Input, signal: AbortSignal): PipedLines {
  const waiting: string[] = [];
  let closed = false;
  let wake = (): void => undefined;
  const reader = createInterface({ input: stdin, terminal: false });
  reader.on('line', (line) => {
    waiting.push(line);
    wake();
  });
  reader.on('close', () => {
    closed = true;
    wake();
  });
  // After the listeners: `close()` tells them at once.
  const onAbort = (): void => reader.close();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();

  return {
    async next() {
      while (waiting.length === 0) {
        if (closed) return undefined;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return waiting.shift();
    },
    close() {
      signal.removeEventListener('abort', onAbort);
      reader.close();
    },
  };
}
