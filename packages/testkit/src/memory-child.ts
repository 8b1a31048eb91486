import type { MemoryStore, MemoryStoreOptions } from '@gemma-cli/contracts';

/** What a process of its own does with a memory. */
export interface ChildOrder {
  /** Address of a module with `create`. */
  readonly module: string;
  readonly options: Pick<MemoryStoreOptions, 'folder' | 'namespace'>;
  /** Texts to add, one write each. After each the first text is searched for. */
  readonly texts: readonly string[];
}

/** What it tells for each write: the id of the row, and how many rows it found by then. */
export interface ChildReport {
  readonly ids: readonly string[];
  readonly found: readonly number[];
}

process.once('message', (order) => {
  void work(order as ChildOrder);
});
process.send?.('ready');

async function work({ module, options, texts }: ChildOrder): Promise<void> {
  const { create } = (await import(module)) as { create(options: MemoryStoreOptions): Promise<MemoryStore> };
  const store = await create(options);
  const ids: string[] = [];
  const found: number[] = [];
  for (const text of texts) {
    ids.push((await store.add({ text, tier: 'semantic' })).id);
    found.push((await store.search({ query: 'shared', limit: 1_000 })).hits.length);
  }
  await store.close();
  process.send?.({ ids, found } satisfies ChildReport);
  process.disconnect();
}
