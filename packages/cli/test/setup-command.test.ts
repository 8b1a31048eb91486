import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { catalog, createModelStore } from '@gemma-cli/models';
import { setupModels } from '../src/commands/plan-setup.ts';
import { setupCommand } from '../src/commands/setup-command.ts';
import { commandWorld, type CommandOutcome, type CommandWorld, type RunOverrides } from './command-world.ts';
import { tinyModel } from './tiny-model.ts';

const gigabytes = 1e9;

describe('the models that a set-up offers', () => {
  const offer = (memoryBytes: number) => setupModels(catalog, memoryBytes);
  const recommended = (memoryBytes: number) => offer(memoryBytes).find((model) => model.recommended)?.name;

  test('are sized to the memory: the recommended one needs at most a quarter, none more than half', () => {
    expect([2, 8, 16].map((size) => recommended(size * gigabytes))).toEqual(['gemma3:270m', 'gemma3:1b', 'gemma3:4b']);
    for (const size of [4, 8, 16, 64]) {
      const models = offer(size * gigabytes);
      expect(models.filter((model) => model.recommended)).toHaveLength(1);
      for (const model of models) expect(model.memoryBytes).toBeLessThanOrEqual((size / 2) * gigabytes);
    }
  });

  test('on the smallest machine there is still one; embedding and base models are never there', () => {
    expect(offer(0.5 * gigabytes).map(({ name, recommended: best }) => [name, best])).toEqual([['gemma3:270m', true]]);
    expect(offer(1e15).map(({ name }) => name)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/embedding|base|smollm/)]),
    );
  });
});

