import { appendFileSync, closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import type { WorkerOperation } from '@gemma-cli/contracts/worker-protocol';

/** One line of a scripted worker's journal. */
export type JournalEntry = { readonly pid: number } & (
  | { readonly event: 'spawn'; readonly environment: readonly string[] }
  | { readonly event: 'call'; readonly operation: WorkerOperation; readonly params: Record<string, unknown> }
  /** Tokens that are about to be appended, and how many the sequence held before. */
  | { readonly event: 'evaluate'; readonly sequence: number; readonly tokens: number; readonly held: number }
  /** An answer begins or goes on: what the sequence holds, as readable text. */
  | { readonly event: 'decode'; readonly sequence: number; readonly prompt: string; readonly promptTokens: number }
  /** What was computed together: tokens of prompts, and one token for each answer. Only with `journalBatches`. */
  | {
      readonly event: 'batch';
      readonly shares: readonly { readonly sequence: number; readonly does: BatchWork; readonly tokens: number }[];
      readonly ms: number;
      readonly threads: number;
    }
  /** A `generate` that guessed ahead has ended. */
  | {
      readonly event: 'speculation';
      readonly type: 'prompt-lookup' | 'draft';
      readonly drafted: number;
      readonly accepted: number;
    }
  /** Pieces sent so far by one `generate`: written for the first and every 1,000th. */
  | { readonly event: 'pieces'; readonly count: number }
  | { readonly event: 'answered'; readonly operation: WorkerOperation }
  /** A fault is about to strike. */
  | { readonly event: 'fault'; readonly action: string }
);

/** What a sequence does in a batch. */
export type BatchWork = 'evaluate' | 'decode';

/** A line without the pid. Distributes over the union, which `Omit` would merge. */
export type JournalLine = JournalEntry extends infer Entry
  ? Entry extends unknown
    ? Omit<Entry, 'pid'>
    : never
  : never;

/** Adds a line. Synchronous, so that the line is there when the process dies in the next moment. */
export function writeJournal(path: string, pid: number, line: JournalLine): void {
  appendFileSync(path, `${JSON.stringify({ pid, ...line })}\n`);
}

/** Every complete line so far; none when the file does not exist yet. */
export function readJournal(path: string): readonly JournalEntry[] {
  return openJournal(path)();
}

/** Reads a journal again and again, each time only what is new. */
export function openJournal(path: string): () => readonly JournalEntry[] {
  const entries: JournalEntry[] = [];
  let read = 0;
  return () => {
    if (!existsSync(path)) return [];
    const file = openSync(path, 'r');
    try {
      const fresh = Buffer.alloc(Math.max(0, fstatSync(file).size - read));
      const complete = fresh.subarray(0, readSync(file, fresh, 0, fresh.length, read));
      const end = complete.lastIndexOf(0x0a) + 1;
      read += end;
      for (const line of complete.toString('utf8', 0, end).split('\n'))
        if (line !== '') entries.push(JSON.parse(line) as JournalEntry);
    } finally {
      closeSync(file);
    }
    return [...entries];
  };
}

/** The processes of a journal in the order of their start. */
export function journalPids(entries: readonly JournalEntry[]): readonly number[] {
  return entries.filter(({ event }) => event === 'spawn').map(({ pid }) => pid);
}
