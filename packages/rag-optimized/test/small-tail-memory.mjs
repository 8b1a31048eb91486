// The optimized memory with a tail of 16 rows instead of 2,048, so that few rows make many segments and merges, and with
// an index that is tended when it is told to.
import { createAnalyzer } from '@gemma-cli/rag-core';
import { createMemoryStore, openRecord } from '@gemma-cli/record';
import { createGroupCommit } from '../dist/group-commit.js';
import { createIndexRetriever } from '../dist/index.js';

const retrievers = new WeakMap();

export async function create(options) {
  const { folder, namespace, tiers, log = () => undefined } = options;
  const analyzer = await createAnalyzer();
  const record = await openRecord({ folder, namespace, tiers, log });
  const retriever = await createIndexRetriever({ record, analyzer, embedId: null, folder, log, tailRows: 16 });
  const commit = createGroupCommit({ record, batchSize: 100 });
  const parts = { implementation: 'optimized', record, retriever, analyzer, ...commit, queryCache: null, options };
  const store = createMemoryStore(parts);
  retrievers.set(store, retriever);
  return store;
}

export function tend(store) {
  const retriever = retrievers.get(store);
  retriever.sync();
  while (retriever.work(1_000));
}
