import { execFile } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { findRuntime, runtimeFolderOf } from '../src/commands/find-runtime.ts';
import { llamaVersion } from '../src/commands/llama-runtime-packages.ts';
import { runtimeCommand } from '../src/commands/runtime-command.ts';
import { commandWorld } from './command-world.ts';

const run = promisify(execFile);

describe('gemma runtime install llama', () => {
  it('installs with the real npm, without CUDA and Vulkan, and replaces what is there with --force', async () => {
    const world = await commandWorld();
    const env = process.env;
    const first = await world.run(runtimeCommand, ['install', 'llama', '--json'], { env });
    expect(first.error).toBeUndefined();
    const { runtime, folder } = JSON.parse(first.stdout);
    expect(folder).toBe(runtimeFolderOf(world.home));
    expect(runtime).toMatchObject({ runtime: 'llama.cpp', version: llamaVersion, gpu: null });
    expect(await findRuntime(world.home)).toBe(folder);

    const builds = await readdir(join(folder, 'node_modules', '@node-llama-cpp'));
    expect(builds).toHaveLength(1);
    expect(builds[0]).not.toMatch(/cuda|vulkan/);
    if (process.platform === 'linux') {
      const { stdout } = await run('du', ['-sk', folder]);
      expect(Number.parseInt(stdout, 10)).toBeLessThan(130_000);
    }
    expect(await readdir(folder)).not.toContain('try-runtime.mjs');

    const before = await stat(folder);
    const again = await world.run(runtimeCommand, ['install', 'llama', '--force', '--yes', '--quiet'], { env });
    expect(again).toMatchObject({ code: 0, stderr: '', error: undefined });
    expect((await stat(folder)).ino).not.toBe(before.ino);
    expect(await readdir(join(world.home, 'runtimes'))).toEqual([`llama-${llamaVersion}`]);
  });
});
