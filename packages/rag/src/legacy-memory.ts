import { memoryDefaults } from '@gemma-cli/contracts';
import type { MemoryStore, MemoryStoreOptions, RecordGroup, RecordStore, WriteResult } from '@gemma-cli/contracts';
import { createAnalyzer } from '@gemma-cli/rag-core';
import { createMemoryStore, openRecord } from '@gemma-cli/record';
import { createScanRetriever } from './scan-retriever.ts';

/**
 * Opens the memory in a folder: every search looks at every row, every write is a transaction of its own.
 *
 * @throws GemmaError `REQUEST_INVALID` for an option outside its range, `MEMORY_FORMAT`, `MEMORY_DAMAGED`,
 *   `MEMORY_UNAVAILABLE`, `DISK_FULL`.
 * @throws UnsupportedError where no driver of SQLite works.
 */
export async function create(options: MemoryStoreOptions): Promise<MemoryStore> {
  const { folder, namespace = memoryDefaults.namespace, language, embedder, log = () => undefined } = options;
  const analyzer = await createAnalyzer({ language });
  const record = await openRecord({ folder, namespace, tiers: options.tiers, durability: options.durability, log });
  try {
    const retriever = createScanRetriever({ record, analyzer, embedId: embedder?.embedId ?? null });
    log('Using standard EmbeddedVectorStore');
    return createMemoryStore({
      implementation: 'legacy',
      record,
      retriever,
      analyzer,
      commit: (group) => commitAlone(record, group),
      pendingWrites: () => 0,
      queryCache: null,
      options,
    });
  } catch (error) {
    record.close();
    throw error;
  }
}

async function commitAlone(record: RecordStore, group: RecordGroup): Promise<readonly WriteResult[]> {
  const [result] = record.commit([group]);
  if (result instanceof Error) throw result;
  return result ?? [];
}
