import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer as createProxy } from 'node:http';
import { createServer } from 'node:https';
import { connect } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { tinyModel } from './gguf-writer.ts';
import { fastStore, pullAll, pulled, sha256 } from './pulling.ts';
import { temporaryFolder } from './temporary-folder.ts';

const model = tinyModel({ sizeBytes: 100_000 });

async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

test('a server whose certificate only NODE_EXTRA_CA_CERTS knows is trusted with it and not without, also by a proxy', async () => {
  const folder = await temporaryFolder();
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  const subject = ['-subj', '/CN=loopback', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  await promisify(execFile)('openssl', [
    'req',
    '-x509',
    ...curve,
    '-keyout',
    key,
    '-out',
    certificate,
    '-days',
    '2',
    ...subject,
  ]);
  const secure = createServer({ key: await readFile(key), cert: await readFile(certificate) }, (_, response) => {
    response.end(model);
  });
  const url = `https://127.0.0.1:${await listen(secure)}/m.gguf`;

  const distrusted = await pullAll(fastStore(join(folder, 'without')), url);
  expect(distrusted.error).toMatchObject({ code: 'SOURCE_UNREACHABLE' });
  expect(String(distrusted.error)).toMatch(/self-signed/);

  const env = { NODE_EXTRA_CA_CERTS: certificate };
  const trusted = await pullAll(fastStore(join(folder, 'with'), { env }), url);
  expect(pulled(trusted.events).model.sha256).toBe(sha256(model));

  const tunnelled: string[] = [];
  const proxy = createProxy();
  proxy.on('connect', (request, socket: Socket) => {
    tunnelled.push(request.url ?? '');
    const target = connect(Number(request.url?.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      target.pipe(socket).pipe(target);
    });
    socket.on('error', () => target.destroy());
    target.on('error', () => socket.destroy());
  });
  const proxyUrl = `http://127.0.0.1:${await listen(proxy)}`;
  const store = fastStore(join(folder, 'proxy'), { env: { ...env, HTTPS_PROXY: proxyUrl } });
  expect(pulled((await pullAll(store, url)).events).model.sha256).toBe(sha256(model));
  expect(tunnelled).toEqual([new URL(url).host]);
});
