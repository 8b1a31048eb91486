import {
  GemmaError,
  type DocumentFacts,
  type ErrorCode,
  type MemoryStore,
  type NewDocument,
} from '@gemma-cli/contracts';
import {
  readDocuments,
  watchDocuments,
  type IngestDocument,
  type IngestProgress,
  type ReadDocumentsOptions,
  type WatchDocumentsOptions,
  type WatchEvent,
  type WatchReady,
} from '@gemma-cli/ingest';
import { chunkDocument } from '@gemma-cli/rag-core';

/** A file that was left out, and why. */
export interface SkippedDocument {
  /** As it was given or found. */
  readonly path: string;
  readonly code: ErrorCode;
  /** What was found, in words. */
  readonly reason: string;
}

/** What came of an ingest. */
export interface IngestResult {
  /** Documents that are new or have changed. */
  readonly documents: number;
  /** Their chunks. */
  readonly chunks: number;
  /** Documents whose bytes were known. */
  readonly unchanged: number;
  /** Documents that went because their file is no longer there. */
  readonly removed: number;
  readonly skipped: readonly SkippedDocument[];
  /** Bytes of what is new or has changed. */
  readonly bytes: number;
  readonly tookMs: number;
}

/** What was read back from the memory at the end: all that was ingested, unchanged documents included. */
export interface IngestReadBack {
  readonly documents: number;
  readonly chunks: number;
}

/** What {@link ingestDocuments} tells. */
export type IngestOperationEvent =
  | IngestProgress
  | { readonly type: 'stored'; readonly uri: string; readonly chunks: number; readonly replaced: boolean }
  | ({ readonly type: 'skipped' } & SkippedDocument)
  | { readonly type: 'removed'; readonly uris: readonly string[] }
  | { readonly type: 'ingest-end'; readonly result: IngestResult; readonly readBack: IngestReadBack };

/** What {@link ingestDocuments} takes beside its inputs. */
export interface IngestDocumentsOptions extends Omit<ReadDocumentsOptions, 'known'> {
  /** Who ingests: `writer` of the rows. Default: nobody. */
  readonly writer?: string | undefined;
  /** Milliseconds since some moment. Default `performance.now`. */
  readonly monotonicNow?: (() => number) | undefined;
}

/**
 * Puts files, folders, pages and a stream into a memory: what has changed takes the place of what was there, by the hash of
 * its bytes; what vanished below an ingested folder goes; what cannot be read is told and left as it was. At the end
 * everything is read back.
 *
 * Each document is put in one step: whatever ends the ingest, the memory holds whole documents, each old or new.
 *
 * @throws GemmaError `ABORTED`, `REQUEST_INVALID`, `MEMORY_DAMAGED` when what was written is not there afterwards, and what a
 *   memory throws.
 */
export async function* ingestDocuments(
  memory: MemoryStore,
  inputs: readonly string[],
  options: IngestDocumentsOptions,
): AsyncGenerator<IngestOperationEvent, void, undefined> {
  yield* ingestInto({ memory, inputs, expected: new Map(), ...options });
}

