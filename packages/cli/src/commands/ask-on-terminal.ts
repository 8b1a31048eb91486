import { createInterface } from 'node:readline';
import { createLineQueue } from '../client/line-queue.ts';
import type { CommandContext } from '../command.ts';
import { printLine } from './print.ts';

/** Asks questions on a terminal, one after the other. */
export interface Asker {
  /** The answer without blanks around it; `undefined` when the user left (Ctrl-C, Ctrl-D) or the command was stopped. */
  ask(question: string): Promise<string | undefined>;
  /** Gives the terminal back. */
  close(): void;
}

/** Takes the terminal for questions; what is typed ahead is kept for the next one. */
export function createAsker({ stdin, stderr, signal }: Pick<CommandContext, 'stdin' | 'stderr' | 'signal'>): Asker {
  const reader = createInterface({ input: stdin, output: stderr, terminal: true });
  const queue = createLineQueue();
  const lines = queue.lines[Symbol.asyncIterator]();
  let hasLeft = false;
  const leave = (): void => {
    hasLeft = true;
    queue.end();
  };
  reader.on('line', queue.push);
  // Ctrl-C at a question is for the question's own interface to see.
  reader.on('SIGINT', leave).on('close', leave);
  signal.addEventListener('abort', leave, { once: true });
  if (signal.aborted) leave();
  return {
    async ask(question) {
      const isAhead = queue.length > 0;
      if (!hasLeft && !isAhead) {
        reader.setPrompt(question);
        reader.prompt();
      }
      const { done, value } = await lines.next();
      const line = done === true ? undefined : value;
      // What was typed ahead answers a question that must be seen all the same.
      if (isAhead) printLine(stderr, `${question}${line ?? ''}`);
      if (line === undefined) printLine(stderr, '');
      return line?.trim();
    },
    close() {
      signal.removeEventListener('abort', leave);
      reader.close();
    },
  };
}
