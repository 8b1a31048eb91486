import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeUnless, missingLinux } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import { findRuntime, runtimeFolderOf } from '../src/commands/find-runtime.ts';
import { llamaVersion, planLlamaRuntime, thisMachine } from '../src/commands/llama-runtime-packages.ts';
import { runtimeCommand } from '../src/commands/runtime-command.ts';
import { commandWorld } from './command-world.ts';
import type { CommandWorld } from './command-world.ts';

describe('planLlamaRuntime', () => {
  const linux = { platform: 'linux', arch: 'x64', glibc: '2.36' } as const;
  const names = (...args: Parameters<typeof planLlamaRuntime>) =>
    planLlamaRuntime(...args).packages.map(({ name }) => name);

  it('takes the runtime and the processor build, and no graphics library unless it is asked for', () => {
    expect(names(linux, undefined)).toEqual(['node-llama-cpp', '@node-llama-cpp/linux-x64']);
    expect(names(linux, 'vulkan')).toEqual([...names(linux, undefined), '@node-llama-cpp/linux-x64-vulkan']);
    expect(names(linux, 'cuda')).toEqual([
      ...names(linux, undefined),
      '@node-llama-cpp/linux-x64-cuda',
      '@node-llama-cpp/linux-x64-cuda-ext',
    ]);
  });

  it('pins the version that the workspace is built and tested with', async () => {
    const manifest = new URL('../node_modules/node-llama-cpp/package.json', import.meta.url);
    const { version, optionalDependencies } = JSON.parse(await readFile(manifest, 'utf8'));
    expect(llamaVersion).toBe(version);
    // Every package that a plan can name is one that this version has.
    const machines = [
      linux,
      { ...linux, arch: 'arm64' },
      { ...linux, arch: 'arm' },
      { ...linux, arch: 'riscv64' },
      { platform: 'darwin', arch: 'arm64', glibc: undefined },
      { platform: 'darwin', arch: 'x64', glibc: undefined },
      { platform: 'win32', arch: 'x64', glibc: undefined },
      { platform: 'win32', arch: 'arm64', glibc: undefined },
    ] as const;
    const planned = machines.flatMap((machine) => names(machine, undefined));
    for (const gpu of ['cuda', 'vulkan'] as const) {
      planned.push(...names(linux, gpu), ...names({ platform: 'win32', arch: 'x64', glibc: undefined }, gpu));
    }
    expect(new Set(planned)).toEqual(new Set(['node-llama-cpp', ...Object.keys(optionalDependencies)]));
  });

  it('expects the hashes that the lockfile of the workspace has', async () => {
    const lockfile = await readFile(new URL('../../../pnpm-lock.yaml', import.meta.url), 'utf8');
    let compared = 0;
    for (const arch of ['x64', 'arm64', 'arm']) {
      for (const { name, version, integrity } of planLlamaRuntime({ ...linux, arch }, undefined).packages) {
        const locked = new RegExp(`^  '?${name}@${version}'?:\\n +resolution: \\{integrity: ([^}]+)\\}`, 'm').exec(
          lockfile,
        )?.[1];
        expect(integrity).toBe(locked);
        compared++;
      }
    }
    expect(compared).toBe(6);
  });

  it('refuses a machine without a prebuilt binary in words', () => {
    expect(() => planLlamaRuntime({ ...linux, arch: 's390x' }, undefined)).toThrow(
      /no prebuilt llama.cpp runtime for linux on s390x/,
    );
    expect(() => planLlamaRuntime({ ...linux, glibc: undefined }, undefined)).toThrow(/glibc/);
    expect(() => planLlamaRuntime({ ...linux, arch: 'arm64' }, 'cuda')).toThrow(/no cuda build/);
  });
});

/** Puts a program called npm first on the path: what it does is up to the script. */
async function fakeNpm(world: CommandWorld, script: string): Promise<{ PATH: string }> {
  const folder = join(world.root, 'bin');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'npm'), `#!/bin/sh\necho "$@" >> "${world.root}/npm-calls"\n${script}\n`);
  await chmod(join(folder, 'npm'), 0o755);
  return { PATH: `${folder}:${process.env['PATH'] ?? ''}` };
}

