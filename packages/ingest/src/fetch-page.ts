import { isGemmaError } from '@gemma-cli/contracts';
import { Agent, request } from 'undici';
import type { Dispatcher } from 'undici';
import type { IngestLimits } from './ingest-limits.ts';
import { tooLarge } from './open-regular-file.ts';
import { lookupPublic, refusePrivateHost } from './public-address.ts';
import { skip, throwIfAborted } from './skip.ts';

/** What an address answered. */
export interface FetchedPage {
  readonly bytes: Buffer;
  /** Without parameters, in lower case; `null` = the server did not say. */
  readonly mediaType: string | null;
  readonly charset: string | null;
  /** The path of the address that answered, the last redirect's. */
  readonly path: string;
}

/** What fetching takes. */
export interface FetchOptions {
  readonly limits: Pick<IngestLimits, 'fileBytesMax' | 'fetchMsMax' | 'redirectsMax'>;
  /** Origins that may be asked although they are of this machine or its networks. */
  readonly privateOrigins: readonly string[];
  readonly signal: AbortSignal | undefined;
}

/**
 * Gets a page without cookies, credentials or proxy. Every address on the way is checked when the connection is made, those
 * of redirects too.
 *
 * @throws GemmaError `SOURCE_UNREACHABLE`, `DOCUMENT_UNSUPPORTED`, `DOCUMENT_TOO_LARGE`, `ABORTED`.
 */
export async function fetchPage(start: URL, options: FetchOptions): Promise<FetchedPage> {
  const { limits, signal } = options;
  if (start.username !== '' || start.password !== '') {
    throw skip('DOCUMENT_UNSUPPORTED', 'it has a name or a password in it, which would be kept with the document');
  }
  // What a server says about itself is small.
  const maxHeaderSize = 32_768;
  const open = new Agent({ maxHeaderSize });
  const guarded = new Agent({ maxHeaderSize, connect: { lookup: lookupPublic } });
  function agentFor(url: URL): Dispatcher {
    if (options.privateOrigins.includes(url.origin)) return open;
    refusePrivateHost(url);
    return guarded;
  }
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), limits.fetchMsMax);
  try {
    const signals = [deadline.signal, ...(signal === undefined ? [] : [signal])];
    return await follow(start, agentFor, AbortSignal.any(signals), options);
  } catch (error) {
    throwIfAborted(signal);
    if (deadline.signal.aborted) throw skip('SOURCE_UNREACHABLE', `it was not there within ${limits.fetchMsMax} ms`);
    throw networkSkip(error);
  } finally {
    clearTimeout(timer);
    await Promise.all([open.destroy(), guarded.destroy()]);
  }
}

async function follow(
  start: URL,
  agentFor: (url: URL) => Dispatcher,
  signal: AbortSignal,
  { limits }: FetchOptions,
): Promise<FetchedPage> {
  let url = start;
  for (let redirects = 0; redirects <= limits.redirectsMax; redirects++) {
    const answer = await request(url, {
      dispatcher: agentFor(url),
      signal,
      headers: {
        'user-agent': 'gemma-cli',
        accept: 'text/html, text/markdown, text/plain, application/pdf, */*;q=0.5',
        // Nothing is unpacked, so nothing can unpack to more than was sent.
        'accept-encoding': 'identity',
      },
    });
    const location = answer.headers['location'];
    if ([301, 302, 303, 307, 308].includes(answer.statusCode) && typeof location === 'string') {
      drop(answer.body);
      url = nextUrl(url, location);
      continue;
    }
    if (answer.statusCode !== 200) {
      drop(answer.body);
      throw skip('SOURCE_UNREACHABLE', `the server answered with status ${answer.statusCode}`);
    }
    return { ...(await readAnswer(answer, limits.fileBytesMax)), path: url.pathname };
  }
  throw skip('SOURCE_UNREACHABLE', `it redirects more than ${limits.redirectsMax} times`);
}

function nextUrl(from: URL, location: string): URL {
  if (!URL.canParse(location, from.href)) throw skip('SOURCE_UNREACHABLE', 'it redirects to an address that is none');
  const url = new URL(location, from);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw skip('DOCUMENT_UNSUPPORTED', `it redirects to a ${url.protocol} address`);
  }
  if (from.protocol === 'https:' && url.protocol === 'http:') {
    throw skip('DOCUMENT_UNSUPPORTED', 'it redirects from https to http');
  }
  url.username = '';
  url.password = '';
  return url;
}

async function readAnswer(answer: Dispatcher.ResponseData, bytesMax: number): Promise<Omit<FetchedPage, 'path'>> {
  const encoding = answer.headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') {
    drop(answer.body);
    throw skip('DOCUMENT_UNSUPPORTED', 'the server sends it compressed, which it was not asked for');
  }
  const said = Number(answer.headers['content-length'] ?? 0);
  if (said > bytesMax) {
    drop(answer.body);
    throw tooLarge(bytesMax, said);
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw tooLarge(bytesMax);
    chunks.push(chunk);
  }
  const type = answer.headers['content-type'];
  const [mediaType = '', ...parameters] = (Array.isArray(type) ? (type[0] ?? '') : (type ?? '')).split(';');
  const charset = parameters.map((parameter) => /^\s*charset="?([\w:.-]+)"?\s*$/iu.exec(parameter)?.[1]);
  return {
    bytes: Buffer.concat(chunks, bytes),
    mediaType: mediaType.trim().toLowerCase() || null,
    charset: charset.find((label) => label !== undefined) ?? null,
  };
}

function drop(body: Dispatcher.ResponseData['body']): void {
  // A body that nobody reads still reports the end of its connection: that is no event for anyone.
  body.on('error', () => undefined);
  body.destroy();
}

function networkSkip(error: unknown): Error {
  if (isGemmaError(error)) return error;
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  const reason = networkReasons[String(code)] ?? `it could not be fetched (${String(message)})`;
  return skip('SOURCE_UNREACHABLE', reason, error);
}

const networkReasons: Readonly<Record<string, string>> = {
  ENOTFOUND: 'the name of its host is not known',
  EAI_AGAIN: 'the name of its host could not be looked up',
  ECONNREFUSED: 'its host refused the connection',
  ECONNRESET: 'its host cut the connection',
  UND_ERR_SOCKET: 'its host cut the connection',
  UND_ERR_CONNECT_TIMEOUT: 'its host could not be reached in time',
};
