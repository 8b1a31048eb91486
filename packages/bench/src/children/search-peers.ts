import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type * as Orama from '@orama/orama';
import type * as FlexSearch from 'flexsearch';
import type * as MiniSearchModule from 'minisearch';
import { memoryDefaults } from '@gemma-cli/contracts';
import type { ImplementationName, NewDocument, QueryTerm, RecordStore } from '@gemma-cli/contracts';
import { createAnalyzer } from '@gemma-cli/rag-core';
import { memoryModules, openMemory } from '../quality/search-collection.ts';

/** What searches. Those of Python are measured by a script. */
export type SearchPeerName =
  | 'legacy'
  | 'optimized'
  | 'index'
  | 'index-all-words'
  | 'minisearch'
  | 'minisearch-stemmed'
  | 'flexsearch'
  | 'orama'
  | 'fts5';

/** An index that is open. */
export interface OpenIndex {
  /** Looks for the ten best and tells how many there were. */
  search(query: string): Promise<number> | number;
  /** Bytes of the folder that are the index. Default: all of them. */
  indexBytes?(): Promise<number> | number;
  close(): Promise<void> | void;
}

/** Something that makes an index of passages, keeps it in a folder and opens it there. */
export interface SearchPeer {
  /** The implementation that is reported. */
  readonly implementation: string;
  /** What has to be there before, and is not counted. */
  prepare?(folder: string, passages: readonly string[]): Promise<void>;
  /** Makes the index. */
  build(folder: string, passages: readonly string[]): Promise<void> | void;
  open(folder: string): Promise<OpenIndex>;
}

const limit = 10;

/** Loads what a peer needs: modules are no part of what is measured. */
export async function openPeer(name: SearchPeerName): Promise<SearchPeer> {
  switch (name) {
    case 'legacy':
    case 'optimized':
      return memoryPeer(name);
    case 'index':
      return indexPeer({ allWords: false });
    case 'index-all-words':
      return indexPeer({ allWords: true });
    case 'minisearch':
      return miniSearchPeer({ stemmed: false });
    case 'minisearch-stemmed':
      return miniSearchPeer({ stemmed: true });
    case 'flexsearch':
      return flexSearchPeer();
    case 'orama':
      return oramaPeer();
    case 'fts5':
      return fts5Peer();
  }
}

/** The whole memory, as users call it: rows are read from the record, their checksums compared. */
async function memoryPeer(implementation: ImplementationName): Promise<SearchPeer> {
  const { findSqlDriver } = await import('@gemma-cli/record');
  // What the memory itself loads when it is needed first.
  await Promise.all([memoryModules[implementation](), findSqlDriver(), createAnalyzer()]);
  return {
    implementation,
    async build(folder, passages) {
      const store = await openMemory(implementation, { folder });
      for (const document of documentsOf(passages)) await store.putDocument(document);
      await store.flush();
      // What is derived is made by the first search at the latest.
      await store.search({ query: 'ready', mode: 'lexical' });
      await store.close();
    },
    async open(folder) {
      const store = await openMemory(implementation, { folder, enableQueryCache: false });
      return {
        search: async (query) => (await store.search({ query, mode: 'lexical', limit })).hits.length,
        indexBytes: async () => (await store.stats()).disk.indexBytes,
        close: () => store.close(),
      };
    },
  };
}

/** The index of the optimized memory alone: numbers of rows come out, as of the peers. */
async function indexPeer({ allWords }: { readonly allWords: boolean }): Promise<SearchPeer> {
  // Loaded by the peers that need them: what others search with must not take memory beside them.
  const [{ createIndexRetriever }, { findSqlDriver, openRecord }] = await Promise.all([
    import('@gemma-cli/rag-optimized'),
    import('@gemma-cli/record'),
  ]);
  await Promise.all([findSqlDriver(), createAnalyzer()]);
  const openIndex = async (folder: string) => {
    const record = await openRecord({
      folder,
      namespace: memoryDefaults.namespace,
      tiers: memoryDefaults.tiers,
      log: () => {},
    });
    const analyzer = await createAnalyzer();
    const retriever = await createIndexRetriever({ record, analyzer, embedId: null, folder, log: () => {} });
    retriever.sync();
    return { record, analyzer, retriever };
  };
  return {
    implementation: 'optimized',
    async prepare(folder, passages) {
      const record = await openRecord({
        folder,
        namespace: memoryDefaults.namespace,
        tiers: memoryDefaults.tiers,
        log: () => {},
      });
      putInto(record, passages);
      record.close();
    },
    async build(folder) {
      const { record, retriever } = await openIndex(folder);
      while (retriever.work(1000));
      retriever.close();
      record.close();
    },
    async open(folder) {
      const { record, analyzer, retriever } = await openIndex(folder);
      const termsOf = (query: string): readonly QueryTerm[] => {
        const terms = analyzer.query(query);
        return allWords ? terms.map((term) => ({ ...term, isStopWord: false })) : terms;
      };
      return {
        search: (query) =>
          retriever.lexical({ terms: termsOf(query), limit, allowed: null, hidden: null, explain: false }).length,
        indexBytes: () => retriever.stats().indexBytes,
        close() {
          retriever.close();
          record.close();
        },
      };
    },
  };
}