async function* ingestInto({
  memory,
  inputs,
  expected,
  writer,
  monotonicNow = () => performance.now(),
  ...reading
}: IngestDocumentsOptions & {
  readonly memory: MemoryStore;
  readonly inputs: readonly string[];
  /** Filled with the addresses and hashes of what must be there at the end. */
  readonly expected: Map<string, string>;
}): AsyncGenerator<IngestOperationEvent, void, undefined> {
  const started = monotonicNow();
  const known = new Map((await memory.documents()).map(({ uri, hash }) => [uri, hash]));
  const skipped: SkippedDocument[] = [];
  const counts = { documents: 0, chunks: 0, unchanged: 0, removed: 0, bytes: 0 };
  let unindexed = 0;
  const writes = createDocumentWrites(memory, (uri) => known.has(uri));

  /** Tells what has become durable since it was asked last. */
  function* stored(): Generator<IngestOperationEvent> {
    for (const { event, bytes } of writes.done()) {
      counts.documents += 1;
      counts.chunks += event.chunks;
      counts.bytes += bytes;
      unindexed += event.chunks;
      yield event;
    }
  }

  /** A question lets a memory take over what was written; else the first one of its user would wait for all of it. */
  async function index(): Promise<void> {
    unindexed = 0;
    // Any word does. One that hardly any text has costs nothing else.
    await memory.search({ query: 'gemmaingestindex', mode: 'lexical', limit: 1 });
  }

  try {
    for await (const event of readDocuments(inputs, { ...reading, known: (uri) => known.get(uri) })) {
      switch (event.type) {
        case 'progress':
          yield event;
          break;
        case 'unchanged':
          counts.unchanged += 1;
          expected.set(event.uri, known.get(event.uri) ?? '');
          break;
        case 'skipped': {
          const { path, code, reason } = event;
          skipped.push({ path, code, reason });
          yield { type: 'skipped', path, code, reason };
          break;
        }
        case 'document': {
          const document = chunked(event.document, writer);
          expected.set(document.uri, document.hash);
          await writes.put(document, event.document.text.length);
          break;
        }
        case 'walked': {
          await writes.settle();
          const gone = [...known.keys()].filter((uri) => uri.startsWith(event.uri) && !event.found.has(uri));
          if (gone.length === 0) break;
          await memory.removeDocuments(gone, { signal: reading.signal });
          counts.removed += gone.length;
          yield { type: 'removed', uris: gone };
          break;
        }
      }
      yield* stored();
      if (unindexed >= indexStepChunks) await index();
    }
    await writes.settle();
    yield* stored();
    await index();
  } finally {
    // What was begun is finished: nobody writes after the end.
    await writes.idle();
  }
  const readBack = checkReadBack(await memory.documents(), expected);
  yield { type: 'ingest-end', result: { ...counts, skipped, tookMs: monotonicNow() - started }, readBack };
}

/** What {@link watchIntoMemory} tells: all of an ingest, then that it watches, then one change of the files at a time. */
export type WatchOperationEvent = IngestOperationEvent | { readonly type: 'ready'; readonly files: number };

/**
 * Ingests files and folders, and then keeps the memory in step with them until the signal ends it.
 *
 * @throws what {@link ingestDocuments} throws, `ABORTED` only before its end; and what a memory throws.
 */
export async function* watchIntoMemory(
  memory: MemoryStore,
  inputs: readonly string[],
  options: Omit<IngestDocumentsOptions, 'stdin' | 'allowUrls' | 'privateOrigins'> &
    Pick<WatchDocumentsOptions, 'settleMs' | 'pollMs'>,
): AsyncGenerator<WatchOperationEvent, void, undefined> {
  const { writer, settleMs, pollMs, monotonicNow, ...reading } = options;
  const told = new Set<string>();
  const ingested = new Map<string, string>();
  for await (const event of ingestInto({ memory, inputs, expected: ingested, writer, monotonicNow, ...reading })) {
    if (event.type === 'skipped') told.add(skipKey(event));
    yield event;
  }
  const known = new Map((await memory.documents()).map(({ uri, hash }) => [uri, hash]));
  let isReady = false;

  /** Takes out what is no longer there. */
  async function* remove(uri: string): AsyncGenerator<WatchOperationEvent> {
    known.delete(uri);
    if ((await memory.removeDocuments([uri])) > 0) yield { type: 'removed', uris: [uri] };
  }

  for await (const event of watchDocuments(inputs, { ...reading, settleMs, pollMs, known: (uri) => known.get(uri) })) {
    // The first look is at what the ingest has seen: what it does not see any more went in between.
    if (!isReady && event.type !== 'ready') ingested.delete(uriOf(event));
    switch (event.type) {
      case 'ready':
        isReady = true;
        yield event;
        for (const uri of ingested.keys()) yield* remove(uri);
        break;
      case 'unchanged':
        break;
      case 'skipped': {
        const { path, code, reason } = event;
        if (isReady || !told.has(skipKey(event))) yield { type: 'skipped', path, code, reason };
        break;
      }
      case 'document': {
        const document = chunked(event.document, writer);
        const { uri, hash, chunks } = document;
        await memory.putDocument(document);
        const replaced = known.has(uri);
        known.set(uri, hash);
        yield { type: 'stored', uri, chunks: chunks.length, replaced };
        break;
      }
      case 'removed':
        yield* remove(event.uri);
        break;
    }
  }
}

