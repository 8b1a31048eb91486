import { chmod, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Handler } from './file-server.ts';
import { sendFile, startServer } from './file-server.ts';
import { tinyModel } from './gguf-writer.ts';
import { catalogOf, fastStore, leftovers, partBytes, pullAll, pulled, sha256, types } from './pulling.ts';
import { temporaryFolder } from './temporary-folder.ts';

const model = tinyModel({ sizeBytes: 300_000 });
const other = tinyModel({ sizeBytes: 300_000, chat: false });

function serve(behaviours: readonly Parameters<typeof sendFile>[3][], bytes = model): Handler {
  return (request, response, count) => {
    sendFile(request, response, bytes, behaviours[Math.min(count, behaviours.length - 1)]);
  };
}

/** A port on which nothing listens. */
async function deadPort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A server that takes connections and never says a word. */
async function silentPort(): Promise<number> {
  const sockets = new Set<import('node:net').Socket>();
  const server = createTcpServer((socket) => sockets.add(socket));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

describe('a pull of an URL', () => {
  test('installs the file, hashed and header-checked, and leaves nothing beside it', async () => {
    const folder = await temporaryFolder();
    const server = await startServer({ '/m/Tiny.gguf': serve([{}]) });
    const { events } = await pullAll(fastStore(folder), `${server.url}/m/Tiny.gguf?token=secret`);
    expect(types(events)).toEqual(['source-trying', 'verifying', 'pulled']);
    const { model: installed } = pulled(events);
    expect(installed).toMatchObject({
      name: 'tiny',
      sha256: sha256(model),
      hashSource: 'computed',
      mode: 'downloaded',
      chat: true,
      changed: false,
      problem: null,
      source: `${server.url}/m/Tiny.gguf`,
    });
    expect(model.equals(await readFile(installed.path))).toBe(true);
    expect(await leftovers(folder)).toEqual([]);
    const kept = await readFile(join(folder, 'tiny', 'model.json'), 'utf8');
    expect(kept + JSON.stringify(events)).not.toContain('secret');
  });

  test('reports progress that ends with all bytes', async () => {
    const server = await startServer({ '/m.gguf': serve([{}]) });
    const { events } = await pullAll(fastStore(await temporaryFolder()), `${server.url}/m.gguf`);
    const progress = events.filter((event) => event.type === 'progress');
    expect(progress.at(-1)).toMatchObject({ receivedBytes: model.length, totalBytes: model.length });
  });

  test('makes folders and files that only their owner can read', async () => {
    const folder = join(await temporaryFolder(), 'home', 'models');
    const server = await startServer({ '/m.gguf': serve([{}]) });
    const { events } = await pullAll(fastStore(folder), `${server.url}/m.gguf`);
    expect((await stat(folder)).mode & 0o077).toBe(0);
    expect((await stat(pulled(events).model.path)).mode & 0o077).toBe(0);
  });

  test('of the same URL again downloads nothing', async () => {
    const store = fastStore(await temporaryFolder());
    const server = await startServer({ '/m.gguf': serve([{}]) });
    await pullAll(store, `${server.url}/m.gguf`);
    const { events } = await pullAll(store, `${server.url}/m.gguf`);
    expect(pulled(events).alreadyInstalled).toBe(true);
    expect(server.requests).toHaveLength(1);
  });

  test('of another URL under a name that is taken is refused', async () => {
    const store = fastStore(await temporaryFolder());
    const server = await startServer({ '/a/m.gguf': serve([{}]), '/b/m.gguf': serve([{}], other) });
    await pullAll(store, `${server.url}/a/m.gguf`);
    const { error } = await pullAll(store, `${server.url}/b/m.gguf`);
    expect(error).toMatchObject({ code: 'MODEL_EXISTS' });
    expect(pulled((await pullAll(store, `${server.url}/b/m.gguf`, { name: 'second' })).events).model.name).toBe(
      'second',
    );
  });

  test('whose file was changed on the disk is pulled anew', async () => {
    const folder = await temporaryFolder();
    const store = fastStore(folder);
    const server = await startServer({ '/m.gguf': serve([{}]) });
    const first = pulled((await pullAll(store, `${server.url}/m.gguf`)).events).model;
    await writeFile(first.path, 'short');
    expect((await store.list())[0]?.problem).toContain('5 bytes');
    const again = pulled((await pullAll(store, `${server.url}/m.gguf`)).events);
    expect(again.alreadyInstalled).toBe(false);
    expect(model.equals(await readFile(again.model.path))).toBe(true);
  });

  test('follows redirects, also relative ones, and ends a circle', async () => {
    const server = await startServer({
      '/start.gguf': (_, response) => response.writeHead(302, { location: '/next' }).end('moved'),
      '/next': (_, response) => response.writeHead(307, { location: `${server.url}/file` }).end(),
      '/file': serve([{}]),
      '/circle.gguf': (_, response) => response.writeHead(301, { location: '/circle.gguf' }).end(),
      '/away.gguf': (_, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
    });
    const store = fastStore(await temporaryFolder());
    expect(pulled((await pullAll(store, `${server.url}/start.gguf`)).events).model.name).toBe('start');
    expect((await pullAll(store, `${server.url}/circle.gguf`)).error).toMatchObject({ code: 'SOURCE_UNREACHABLE' });
    expect((await pullAll(store, `${server.url}/away.gguf`)).error).toMatchObject({ code: 'SOURCE_UNREACHABLE' });
    expect(server.requests.filter(({ path }) => path === '/circle.gguf')).toHaveLength(11);
  });

  test('of nothing, of a web page and of an error text gives the code that says so', async () => {
    const page = Buffer.from(`<!DOCTYPE html><title>Sign in</title>${' '.repeat(100_000)}`);
    const server = await startServer({ '/page.gguf': serve([{}], page) });
    const folder = await temporaryFolder();
    const store = fastStore(folder);
    expect((await pullAll(store, `${server.url}/none.gguf`)).error).toMatchObject({ code: 'MODEL_NOT_FOUND' });
    const { error } = await pullAll(store, `${server.url}/page.gguf`);
    expect(error).toMatchObject({ code: 'MODEL_INVALID' });
    expect(String(error)).toContain('a web page');
    expect(await leftovers(folder)).toEqual([]);
    expect(await store.list()).toEqual([]);
  });

  test('of a file whose header is wrong installs nothing and keeps no part', async () => {
    const folder = await temporaryFolder();
    const broken = Buffer.from(model);
    broken.writeBigUInt64LE(2n ** 62n, 8);
    const server = await startServer({ '/m.gguf': serve([{}], broken) });
    const { error } = await pullAll(fastStore(folder), `${server.url}/m.gguf`);
    expect(error).toMatchObject({ code: 'MODEL_INVALID' });
    expect(await leftovers(folder)).toEqual([]);
  });

  test('is refused before the first byte when the disk is too full', async () => {
    const folder = await temporaryFolder();
    const server = await startServer({ '/m.gguf': serve([{}]) });
    const store = fastStore(folder, { freeBytes: async () => model.length, spareBytesMin: 1 });
    const { error, events } = await pullAll(store, `${server.url}/m.gguf`);
    expect(error).toMatchObject({
      code: 'DISK_FULL',
      facts: { neededBytes: model.length + 1, freeBytes: model.length },
    });
    expect(events.some((event) => event.type === 'progress')).toBe(false);
  });
});

describe('a connection that breaks', () => {
  test('is made again from where it was cut, with Range and If-Range', async () => {
    const folder = await temporaryFolder();
    const server = await startServer({ '/m.gguf': serve([{ cutAfterBytes: 100_000 }, { cutAfterBytes: 50_000 }, {}]) });
    const { events } = await pullAll(fastStore(folder), `${server.url}/m.gguf`);
    expect(pulled(events).model.sha256).toBe(sha256(model));
    expect(types(events)).toEqual(['source-trying', 'retrying', 'retrying', 'verifying', 'pulled']);
    expect(server.requests.map(({ range, ifRange }) => [range, ifRange])).toEqual([
      [undefined, undefined],
      ['bytes=100000-', '"one"'],
      ['bytes=150000-', '"one"'],
    ]);
  });

  test('is made again when it stalls', async () => {
    const server = await startServer({ '/m.gguf': serve([{ stallAfterBytes: 120_000 }, {}]) });
    const { events } = await pullAll(fastStore(await temporaryFolder()), `${server.url}/m.gguf`);
    expect(pulled(events).model.sha256).toBe(sha256(model));
    expect(server.requests[1]?.range).toBe('bytes=120000-');
  });

  test('too often ends in DOWNLOAD_FAILED and keeps the part, which the next run continues', async () => {
    const folder = await temporaryFolder();
    const behaviours = Array.from({ length: 4 }, () => ({ cutAfterBytes: 20_000 }));
    const server = await startServer({ '/m.gguf': serve([...behaviours, {}]) });
    const { error, events } = await pullAll(fastStore(folder), `${server.url}/m.gguf`);
    expect(error).toMatchObject({ code: 'DOWNLOAD_FAILED', facts: { receivedBytes: 80_000, retries: 3 } });
    expect(events.filter((event) => event.type === 'retrying')).toHaveLength(3);
    expect(model.subarray(0, 80_000).equals(await partBytes(folder))).toBe(true);

    const second = await pullAll(fastStore(folder), `${server.url}/m.gguf`);
    expect(second.events[1]).toEqual({ type: 'resuming', fromBytes: 80_000 });
    expect(server.requests.at(-1)?.range).toBe('bytes=80000-');
    expect(pulled(second.events).model.sha256).toBe(sha256(model));
  });

  test('with a server that answers 503 first is made again', async () => {
    const busy: Handler = (request, response, count) => {
      if (count === 0) response.writeHead(503, { 'retry-after': '0' }).end('busy');
      else sendFile(request, response, model);
    };
    const server = await startServer({ '/m.gguf': busy });
    const { events } = await pullAll(fastStore(await temporaryFolder()), `${server.url}/m.gguf`);
    expect(types(events)).toContain('retrying');
    expect(pulled(events).model.sha256).toBe(sha256(model));
  });

  test('of a file that changes its ETag never mixes the two versions', async () => {
    const server = await startServer({
      '/m.gguf': (request, response, count) => {
        if (count === 0) sendFile(request, response, other, { etag: 'old', cutAfterBytes: 100_000 });
        else sendFile(request, response, model, { etag: 'new' });
      },
    });
    const { events } = await pullAll(fastStore(await temporaryFolder()), `${server.url}/m.gguf`);
    expect(server.requests[1]).toMatchObject({ range: 'bytes=100000-', ifRange: '"old"' });
    expect(types(events)).toContain('restarting');
    expect(pulled(events).model.sha256).toBe(sha256(model));
  });

  test('of a file that changes its ETag on a server that ignores If-Range starts over', async () => {
    const server = await startServer({
      '/m.gguf': (request, response, count) => {
        if (count === 0) sendFile(request, response, other, { etag: 'old', cutAfterBytes: 100_000 });
        else sendFile(request, response, model, { etag: 'new', ignoresIfRange: true });
      },
    });
    const { events } = await pullAll(fastStore(await temporaryFolder()), `${server.url}/m.gguf`);
    expect(server.requests.map(({ range }) => range)).toEqual([undefined, 'bytes=100000-', undefined]);
    expect(pulled(events).model.sha256).toBe(sha256(model));
  });

  test('on a server that ignores Range starts over', async () => {
    const server = await startServer({
      '/m.gguf': serve([{ cutAfterBytes: 100_000, ignoresRange: true }, { ignoresRange: true }]),
    });
    const { events } = await pullAll(fastStore(await temporaryFolder()), `${server.url}/m.gguf`);
    expect(types(events)).toContain('restarting');
    expect(pulled(events).model.sha256).toBe(sha256(model));
  });

  test('on a server whose Range begins elsewhere starts over', async () => {
    const server = await startServer({
      '/m.gguf': (request, response, count) => {
        if (count === 1) {
          response.writeHead(206, {
            'content-range': `bytes 5-${model.length - 1}/${model.length}`,
            'content-length': model.length - 5,
          });
          response.end(model.subarray(5));
        } else sendFile(request, response, model, count === 0 ? { cutAfterBytes: 100_000 } : {});
      },
    });
    const { events } = await pullAll(fastStore(await temporaryFolder()), `${server.url}/m.gguf`);
    expect(pulled(events).model.sha256).toBe(sha256(model));
    expect(server.requests.at(-1)?.range).toBeUndefined();
  });

  test('and comes back to a shorter file, which answers 416, starts over', async () => {
    const shorter = tinyModel({ sizeBytes: 50_000 });
    const server = await startServer({
      '/m.gguf': (request, response, count) => {
        if (count === 0) sendFile(request, response, model, { cutAfterBytes: 100_000 });
        else sendFile(request, response, shorter, { ignoresIfRange: true });
      },
    });
    const { events } = await pullAll(fastStore(await temporaryFolder()), `${server.url}/m.gguf`);
    expect(types(events)).toContain('restarting');
    expect(pulled(events).model.sha256).toBe(sha256(shorter));
  });

  test('without ETag or date is not continued by another run: nobody could tell a changed file', async () => {
    const folder = await temporaryFolder();
    const stop = new AbortController();
    const server = await startServer({ '/m.gguf': serve([{ etag: null, stallAfterBytes: 100_000 }, { etag: null }]) });
    for await (const event of fastStore(folder, { stallMsMax: 5_000 }).pull(`${server.url}/m.gguf`, {
      signal: stop.signal,
    })) {
      if (event.type === 'progress') break;
    }
    const { events } = await pullAll(fastStore(folder), `${server.url}/m.gguf`);
    expect(types(events)).not.toContain('resuming');
    expect(server.requests.at(-1)?.range).toBeUndefined();
    expect(pulled(events).model.sha256).toBe(sha256(model));
  });
});

describe('a server that lies', () => {
  test('about length, too long: the whole file is taken when the server says at last that there is no more', async () => {
    const server = await startServer({ '/m.gguf': serve([{ lengthLie: 1_000 }]) });
    const { events } = await pullAll(fastStore(await temporaryFolder()), `${server.url}/m.gguf`);
    expect(server.requests[1]?.range).toBe(`bytes=${model.length}-`);
    expect(pulled(events).model.sha256).toBe(sha256(model));
  });

  test('about length, too long, for ever, is never a model', async () => {
    const folder = await temporaryFolder();
    const server = await startServer({ '/m.gguf': serve([{ lengthLie: 1_000, ignoresRange: true }]) });
    const { error } = await pullAll(fastStore(folder), `${server.url}/m.gguf`);
    expect(error).toMatchObject({ code: 'DOWNLOAD_FAILED' });
    expect(await fastStore(folder).list()).toEqual([]);
  });

  test('about length, too short: the file that was cut by it is never a model', async () => {
    const folder = await temporaryFolder();
    const server = await startServer({ '/m.gguf': serve([{ lengthLie: -1_000 }]) });
    const { error } = await pullAll(fastStore(folder), `${server.url}/m.gguf`);
    expect(error).toMatchObject({ code: expect.stringMatching(/DOWNLOAD_FAILED|MODEL_INVALID/) });
    expect(await fastStore(folder).list()).toEqual([]);
  });

  test('by one flipped bit is found out by the hash, and the part is thrown away', async () => {
    const folder = await temporaryFolder();
    const flipped = Buffer.from(model);
    flipped.writeUInt8(flipped.readUInt8(200_000) ^ 1, 200_000);
    const server = await startServer({ '/m.gguf': serve([{}], flipped) });
    const store = fastStore(folder);
    const { error } = await pullAll(store, `${server.url}/m.gguf`, { sha256: sha256(model) });
    expect(error).toMatchObject({
      code: 'MODEL_HASH_MISMATCH',
      facts: { expected: sha256(model), actual: sha256(flipped) },
    });
    expect(await leftovers(folder)).toEqual([]);
    expect(await store.list()).toEqual([]);
  });

  test('about nothing, but without a length, is believed when the hash is right', async () => {
    const server = await startServer({ '/m.gguf': serve([{ chunked: true }]) });
    const store = fastStore(await temporaryFolder());
    const { events } = await pullAll(store, `${server.url}/m.gguf`, {
      sha256: `sha256:${sha256(model).toUpperCase()}`,
    });
    expect(pulled(events).model).toMatchObject({ sha256: sha256(model), hashSource: 'caller' });
  });

  test('with a size other than the pinned one is left before its first byte, and the next source is tried', async () => {
    const server = await startServer({
      '/bad.gguf': serve([{}], tinyModel({ sizeBytes: 400_000 })),
      '/good.gguf': serve([{}]),
    });
    const catalog = catalogOf({
      sizeBytes: model.length,
      sha256: sha256(model),
      hashSource: 'package',
      sources: [
        { type: 'url', url: `${server.url}/bad.gguf` },
        { type: 'url', url: `${server.url}/good.gguf` },
      ],
    });
    const { events } = await pullAll(fastStore(await temporaryFolder(), { catalog }), 'tiny');
    expect(events.find((event) => event.type === 'source-failed')).toMatchObject({ code: 'MODEL_HASH_MISMATCH' });
    expect(pulled(events).model).toMatchObject({ name: 'tiny:1m', sha256: sha256(model), hashSource: 'package' });
  });

  test('with a part that an earlier run left damaged is asked once more from the beginning', async () => {
    const folder = await temporaryFolder();
    const server = await startServer({ '/m.gguf': serve([{ stallAfterBytes: 100_000 }, {}]) });
    const options = { sha256: sha256(model) };
    for await (const event of fastStore(folder, { stallMsMax: 5_000 }).pull(`${server.url}/m.gguf`, options)) {
      if (event.type === 'progress') break;
    }
    const [part = ''] = (await leftovers(folder)).filter((name) => name.endsWith('.part'));
    const bytes = await partBytes(folder);
    bytes.writeUInt8(bytes.readUInt8(10) ^ 1, 10);
    await writeFile(join(folder, '.pulls', part), bytes);
    const { events } = await pullAll(fastStore(folder), `${server.url}/m.gguf`, options);
    expect(types(events)).toEqual(['source-trying', 'resuming', 'verifying', 'restarting', 'verifying', 'pulled']);
    expect(pulled(events).model.sha256).toBe(sha256(model));
  });
});

describe('a source that is never reachable', () => {
  test('is left after its time and the next is tried, saying so', async () => {
    const server = await startServer({ '/m.gguf': serve([{}]) });
    const catalog = catalogOf({
      sources: [
        { type: 'url', url: `http://127.0.0.1:${await deadPort()}/m.gguf` },
        { type: 'url', url: `http://127.0.0.1:${await silentPort()}/m.gguf` },
        { type: 'url', url: 'http://no-such-host.invalid/m.gguf' },
        { type: 'url', url: `${server.url}/m.gguf` },
      ],
    });
    const folder = await temporaryFolder();
    const { events } = await pullAll(fastStore(folder, { catalog, connectMsMax: 200 }), 'TINY:1M');
    const failed = events.filter((event) => event.type === 'source-failed');
    expect(failed.map(({ code }) => code)).toEqual(['SOURCE_UNREACHABLE', 'SOURCE_UNREACHABLE', 'SOURCE_UNREACHABLE']);
    expect(failed[1]?.reason).toContain('200 ms');
    expect(events.filter((event) => event.type === 'retrying')).toEqual([]);
    expect(pulled(events).model.source).toBe(`${server.url}/m.gguf`);
  });

  test('and is the hub is waited for once, not for each of its repositories', async () => {
    const server = await startServer({ '/api/models/owner/one': () => undefined });
    const catalog = catalogOf({
      sources: [
        { type: 'hugging-face', repository: 'owner/one' },
        { type: 'hugging-face', repository: 'owner/two' },
      ],
    });
    const options = { catalog, connectMsMax: 200, env: { HF_ENDPOINT: server.url } };
    const { events, error } = await pullAll(fastStore(await temporaryFolder(), options), 'tiny');
    expect(error).toMatchObject({ code: 'SOURCE_UNREACHABLE' });
    expect(types(events)).toEqual(['licence', 'source-trying', 'source-failed', 'source-trying', 'source-failed']);
    expect(server.requests.map(({ path }) => path)).toEqual(['/api/models/owner/one']);
  });

  test('as the only one is the error, with the reason of each when there are several', async () => {
    const port = await deadPort();
    const catalog = catalogOf({
      sources: [
        { type: 'url', url: `http://127.0.0.1:${port}/a.gguf` },
        { type: 'url', url: `http://127.0.0.1:${port}/b.gguf` },
      ],
    });
    const { error } = await pullAll(fastStore(await temporaryFolder(), { catalog }), 'tiny:1m');
    expect(error).toMatchObject({ code: 'SOURCE_UNREACHABLE', exitCode: 4 });
    expect(String(error)).toContain('/a.gguf');
    expect(String(error)).toContain('/b.gguf');
  });
});

describe('a pull that is stopped', () => {
  test('keeps the part and its state, and another store continues it', async () => {
    const folder = await temporaryFolder();
    const stop = new AbortController();
    const server = await startServer({ '/m.gguf': serve([{ stallAfterBytes: 150_000 }, {}]) });
    const events: string[] = [];
    const pulling = (async () => {
      const store = fastStore(folder, { stallMsMax: 60_000 });
      for await (const event of store.pull(`${server.url}/m.gguf`, { signal: stop.signal })) {
        events.push(event.type);
        if (event.type === 'progress') setTimeout(() => stop.abort(), 50);
      }
    })();
    await expect(pulling).rejects.toMatchObject({ code: 'ABORTED', exitCode: 130 });
    expect(model.subarray(0, 150_000).equals(await partBytes(folder))).toBe(true);
    const second = await pullAll(fastStore(folder), `${server.url}/m.gguf`);
    expect(server.requests[1]).toMatchObject({ range: 'bytes=150000-', ifRange: '"one"' });
    expect(pulled(second.events).model.sha256).toBe(sha256(model));
    expect(await leftovers(folder)).toEqual([]);
  });

  test('before it began does nothing', async () => {
    const folder = await temporaryFolder();
    const { error, events } = await pullAll(fastStore(folder), 'http://127.0.0.1:1/m.gguf', {
      signal: AbortSignal.abort(),
    });
    expect(error).toMatchObject({ code: 'ABORTED' });
    expect(events).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
  });

  test('by leaving the loop gives the lock back', async () => {
    const folder = await temporaryFolder();
    const server = await startServer({ '/m.gguf': serve([{}]) });
    for await (const event of fastStore(folder).pull(`${server.url}/m.gguf`)) if (event.type === 'source-trying') break;
    expect((await leftovers(folder)).filter((name) => name.endsWith('.lock'))).toEqual([]);
  });
});

describe('pulls at the same time', () => {
  test('of one model fetch it once, and the one that waited says for whom', async () => {
    const folder = await temporaryFolder();
    const server = await startServer({
      '/m.gguf': (request, response) => {
        setTimeout(() => sendFile(request, response, model), 200);
      },
    });
    const pulls = await Promise.all(
      Array.from({ length: 4 }, () => pullAll(fastStore(folder), `${server.url}/m.gguf`)),
    );
    expect(pulls.filter(({ events }) => !pulled(events).alreadyInstalled)).toHaveLength(1);
    const waiting = pulls.flatMap(({ events }) => events.filter((event) => event.type === 'waiting'));
    expect(waiting.length).toBeGreaterThanOrEqual(3);
    expect(waiting[0]).toEqual({ type: 'waiting', pid: process.pid });
    expect(server.requests).toHaveLength(1);
  });

  test('take over the lock of a process that is dead', async () => {
    const folder = await temporaryFolder();
    const server = await startServer({ '/m.gguf': serve([{}]) });
    await pullAll(fastStore(folder), `${server.url}/m.gguf`, { name: 'first' });
    // The name of a real lock, with a process id that no process has.
    const stop = new AbortController();
    let lock = '';
    for await (const event of fastStore(folder).pull(`${server.url}/m.gguf`, { signal: stop.signal })) {
      lock = (await leftovers(folder)).find((name) => name.endsWith('.lock')) ?? '';
      if (event.type === 'source-trying') break;
    }
    expect(lock).toContain(`.${process.pid}.`);
    const dead = lock.replace(`.${process.pid}.`, '.4194305.');
    await writeFile(join(folder, '.pulls', dead), '');
    const { events } = await pullAll(fastStore(folder), `${server.url}/m.gguf`);
    expect(types(events)).not.toContain('waiting');
    expect(await leftovers(folder)).toEqual([]);
  });
});

test('a pull that lost its lock, as after a long sleep, leaves the model to the one that took over', async () => {
  const folder = await temporaryFolder();
  const server = await startServer({ '/m.gguf': serve([{}]) });
  const store = fastStore(folder);
  const events: string[] = [];
  const pulling = (async () => {
    for await (const event of store.pull(`${server.url}/m.gguf`)) {
      events.push(event.type);
      if (event.type !== 'verifying') continue;
      for (const name of await leftovers(folder)) if (name.endsWith('.lock')) await rm(join(folder, '.pulls', name));
    }
  })();
  await expect(pulling).rejects.toMatchObject({ code: 'MODEL_IN_USE' });
  expect(events).not.toContain('pulled');
  expect(await store.list()).toEqual([]);
});

describe('proxies of the given environment', () => {
  test('are used, but not for hosts in NO_PROXY, and the environment of the process is not asked', async () => {
    const server = await startServer({ '/m.gguf': serve([{}]) });
    const proxy = await startServer({});
    const proxied: string[] = [];
    const { createServer } = await import('node:http');
    const tunnel = createServer();
    tunnel.on('connect', (request, socket) => {
      proxied.push(request.url ?? '');
      socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    });
    await new Promise<void>((resolve) => {
      tunnel.listen(0, '127.0.0.1', resolve);
    });
    onTestFinished(async () => {
      tunnel.closeAllConnections();
      await new Promise((resolve) => tunnel.close(resolve));
    });
    const address = `http://127.0.0.1:${(tunnel.address() as AddressInfo).port}`;
    const env = { HTTP_PROXY: address, HTTPS_PROXY: address };
    const through = await pullAll(fastStore(await temporaryFolder(), { env }), `${server.url}/m.gguf`);
    expect(through.error).toMatchObject({ code: 'SOURCE_UNREACHABLE' });
    expect(proxied).toEqual([server.url.slice('http://'.length)]);
    expect(server.requests).toHaveLength(0);
    expect(proxy.requests).toHaveLength(0);
    const around = await pullAll(
      fastStore(await temporaryFolder(), { env: { ...env, NO_PROXY: '127.0.0.1' } }),
      `${server.url}/m.gguf`,
    );
    expect(pulled(around.events).model.sha256).toBe(sha256(model));
  });

  test('a file of extra certificates that is not there is told when a source needs it', async () => {
    const server = await startServer({ '/m.gguf': serve([{}]) });
    const env = { NODE_EXTRA_CA_CERTS: '/no/such/file.pem' };
    const { error } = await pullAll(fastStore(await temporaryFolder(), { env }), `${server.url}/m.gguf`);
    expect(error).toMatchObject({ code: 'SOURCE_UNREACHABLE' });
    expect(String(error)).toContain('/no/such/file.pem');
  });
});

test('a store in a folder that cannot be written is a typed error', async () => {
  if (process.getuid?.() === 0) return;
  const folder = await temporaryFolder();
  await chmod(folder, 0o500);
  const { error } = await pullAll(fastStore(join(folder, 'models')), 'http://127.0.0.1:1/m.gguf');
  expect(error).toMatchObject({ code: 'FILE_UNREADABLE' });
});
