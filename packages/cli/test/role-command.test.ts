import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { itUnless, missingUnix } from '@gemma-cli/testkit';
import { describe, expect, test } from 'vitest';
import { roleCommand } from '../src/commands/role-command.ts';
import { commandWorld } from './command-world.ts';

describe('gemma role', () => {
  test('adds a role, lists it beside the built-in ones, shows and removes it', async () => {
    const { run, home } = await commandWorld();
    const argv = ['add', 'translate', '-s', 'Into {{language}}.', '-p', 'language=English', '-o', 'temperature=0.1'];
    expect(await run(roleCommand, [...argv, '-o', 'stop=END', '--summary', 'Translates'])).toMatchObject({ code: 0 });
    const file = join(home, 'roles', 'translate.toml');
    if (process.platform !== 'win32') expect((await stat(file)).mode & 0o777).toBe(0o600);

    const { stdout } = await run(roleCommand, ['list']);
    expect(stdout).toMatch(/^translate +yours +Translates$/m);
    expect(stdout).toMatch(/^commit +built-in +\S/m);
    const shown = await run(roleCommand, ['show', 'translate']);
    expect(shown.stdout).toBe(await readFile(file, 'utf8'));
    expect(JSON.parse((await run(roleCommand, ['show', 'translate', '--json'])).stdout)).toMatchObject({
      role: { defaults: { language: 'English' }, options: { temperature: 0.1, stop: ['END'] } },
    });

    expect((await run(roleCommand, argv)).error?.message).toMatch(/--force/);
    expect((await run(roleCommand, [...argv, '--force'])).code).toBe(0);
    expect((await run(roleCommand, ['rm', 'translate'])).code).toBe(0);
    expect((await run(roleCommand, ['rm', 'translate'])).error?.code).toBe('REQUEST_INVALID');
  });

  test('takes a file or standard input as it is', async () => {
    const { run, cwd } = await commandWorld();
    await writeFile(join(cwd, 'mine.toml'), 'system = "x"');
    expect((await run(roleCommand, ['add', 'mine', '--from', 'mine.toml'])).code).toBe(0);
    expect((await run(roleCommand, ['add', 'other', '--from', 'none.toml'])).error?.code).toBe('FILE_UNREADABLE');
    expect((await run(roleCommand, ['add', 'other', '--from', 'mine.toml', '-s', 'x'])).error?.code).toBe('USAGE');
    expect((await run(roleCommand, ['add', 'other'])).error?.code).toBe('USAGE');
  });

  test.each([
    [['-s', 'x', '--schema', 'a integer'], /field 1/],
    [['-s', 'x', '-o', 'temprature=1'], /temprature/],
    [['-s', 'x', '-m', './model.gguf'], /no path/],
    [['-s', 'x', '-o', 'temperature=9'], /from 0 to 2/],
    [['-s', 'Say {{input}}.'], /Move it to `prompt`/],
  ])('what could not work later is refused now: %j', async (options, message) => {
    const { run } = await commandWorld();
    const error = await run(roleCommand, ['add', 'bad', ...options]).then(
      (outcome) => outcome.error,
      (thrown: unknown) => thrown,
    );
    expect((error as Error).message).toMatch(message);
    expect((await run(roleCommand, ['show', 'bad'])).error?.code).toBe('REQUEST_INVALID');
  });

  describe.each([
    ['a schema of the short notation', 'schema = "a integer"', /field 1 \("a integer"\)/],
    ['a JSON schema', `schema = '{"items": {"type": "strng"}}'\nschema_list = true`, /at #\/items\/type/],
    ['an option that is mistyped', '[options]\ntemprature = 1', /temprature.*Did you mean temperature/],
    ['an option out of its range', '[options]\ntemperature = 9', /temperature to be a number from 0 to 2/],
    ['an option of the wrong kind', '[options]\nseed = "x"', /Expected a number for -o seed/],
    ['the question in the system text', 'system = "Say {{input}}."', /Move it to `prompt`/],
  ])('what could not work later is refused now, out of a file: %s', (_title, text, message) => {
    test('by add, which writes nothing', async () => {
      const { run, cwd } = await commandWorld();
      await writeFile(join(cwd, 'bad.toml'), text);
      const { error } = await run(roleCommand, ['add', 'bad', '--from', 'bad.toml']);
      expect(error?.message).toMatch(message);
      expect((await run(roleCommand, ['show', 'bad'])).error?.code).toBe('REQUEST_INVALID');
    });

    itUnless(missingUnix, 'by edit, which keeps the file, to be mended', async () => {
      const { run, cwd } = await commandWorld();
      await writeFile(join(cwd, 'bad.toml'), text);
      const { error } = await run(roleCommand, ['edit', 'bad'], { env: { EDITOR: `cp ${join(cwd, 'bad.toml')}` } });
      expect(error?.message).toMatch(message);
      expect((await run(roleCommand, ['show', 'bad'])).stdout).toBe(`${text}\n`);
    });
  });

  itUnless(missingUnix, 'edit begins with the built-in role, or a file that explains itself', async () => {
    const { run, home, root } = await commandWorld();
    const editor = join(root, 'editor.sh');
    await writeFile(
      editor,
      '#!/bin/sh\nprintf \'\\nmodel = "gemma3:1b"\\n\' | cat - "$1" > "$1.new" && mv "$1.new" "$1"\n',
      {
        mode: 0o700,
      },
    );
    expect((await run(roleCommand, ['edit', 'shell'], { env: { EDITOR: editor } })).code).toBe(0);
    expect(await readFile(join(home, 'roles', 'shell.toml'), 'utf8')).toMatch(/gemma3:1b[^]*You write shell commands/);
    expect((await run(roleCommand, ['edit', 'new'], { env: { EDITOR: 'true' } })).code).toBe(0);
    expect((await run(roleCommand, ['list'])).stdout).toMatch(/^shell +yours, over the built-in one/m);
    const broken = await run(roleCommand, ['edit', 'new'], { env: { EDITOR: 'echo "x = [" >' } });
    expect(broken.error?.code).toBe('CONFIG_UNREADABLE');
    expect((await run(roleCommand, ['show', 'new'])).stdout).toBe('x = [\n');
    expect((await run(roleCommand, ['list'])).stdout).toMatch(/^new +yours +damaged: .*TOML/m);
  });

  itUnless(missingUnix, 'edit keeps nothing that was not changed, however the editor ended', async () => {
    const { run } = await commandWorld();
    for (const [EDITOR, code] of [
      ['true', 0],
      ['false', 2],
    ] as const) {
      expect((await run(roleCommand, ['edit', 'shell'], { env: { EDITOR } })).code).toBe(code);
      expect((await run(roleCommand, ['edit', 'fresh'], { env: { EDITOR } })).code).toBe(code);
      const { stdout } = await run(roleCommand, ['list']);
      expect(stdout).toMatch(/^shell +built-in/m);
      expect(stdout).not.toContain('fresh');
    }
  });
});
