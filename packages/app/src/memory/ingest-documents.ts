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

/** Writes that may wait at once: what one commit of an optimized store can take together. */
const pendingPutsMax = 16;

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
  { writer, monotonicNow = () => performance.now(), ...reading }: IngestDocumentsOptions,
): AsyncGenerator<IngestOperationEvent, void, undefined> {
  const started = monotonicNow();
  const known = new Map((await memory.documents()).map((facts) => [facts.uri, facts]));
  /** What must be there at the end. */
  const expected = new Map<string, string>();
  const skipped: SkippedDocument[] = [];
  const counts = { documents: 0, chunks: 0, unchanged: 0, removed: 0, bytes: 0 };
  const pending = new Set<Promise<void>>();
  let failure: unknown;

  function put(document: NewDocument): void {
    const write = memory
      .putDocument(document)
      .then(() => {
        counts.documents += 1;
        counts.chunks += document.chunks.length;
        counts.bytes += document.bytes;
      })
      .catch((error: unknown) => {
        failure ??= error;
      })
      .finally(() => pending.delete(write));
    pending.add(write);
  }

  try {
    for await (const event of readDocuments(inputs, { ...reading, known: (uri) => known.get(uri)?.hash })) {
      // oxlint-disable-next-line typescript/only-throw-error -- what a write threw
      if (failure !== undefined) throw failure;
      switch (event.type) {
        case 'progress':
          yield event;
          break;
        case 'unchanged':
          counts.unchanged += 1;
          expected.set(event.uri, known.get(event.uri)?.hash ?? '');
          break;
        case 'skipped': {
          const { path, code, reason } = event;
          skipped.push({ path, code, reason });
          yield { type: 'skipped', path, code, reason };
          break;
        }
        case 'document': {
          const document = chunked(event.document, writer);
          const { uri, hash, chunks } = document;
          put(document);
          expected.set(uri, hash);
          yield { type: 'stored', uri, chunks: chunks.length, replaced: known.has(uri) };
          if (pending.size >= pendingPutsMax) await Promise.race(pending);
          break;
        }
        case 'walked': {
          await Promise.all(pending);
          const gone = [...known.keys()].filter((uri) => uri.startsWith(event.uri) && !event.found.has(uri));
          if (gone.length === 0) break;
          await memory.removeDocuments(gone, { signal: reading.signal });
          counts.removed += gone.length;
          yield { type: 'removed', uris: gone };
          break;
        }
      }
    }
  } finally {
    // What was begun is finished: nobody writes after the end.
    await Promise.all(pending);
  }
  // oxlint-disable-next-line typescript/only-throw-error -- what a write threw
  if (failure !== undefined) throw failure;
  const readBack = checkReadBack(await memory.documents(), expected);
  yield { type: 'ingest-end', result: { ...counts, skipped, tookMs: monotonicNow() - started }, readBack };
}

/** What {@link watchIntoMemory} tells: one change of the folder at a time. */
export type WatchOperationEvent =
  | { readonly type: 'ready'; readonly files: number }
  | { readonly type: 'stored'; readonly uri: string; readonly chunks: number; readonly replaced: boolean }
  | ({ readonly type: 'skipped' } & SkippedDocument)
  | { readonly type: 'removed'; readonly uris: readonly string[] };

/**
 * Keeps a memory in step with files and folders until the signal ends it.
 *
 * @throws what a memory throws.
 */
export async function* watchIntoMemory(
  memory: MemoryStore,
  inputs: readonly string[],
  { writer, ...watching }: Omit<IngestDocumentsOptions, 'stdin' | 'allowUrls' | 'privateOrigins' | 'monotonicNow'>,
): AsyncGenerator<WatchOperationEvent, void, undefined> {
  const known = new Map((await memory.documents()).map(({ uri, hash }) => [uri, hash]));
  for await (const event of watchDocuments(inputs, { ...watching, known: (uri) => known.get(uri) })) {
    switch (event.type) {
      case 'ready':
        yield event;
        break;
      case 'unchanged':
        break;
      case 'skipped': {
        const { path, code, reason } = event;
        yield { type: 'skipped', path, code, reason };
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
        known.delete(event.uri);
        if ((await memory.removeDocuments([event.uri])) > 0) yield { type: 'removed', uris: [event.uri] };
        break;
    }
  }
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
