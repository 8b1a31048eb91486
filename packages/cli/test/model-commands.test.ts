import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { itUnless, missingUnix } from '@gemma-cli/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { importCommand } from '../src/commands/import-command.ts';
import { listCommand } from '../src/commands/list-command.ts';
import { pullCommand } from '../src/commands/pull-command.ts';
import { rmCommand } from '../src/commands/rm-command.ts';
import { showCommand } from '../src/commands/show-command.ts';
import { commandWorld } from './command-world.ts';
import type { CommandWorld } from './command-world.ts';
import { tinyModel } from './tiny-model.ts';

/** Serves bytes by path on a loopback port until the test ends. */
async function serve(files: Readonly<Record<string, Buffer>>): Promise<string> {
  const server = createServer((request, response) => {
    const bytes = files[(request.url ?? '').split('?')[0] ?? ''];
    if (bytes === undefined) response.writeHead(404).end();
    else response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function modelFile(world: CommandWorld, name = 'tiny.gguf', options = {}): Promise<string> {
  const file = join(world.cwd, name);
  await writeFile(file, tinyModel(options));
  return file;
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('gemma pull', () => {
  it('fetches a file, with plain lines on stderr and nothing on stdout', async () => {
    const world = await commandWorld();
    const url = await serve({ '/tiny.gguf': tinyModel() });
    const pulled = await world.run(pullCommand, [`${url}/tiny.gguf`, '--name', 'mine']);
    expect(pulled).toMatchObject({ code: 0, stdout: '' });
    expect(pulled.stderr).toContain('100 %');
    expect(pulled.stderr).toContain('mine is installed');
    expect(pulled.stderr).not.toContain('\r');
    expect(pulled.stderr).not.toContain('\u001B');
    expect((await world.run(listCommand, [])).stdout).toMatch(/^mine +\d.* kB .*chat +ok$/m);
  });

  it('keeps one line up to date on a terminal, no wider than it is', async () => {
    const world = await commandWorld();
    const url = await serve({ '/tiny.gguf': tinyModel({ rows: 4096 }) });
    const { stderr } = await world.run(pullCommand, [`${url}/tiny.gguf`], { columns: 30 });
    const updates = stderr.split('\r').slice(1);
    expect(updates.length).toBeGreaterThan(0);
    for (const update of updates) {
      const [line = ''] = update.split('\u001B[K');
      expect(line.length).toBeLessThanOrEqual(29);
    }
    expect(stderr).toMatch(/100 %[^\n]*\n/);
  });

  it('prints one object with --json and nothing at all on stderr with --quiet', async () => {
    const world = await commandWorld();
    const bytes = tinyModel();
    const url = await serve({ '/tiny.gguf': bytes });
    const args = [`${url}/tiny.gguf`, '--json', '--quiet', '--sha256', sha256(bytes).toUpperCase()];
    const { stdout, stderr } = await world.run(pullCommand, args);
    expect(stderr).toBe('');
    expect(stdout.split('\n')).toHaveLength(2);
    expect(JSON.parse(stdout)).toMatchObject({
      model: { name: 'tiny', sha256: sha256(bytes), architecture: 'gemma3', chat: true },
      alreadyInstalled: false,
      sourcesFailed: [],
    });
    expect(JSON.parse((await world.run(pullCommand, args)).stdout)).toMatchObject({ alreadyInstalled: true });
  });

  it('asks the hub of the configuration, and shows the terms the first time only', async () => {
    const world = await commandWorld();
    const bytes = tinyModel();
    const repository = '/api/models/someone/tiny-GGUF';
    const hub = await serve({
      [repository]: Buffer.from(
        JSON.stringify({
          sha: 'main',
          cardData: { license: 'gemma' },
          siblings: [
            { rfilename: 'tiny-Q4_K_M.gguf', size: bytes.length, lfs: { sha256: sha256(bytes), size: bytes.length } },
          ],
        }),
      ),
      '/someone/tiny-GGUF/resolve/main/tiny-Q4_K_M.gguf': bytes,
    });
    const env = { GEMMA_MODELS_HF_ENDPOINT: hub };
    const first = await world.run(pullCommand, ['hf:someone/tiny-GGUF', '--name', 'one', '--quiet'], { env });
    expect(first).toMatchObject({ code: 0, error: undefined });
    // Nobody can accept terms that were not shown: they come even with --quiet.
    expect(first.stderr).toMatch(/gemma/i);
    const second = await world.run(pullCommand, ['hf:someone/tiny-GGUF', '--name', 'two', '--quiet'], { env });
    expect(second).toMatchObject({ code: 0, stderr: '' });
  });

  it('refuses a file with another hash, and installs nothing', async () => {
    const world = await commandWorld();
    const url = await serve({ '/tiny.gguf': tinyModel() });
    const outcome = await world.run(pullCommand, [`${url}/tiny.gguf`, '--sha256', '0'.repeat(64)]);
    expect(outcome).toMatchObject({ code: 7, error: { code: 'MODEL_HASH_MISMATCH' } });
    expect(JSON.parse((await world.run(listCommand, ['--json'])).stdout)).toEqual({ models: [] });
  });

  it('exits 130 when it is stopped', async () => {
    const world = await commandWorld();
    const url = await serve({ '/tiny.gguf': tinyModel() });
    const outcome = await world.run(pullCommand, [`${url}/tiny.gguf`], { signal: AbortSignal.abort() });
    expect(outcome).toMatchObject({ code: 130, error: { code: 'ABORTED' } });
  });

  it('makes the home private', async () => {
    const world = await commandWorld();
    await world.run(pullCommand, [await modelFile(world)]);
    if (process.platform !== 'win32') expect((await stat(world.home)).mode & 0o777).toBe(0o700);
  });
});

describe('gemma list, show and rm', () => {
  it('say what to do where nothing is installed, and make no folder', async () => {
    const world = await commandWorld();
    const listed = await world.run(listCommand, []);
    expect(listed).toMatchObject({ code: 0, stdout: '' });
    expect(listed.stderr).toContain('gemma pull gemma3:270m');
    await expect(stat(world.home)).rejects.toThrow('ENOENT');
    expect(await world.run(showCommand, ['gemma3:270m'])).toMatchObject({ code: 3 });
    expect(await world.run(rmCommand, ['gemma3:270m'])).toMatchObject({ code: 3 });
  });

  it('list the catalog with terms and sizes', async () => {
    const world = await commandWorld();
    const { stdout } = await world.run(listCommand, ['--catalog']);
    expect(stdout).toMatch(/^gemma3:270m +about 253 MB +chat .*Gemma Terms of Use/m);
    expect(JSON.parse((await world.run(listCommand, ['--catalog', '--json'])).stdout).catalog.length).toBeGreaterThan(
      5,
    );
  });

  it('show everything of an installed model, and check its hash with --verify', async () => {
    const world = await commandWorld();
    await world.run(importCommand, [await modelFile(world), '--copy']);
    const shown = await world.run(showCommand, ['tiny']);
    for (const fact of ['tiny', 'gguf', 'gemma3', '2048 tokens', 'chat', sha256(tinyModel())]) {
      expect(shown.stdout).toContain(fact);
    }
    expect(await world.run(showCommand, ['tiny', '--verify'])).toMatchObject({ code: 0 });
    const { model } = JSON.parse((await world.run(showCommand, ['tiny', '--json'])).stdout);
    const bytes = await readFile(model.path);
    bytes[bytes.length - 1] = 1;
    await writeFile(model.path, bytes);
    expect(await world.run(showCommand, ['tiny', '--verify'])).toMatchObject({ code: 7 });
  });

  it('show a plain file relative to the working folder, and refuse one that is no model', async () => {
    const world = await commandWorld();
    await modelFile(world, 'base.gguf', { chat: false });
    expect((await world.run(showCommand, ['base.gguf'])).stdout).toContain('base: completes text');
    await writeFile(join(world.cwd, 'fake.gguf'), '<!doctype html>');
    expect(await world.run(showCommand, ['./fake.gguf'])).toMatchObject({ code: 7, error: { code: 'MODEL_INVALID' } });
  });

  it('remove several models and say what was freed', async () => {
    const world = await commandWorld();
    const file = await modelFile(world);
    await world.run(importCommand, [file, '--copy', '--name', 'one']);
    await world.run(importCommand, [file, '--link', '--name', 'two']);
    const { stderr, code } = await world.run(rmCommand, ['one', 'two']);
    expect(code).toBe(0);
    expect(stderr).toMatch(/one removed; .* freed/);
    expect(stderr).toContain(`two removed; the file ${file} stays`);
    expect(await readdir(world.cwd)).toEqual(['tiny.gguf']);
    expect(JSON.parse((await world.run(listCommand, ['--json'])).stdout)).toEqual({ models: [] });
  });

  it('send nobody to chat with a model that makes vectors', async () => {
    const world = await commandWorld();
    const file = await modelFile(world, 'vectors.gguf', { embedding: true });
    for (const command of [importCommand, pullCommand]) {
      const { stderr } = await world.run(command, [file, '--name', command.name]);
      expect(stderr).toContain('Try: gemma memory embed');
    }
  });

  itUnless(missingUnix, 'let no control sequence of a file name reach the output', async () => {
    const world = await commandWorld();
    const file = await modelFile(world, 'tiny\u001B[31m\u202E.gguf');
    const imported = await world.run(importCommand, [file, '--name', 'tiny']);
    expect(imported.stderr).toContain('tiny');
    for (const argv of [['tiny'], ['tiny', '--json']]) {
      const { stdout } = await world.run(showCommand, argv);
      expect(stdout).toContain('.gguf');
      for (const character of ['\u001B', '\u202E']) expect(stdout).not.toContain(character);
    }
    for (const character of ['\u001B', '\u202E']) expect(imported.stderr).not.toContain(character);
  });
});

describe('gemma import', () => {
  it('links by default and copies when it is told to', async () => {
    const world = await commandWorld();
    const file = await modelFile(world);
    const linked = JSON.parse((await world.run(importCommand, ['tiny.gguf', '--json'])).stdout);
    expect(linked.model).toMatchObject({ name: 'tiny', path: file, mode: 'linked' });
    const copied = JSON.parse(
      (await world.run(importCommand, ['tiny.gguf', '--copy', '--name', 'kept', '--json'])).stdout,
    );
    expect(copied.model).toMatchObject({ name: 'kept', mode: 'copied' });
    expect(copied.model.path.startsWith(world.home)).toBe(true);
  });

  it('refuses both ways at once, a name that is taken, and a file that is no model', async () => {
    const world = await commandWorld();
    await modelFile(world);
    expect(await world.run(importCommand, ['tiny.gguf', '--link', '--copy'])).toMatchObject({ code: 2 });
    const { stderr } = await world.run(importCommand, ['tiny.gguf']);
    expect(stderr).toMatch(/ Try: gemma run tiny$/m);
    expect(await world.run(importCommand, ['tiny.gguf'])).toMatchObject({ code: 1, error: { code: 'MODEL_EXISTS' } });
    await writeFile(join(world.cwd, 'zero.gguf'), '');
    expect(await world.run(importCommand, ['zero.gguf'])).toMatchObject({ code: 7 });
  });

  it('lists what LM Studio has, sound or not, when no file is named', async () => {
    const world = await commandWorld();
    expect((await world.run(importCommand, [])).stderr).toContain('Neither Ollama nor LM Studio');
    const folder = join(world.root, '.lmstudio', 'models', 'someone', 'tiny-GGUF');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'tiny.gguf'), tinyModel());
    await writeFile(join(folder, 'broken.gguf'), 'GGUF');
    const { stdout } = await world.run(importCommand, []);
    expect(stdout).toMatch(/LM Studio .*tiny.* kB +ok +.*tiny\.gguf/);
    const { found } = JSON.parse((await world.run(importCommand, ['--json'])).stdout);
    expect(found.map((model: { problem: string | null }) => model.problem === null).toSorted()).toEqual([false, true]);
  });
});
