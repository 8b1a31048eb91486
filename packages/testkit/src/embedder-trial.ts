import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { expect } from 'vitest';
import type { Embedder, EmbedderOptions, Reranker, RerankerOptions } from '@gemma-cli/contracts';
import { withTemporaryFolder } from './temporary-folder.ts';
import { processRuns } from './until.ts';
import { journalPids, readJournal } from './worker-journal.ts';
import type { JournalEntry } from './worker-journal.ts';
import { scriptedWorker } from './worker-script.ts';
import type { WorkerScript } from './worker-script.ts';

/** An embedding package under test. */
export interface EmbedderSubject {
  /** The title of the suite. */
  readonly name: string;
  readonly createEmbedder: (options: EmbedderOptions) => Promise<Embedder>;
  readonly createReranker: (options: RerankerOptions) => Promise<Reranker>;
  /** Whether one process serves many calls; otherwise each call has a process of its own. */
  readonly keepsProcess: boolean;
}

/** A folder with a model file that no one reads, and the journal of the processes that were started for it. */
export interface EmbedderTrial {
  /** Absolute path of the model file. */
  readonly path: string;
  /** Writes another model file beside it, or over it. */
  writeModel(name: string, content: string): Promise<string>;
  /** Options with a scripted worker that gives vectors and scores. */
  options(script?: WorkerScript, rest?: Partial<EmbedderOptions>): EmbedderOptions;
  journal(): readonly JournalEntry[];
  /** The model processes in the order of their start. */
  pids(): readonly number[];
  /** Parameters of the calls of an operation, in their order. */
  calls(operation: 'load' | 'tokenize' | 'embed' | 'rank'): readonly Record<string, unknown>[];
  /** Remembers what is to be closed in the end. */
  keep<Closable extends { close(): Promise<void> }>(made: Promise<Closable>): Promise<Closable>;
}

/** Runs `body`, closes what it kept, and fails when a model process is left. */
export async function tryEmbedder(body: (trial: EmbedderTrial) => Promise<void>): Promise<void> {
  await withTemporaryFolder(async (folder) => {
    const journalPath = join(folder, 'journal.jsonl');
    const writeModel = async (name: string, content: string): Promise<string> => {
      await writeFile(join(folder, name), content);
      return join(folder, name);
    };
    const path = await writeModel('scripted.gguf', 'GGUF');
    const kept: { close(): Promise<void> }[] = [];
    const journal = (): readonly JournalEntry[] => readJournal(journalPath);
    const pids = (): readonly number[] => journalPids(journal());
    try {
      await body({
        path,
        writeModel,
        journal,
        pids,
        options: (script = {}, rest = {}) => ({
          model: { path, name: basename(path) },
          worker: scriptedWorker({
            journal: journalPath,
            capabilities: { embeddings: true, ranking: true },
            ...script,
          }),
          ...rest,
        }),
        calls: (operation) =>
          journal().flatMap((entry) => (entry.event === 'call' && entry.operation === operation ? [entry.params] : [])),
        async keep(made) {
          const closable = await made;
          kept.push(closable);
          return closable;
        },
      });
    } finally {
      await Promise.all(kept.map((closable) => closable.close()));
      const left = pids().filter((pid) => processRuns(pid));
      for (const pid of left) process.kill(pid, 'SIGKILL');
      expect(left, 'model processes that outlived close()').toEqual([]);
    }
  });
}