function uriOf(event: Exclude<WatchEvent, WatchReady>): string {
  return event.type === 'document' ? event.document.uri : (event.uri ?? '');
}

function skipKey({ path, code, reason }: SkippedDocument): string {
  return [path, code, reason].join('\n');
}

/** Chunks after which a memory takes over what was written: some tenths of a second of work. */
const indexStepChunks = 500;

/** Writes that may wait at once: what one commit of an optimized store can take together. */
const pendingPutsMax = 16;
/** Characters of their texts together, so that sixteen books do not wait in memory at once. One may have more. */
const pendingCharactersMax = 16 * 1024 * 1024;

/** A document that has become durable. */
interface StoredDocument {
  readonly event: Extract<IngestOperationEvent, { readonly type: 'stored' }>;
  /** Of its source. */
  readonly bytes: number;
}

/** Writes of documents, several at once. */
interface DocumentWrites {
  /** Begins to write one, as soon as there is room for it. Throws what an earlier one failed with. */
  put(document: NewDocument, characters: number): Promise<void>;
  /** What has become durable since it was asked last. */
  done(): readonly StoredDocument[];
  /** Until nothing is written any more. Throws what a write failed with. */
  settle(): Promise<void>;
  /** Until nothing is written any more. */
  idle(): Promise<void>;
}

function createDocumentWrites(memory: MemoryStore, isKnown: (uri: string) => boolean): DocumentWrites {
  const pending = new Set<Promise<void>>();
  let pendingCharacters = 0;
  let stored: StoredDocument[] = [];
  let failure: { readonly error: unknown } | null = null;

  function throwFailure(): void {
    if (failure !== null) throw failure.error;
  }

  function isFull(characters: number): boolean {
    if (pending.size === 0) return false;
    return pending.size >= pendingPutsMax || pendingCharacters + characters > pendingCharactersMax;
  }

  return {
    async put(document, characters) {
      while (isFull(characters)) await Promise.race(pending);
      throwFailure();
      const { uri, bytes, chunks } = document;
      const replaced = isKnown(uri);
      pendingCharacters += characters;
      const write = memory
        .putDocument(document)
        .then(
          () => {
            stored.push({ event: { type: 'stored', uri, chunks: chunks.length, replaced }, bytes });
          },
          (error: unknown) => {
            failure ??= { error };
          },
        )
        .finally(() => {
          pendingCharacters -= characters;
          pending.delete(write);
        });
      pending.add(write);
    },
    done() {
      const now = stored;
      stored = [];
      return now;
    },
    async settle() {
      await Promise.all(pending);
      throwFailure();
    },
    async idle() {
      await Promise.all(pending);
    },
  };
}

/** A document as a memory takes it. */
function chunked({ uri, hash, bytes, ...source }: IngestDocument, writer: string | undefined): NewDocument {
  const chunks = chunkDocument(source).map(({ text, title, start, end }) => ({
    text,
    title,
    source: { uri, hash, start, end },
    writer,
  }));
  return { uri, hash, bytes, chunks };
}

/** Counts what is there of what must be. */
function checkReadBack(there: readonly DocumentFacts[], expected: ReadonlyMap<string, string>): IngestReadBack {
  const found = there.filter(({ uri, hash }) => expected.get(uri) === hash);
  if (found.length < expected.size) {
    const uris = new Set(found.map(({ uri }) => uri));
    const missing = [...expected.keys()].filter((uri) => !uris.has(uri));
    throw new GemmaError({
      code: 'MEMORY_DAMAGED',
      message: `Expected ${expected.size} documents in the memory after they were written, found ${found.length}; ${missing[0]} is missing or has changed. If nothing else writes to this memory, run \`gemma memory verify\`.`,
      facts: { expected: expected.size, found: found.length, missing: missing.slice(0, 10) },
    });
  }
  return { documents: found.length, chunks: found.reduce((sum, { chunks }) => sum + chunks, 0) };
}
