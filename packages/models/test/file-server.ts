import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** A request that arrived. */
export interface SeenRequest {
  readonly path: string;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
  readonly authorization: string | undefined;
}

/** A server on a loopback port, ended with the test. */
export interface FileServer {
  /** Without a slash at the end. */
  readonly url: string;
  readonly requests: readonly SeenRequest[];
}

export type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

/** Answers every request by the handler of its path; `count` is 0 for the first request to that path. */
export async function startServer(handlers: Readonly<Record<string, Handler>>): Promise<FileServer> {
  const requests: SeenRequest[] = [];
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const count = requests.filter((seen) => seen.path === path).length;
    requests.push({
      path,
      range: request.headers.range,
      ifRange: request.headers['if-range'] as string | undefined,
      authorization: request.headers.authorization,
    });
    const handler = handlers[path];
    if (handler === undefined) response.writeHead(404).end('no such file');
    else handler(request, response, count);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

export interface FileBehaviour {
  /** Strong ETag without quotes. Default 'one'. `null`: none. */
  readonly etag?: string | null;
  readonly lastModified?: string;
  readonly ignoresRange?: boolean;
  /** Does not compare If-Range. */
  readonly ignoresIfRange?: boolean;
  /** Sends so many bytes of the answer and cuts the connection. */
  readonly cutAfterBytes?: number;
  /** Sends so many bytes of the answer and then nothing. */
  readonly stallAfterBytes?: number;
  /** Added to the length that is told. */
  readonly lengthLie?: number;
  /** No Content-Length. */
  readonly chunked?: boolean;
}

/** Time for the bytes to be read: a client may drop what it has not read when the connection ends. */
const cutMs = 150;

/** Sends a file as a good server would, but for what the behaviour says. */
export function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Buffer,
  behaviour: FileBehaviour = {},
): void {
  const etag = behaviour.etag === null ? undefined : `"${behaviour.etag ?? 'one'}"`;
  if (etag !== undefined) response.setHeader('etag', etag);
  if (behaviour.lastModified !== undefined) response.setHeader('last-modified', behaviour.lastModified);
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? '0');
  const ifRange = request.headers['if-range'];
  const matches = ifRange === undefined || ifRange === etag || ifRange === behaviour.lastModified;
  const isPartial =
    request.headers.range !== undefined &&
    behaviour.ignoresRange !== true &&
    (matches || behaviour.ignoresIfRange === true);
  if (isPartial && from >= bytes.length) {
    response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
    return;
  }
  const body = isPartial ? bytes.subarray(from) : bytes;
  if (isPartial) response.setHeader('content-range', `bytes ${from}-${bytes.length - 1}/${bytes.length}`);
  if (behaviour.chunked !== true) response.setHeader('content-length', body.length + (behaviour.lengthLie ?? 0));
  response.writeHead(isPartial ? 206 : 200);
  const limit = behaviour.cutAfterBytes ?? behaviour.stallAfterBytes;
  if (limit !== undefined && limit < body.length) {
    response.write(body.subarray(0, limit), () => {
      if (behaviour.cutAfterBytes !== undefined) setTimeout(() => response.socket?.destroy(), cutMs);
    });
    return;
  }
  if ((behaviour.lengthLie ?? 0) > 0) response.write(body, () => setTimeout(() => response.socket?.destroy(), cutMs));
  else if ((behaviour.lengthLie ?? 0) < 0) response.socket?.end(rawAnswer(response, body, behaviour.lengthLie ?? 0));
  else response.end(body);
}

/** Node refuses to send more than it said: here it is written past it. */
function rawAnswer(response: ServerResponse, body: Buffer, lie: number): Buffer {
  const etag = response.getHeader('etag');
  const head = `HTTP/1.1 200 OK\r\ncontent-length: ${body.length + lie}\r\n${etag === undefined ? '' : `etag: ${String(etag)}\r\n`}connection: close\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}
