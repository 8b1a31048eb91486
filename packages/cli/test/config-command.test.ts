import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { configKeys } from '@gemma-cli/config';
import { describeUnless, missingUnix } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import { configCommand } from '../src/commands/config-command.ts';
import { commandWorld } from './command-world.ts';

describe('gemma config', () => {
  it('lists every key with its value, and with --sources the place that set it', async () => {
    const world = await commandWorld();
    await world.run(configCommand, ['set', 'engine.threads', '3']);
    await writeFile(join(world.cwd, '.gemma.toml'), '[sampling]\ntop_k = 5\n');
    const env = { GEMMA_UI_COLOR: 'never' };

    const plain = await world.run(configCommand, ['list'], { env });
    expect(plain.stdout.trimEnd().split('\n')).toHaveLength(configKeys.length);
    expect(plain.stdout).toContain('engine.threads = 3\n');

    const { stdout } = await world.run(configCommand, ['list', '--sources'], { env });
    const row = (key: string) => stdout.split('\n').find((line) => line.startsWith(`${key} `));
    expect(row('engine.threads')).toMatch(/ 3 +user .*config\.toml:2 +GEMMA_ENGINE_THREADS /);
    expect(row('sampling.top_k')).toMatch(/ 5 +project .*\.gemma\.toml:2 /);
    expect(row('ui.color')).toMatch(/ never +environment GEMMA_UI_COLOR /);
    expect(row('engine.keep_alive')).toMatch(/ 5m +default /);
  });

  it('lists the same as data with --json', async () => {
    const world = await commandWorld();
    const { stdout } = await world.run(configCommand, ['list', '--json'], { env: { GEMMA_ENGINE_KEEP_ALIVE: '-1' } });
    const { values, files, warnings } = JSON.parse(stdout);
    expect(values).toHaveLength(configKeys.length);
    expect(values.find((value: { key: string }) => value.key === 'engine.keep_alive')).toMatchObject({
      value: '-1',
      source: 'environment',
      where: 'GEMMA_ENGINE_KEEP_ALIVE',
      default: '5m',
    });
    expect(files).toEqual({ user: join(world.home, 'config.toml'), project: null });
    expect(warnings).toEqual([]);
  });

  it('prints one value alone', async () => {
    const world = await commandWorld();
    expect((await world.run(configCommand, ['get', 'engine.keep_alive'])).stdout).toBe('5m\n');
    const json = await world.run(configCommand, ['get', 'engine.keep_alive', '--json']);
    expect(JSON.parse(json.stdout)).toEqual({ key: 'engine.keep_alive', value: '5m', source: 'default' });
    const unknown = await world.run(configCommand, ['get', 'engine.keepalive']);
    expect(unknown).toMatchObject({ code: 2, error: { code: 'CONFIG_UNKNOWN_KEY' } });
  });

  it('sets a value, keeps the comments, and says on stderr what it did', async () => {
    const world = await commandWorld();
    await mkdir(world.home);
    await writeFile(join(world.home, 'config.toml'), '# mine\n[sampling]\ntemperature = 0.9 # warm\n');
    const set = await world.run(configCommand, ['set', 'sampling.temperature', '0.2']);
    expect(set).toMatchObject({ code: 0, stdout: '' });
    expect(set.stderr).toContain('sampling.temperature = 0.2 (was 0.9)');
    expect(await readFile(join(world.home, 'config.toml'), 'utf8')).toBe(
      '# mine\n[sampling]\ntemperature = 0.2 # warm\n',
    );
    if (process.platform !== 'win32') expect((await stat(world.home)).mode & 0o777).toBe(0o700);
  });

  it('says when something stronger hides what was set', async () => {
    const world = await commandWorld();
    const env = { GEMMA_ENGINE_THREADS: '1' };
    const { stderr, code } = await world.run(configCommand, ['set', 'engine.threads', '2'], { env });
    expect(code).toBe(0);
    expect(stderr).toContain('environment GEMMA_ENGINE_THREADS');
  });

  it('sets a key of the project file where it may, and refuses it where not', async () => {
    const world = await commandWorld();
    await world.run(configCommand, ['set', 'engine.threads', '2', '--project']);
    expect(await readFile(join(world.cwd, '.gemma.toml'), 'utf8')).toBe('[engine]\nthreads = 2\n');
    const refused = await world.run(configCommand, ['set', 'gemma.executable_path', '/bin/sh', '--project']);
    expect(refused).toMatchObject({ code: 2, error: { code: 'CONFIG_INVALID' } });
    const path = await world.run(configCommand, ['path', '--project']);
    expect(path.stdout).toBe(`${join(world.cwd, '.gemma.toml')}\n`);
  });

  it('takes a value that begins with a dash after --', async () => {
    const world = await commandWorld();
    await world.run(configCommand, ['set', 'engine.keep_alive', '--', '-1']);
    expect((await world.run(configCommand, ['get', 'engine.keep_alive'])).stdout).toBe('-1\n');
  });

  it('prints the path of the file before there is one', async () => {
    const world = await commandWorld();
    const { stdout } = await world.run(configCommand, ['path']);
    expect(stdout).toBe(`${join(world.home, 'config.toml')}\n`);
    await expect(stat(world.home)).rejects.toThrow('ENOENT');
  });

  it('validates both files, lists every problem and exits 2', async () => {
    const world = await commandWorld();
    expect((await world.run(configCommand, ['validate'])).code).toBe(0);
    await mkdir(world.home);
    await writeFile(join(world.home, 'config.toml'), 'nope = 1\n[engine]\nthreads = "x"\n');
    await writeFile(join(world.cwd, '.gemma.toml'), 'models.hf_endpoint = "https://evil.test"\n');
    const text = await world.run(configCommand, ['validate']);
    expect(text.code).toBe(2);
    expect(text.stderr.match(/\[CONFIG_\w+\]/g)).toEqual([
      '[CONFIG_UNKNOWN_KEY]',
      '[CONFIG_INVALID]',
      '[CONFIG_INVALID]',
    ]);
    const json = await world.run(configCommand, ['validate', '--json']);
    const { valid, problems } = JSON.parse(json.stdout);
    expect(valid).toBe(false);
    expect(problems.map((problem: { line: number }) => problem.line)).toEqual([1, 3, 1]);
  });

  it('validates one named file relative to the working folder', async () => {
    const world = await commandWorld();
    await writeFile(join(world.cwd, 'other.toml'), '[');
    expect(await world.run(configCommand, ['validate', 'other.toml'])).toMatchObject({ code: 2 });
  });

  it('migrates a file of the ancestor and names what became of each key', async () => {
    const world = await commandWorld();
    await mkdir(world.home);
    await writeFile(join(world.home, 'config.toml'), '[ui]\ncolor_scheme = "auto"\ntheme = "dark"\n');
    const listed = await world.run(configCommand, ['list']);
    expect(listed.stderr.match(/gemma config migrate/g)).toHaveLength(2);
    const { stderr } = await world.run(configCommand, ['migrate']);
    expect(stderr).toContain('line 2: ui.color_scheme is ui.color now');
    expect(stderr).toContain('line 3: ui.theme is a comment now');
    expect(stderr).toContain('config.toml.bak');
    expect((await world.run(configCommand, ['list'])).stderr).toBe('');
    expect((await world.run(configCommand, ['migrate'])).stderr).toContain('Nothing to do');
  });

  describeUnless(missingUnix, 'edit', () => {
    async function editor(world: { root: string }, script: string): Promise<string> {
      const file = join(world.root, 'my editor.sh');
      await writeFile(file, `#!/bin/sh\n${script}\n`);
      await chmod(file, 0o755);
      return `"${file}" --wait`;
    }

    it('opens a new file that lists every key as a comment, and checks it afterwards', async () => {
      const world = await commandWorld();
      const EDITOR = await editor(world, 'sed -i "s/^# threads = .*/threads = 3/" "$2"');
      const { code, stderr } = await world.run(configCommand, ['edit'], { env: { EDITOR } });
      expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining('valid') });
      const text = await readFile(join(world.home, 'config.toml'), 'utf8');
      for (const row of configKeys) expect(text).toMatch(new RegExp(`^(# )?${row.key.split('.')[1]} = `, 'm'));
      expect((await world.run(configCommand, ['get', 'engine.threads'])).stdout).toBe('3\n');
      if (process.platform === 'linux') expect((await stat(join(world.home, 'config.toml'))).mode & 0o777).toBe(0o600);
    });

    it('exits 2 and names the line when the edited file is wrong, and opens a broken file', async () => {
      const world = await commandWorld();
      const EDITOR = await editor(world, 'echo "[" >> "$2"');
      for (let round = 0; round < 2; round++) {
        const { code, stderr } = await world.run(configCommand, ['edit'], { env: { EDITOR, VISUAL: undefined } });
        expect(code).toBe(2);
        expect(stderr).toContain('CONFIG_UNREADABLE');
      }
    });

    it('says so when the editor cannot be started', async () => {
      const world = await commandWorld();
      const outcome = await world.run(configCommand, ['edit'], { env: { VISUAL: 'no-such-editor-anywhere' } });
      expect(outcome).toMatchObject({ code: 2, error: { code: 'USAGE' } });
      expect(outcome.error?.message).toContain('EDITOR');
    });
  });
});
