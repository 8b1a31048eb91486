import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { isPublicAddress } from '../src/public-address.ts';
import { readAll } from './reading.ts';

const online = { cwd: '/', allowUrls: true };

/** A server on a loopback port, ended with the test; its address without a slash at the end. */
async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a page is a document by its type, its redirects followed and its encoding kept', async () => {
  const server = await serve((request, response) => {
    if (request.url === '/old') response.writeHead(301, { location: '/new?x=1' }).end();
    else if (request.url === '/readme.md')
      response.writeHead(200, { 'content-type': 'text/plain' }).end('# Head\n\nText');
    else
      response
        .writeHead(200, { 'content-type': 'text/html; charset=ISO-8859-1' })
        .end(Buffer.from('<p>Gr\xF6\xDFe', 'latin1'));
  });
  const { documents, skipped } = await readAll([`${server}/old#part`, `${server}/readme.md`], {
    ...online,
    privateOrigins: [server],
  });
  expect(skipped).toEqual([]);
  expect(documents.map(({ uri, text, format, encoding, title }) => [uri, text, format, encoding, title])).toEqual([
    [`${server}/old`, 'Größe', 'markdown', 'windows-1252', 'new'],
    [`${server}/readme.md`, '# Head\n\nText', 'markdown', 'utf-8', 'Head'],
  ]);
});

test.each([
  'http://127.0.0.1:9/',
  'http://0x7f.1/',
  'http://2130706433/',
  'http://[::1]/',
  'http://[::ffff:127.0.0.1]/',
  'http://169.254.169.254/latest/meta-data/',
  'http://10.0.0.1/',
  'http://localhost/',
  'http://[fe80::1]/',
  'http://0.0.0.0/',
])('%s is refused before anything is sent', async (input) => {
  const { skipped } = await readAll([input], online);
  expect(skipped).toEqual([
    { path: input, code: 'DOCUMENT_UNSUPPORTED', reason: expect.stringContaining('of this machine or its networks') },
  ]);
});

test('a redirect to an address of this machine is refused, and nothing is asked there', async () => {
  const asked: (string | undefined)[] = [];
  const inner = await serve((request, response) => {
    asked.push(request.url);
    response.end('secret');
  });
  const outer = await serve((_request, response) => {
    response.writeHead(302, { location: `${inner}/private` }).end();
  });
  // Only the first of the two may be asked.
  const { skipped } = await readAll([outer], { ...online, privateOrigins: [outer] });
  expect(skipped).toEqual([
    { path: outer, code: 'DOCUMENT_UNSUPPORTED', reason: expect.stringContaining('of this machine or its networks') },
  ]);
  expect(asked).toEqual([]);
});

test.each([
  ['status', 'SOURCE_UNREACHABLE', 'the server answered with status 404'],
  ['loop', 'SOURCE_UNREACHABLE', 'it redirects more than 5 times'],
  ['file', 'DOCUMENT_UNSUPPORTED', 'it redirects to a file: address'],
  ['long', 'DOCUMENT_TOO_LARGE', 'it has 5000 bytes: at most 1000 are read'],
  ['endless', 'DOCUMENT_TOO_LARGE', 'it has more bytes than that: at most 1000 are read'],
  ['packed', 'DOCUMENT_UNSUPPORTED', 'the server sends it compressed, which it was not asked for'],
  ['cut', 'SOURCE_UNREACHABLE', 'its host cut the connection'],
  ['silent', 'SOURCE_UNREACHABLE', 'it was not there within 300 ms'],
])('a page with a problem (%s) is skipped with %s', async (problem, code, reason) => {
  const server = await serve((request, response) => {
    if (request.url === '/status') response.writeHead(404).end();
    else if (request.url === '/loop') response.writeHead(302, { location: '/loop' }).end();
    else if (request.url === '/file') response.writeHead(302, { location: 'file:///etc/passwd' }).end();
    else if (request.url === '/long') response.end('x'.repeat(5_000));
    else if (request.url === '/endless') {
      response.write('x'.repeat(600));
      response.write('x'.repeat(600));
    } else if (request.url === '/packed') response.writeHead(200, { 'content-encoding': 'gzip' }).end('x');
    else if (request.url === '/cut') response.destroy();
  });
  const limits = { fileBytesMax: 1_000, ...(problem === 'silent' ? { fetchMsMax: 300 } : {}) };
  const { skipped } = await readAll([`${server}/${problem}`], { ...online, limits, privateOrigins: [server] });
  expect(skipped).toEqual([{ path: `${server}/${problem}`, code, reason }]);
});

test('an address with a password in it is refused', async () => {
  const { skipped } = await readAll(['http://me:secret@127.0.0.1/'], online);
  expect(skipped.map(({ code }) => code)).toEqual(['DOCUMENT_UNSUPPORTED']);
});

test.each([
  ['8.8.8.8', true],
  ['93.184.216.34', true],
  ['2606:4700::1111', true],
  ['100.64.0.1', false],
  ['172.31.255.255', false],
  ['172.32.0.1', true],
  ['192.168.1.1', false],
  ['224.0.0.1', false],
  ['255.255.255.255', false],
  ['::', false],
  ['::ffff:8.8.8.8', false],
  ['64:ff9b::7f00:1', false],
  ['2002:7f00:1::', false],
  ['2001:db8::1', false],
  ['fd00::1', false],
  ['ff02::1', false],
  ['no address', false],
])('%s counts as public: %s', (address, expected) => {
  expect(isPublicAddress(address)).toBe(expected);
});
