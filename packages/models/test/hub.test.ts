import { describe, expect, test } from 'vitest';
import { sendFile, startServer } from './file-server.ts';
import type { Handler } from './file-server.ts';
import { tinyModel } from './gguf-writer.ts';
import { catalogOf, fastStore, pullAll, pulled, sha256, types } from './pulling.ts';
import { temporaryFolder } from './temporary-folder.ts';

const model = tinyModel({ sizeBytes: 50_000 });

/** What the hub tells of a repository, in its own field names. */
function card(files: readonly (readonly [string, Buffer])[], rest: object = {}): Handler {
  const siblings = files.map(([rfilename, bytes]) => ({
    rfilename,
    size: bytes.length,
    lfs: { sha256: sha256(bytes), size: bytes.length, pointerSize: 134 },
  }));
  return (_, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ id: 'owner/repo', sha: 'abc123', siblings, ...rest }));
  };
}

function file(bytes = model): Handler {
  return (request, response) => sendFile(request, response, bytes);
}

describe('hf:owner/repo', () => {
  test('takes Q4_K_M, of the revision that the hub names, with the hash of the hub', async () => {
    const server = await startServer({
      '/api/models/owner/Repo-GGUF': card(
        [
          ['README.md', Buffer.from('read me')],
          ['m-Q8_0.gguf', tinyModel()],
          ['m-Q4_K_M.gguf', model],
          ['mmproj-Q4_K_M.gguf', tinyModel()],
        ],
        { cardData: { license: 'gemma' } },
      ),
      '/owner/Repo-GGUF/resolve/abc123/m-Q4_K_M.gguf': file(),
    });
    const store = fastStore(await temporaryFolder(), { env: { HF_ENDPOINT: `${server.url}/` } });
    const { events } = await pullAll(store, 'hf:owner/Repo-GGUF');
    expect(pulled(events).model).toMatchObject({
      name: 'owner/repo-gguf',
      sha256: sha256(model),
      hashSource: 'hub',
      source: 'hf:owner/Repo-GGUF/m-Q4_K_M.gguf',
      licence: { name: 'Gemma Terms of Use', url: 'https://ai.google.dev/gemma/terms' },
    });
    const order = types(events);
    expect(order.indexOf('licence')).toBeLessThan(order.indexOf('verifying'));
  });

  test('takes the named quantization in any case, also without hf:', async () => {
    const server = await startServer({
      '/api/models/owner/repo': card([
        ['UD/m-Q8_0-extra.gguf', tinyModel()],
        ['m.q8_0.gguf', model],
        ['m-Q4_K_M.gguf', tinyModel()],
      ]),
      '/owner/repo/resolve/abc123/m.q8_0.gguf': file(),
    });
    const store = fastStore(await temporaryFolder(), { env: { HF_ENDPOINT: server.url } });
    const { events } = await pullAll(store, 'owner/repo:Q8_0');
    expect(pulled(events).model).toMatchObject({ name: 'owner/repo:q8_0', licence: null });
  });

  test('takes the only file there is when no quantization was named, and no other when one was', async () => {
    const server = await startServer({
      '/api/models/owner/repo': card([['folder name/only-Q8_0.gguf', model]]),
      '/owner/repo/resolve/abc123/folder%20name/only-Q8_0.gguf': file(),
    });
    const store = fastStore(await temporaryFolder(), { env: { HF_ENDPOINT: server.url } });
    expect(pulled((await pullAll(store, 'hf:owner/repo')).events).model.sha256).toBe(sha256(model));
    const { error } = await pullAll(store, 'hf:owner/repo:Q5_K_M');
    expect(error).toMatchObject({ code: 'MODEL_NOT_FOUND' });
    expect(String(error)).toContain('only-Q8_0.gguf');
  });

  test('that is split into parts is refused with what there is instead', async () => {
    const server = await startServer({
      '/api/models/owner/repo': card([
        ['m-Q4_K_M-00001-of-00002.gguf', model],
        ['m-Q4_K_M-00002-of-00002.gguf', model],
        ['m-Q2_K.gguf', model],
      ]),
    });
    const store = fastStore(await temporaryFolder(), { env: { HF_ENDPOINT: server.url } });
    const { error } = await pullAll(store, 'hf:owner/repo');
    expect(error).toMatchObject({ code: 'MODEL_UNSUPPORTED' });
    expect(String(error)).toContain('m-Q2_K.gguf');
  });

  test('with other bytes than the hub names the hash of is never a model', async () => {
    const flipped = Buffer.from(model);
    flipped.writeUInt8(flipped.readUInt8(40_000) ^ 1, 40_000);
    const server = await startServer({
      '/api/models/owner/repo': card([['m-Q4_K_M.gguf', model]]),
      '/owner/repo/resolve/abc123/m-Q4_K_M.gguf': file(flipped),
    });
    const store = fastStore(await temporaryFolder(), { env: { HF_ENDPOINT: server.url } });
    expect((await pullAll(store, 'hf:owner/repo')).error).toMatchObject({ code: 'MODEL_HASH_MISMATCH' });
    expect(await store.list()).toEqual([]);
  });

  test('whose hash is not the pinned one is not downloaded at all', async () => {
    const server = await startServer({ '/api/models/owner/repo': card([['m-Q4_K_M.gguf', model]]) });
    const catalog = catalogOf({
      sha256: '0'.repeat(64),
      hashSource: 'package',
      sources: [{ type: 'hugging-face', repository: 'owner/repo', quantization: 'Q4_K_M' }],
    });
    const store = fastStore(await temporaryFolder(), { catalog, env: { HF_ENDPOINT: server.url } });
    expect((await pullAll(store, 'tiny')).error).toMatchObject({ code: 'MODEL_HASH_MISMATCH' });
    expect(server.requests.map(({ path }) => path)).toEqual(['/api/models/owner/repo']);
  });

  test.each([
    [401, 'SOURCE_UNREACHABLE', 'HF_TOKEN'],
    [403, 'SOURCE_UNREACHABLE', 'HF_TOKEN'],
    [404, 'MODEL_NOT_FOUND', 'spelling'],
    [500, 'SOURCE_UNREACHABLE', '500'],
  ])('that answers %i says %s and what to do', async (status, code, words) => {
    const server = await startServer({ '/api/models/owner/repo': (_, response) => response.writeHead(status).end() });
    const store = fastStore(await temporaryFolder(), { env: { HF_ENDPOINT: server.url } });
    const { error } = await pullAll(store, 'hf:owner/repo');
    expect(error).toMatchObject({ code });
    expect(String(error)).toContain(words);
  });

  test('that answers something else than a description is a source that cannot be used', async () => {
    const server = await startServer({
      '/api/models/owner/text': (_, response) => response.end('<html>captive portal</html>'),
      '/api/models/owner/empty': (_, response) => response.end('{}'),
    });
    const store = fastStore(await temporaryFolder(), { env: { HF_ENDPOINT: server.url } });
    expect((await pullAll(store, 'hf:owner/text')).error).toMatchObject({ code: 'SOURCE_UNREACHABLE' });
    expect((await pullAll(store, 'hf:owner/empty')).error).toMatchObject({ code: 'SOURCE_UNREACHABLE' });
  });
});

