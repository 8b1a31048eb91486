import { readFile } from 'node:fs/promises';
import * as tls from 'node:tls';
import { GemmaError } from '@gemma-cli/contracts';
import { EnvHttpProxyAgent, request } from 'undici';
import type { Dispatcher } from 'undici';
import { abortedError } from './aborted-error.ts';

/** Most redirects of one request. The hub needs one or two. */
const redirectsMax = 10;

/** What an HTTP client takes. */
export interface HttpClientOptions {
  /** Proxies and `NODE_EXTRA_CA_CERTS` are read from here. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** How long a server may take to begin its answer, name look-up and handshakes included, in milliseconds. */
  readonly connectMsMax: number;
  /** How long a running answer may bring no byte, in milliseconds. */
  readonly stallMsMax: number;
}

/** One GET. */
export interface HttpGet {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A secret that goes to the origin of `url` and never, by a redirect, to another. */
  readonly bearer?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The beginning of an answer. */
export interface HttpAnswer {
  readonly status: number;
  /** By lower-case name; the last of several. */
  readonly header: (name: string) => string | null;
  /** The bytes. Read to the end, or call `drop`. */
  readonly body: AsyncIterable<Buffer>;
  /** Ends the answer without reading on. */
  readonly drop: () => void;
}

/** Makes GET requests through the proxies of an environment. */
export interface HttpClient {
  /** @throws GemmaError `SOURCE_UNREACHABLE`, `ABORTED`. */
  get(get: HttpGet): Promise<HttpAnswer>;
  /** The whole body as JSON, refused above `bytesMax`. */
  json(answer: HttpAnswer, bytesMax: number): Promise<unknown>;
  close(): Promise<void>;
}

/** A client that reads its certificates at the first request. */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  let dispatcher: Promise<Dispatcher> | undefined;

  async function hop(url: URL, get: HttpGet, bearer: string | undefined) {
    const silence = new AbortController();
    const timer = setTimeout(() => silence.abort(), options.connectMsMax);
    try {
      dispatcher ??= createDispatcher(options);
      return await request(url, {
        dispatcher: await dispatcher,
        method: 'GET',
        headers: {
          'user-agent': 'gemma-cli',
          'accept-encoding': 'identity',
          ...get.headers,
          ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        },
        headersTimeout: 0,
        bodyTimeout: options.stallMsMax,
        signal: AbortSignal.any([silence.signal, ...(get.signal === undefined ? [] : [get.signal])]),
      });
    } catch (error) {
      if (get.signal?.aborted === true) throw abortedError();
      const reason = silence.signal.aborted ? `no answer within ${options.connectMsMax} ms` : networkReason(error);
      throw unreachable(url, reason, error);
    } finally {
      // The signal stays with the body, which has its own deadline: only the wait for the headers ends here.
      clearTimeout(timer);
    }
  }

  return {
    async get(get) {
      const start = new URL(get.url);
      let url = start;
      for (let redirects = 0; redirects <= redirectsMax; redirects++) {
        const answer = await hop(url, get, url.origin === start.origin ? get.bearer : undefined);
        // A body that nobody reads still reports the end of its connection: that is no event for anyone.
        answer.body.on('error', () => undefined);
        const location = answer.headers['location'];
        if (![301, 302, 303, 307, 308].includes(answer.statusCode) || typeof location !== 'string') {
          return toAnswer(answer);
        }
        answer.body.destroy();
        url = nextUrl(url, location);
      }
      throw unreachable(start, `more than ${redirectsMax} redirects`);
    },
    async json(answer, bytesMax) {
      const chunks: Buffer[] = [];
      let bytes = 0;
      for await (const chunk of answer.body) {
        bytes += chunk.length;
        if (bytes > bytesMax) throw new Error(`an answer of more than ${bytesMax} bytes`);
        chunks.push(chunk);
      }
      return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
    },
    async close() {
      // A dispatcher that could not be made has nothing to close; who wanted it was told why.
      await dispatcher?.then(
        (made) => made.destroy(),
        () => undefined,
      );
    },
  };
}

function toAnswer(answer: Dispatcher.ResponseData): HttpAnswer {
  return {
    status: answer.statusCode,
    header(name) {
      const value = answer.headers[name];
      return (Array.isArray(value) ? value.at(-1) : value) ?? null;
    },
    body: answer.body as AsyncIterable<Buffer>,
    drop: () => {
      answer.body.destroy();
    },
  };
}

function nextUrl(from: URL, location: string): URL {
  let url: URL;
  try {
    url = new URL(location, from);
  } catch (error) {
    throw unreachable(from, 'it redirects to an address that is none', error);
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw unreachable(from, `it redirects to a ${url.protocol} address`);
  }
  if (from.protocol === 'https:' && url.protocol === 'http:') {
    throw unreachable(from, 'it redirects from https to http');
  }
  return url;
}

async function createDispatcher(options: HttpClientOptions): Promise<Dispatcher> {
  const { env } = options;
  const extra = env['NODE_EXTRA_CA_CERTS'];
  const ca =
    extra === undefined || extra === '' ? undefined : [...defaultCertificates(), await readFile(extra, 'utf8')];
  const connect = { timeout: options.connectMsMax, ...(ca === undefined ? {} : { ca }) };
  // The agent falls back on the environment of the process where a value is undefined: an empty text says "none".
  return new EnvHttpProxyAgent({
    connect,
    ...(ca === undefined ? {} : { requestTls: { ca }, proxyTls: { ca } }),
    httpProxy: env['http_proxy'] ?? env['HTTP_PROXY'] ?? '',
    httpsProxy: env['https_proxy'] ?? env['HTTPS_PROXY'] ?? env['http_proxy'] ?? env['HTTP_PROXY'] ?? '',
    noProxy: env['no_proxy'] ?? env['NO_PROXY'] ?? '',
  });
}

/** The certificates that Node trusts: what it is told by the system and the command line, where it can say so. */
function defaultCertificates(): readonly string[] {
  const { getCACertificates } = tls as { getCACertificates?: (type: 'default') => readonly string[] };
  return getCACertificates?.('default') ?? tls.rootCertificates;
}

/** Where an address points, without what may be secret in it. */
export function publicUrl(url: string | URL): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

/** A network error in a few words. */
export function networkReason(error: unknown): string {
  const code = (error as { code?: unknown }).code;
  const message = error instanceof Error && error.message !== '' ? error.message : String(error);
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'its name cannot be resolved';
    case 'ECONNREFUSED':
      return 'the connection was refused';
    case 'ECONNRESET':
    case 'UND_ERR_SOCKET':
      return 'the connection was cut';
    case 'UND_ERR_BODY_TIMEOUT':
      return 'no byte came for too long';
    case 'UND_ERR_CONNECT_TIMEOUT':
      return 'the connection was not made in time';
    default:
      return typeof code === 'string' && !message.includes(code) ? `${message} (${code})` : message;
  }
}

function unreachable(url: URL, reason: string, cause?: unknown): GemmaError {
  return new GemmaError({
    code: 'SOURCE_UNREACHABLE',
    message: `Expected an answer of ${url.origin}: ${reason}. Check the network and HTTPS_PROXY, or try another source.`,
    facts: { url: publicUrl(url), reason },
    cause,
  });
}
