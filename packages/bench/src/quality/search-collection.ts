import { createHash } from 'node:crypto';
import { GemmaError } from '@gemma-cli/contracts';
import type {
  Embedder,
  Implementation,
  ImplementationName,
  MemoryStore,
  MemoryStoreOptions,
  NewDocument,
  SearchMode,
} from '@gemma-cli/contracts';
import type { Collection, CollectionEntry } from './collection.ts';
import type { RankedEntry, TrecRun } from './trec-run.ts';

/** Hits of a run: what trec_eval is usually given is 100 or 1,000. */
const runDepth = 100;

/** How a collection is searched. */
export interface SearchCollectionOptions {
  readonly collection: Collection;
  readonly implementation: ImplementationName;
  readonly mode: SearchMode;
  /** Folder of the store. What is there of the collection already, unchanged, is not written again. */
  readonly folder: string;
  /** Needed for `dense` and `hybrid`. The caller closes it. */
  readonly embedder?: Embedder | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with a line now and then. Default: silence. */
  readonly onProgress?: (message: string) => void;
}

/** What came of it. */
export interface CollectionRun {
  readonly run: TrecRun;
  /** Entries without any text, which cannot be found. */
  readonly empty: number;
  readonly indexMs: number;
  readonly searchMs: number;
}

/** An implementation of the memory, by its name. */
export const memoryModules: Readonly<
  Record<ImplementationName, () => Promise<Implementation<MemoryStoreOptions, MemoryStore>>>
> = {
  legacy: () => import('@gemma-cli/rag'),
  optimized: () => import('@gemma-cli/rag-optimized'),
};

/**
 * Opens a memory of one implementation.
 *
 * @throws GemmaError `BENCH_WRONG_IMPLEMENTATION` when another one answers than the one that was asked for.
 */
export async function openMemory(
  implementation: ImplementationName,
  options: MemoryStoreOptions,
): Promise<MemoryStore> {
  const { create } = await memoryModules[implementation]();
  const store = await create(options);
  if (store.implementation === implementation) return store;
  await store.close();
  throw new GemmaError({
    code: 'BENCH_WRONG_IMPLEMENTATION',
    message: `Expected the ${implementation} memory, got ${store.implementation}.`,
    facts: { expected: implementation, got: store.implementation },
  });
}

/**
 * Puts the entries of a collection into a store, a document of one chunk each, and asks all its queries. A query with a
 * group searches the entries that have the tag of that group. There is no query cache.
 */
export async function searchCollection(options: SearchCollectionOptions): Promise<CollectionRun> {
  const { collection, implementation, mode, folder, embedder, signal, onProgress = () => {} } = options;
  const store = await openMemory(implementation, { folder, embedder, enableQueryCache: false });
  try {
    const documents = collection.entries.flatMap(documentOf);
    const indexAt = performance.now();
    await putAll(store, documents, options);
    // The first search takes over what was written; flushing also waits for the vectors.
    await store.flush();
    await checkVectors(store, documents.length, mode);
    const searchAt = performance.now();
    const run = new Map<string, readonly RankedEntry[]>();
    for (const { id, text, group } of collection.queries) {
      const filter = group === null ? {} : { tags: [groupTag(group)] };
      const { hits } = await store.search({ query: text, mode, limit: runDepth, filter }, { signal });
      run.set(
        id,
        hits.map(({ row, score }) => ({ id: entryIdOf(row.source?.uri ?? ''), score })),
      );
      if (run.size % 500 === 0) onProgress(`${run.size} of ${collection.queries.length} queries`);
    }
    return {
      run,
      empty: collection.entries.length - documents.length,
      indexMs: searchAt - indexAt,
      searchMs: performance.now() - searchAt,
    };
  } finally {
    await store.close();
  }
}

/** Writes that are under way at a time: enough for a group commit, in the order of the collection. */
const writesAtOnce = 200;

async function putAll(
  store: MemoryStore,
  documents: readonly NewDocument[],
  { signal, onProgress = () => {} }: SearchCollectionOptions,
): Promise<void> {
  const there = new Map((await store.documents()).map(({ uri, hash }) => [uri, hash]));
  const missing = documents.filter(({ uri, hash }) => there.get(uri) !== hash);
  const wanted = new Set(documents.map(({ uri }) => uri));
  const foreign = [...there.keys()].filter((uri) => !wanted.has(uri));
  if (foreign.length > 0) await store.removeDocuments(foreign, { signal });
  for (let from = 0; from < missing.length; from += writesAtOnce) {
    const group = missing.slice(from, from + writesAtOnce);
    await Promise.all(group.map((document) => store.putDocument(document, { signal })));
    if (from % 2_000 === 0) onProgress(`${from + group.length} of ${missing.length} entries`);
  }
}

async function checkVectors(store: MemoryStore, rows: number, mode: SearchMode): Promise<void> {
  if (mode === 'lexical') return;
  const { vectors } = (await store.stats()).index;
  if (vectors === rows) return;
  throw new GemmaError({
    code: 'BENCH_FAILED',
    message: `Expected a vector for each of ${rows} entries, got ${vectors}: a run without them would measure something else.`,
    facts: { rows, vectors },
  });
}

const uriPrefix = 'collection:';

function documentOf({ id, title, text, group }: CollectionEntry): readonly NewDocument[] {
  // Where the text is missing, the title is all that can be found.
  const [body, heading] = text.trim() === '' ? [title ?? '', null] : [text, title];
  if (body.trim() === '') return [];
  const uri = `${uriPrefix}${id}`;
  const hash = createHash('sha256')
    .update(JSON.stringify([heading, body, group]))
    .digest('hex');
  const source = { uri, hash, start: 0, end: body.length };
  const tags = group === null ? [] : [groupTag(group)];
  return [{ uri, hash, bytes: Buffer.byteLength(body), chunks: [{ text: body, title: heading, tags, source }] }];
}

function entryIdOf(uri: string): string {
  return uri.slice(uriPrefix.length);
}

function groupTag(group: string): string {
  return `group:${group}`;
}