test('an HF_ENDPOINT that is no address is refused by name', async () => {
  for (const endpoint of ['not an address', 'ftp://example.org', 'http://']) {
    const store = fastStore(await temporaryFolder(), { env: { HF_ENDPOINT: endpoint } });
    expect((await pullAll(store, 'hf:owner/repo')).error).toMatchObject({ code: 'CONFIG_INVALID' });
  }
});

describe('the token of the hub', () => {
  test('goes to the hub and never, by a redirect, to another host', async () => {
    const storage = await startServer({ '/blob': file() });
    const hub = await startServer({
      '/api/models/owner/repo': card([['m-Q4_K_M.gguf', model]]),
      '/owner/repo/resolve/abc123/m-Q4_K_M.gguf': (_, response) =>
        response.writeHead(302, { location: '/cdn/m.gguf' }).end(),
      '/cdn/m.gguf': (_, response) => response.writeHead(302, { location: `${storage.url}/blob` }).end(),
    });
    const env = { HF_ENDPOINT: hub.url, HF_TOKEN: 'hf_secret' };
    const { events } = await pullAll(fastStore(await temporaryFolder(), { env }), 'hf:owner/repo');
    expect(pulled(events).model.sha256).toBe(sha256(model));
    expect(hub.requests.map(({ authorization }) => authorization)).toEqual(Array(3).fill('Bearer hf_secret'));
    expect(storage.requests.map(({ authorization }) => authorization)).toEqual([undefined]);
    expect(JSON.stringify(events)).not.toContain('hf_secret');
  });

  test('does not go to an URL that is not asked of the hub', async () => {
    const server = await startServer({ '/m.gguf': file() });
    const env = { HF_TOKEN: 'hf_secret' };
    await pullAll(fastStore(await temporaryFolder(), { env }), `${server.url}/m.gguf`);
    expect(server.requests[0]?.authorization).toBeUndefined();
  });
});

