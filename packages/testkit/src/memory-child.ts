import type { MemoryStore, MemoryStoreOptions } from '@gemma-cli/contracts';

/** What a process of its own does with a memory. */
export interface ChildOrder {
  /** Address of a module with `create`. */
  readonly module: string;
  readonly options: Pick<MemoryStoreOptions, 'folder' | 'namespace'>;
  /** Texts to add, one write each. Rows with the word `shared` are counted after each. */
  readonly texts: readonly string[];
  /** Counts rows so often without writing. Default 0. */
  readonly looks?: number;
}

/** What it tells. */
export interface ChildReport {
  /** Of the rows that it added. */
  readonly ids: readonly string[];
  /** What each count gave. */
  readonly found: readonly number[];
}

process.once('message', (order) => {
  void work(order as ChildOrder);
});
process.send?.('ready');

async function work({ module, options, texts, looks = 0 }: ChildOrder): Promise<void> {
  const { create } = (await import(module)) as { create(options: MemoryStoreOptions): Promise<MemoryStore> };
  const store = await create(options);
  const ids: string[] = [];
  const found: number[] = [];
  const look = async (): Promise<void> => {
    found.push((await store.search({ query: 'shared', limit: 1_000 })).hits.length);
  };
  for (const text of texts) {
    ids.push((await store.add({ text, tier: 'semantic' })).id);
    await look();
  }
  for (let count = 0; count < looks; count++) await look();
  await store.close();
  process.send?.({ ids, found } satisfies ChildReport);
  process.disconnect();
}