describe('gemma setup', () => {
  /** A world with a model file, and a catalog whose one model is that file. */
  async function trial(): Promise<
    CommandWorld & { setup(argv: readonly string[], overrides?: RunOverrides): Promise<CommandOutcome> }
  > {
    const world = await commandWorld();
    const file = join(world.cwd, 'tiny.gguf');
    await writeFile(file, tinyModel());
    const command = setupCommand({ worker: undefined }, { hasRuntime: () => Promise.resolve(true), memoryBytes: 8e9 });
    return { ...world, setup: (argv, overrides) => world.run(command, argv, overrides) };
  }

  test('with --yes takes what is named, says so, and a second run finds nothing to do', async () => {
    const { setup } = await trial();
    const first = await setup(['--yes', '--model', './tiny.gguf', '--json']);
    expect(first).toMatchObject({ code: 0, error: undefined });
    expect(JSON.parse(first.stdout)).toMatchObject({
      ready: true,
      runtime: true,
      changed: { model: './tiny.gguf', runtime: false },
    });
    const second = await setup(['--yes', '--json']);
    expect(JSON.parse(second.stdout)).toMatchObject({ ready: true, changed: { model: null, runtime: false } });
    const third = await setup([], { typed: '' });
    expect(third).toMatchObject({ code: 0, error: undefined, stdout: '' });
    expect(third.stderr).toMatch(/^Ready: tiny answers/);
  });

  test('a model that is named answers from now on, also when it is there already', async () => {
    const { setup, cwd } = await trial();
    await writeFile(join(cwd, 'other.gguf'), tinyModel());
    await setup(['--yes', '--model', './tiny.gguf']);
    await setup(['--yes', '--model', './other.gguf']);
    for (const name of ['tiny', 'other', 'tiny']) {
      const { stdout } = await setup(['--yes', '--model', name, '--json']);
      expect(JSON.parse(stdout)).toMatchObject({ model: name, changed: { model: null } });
    }
  });

  test('what is meant by a path or a family, and is there already, answers; not what came last', async () => {
    const { setup, cwd, home } = await trial();
    await writeFile(join(cwd, 'later.gguf'), tinyModel());
    const answering = async (reference: string): Promise<unknown> => {
      const { stdout, error } = await setup(['--yes', '--model', reference, '--json']);
      expect(error).toBeUndefined();
      return JSON.parse(stdout) as unknown;
    };
    const store = createModelStore({ folder: join(home, 'models') });
    await answering('./tiny.gguf');
    await store.importFile(join(cwd, 'tiny.gguf'), { mode: 'link', name: 'gemma3:270m' });
    await store.importFile(join(cwd, 'tiny.gguf'), { mode: 'link', name: 'base' });
    await answering('./later.gguf');
    for (const [reference, name] of [
      ['./tiny.gguf', 'tiny'],
      ['gemma3', 'gemma3:270m'],
      ['./later.gguf', 'later'],
      ['GEMMA3:270M', 'gemma3:270m'],
      ['base', 'base'],
    ] as const)
      expect(await answering(reference)).toMatchObject({ model: name, changed: { model: null } });
  });

  test('an embedding model is refused, with what to do, and is not the default afterwards', async () => {
    const { setup, cwd, home } = await trial();
    await setup(['--yes', '--model', './tiny.gguf']);
    await writeFile(join(cwd, 'vectors.gguf'), tinyModel({ embedding: true }));
    const store = createModelStore({ folder: join(home, 'models') });
    await store.importFile(join(cwd, 'vectors.gguf'), { mode: 'link', name: 'mine' });
    for (const reference of ['embeddinggemma:300m', 'embeddinggemma', 'mine', './vectors.gguf']) {
      const { error } = await setup(['--yes', '--model', reference]);
      expect(error).toMatchObject({ code: 'MODEL_UNSUPPORTED' });
      expect(error?.message).toMatch(/embedding model.*gemma setup --model gemma3:270m/);
    }
    expect(JSON.parse((await setup(['--yes', '--json'])).stdout)).toMatchObject({ ready: true, model: 'tiny' });
  });

  test('with --yes and nothing named chooses by the memory and says what', async () => {
    const { setup } = await trial();
    // The hub is not there: what counts is what it wanted to fetch.
    const env = { GEMMA_MODELS_HF_ENDPOINT: 'http://127.0.0.1:1', PATH: '' };
    const { error, stderr } = await setup(['--yes'], { env });
    expect(stderr).toMatch(/^Chosen: gemma3:1b, about 806 MB: this machine has 8\.0 GB of memory\./);
    expect(error?.code).toBe('SOURCE_UNREACHABLE');
  });

  test('asks which model, with sizes, and whether to keep history; answers count', async () => {
    const { setup, home } = await trial();
    const { code, stderr } = await setup([], { typed: 'what\nnone\nn\n' });
    expect(code).toBe(0);
    expect(stderr).toMatch(/2 {2}gemma3:1b +download about 806 MB .*\(recommended\)/);
    expect(stderr).toContain('Expected a number from 1 to');
    expect(stderr).toContain('There is no model yet');
    expect(await readFile(join(home, 'config.toml'), 'utf8')).toMatch(/\[ui\]\nhistory = false/);
    // What was said once is not asked again.
    expect((await setup([], { typed: 'none\n' })).stderr).not.toContain('history');
  });

  test('never asks without a terminal', async () => {
    const { setup } = await trial();
    const { error, stderr } = await setup([]);
    expect([error?.code, stderr]).toEqual(['USAGE', '']);
    expect(error?.message).toContain('--yes');
  });

  test('whoever leaves in the middle has changed nothing', async () => {
    const { setup, home } = await trial();
    expect((await setup([], { typed: '1\n\u0003' })).error?.code).toBe('ABORTED');
    await expect(readFile(join(home, 'config.toml'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('asks for the runtime only where there is none, with its size', async () => {
    const { run } = await commandWorld();
    const command = setupCommand({ worker: undefined }, { hasRuntime: () => Promise.resolve(false), memoryBytes: 8e9 });
    const { stderr, code } = await run(command, [], { typed: 'none\nn\ny\n' });
    expect(code).toBe(0);
    expect(stderr).toMatch(/llama\.cpp, about 85 MB, with your npm\?/);
    expect(stderr).toContain('There is no runtime yet');
  });
});