describeUnless(missingLinux, 'gemma runtime install', () => {
  const install = ['install', 'llama'];

  it('says the size before it does anything, and asks on a terminal', async () => {
    const world = await commandWorld();
    const env = await fakeNpm(world, 'exit 1');
    const no = await world.run(runtimeCommand, install, { env, typed: 'n\n' });
    expect(no).toMatchObject({ code: 130, error: { code: 'ABORTED' } });
    expect(no.stderr).toMatch(/about 85 MB.*[\s\S]*Install it\? \[Y\/n\]/);
    await expect(readFile(join(world.root, 'npm-calls'))).rejects.toThrow('ENOENT');
    await expect(readdir(world.home)).rejects.toThrow('ENOENT');
  });

  it.each([
    ['yes is typed', install, { typed: 'y\n' }],
    ['Enter is typed', install, { typed: '\n' }],
    ['--yes is given', [...install, '--yes'], { typed: '' }],
    ['there is no terminal to ask on', install, {}],
  ])('asks npm for the exact version without optional packages and scripts when %s', async (_, argv, overrides) => {
    const world = await commandWorld();
    const env = await fakeNpm(world, 'echo "npm error code E404" >&2; exit 7');
    const outcome = await world.run(runtimeCommand, argv, { env, ...overrides });
    expect(outcome).toMatchObject({ code: 1, error: { code: 'RUNTIME_INSTALL_FAILED', facts: { exitCode: 7 } } });
    expect(outcome.error?.message).toContain('npm error code E404');
    const calls = (await readFile(join(world.root, 'npm-calls'), 'utf8')).trim().split('\n');
    expect(calls).toHaveLength(1);
    expect(calls[0]).toContain(`node-llama-cpp@${llamaVersion} @node-llama-cpp/linux-`);
    expect(calls[0]).toContain('--omit=optional');
    expect(calls[0]).toContain('--ignore-scripts');
    expect(calls[0]).not.toMatch(/cuda|vulkan/);
    expect(await readdir(join(world.home, 'runtimes'))).toEqual([]);
  });

  it('refuses an archive with another hash than the one it knows, and leaves nothing', async () => {
    const world = await commandWorld();
    const { packages } = planLlamaRuntime(thisMachine(), undefined);
    const lock = {
      packages: Object.fromEntries(
        packages.map(({ name, version }) => [`node_modules/${name}`, { version, integrity: 'sha512-b3RoZXI=' }]),
      ),
    };
    const env = await fakeNpm(world, `cat > package-lock.json <<'EOF'\n${JSON.stringify(lock)}\nEOF`);
    const outcome = await world.run(runtimeCommand, install, { env });
    expect(outcome.error?.code).toBe('RUNTIME_INSTALL_FAILED');
    expect(outcome.error?.message).toContain('does not have the hash');
    expect(await readdir(join(world.home, 'runtimes'))).toEqual([]);
  });

  it('refuses another version than the one it asked for', async () => {
    const world = await commandWorld();
    const lock = { packages: { 'node_modules/node-llama-cpp': { version: '9.9.9', integrity: 'sha512-x' } } };
    const env = await fakeNpm(world, `echo '${JSON.stringify(lock)}' > package-lock.json`);
    expect((await world.run(runtimeCommand, install, { env })).error?.message).toContain('installed 9.9.9');
  });

  it('says so when there is no npm', async () => {
    const world = await commandWorld();
    const { error } = await world.run(runtimeCommand, install, { env: { PATH: join(world.root, 'empty') } });
    expect(error).toMatchObject({ code: 'RUNTIME_INSTALL_FAILED' });
    expect(error?.message).toContain('npm was not found');
  });

  it('ends npm and leaves nothing when it is stopped', async () => {
    const world = await commandWorld();
    const env = await fakeNpm(world, 'exec sleep 60');
    const controller = new AbortController();
    const running = world.run(runtimeCommand, install, { env, signal: controller.signal });
    await expect
      .poll(() => readFile(join(world.root, 'npm-calls'), 'utf8').catch(() => ''), { timeout: 10_000 })
      .not.toBe('');
    controller.abort();
    expect(await running).toMatchObject({ code: 130, error: { code: 'ABORTED' } });
    expect(await readdir(join(world.home, 'runtimes'))).toEqual([]);
  });

  it('removes what a killed installation left, and leaves what a running one makes', async () => {
    const world = await commandWorld();
    const parent = join(world.home, 'runtimes');
    const child = spawn(process.execPath, ['--eval', '']);
    await once(child, 'exit');
    const [dead, alive] = [`.llama-${child.pid}-aa`, `.llama-${process.pid}-bb`];
    for (const name of [dead, alive]) await mkdir(join(parent, name), { recursive: true });
    const env = await fakeNpm(world, 'exit 1');
    await world.run(runtimeCommand, install, { env });
    expect(await readdir(parent)).toEqual([alive]);
  });

  it('refuses a runtime that it does not know', async () => {
    const world = await commandWorld();
    expect(await world.run(runtimeCommand, ['install', 'vllm'])).toMatchObject({ code: 2 });
  });

  it('does nothing when it is there, and takes a folder without a record for a broken one', async () => {
    const world = await commandWorld();
    const folder = runtimeFolderOf(world.home);
    await mkdir(folder, { recursive: true });
    expect(await findRuntime(world.home)).toBeNull();
    await writeFile(join(folder, 'runtime.json'), '{"runtime": "llama.c');
    expect(await findRuntime(world.home)).toBeNull();
    await writeFile(
      join(folder, 'runtime.json'),
      JSON.stringify({ runtime: 'llama.cpp', version: llamaVersion, gpu: null }),
    );
    expect(await findRuntime(world.home)).toBe(folder);
    const env = await fakeNpm(world, 'exit 1');
    const outcome = await world.run(runtimeCommand, [...install, '--json'], { env });
    expect(JSON.parse(outcome.stdout)).toMatchObject({ alreadyInstalled: true, folder });
    const { runtimes } = JSON.parse((await world.run(runtimeCommand, ['list', '--json'])).stdout);
    expect(runtimes.filter((runtime: { active: boolean }) => runtime.active)).toEqual([
      expect.objectContaining({ folder, version: llamaVersion }),
    ]);
  });
});
