import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Embedder, MemoryStore } from '@gemma-cli/contracts';
import { create } from '@gemma-cli/rag-optimized';
import { withTemporaryFolder } from '@gemma-cli/testkit';
import { ingestDocuments, type IngestResult } from '../src/memory/index.ts';

/** A folder, a memory, and a way to put documents there. */
export interface MemoryTrial {
  readonly folder: string;
  readonly memory: MemoryStore;
  /** Writes files by name and ingests the folder that they are in. */
  ingest(files: Readonly<Record<string, string>>): Promise<IngestResult>;
}

/** Runs `body` with a real memory in a folder that goes with the test. Default: without an embedder. */
export function tryMemory(body: (trial: MemoryTrial) => Promise<void>, embedder?: Embedder): Promise<void> {
  return withTemporaryFolder(async (folder) => {
    const documents = join(folder, 'docs');
    await mkdir(documents);
    const memory = await create({ folder: join(folder, 'memory'), embedder });
    try {
      await body({
        folder: documents,
        memory,
        async ingest(files) {
          for (const [name, text] of Object.entries(files)) await writeFile(join(documents, name), text);
          for await (const event of ingestDocuments(memory, ['.'], { cwd: documents }))
            if (event.type === 'ingest-end') return event.result;
          throw new Error('The ingest did not end.');
        },
      });
    } finally {
      await memory.close();
    }
  });
}
