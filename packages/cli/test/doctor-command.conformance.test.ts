import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WorkerSpec } from '@gemma-cli/contracts';
import { scriptedWorker } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import { doctorCommand } from '../src/commands/doctor-command.ts';
import type { DoctorCheck } from '../src/commands/doctor-command.ts';
import { estimateMemoryBytes } from '../src/commands/estimate-memory.ts';
import { importCommand } from '../src/commands/import-command.ts';
import { memoryCommand } from '../src/commands/memory-command.ts';
import { commandWorld } from './command-world.ts';
import type { CommandWorld, RunOverrides } from './command-world.ts';
import { tinyModel } from './tiny-model.ts';

async function withModel(): Promise<CommandWorld> {
  const world = await commandWorld();
  await writeFile(join(world.cwd, 'tiny.gguf'), tinyModel());
  await world.run(importCommand, ['tiny.gguf', '--copy']);
  return world;
}

/** The checks by name. */
async function examine(
  world: CommandWorld,
  {
    worker = scriptedWorker({}),
    argv = [],
    ...overrides
  }: { worker?: WorkerSpec; argv?: string[] } & RunOverrides = {},
) {
  const { code, stdout, error } = await world.run(doctorCommand({ worker }), ['--json', ...argv], overrides);
  if (error !== undefined) throw error;
  const { ok, exitCode, checks } = JSON.parse(stdout) as { ok: boolean; exitCode: number; checks: DoctorCheck[] };
  expect(exitCode).toBe(code);
  expect(ok).toBe(code === 0);
  return { code, checks: Object.fromEntries(checks.map((check) => [check.name, check])) };
}