test('the page of a file on the hub, as copied from a browser, means the file', async () => {
  const server = await startServer({
    '/api/models/owner/repo': card([['m-Q2_K.gguf', model]]),
    '/owner/repo/resolve/abc123/m-Q2_K.gguf': file(),
  });
  const store = fastStore(await temporaryFolder(), { env: { HF_ENDPOINT: server.url } });
  const { events } = await pullAll(store, `${server.url}/owner/repo/blob/main/m-Q2_K.gguf`);
  expect(pulled(events).model).toMatchObject({ name: 'm-q2_k', source: 'hf:owner/repo/m-Q2_K.gguf' });
});

describe('an instruct model of the catalog', () => {
  test('without a chat template is no instruct model: the next source is tried', async () => {
    const base = tinyModel({ sizeBytes: 50_000, chat: false });
    const server = await startServer({ '/base.gguf': file(base), '/chat.gguf': file() });
    const catalog = catalogOf({
      sources: [
        { type: 'url', url: `${server.url}/base.gguf` },
        { type: 'url', url: `${server.url}/chat.gguf` },
      ],
    });
    const { events } = await pullAll(fastStore(await temporaryFolder(), { catalog }), 'tiny');
    const failed = events.find((event) => event.type === 'source-failed');
    expect(failed).toMatchObject({ code: 'MODEL_INVALID' });
    expect(failed?.reason).toContain('no chat template');
    expect(pulled(events).model).toMatchObject({ chat: true, source: `${server.url}/chat.gguf` });
  });

  test('shows its terms before the first byte, says when for the first time, and keeps them beside the file', async () => {
    const server = await startServer({ '/m.gguf': file() });
    const catalog = catalogOf({ sources: [{ type: 'url', url: `${server.url}/m.gguf` }] });
    const store = fastStore(await temporaryFolder(), { catalog });
    const first = await pullAll(store, 'tiny');
    expect(first.events[0]).toEqual({
      type: 'licence',
      name: 'Test terms',
      url: 'https://example.org/terms',
      text: 'For tests alone.',
      firstTime: true,
    });
    const { licence } = pulled(first.events).model;
    const { readFile } = await import('node:fs/promises');
    const kept = await readFile(licence?.path ?? '', 'utf8');
    expect(kept).toContain('https://example.org/terms');
    expect(kept).toContain('For tests alone.');
    await store.remove('tiny');
    const second = await pullAll(store, 'tiny');
    expect(second.events[0]).toMatchObject({ type: 'licence', firstTime: false });
  });
});
