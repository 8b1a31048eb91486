import { mkdir, readFile, readdir, rm, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createModelStore } from '../src/index.ts';
import { tinyModel } from './gguf-writer.ts';
import { fastStore, leftovers, pullAll, pulled, sha256 } from './pulling.ts';
import { temporaryFolder } from './temporary-folder.ts';

const model = tinyModel({ sizeBytes: 20_000 });

async function modelFile(name = 'Some Model-Q8_0.gguf', bytes = model): Promise<string> {
  const path = join(await temporaryFolder(), name);
  await writeFile(path, bytes);
  return path;
}

describe('list', () => {
  test('of a folder that is not there is empty, and makes nothing', async () => {
    const folder = join(await temporaryFolder(), 'models');
    expect(await createModelStore({ folder }).list()).toEqual([]);
    await expect(stat(folder)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('is sorted by name and leaves out what is no model', async () => {
    const folder = await temporaryFolder();
    const store = fastStore(folder);
    const path = await modelFile();
    for (const name of ['b:two', 'a/b:one', 'c']) await store.importFile(path, { mode: 'link', name });
    await mkdir(join(folder, 'not-a-model'));
    await mkdir(join(folder, 'Upper'));
    await writeFile(join(folder, 'a-file.gguf'), model);
    expect((await store.list()).map(({ name }) => name)).toEqual(['a/b:one', 'b:two', 'c']);
  });

  test('makes a lost or damaged record again from the file', async () => {
    const folder = await temporaryFolder();
    const store = fastStore(folder);
    const installed = await store.importFile(await modelFile(), { mode: 'copy', name: 'm:1' });
    for (const damage of ['', '{"version": 1', '{"version": 99, "name": "m:1"}', '[]']) {
      await writeFile(join(folder, 'm@1', 'model.json'), damage);
      expect(await store.list()).toEqual([
        expect.objectContaining({
          name: 'm:1',
          path: installed.path,
          sha256: null,
          architecture: 'gemma3',
          changed: false,
          problem: null,
        }),
      ]);
    }
    await rm(join(folder, 'm@1', 'model.json'));
    expect(await store.find('m:1')).toMatchObject({ chat: true, quantization: 'Q8_0' });
  });
});

describe('find', () => {
  test('takes a name in any case, and a family alone for its default', async () => {
    const store = fastStore(await temporaryFolder());
    const path = await modelFile();
    await store.importFile(path, { mode: 'link', name: 'gemma3:270m' });
    await store.importFile(path, { mode: 'link', name: 'gemma3:1b' });
    expect((await store.find('Gemma3:1B')).name).toBe('gemma3:1b');
    expect((await store.find('gemma3')).name).toBe('gemma3:270m');
  });

  test('of a catalog model that is not installed names the pull', async () => {
    const finding = fastStore(await temporaryFolder()).find('gemma3:4b');
    await expect(finding).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND', exitCode: 3 });
    await expect(finding).rejects.toThrow('gemma pull gemma3:4b');
  });

  test('of a misspelt name names the nearest', async () => {
    const store = fastStore(await temporaryFolder());
    await expect(store.find('gema3:270')).rejects.toMatchObject({
      facts: { nearest: expect.arrayContaining(['gemma3:270m']) },
    });
    await expect(store.find('gema3:270')).rejects.toThrow('gemma pull');
    await expect(store.find('completely-different-thing')).rejects.toMatchObject({ facts: { nearest: [] } });
  });

  test('takes a path, checks its header and links to it', async () => {
    const path = await modelFile();
    expect(await fastStore(await temporaryFolder()).find(path)).toMatchObject({
      name: 'some-model-q8_0',
      path,
      mode: 'linked',
      chat: true,
      trainContextTokens: 2048,
      sha256: null,
      changed: false,
      problem: null,
    });
  });

  test('of a path with a hostile header is refused', async () => {
    const bytes = Buffer.from(model);
    bytes.writeBigUInt64LE(2n ** 62n, 8);
    const path = await modelFile('bad.gguf', bytes);
    await expect(fastStore(await temporaryFolder()).find(path)).rejects.toMatchObject({
      code: 'MODEL_INVALID',
      exitCode: 7,
    });
    await expect(fastStore(await temporaryFolder()).find('./no/such.gguf')).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
    });
  });

  test('of a model whose file was written to since it was installed, says so', async () => {
    const store = fastStore(await temporaryFolder());
    const path = await modelFile();
    await store.importFile(path, { mode: 'link', name: 'm' });
    expect((await store.find('m'))?.changed).toBe(false);
    const later = new Date(Date.now() + 60_000);
    await utimes(path, later, later);
    expect((await store.find('m'))?.changed).toBe(true);
  });

  test('of a linked model whose file is gone, and of a cut one, says so', async () => {
    const store = fastStore(await temporaryFolder());
    const path = await modelFile();
    await store.importFile(path, { mode: 'link', name: 'm' });
    await truncate(path, 1_000);
    await expect(store.find('m')).rejects.toMatchObject({ code: 'MODEL_INVALID' });
    await rm(path);
    await expect(store.find('m')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    expect((await store.list())[0]?.problem).toContain('gone');
  });
});

describe('importFile', () => {
  test('by copy has its own file, hashed', async () => {
    const folder = await temporaryFolder();
    const path = await modelFile();
    const installed = await fastStore(folder).importFile(path, { mode: 'copy' });
    expect(installed).toMatchObject({ name: 'some-model-q8_0', mode: 'copied', sha256: sha256(model), source: path });
    await rm(path);
    expect(model.equals(await readFile(installed.path))).toBe(true);
    expect(await leftovers(folder)).toEqual([]);
  });

  test('by link leaves the file where it is, also when the model is removed', async () => {
    const folder = await temporaryFolder();
    const store = fastStore(folder);
    const path = await modelFile();
    expect(await store.importFile(path, { mode: 'link', name: 'linked' })).toMatchObject({ path, mode: 'linked' });
    expect((await store.remove('linked')).name).toBe('linked');
    expect(model.equals(await readFile(path))).toBe(true);
    expect(await store.list()).toEqual([]);
  });

  test('refuses a name that is taken and a name that cannot be kept', async () => {
    const store = fastStore(await temporaryFolder());
    const path = await modelFile();
    await store.importFile(path, { mode: 'link', name: 'm' });
    await expect(store.importFile(path, { mode: 'copy', name: 'M' })).rejects.toMatchObject({ code: 'MODEL_EXISTS' });
    for (const name of ['../up', 'a//b', 'a:b:c', '.hidden', 'con', 'a\u0000b', 'x'.repeat(300), 'a@b', 'end.']) {
      await expect(store.importFile(path, { mode: 'link', name })).rejects.toMatchObject({
        code: 'MODEL_REFERENCE_INVALID',
      });
    }
  });

  test('refuses a file that is no model, and leaves nothing', async () => {
    const folder = join(await temporaryFolder(), 'models');
    const path = await modelFile('page.gguf', Buffer.from('<!DOCTYPE html>'));
    await expect(fastStore(folder).importFile(path, { mode: 'copy' })).rejects.toMatchObject({ code: 'MODEL_INVALID' });
    await expect(readdir(folder)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('that is stopped leaves nothing', async () => {
    const folder = await temporaryFolder();
    const path = await modelFile();
    const importing = fastStore(folder).importFile(path, { mode: 'copy', signal: AbortSignal.abort() });
    await expect(importing).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await leftovers(folder)).toEqual([]);
  });
});

describe('remove', () => {
  test('takes the file, the record and what pulls left', async () => {
    const folder = await temporaryFolder();
    const store = fastStore(folder);
    await store.importFile(await modelFile(), { mode: 'copy', name: 'm:1' });
    await writeFile(join(folder, '.pulls', 'm@1.0123456789abcdef.part'), 'x');
    await writeFile(join(folder, '.pulls', 'm@10.0123456789abcdef.part'), 'of another model');
    await store.remove('M:1');
    expect(await leftovers(folder)).toEqual(['m@10.0123456789abcdef.part']);
    expect(await store.list()).toEqual([]);
  });

  test('of a model that is not there names the nearest', async () => {
    const store = fastStore(await temporaryFolder());
    await store.importFile(await modelFile(), { mode: 'link', name: 'mine' });
    await expect(store.remove('mime')).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND', facts: { nearest: ['mine'] } });
  });
});

describe('verify', () => {
  test('compares with the hash of the installation', async () => {
    const store = fastStore(await temporaryFolder());
    const installed = await store.importFile(await modelFile(), { mode: 'copy', name: 'm' });
    expect(await store.verify('m')).toEqual({ model: installed, sha256: sha256(model), compared: true });
  });

  test('finds one flipped bit', async () => {
    const store = fastStore(await temporaryFolder());
    const { path } = await store.importFile(await modelFile(), { mode: 'copy', name: 'm' });
    const bytes = Buffer.from(model);
    bytes.writeUInt8(bytes.readUInt8(19_000) ^ 4, 19_000);
    await writeFile(path, bytes);
    await expect(store.verify('m')).rejects.toMatchObject({ code: 'MODEL_HASH_MISMATCH', exitCode: 7 });
  });

  test('of a file outside leaves an installed model of the same name alone', async () => {
    const store = fastStore(await temporaryFolder());
    await store.importFile(await modelFile(), { mode: 'link', name: 'm' });
    const other = Buffer.from(model);
    other.writeUInt8(1, 19_000);
    const path = join(await temporaryFolder(), 'm.gguf');
    await writeFile(path, other);
    expect(await store.verify(path)).toMatchObject({ compared: false, sha256: sha256(other) });
    expect((await store.find('m')).sha256).toBeNull();
  });

  test('of a linked model takes the hash now and compares the next time', async () => {
    const store = fastStore(await temporaryFolder());
    const path = await modelFile();
    await store.importFile(path, { mode: 'link', name: 'm' });
    expect(await store.verify('m')).toMatchObject({ compared: false, sha256: sha256(model) });
    expect((await store.find('m')).sha256).toBe(sha256(model));
    const bytes = Buffer.from(model);
    bytes.writeUInt8(1, 19_000);
    await writeFile(path, bytes);
    await expect(store.verify('m')).rejects.toMatchObject({ code: 'MODEL_HASH_MISMATCH' });
  });
});

describe('a pull of a file', () => {
  test('copies it with progress, and a link to it too', async () => {
    const folder = await temporaryFolder();
    const path = await modelFile();
    const link = join(await temporaryFolder(), 'link.gguf');
    await symlink(path, link);
    const { events } = await pullAll(fastStore(folder), link, { sha256: sha256(model) });
    expect(pulled(events).model).toMatchObject({ name: 'link', mode: 'copied', hashSource: 'caller' });
    expect(events.some((event) => event.type === 'progress')).toBe(true);
  });

  test('with another hash than the expected one is not installed', async () => {
    const folder = await temporaryFolder();
    const { error } = await pullAll(fastStore(folder), await modelFile(), { sha256: 'f'.repeat(64) });
    expect(error).toMatchObject({ code: 'MODEL_HASH_MISMATCH' });
    expect(await leftovers(folder)).toEqual([]);
  });
});

describe('a crash in the middle of an installation', () => {
  test('with the new state whole ends in the new state', async () => {
    const folder = await temporaryFolder();
    const store = fastStore(folder);
    const path = await modelFile();
    await store.importFile(path, { mode: 'copy', name: 'm' });
    // As between the two renames: the old state aside, the new one not yet in place.
    const { rename } = await import('node:fs/promises');
    await rename(join(folder, 'm'), join(folder, '.pulls', 'm.new'));
    await mkdir(join(folder, '.pulls', 'm.old'));
    await expect(store.importFile(path, { mode: 'copy', name: 'm' })).rejects.toMatchObject({ code: 'MODEL_EXISTS' });
    expect(await store.find('m')).toMatchObject({ sha256: sha256(model) });
    expect(await leftovers(folder)).toEqual([]);
  });

  test('with the new state not whole ends in the old one', async () => {
    const folder = await temporaryFolder();
    const store = fastStore(folder);
    const path = await modelFile();
    await store.importFile(path, { mode: 'copy', name: 'm' });
    const { rename } = await import('node:fs/promises');
    await rename(join(folder, 'm'), join(folder, '.pulls', 'm.old'));
    await mkdir(join(folder, '.pulls', 'm.new'));
    await expect(store.importFile(path, { mode: 'copy', name: 'm' })).rejects.toMatchObject({ code: 'MODEL_EXISTS' });
    expect(await store.find('m')).toMatchObject({ sha256: sha256(model) });
  });
});