/** MiniSearch: as it is, or with our analyzer and without stop words. */
async function miniSearchPeer({ stemmed }: { readonly stemmed: boolean }): Promise<SearchPeer> {
  const { default: MiniSearch } = (await importPeer('minisearch')) as typeof MiniSearchModule;
  const analyzer = await createAnalyzer();
  const options: MiniSearchModule.Options = {
    fields: ['text'],
    ...(stemmed
      ? {
          tokenize: (text) => analyzer.query(text).flatMap(({ term, isStopWord }) => (isStopWord ? [] : [term])),
          processTerm: (term) => term,
        }
      : {}),
  };
  return {
    implementation: 'minisearch',
    async build(folder, passages) {
      const index = new MiniSearch(options);
      for (const [id, text] of passages.entries()) index.add({ id, text });
      writeFileSync(join(folder, 'index.json'), JSON.stringify(index));
    },
    async open(folder) {
      const index = MiniSearch.loadJSON(readFileSync(join(folder, 'index.json'), 'utf8'), options);
      return { search: (query) => Math.min(limit, index.search(query).length), close: () => {} };
    },
  };
}

async function flexSearchPeer(): Promise<SearchPeer> {
  const { Index } = (await importPeer('flexsearch')) as typeof FlexSearch;
  const file = (folder: string, key: string): string => join(folder, `${key}.json`);
  return {
    implementation: 'flexsearch',
    async build(folder, passages) {
      const index = new Index({ tokenize: 'strict' });
      for (const [id, text] of passages.entries()) index.add(id, text);
      // oxlint-disable-next-line typescript/await-thenable -- its types know of no promise, which it gives
      await index.export((key: string, data: string) => {
        if (data !== undefined) writeFileSync(file(folder, key), data);
      });
    },
    async open(folder) {
      const index = new Index({ tokenize: 'strict' });
      for (const name of readdirSync(folder)) {
        index.import(name.slice(0, -'.json'.length), readFileSync(join(folder, name), 'utf8'));
      }
      return { search: (query) => index.search(query, { limit, suggest: true }).length, close: () => {} };
    },
  };
}

async function oramaPeer(): Promise<SearchPeer> {
  const { create, insert, load, save, search } = (await importPeer('@orama/orama')) as typeof Orama;
  const empty = () => create({ schema: { text: 'string' } as const });
  return {
    implementation: 'orama',
    async build(folder, passages) {
      const index = empty();
      for (const [id, text] of passages.entries()) await insert(index, { id: String(id), text });
      writeFileSync(join(folder, 'index.json'), JSON.stringify(save(index)));
    },
    async open(folder) {
      const index = empty();
      load(index, JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as ReturnType<typeof save>);
      return { search: async (query) => (await search(index, { term: query, limit })).hits.length, close: () => {} };
    },
  };
}

/** FTS5 with its Porter stemmer, terms OR-ed, without a copy of the texts. */
async function fts5Peer(): Promise<SearchPeer> {
  const { findSqlDriver } = await import('@gemma-cli/record');
  const driver = await findSqlDriver();
  const file = (folder: string): string => join(folder, 'fts5.sqlite');
  return {
    implementation: 'sqlite-fts5',
    async build(folder, passages) {
      const database = driver.open(file(folder));
      database.exec("CREATE VIRTUAL TABLE passages USING fts5(text, tokenize = 'porter unicode61', content = '')");
      database.exec('BEGIN');
      const insert = database.prepare('INSERT INTO passages (rowid, text) VALUES (?, ?)');
      for (const [id, text] of passages.entries()) insert.run(id + 1, text);
      database.exec('COMMIT');
      database.exec("INSERT INTO passages (passages) VALUES ('optimize')");
      database.close();
    },
    async open(folder) {
      const database = driver.open(file(folder));
      const select = database.prepare('SELECT rowid FROM passages WHERE passages MATCH ? ORDER BY rank LIMIT ?');
      return {
        search(query) {
          const words = query.match(/[\p{L}\p{N}]+/gu) ?? [];
          return words.length === 0 ? 0 : select.all(words.map((word) => `"${word}"`).join(' OR '), limit).length;
        },
        close: () => database.close(),
      };
    },
  };
}

/** A peer is no dependency: its name is no literal, so that nothing wants it to be one. */
async function importPeer(name: string): Promise<unknown> {
  return import(name);
}

/** Chunks of one document: about a long page. */
const chunksOfDocument = 500;

/** Made one after the other: a million chunks at a time would be memory and work of their own. */
function* documentsOf(passages: readonly string[]): Generator<NewDocument> {
  for (let from = 0; from < passages.length; from += chunksOfDocument) {
    const uri = `passages:${from}`;
    const hash = from.toString(16).padStart(64, '0');
    let end = 0;
    const chunks = passages.slice(from, from + chunksOfDocument).map((text) => {
      const start = end;
      end = start + text.length;
      return { text, source: { uri, hash, start, end } };
    });
    yield { uri, hash, bytes: end, chunks };
  }
}

function putInto(record: RecordStore, passages: readonly string[]): void {
  for (const document of documentsOf(passages)) {
    const [result] = record.commit([{ writes: [{ type: 'put-document', document }], now: Date.now() }]);
    if (result instanceof Error) throw result;
  }
}
