import { createInterface } from 'node:readline';
import { createLineQueue } from '../client/line-queue.ts';
import type { Input } from '../command.ts';

/** The lines that a pipe brings, one message each. */
export interface PipedLines {
  /** The next line; `undefined` when the input has ended or the signal was aborted. */
  next(): Promise<string | undefined>;
  close(): void;
}

/** Lines that wait before no more is read; what one chunk of the pipe brings comes all at once. */
const linesAheadMax = 16;

/** Reads lines of a stream that is no terminal, not much faster than they are asked for. */
export function readPipedLines(stdin: Input, signal: AbortSignal): PipedLines {
  const queue = createLineQueue();
  const lines = queue.lines[Symbol.asyncIterator]();
  const reader = createInterface({ input: stdin, terminal: false });
  let isPaused = false;
  let isClosed = false;
  reader.on('line', (line) => {
    queue.push(line);
    if (queue.length < linesAheadMax || isPaused) return;
    isPaused = true;
    reader.pause();
    void queue.drained().then(() => {
      isPaused = false;
      if (!isClosed) reader.resume();
    });
  });
  reader.on('close', () => {
    isClosed = true;
    queue.end();
  });
  // After the listeners: `close()` tells them at once.
  const onAbort = (): void => reader.close();
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();

  return {
    async next() {
      const { done, value } = await lines.next();
      return done === true ? undefined : value;
    },
    close() {
      signal.removeEventListener('abort', onAbort);
      reader.close();
    },
  };
}