describe('gemma doctor', () => {
  it('exits 0 after one token was really answered, and tells every fact', async () => {
    const world = await withModel();
    const { code, checks } = await examine(world);
    expect(code).toBe(0);
    expect(Object.keys(checks)).toEqual([
      'node',
      'home',
      'configuration',
      'threads',
      'gemma.cpp',
      'model tiny',
      'engine',
      'memory',
      'answer',
    ]);
    expect(checks['node']?.facts).toMatchObject({ version: process.versions.node });
    expect(checks['threads']?.facts).toMatchObject({
      cores: expect.any(Number),
      affinityCores: expect.any(Number),
      reason: expect.any(String),
    });
    expect(checks['engine']?.facts).toMatchObject({ requested: 'optimized', active: 'optimized' });
    expect(checks['memory']?.facts).toMatchObject({ neededBytes: expect.any(Number), freeBytes: expect.any(Number) });
    expect(checks['answer']?.facts).toMatchObject({ timings: { totalMs: expect.any(Number) } });
  });

  it('tells what is remembered and by which memory; one that cannot be opened is a warning', async () => {
    const world = await withModel();
    await world.run(memoryCommand, ['add', 'Ada prefers tea']);
    const { checks } = await examine(world, { argv: ['--no-try'] });
    expect(checks['remembered']).toMatchObject({
      status: 'ok',
      message: 'optimized: 0 documents in 0 chunks, 1 memory',
      facts: { contract: 'memory', requested: 'optimized', active: 'optimized', rows: { document: 0, memory: 1 } },
    });
    // Told by the opening that mends it, and by no later one.
    const index = join(world.home, 'data', 'memory', 'index', 'default');
    await mkdir(index, { recursive: true });
    await writeFile(join(index, 'manifest'), 'this is no manifest'.repeat(30));
    const { remembered } = (await examine(world, { argv: ['--no-try'] })).checks;
    expect(remembered).toMatchObject({
      status: 'warning',
      message: expect.stringMatching(/^optimized: 0 documents in 0 chunks, 1 memory\. The index .* is built anew/),
      facts: { log: [expect.stringContaining('The index of the memory cannot be used')] },
    });
    await writeFile(join(world.home, 'data', 'memory', 'record.db'), 'this is no database'.repeat(300));
    // Whatever can be asked of a model can be asked still.
    const damaged = await examine(world, { argv: ['--no-try'] });
    expect(damaged).toMatchObject({ code: 0, checks: { remembered: { status: 'warning' } } });
  });

  it('prints one line for each check', async () => {
    const world = await withModel();
    const { stdout, stderr, code } = await world.run(doctorCommand({ worker: scriptedWorker({}) }), []);
    expect(code).toBe(0);
    expect(stderr).toBe('');
    expect(stdout.trimEnd().split('\n')).toHaveLength(9);
    for (const line of stdout.trimEnd().split('\n')) expect(line).toMatch(/^(ok|warning) +\S/);
  });

  it('exits 3 when no model is installed', async () => {
    const { code, checks } = await examine(await commandWorld());
    expect(code).toBe(3);
    expect(checks['default model']).toMatchObject({ status: 'problem', code: 'MODEL_NOT_FOUND' });
    expect(checks['home']?.message).toContain('does not exist yet');
  });

  it('exits 2 when the configuration is wrong, and says what and where', async () => {
    const world = await withModel();
    await writeFile(join(world.home, 'config.toml'), '[engine]\nthread = 2\n');
    const { code, checks } = await examine(world);
    expect(code).toBe(2);
    expect(checks['configuration']).toMatchObject({
      status: 'problem',
      code: 'CONFIG_UNKNOWN_KEY',
      facts: { line: 2 },
    });
  });

  it('exits 4 when the model process ends, and with --no-try does not start one', async () => {
    const world = await withModel();
    const journal = join(world.root, 'journal');
    const worker = scriptedWorker({ journal, faults: [{ at: 'load', do: 'exit', code: 9, stderr: 'no more' }] });
    const untried = await examine(world, { worker, argv: ['--no-try'] });
    expect(untried.code).toBe(0);
    expect(untried.checks).not.toHaveProperty('answer');
    await expect(readFile(journal)).rejects.toThrow('ENOENT');
    const { code, checks } = await examine(world, { worker });
    expect(code).toBe(4);
    expect(checks['answer']).toMatchObject({ status: 'problem', code: 'ENGINE_EXITED' });
  });

  it('shows the origins of what was changed, and warns of more threads than cores', async () => {
    const world = await withModel();
    const env = { GEMMA_ENGINE_THREADS: '1000', GEMMA_NONSENSE: '1' };
    const { code, checks } = await examine(world, { env, argv: ['--no-try'] });
    expect(code).toBe(0);
    expect(checks['configuration']).toMatchObject({ status: 'warning' });
    expect(checks['configuration']?.facts?.['origins']).toMatchObject({
      'engine.threads': { source: 'environment', where: 'GEMMA_ENGINE_THREADS' },
    });
    expect(checks['threads']).toMatchObject({ status: 'warning', facts: { threads: 1000 } });
  });

  it('asks for the legacy engine when the configuration does', async () => {
    const world = await withModel();
    const { checks } = await examine(world, { env: { GEMMA_PERFORMANCE_USE_OPTIMIZED_GEMMA: 'false' } });
    expect(checks['engine']?.facts).toMatchObject({ requested: 'legacy', active: 'legacy' });
    expect(checks['answer']?.status).toBe('ok');
  });

  it('checks the gemma.cpp executable when one is set', async () => {
    const world = await withModel();
    const file = join(world.root, 'gemma');
    const state = async (): Promise<string | undefined> =>
      (await examine(world, { env: { GEMMA_EXECUTABLE: file }, argv: ['--no-try'] })).checks['gemma.cpp']?.status;
    expect(await state()).toBe('warning');
    await writeFile(file, '#!/bin/sh\n');
    if (process.platform !== 'win32') expect(await state()).toBe('warning');
    await chmod(file, 0o755);
    expect(await state()).toBe('ok');
  });

  it('finds a changed byte with --verify', async () => {
    const world = await withModel();
    expect((await examine(world, { argv: ['--verify', '--no-try'] })).checks['model tiny']?.message).toMatch(
      /verified: [0-9a-f]{64}/,
    );
    const { checks } = await examine(world, { argv: ['--no-try'] });
    const path = String(checks['model tiny']?.facts?.['path']);
    const bytes = await readFile(path);
    bytes[bytes.length - 1] = 1;
    await writeFile(path, bytes);
    // Whatever can be asked of a model can be asked still.
    const damaged = await examine(world, { argv: ['--verify', '--no-try'] });
    expect(damaged.checks['model tiny']).toMatchObject({ status: 'warning', facts: { code: 'MODEL_HASH_MISMATCH' } });
  });

  it('looks for the runtime when no other worker is given, and finds the one in the home first', async () => {
    const world = await withModel();
    const folder = join(world.home, 'runtimes', 'llama-0.0.1');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'runtime.json'), JSON.stringify({ runtime: 'llama.cpp', version: '0.0.1' }));
    const { stdout } = await world.run(doctorCommand({ worker: undefined }), ['--json', '--no-try']);
    const { checks } = JSON.parse(stdout) as { checks: DoctorCheck[] };
    const runtimes = checks.find((check) => check.name === 'runtime')?.facts?.['runtimes'];
    expect(runtimes).toContainEqual(expect.objectContaining({ version: '0.0.1', active: false }));
  });
});

describe('estimateMemoryBytes', () => {
  it('grows with the context, up to what the model was trained with', () => {
    const model = { sizeBytes: 2.5e9, parameters: 4e9, trainContextTokens: 131_072 };
    const at = (tokens: number | 'auto'): number => estimateMemoryBytes(model, tokens);
    expect(at('auto')).toBe(at(8192));
    expect(at(16_384)).toBeGreaterThan(at(8192));
    expect(at(1_000_000)).toBe(at(131_072));
    // About a gigabyte of attention state for 4 billion weights at the default context.
    expect(at(8192) - at(0)).toBeCloseTo(1e9, -8);
  });
});
