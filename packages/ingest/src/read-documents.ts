import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { GemmaError } from '@gemma-cli/contracts';
import { cleanText } from './clean-text.ts';
import { createExtractor } from './create-extractor.ts';
import type { Extractor } from './create-extractor.ts';
import { documentKind, headBytes } from './document-kind.ts';
import type { DocumentRead, DocumentSkipped, DocumentUnchanged, IngestEvent, IngestProgress } from './ingest-event.ts';
import { ingestLimitDefaults } from './ingest-limits.ts';
import type { IngestLimits } from './ingest-limits.ts';
import { openRegularFile, readWhole, tooLarge } from './open-regular-file.ts';
import { toPageUrl } from './page-url.ts';
import { skip, skipReasonOf, throwIfAborted } from './skip.ts';
import { walkInputs } from './walk-inputs.ts';
import type { FoundFile } from './walk-inputs.ts';

/** What the input `-` reads. */
export interface IngestStream {
  /** Read once, to its end or to the limit. */
  readonly bytes: AsyncIterable<Uint8Array | string>;
  /** What the document is called in the memory. Default `stdin:`. */
  readonly uri?: string | undefined;
  /** A file name, whose ending tells the format. Default: none; the bytes decide. */
  readonly name?: string | undefined;
}

/** What reading takes. */
export interface ReadDocumentsOptions {
  /** Absolute path of the folder that relative paths and patterns begin in. */
  readonly cwd: string;
  /** What `-` reads. Default: `-` is skipped. */
  readonly stdin?: IngestStream | undefined;
  /** Whether `http:` and `https:` addresses are fetched. Default no: they are skipped. */
  readonly allowUrls?: boolean | undefined;
  /** Origins that may be asked although they are of this machine or its networks, such as `http://wiki.local`. Default: none. */
  readonly privateOrigins?: readonly string[] | undefined;
  /** Whether folders are searched for names that begin with a dot too. Default no: they hold settings and secrets. */
  readonly hidden?: boolean | undefined;
  /** The hash that the memory has of an address. A source that still has it is not turned into text again. Default: nothing is known. */
  readonly known?: ((uri: string) => string | undefined | Promise<string | undefined>) | undefined;
  /** Default: {@link ingestLimitDefaults}. */
  readonly limits?: Partial<IngestLimits> | undefined;
  /** Ends the reading with `ABORTED`. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads documents, one after the other: first the files of all paths and patterns, in the order in which they were given
 * and by name inside a folder; then addresses; then the stream. Whatever cannot be read is told and left out.
 *
 * @param inputs - Paths of files and folders, patterns, `file:` and `http(s)` addresses, `-`.
 * @throws GemmaError `ABORTED`, `REQUEST_INVALID`.
 */
export async function* readDocuments(
  inputs: readonly string[],
  options: ReadDocumentsOptions,
): AsyncGenerator<IngestEvent, void, undefined> {
  const settings = readingOf(options);
  const { signal } = settings;
  if (inputs.length === 0) {
    throw new GemmaError({
      code: 'REQUEST_INVALID',
      message: 'Expected something to read, but got no path, pattern or address. Name at least one.',
    });
  }
  yield { type: 'progress', filesDone: 0, filesTotal: null, bytesDone: 0, bytesTotal: null };
  const streams: ReadonlySet<string> = new Set(inputs.filter((input) => input === '-'));
  const pages: ReadonlySet<string> = new Set(inputs.filter((input) => input !== '-' && toPageUrl(input) !== null));
  const walk = await walkInputs(
    inputs.filter((input) => !streams.has(input) && !pages.has(input)),
    settings,
  );
  for (const { shown, uri, code, reason } of walk.leftOut) yield { type: 'skipped', path: shown, uri, code, reason };

  const sized = pages.size + streams.size === 0;
  const progress = {
    type: 'progress' as const,
    filesDone: 0,
    filesTotal: walk.files.length + pages.size + streams.size,
    bytesDone: 0,
    bytesTotal: sized ? walk.files.reduce((sum, file) => sum + file.sizeBytes, 0) : null,
  } satisfies IngestProgress;
  yield { ...progress };

  const extractor = createExtractor(settings.limits);
  try {
    for (const file of walk.files) {
      const { event } = await readFoundFile(file, settings, extractor);
      yield event;
      progress.filesDone++;
      progress.bytesDone += file.sizeBytes;
      yield { ...progress };
    }
    for (const [input, source] of [
      ...[...pages].map((input) => [input, () => pageSource(input, settings)] as const),
      ...[...streams].map((input) => [input, () => streamSource(options.stdin, settings)] as const),
    ]) {
      throwIfAborted(signal);
      const { event, bytes } = await readSource({ shown: input, source, settings, extractor });
      yield event;
      progress.filesDone++;
      progress.bytesDone += bytes;
      yield { ...progress };
    }
  } finally {
    await extractor.close();
  }
  for (const { uri, found, complete } of walk.folders) if (complete) yield { type: 'walked', uri, found };
}

/** Options with every default in its place. */
export interface Reading {
  readonly cwd: string;
  readonly allowUrls: boolean;
  readonly privateOrigins: readonly string[];
  readonly hidden: boolean;
  readonly known: (uri: string) => string | undefined | Promise<string | undefined>;
  readonly limits: IngestLimits;
  readonly signal: AbortSignal | undefined;
}

/** Puts the defaults in. */
export function readingOf(options: Omit<ReadDocumentsOptions, 'stdin'>): Reading {
  const given = Object.entries(options.limits ?? {}).filter(([, value]) => value !== undefined);
  return {
    cwd: options.cwd,
    allowUrls: options.allowUrls ?? false,
    privateOrigins: options.privateOrigins ?? [],
    hidden: options.hidden ?? false,
    known: options.known ?? (() => undefined),
    limits: { ...ingestLimitDefaults, ...Object.fromEntries(given) },
    signal: options.signal,
  };
}

/** What became of a source: exactly one of these. */
type SourceEvent = DocumentRead | DocumentUnchanged | DocumentSkipped;

/** Where bytes come from, and what is known about them before they are looked at. */
interface Source {
  readonly uri: string;
  readonly name: string | null;
  readonly bytes: Buffer;
  readonly mediaType: string | null;
  readonly charset: string | null;
}

/** Reads a file that a search found. */
export async function readFoundFile(
  file: FoundFile,
  settings: Reading,
  extractor: Extractor,
): Promise<{ readonly event: SourceEvent; readonly bytes: number }> {
  throwIfAborted(settings.signal);
  const source = () => fileSource(file, settings);
  return readSource({ shown: file.shown, uri: file.uri, source, settings, extractor });
}

async function readSource({
  shown,
  uri = null,
  source,
  settings,
  extractor,
}: {
  readonly shown: string;
  readonly uri?: string | null;
  readonly source: () => Promise<Source>;
  readonly settings: Reading;
  readonly extractor: Extractor;
}): Promise<{ readonly event: SourceEvent; readonly bytes: number }> {
  let address = uri;
  let size = 0;
  try {
    const read = await source();
    address = read.uri;
    size = read.bytes.length;
    return { event: await toEvent(read, settings, extractor), bytes: size };
  } catch (error) {
    throwIfAborted(settings.signal);
    const { code, reason } = skipReasonOf(error, 'DOCUMENT_UNREADABLE');
    if (code === 'ABORTED' || code === 'INTERNAL') throw error;
    return { event: { type: 'skipped', path: shown, uri: address, code, reason }, bytes: size };
  }
}

async function toEvent(source: Source, settings: Reading, extractor: Extractor): Promise<SourceEvent> {
  const { uri, bytes, name, charset } = source;
  const hash = createHash('sha256').update(bytes).digest('hex');
  if ((await settings.known(uri)) === hash) return { type: 'unchanged', uri, bytes: bytes.length };
  const { kind, mediaType } = documentKind({ head: bytes.subarray(0, headBytes), name, mediaType: source.mediaType });
  const extracted = await extractor.extract({ kind, bytes, charset, limits: settings.limits }, settings.signal);
  const { text, removed } = cleanText(extracted.text);
  if (text.trim() === '') throw skip('DOCUMENT_UNSUPPORTED', 'there is no text in it');
  if (text.length > settings.limits.textCharactersMax) {
    throw skip(
      'DOCUMENT_TOO_LARGE',
      `its text is longer than the ${settings.limits.textCharactersMax} characters that are read`,
    );
  }
  const title = cleanText(extracted.title ?? '')
    .text.replace(/\s+/gu, ' ')
    .trim()
    .slice(0, titleCharactersMax);
  const document = {
    uri,
    hash,
    bytes: bytes.length,
    format: extracted.format,
    title: title === '' ? name : title,
    text,
    mediaType,
    encoding: extracted.encoding,
    removedCharacters: removed,
  };
  return { type: 'document', document };
}

/** A title that is longer is a paragraph. */
const titleCharactersMax = 300;

async function fileSource(file: FoundFile, { limits, signal }: Reading): Promise<Source> {
  const opened = await openRegularFile(file);
  try {
    const name = basename(file.path);
    // A film is refused by its beginning, before the rest of it is read.
    const head = Buffer.alloc(Math.min(headBytes, opened.sizeBytes));
    const { bytesRead } = await opened.handle.read(head, 0, head.length, 0);
    documentKind({ head: head.subarray(0, bytesRead), name, mediaType: null });
    const bytes = await readWhole(opened, limits.fileBytesMax, signal);
    return { uri: file.uri, name, bytes, mediaType: null, charset: null };
  } finally {
    await opened.handle.close();
  }
}

async function pageSource(input: string, settings: Reading): Promise<Source> {
  const url = toPageUrl(input);
  if (url === null || !settings.allowUrls) {
    throw skip('DOCUMENT_UNSUPPORTED', 'addresses are not read here, only files');
  }
  const { fetchPage } = await import('./fetch-page.ts');
  const page = await fetchPage(url, settings);
  const name = basename(page.path);
  return { ...page, uri: url.href, name: name === '' ? null : name };
}

async function streamSource(stdin: IngestStream | undefined, { limits, signal }: Reading): Promise<Source> {
  if (stdin === undefined) throw skip('DOCUMENT_UNSUPPORTED', 'there is no stream to read here');
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of untilAborted(stdin.bytes, signal)) {
    const bytes =
      typeof chunk === 'string' ? Buffer.from(chunk) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    size += bytes.length;
    if (size > limits.fileBytesMax) throw tooLarge(limits.fileBytesMax);
    chunks.push(bytes);
  }
  return {
    uri: stdin.uri ?? 'stdin:',
    name: stdin.name ?? null,
    bytes: Buffer.concat(chunks, size),
    mediaType: null,
    charset: null,
  };
}

/** Ends the waiting for a stream that says nothing when the signal is aborted. */
async function* untilAborted<T>(values: AsyncIterable<T>, signal: AbortSignal | undefined): AsyncGenerator<T> {
  const iterator = values[Symbol.asyncIterator]();
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(new Error('aborted'));
    signal?.addEventListener('abort', onAbort, { once: true });
  });
  // Nobody may be waiting when it comes.
  aborted.catch(() => undefined);
  try {
    for (;;) {
      throwIfAborted(signal);
      const { done, value } = await Promise.race([iterator.next(), aborted]);
      if (done === true) return;
      yield value;
    }
  } finally {
    if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
    // Not awaited: a stream that says nothing does not answer this either.
    void iterator.return?.().catch(() => undefined);
  }
}
