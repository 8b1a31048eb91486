import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { builtInRoles, createRoleStore, formatRole, readRole, type RoleStore } from '../src/index.ts';

const place = { name: 'x', source: 'user', file: 'x.toml' } as const;

async function openStore(): Promise<{ store: RoleStore; folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'gemma-roles-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return { store: createRoleStore({ folder }), folder };
}

describe('a role file', () => {
  test('is text and numbers alone; what is not given is null or empty', () => {
    expect(readRole('system = "Be brief."\n[options]\ntemperature = 0.2\nstop = ["a"]', place)).toEqual({
      name: 'x',
      source: 'user',
      summary: '',
      system: 'Be brief.',
      prompt: null,
      model: null,
      schema: null,
      schemaList: false,
      extract: null,
      options: { temperature: 0.2, stop: ['a'] },
      defaults: {},
    });
  });

  test.each([
    ['sytem = "x"', 'CONFIG_UNKNOWN_KEY', /Did you mean system/],
    ['system = 3', 'CONFIG_INVALID', /system in x\.toml to be text, got 3/],
    ['schema_list = "yes"', 'CONFIG_INVALID', /schema_list/],
    ['extract = "all"', 'CONFIG_INVALID', /extract/],
    ['[defaults]\nlanguage = 3', 'CONFIG_INVALID', /defaults\.language/],
    ['[defaults]\ninput = "x"', 'CONFIG_INVALID', /not "input"/],
    ['[options]\nstop = [1]', 'CONFIG_INVALID', /options\.stop/],
    ['system = ', 'CONFIG_UNREADABLE', /line 1/],
  ] as const)('%j is refused with what is wrong', (text, code, message) => {
    expect(() => readRole(text, place)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) as string }),
    );
  });

  test.each(['./model.gguf', '/etc/passwd', '../x', 'model.gguf', '~/m', String.raw`C:\m`, 'https://e.org/m'])(
    'names no file: the model %s is refused',
    (model) => {
      expect(() => readRole(`model = ${JSON.stringify(model)}`, place)).toThrow(/no path/);
    },
  );

  test('every built-in one is valid, has a summary, and says what it is for', () => {
    for (const [name, text] of Object.entries(builtInRoles)) {
      const role = readRole(text, { name, source: 'built-in', file: name });
      expect(role.summary).not.toBe('');
      expect(role.system).not.toBeNull();
    }
  });

  test('what is written is read back, whatever the texts hold', () => {
    const text = fc.string({
      unit: fc.oneof(
        fc.constantFrom('"', '\\', '\n', '\r', "'", '{{', '\u007F', '\0'),
        fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
      ),
    });
    const name = fc.stringMatching(/^[A-Za-z_][\w-]{0,8}$/).filter((key) => key !== 'input' && key !== '__proto__');
    fc.assert(
      fc.property(
        fc.record({
          summary: text,
          system: text,
          prompt: text,
          schemaList: fc.boolean(),
          extract: fc.constantFrom('first' as const, 'last' as const, null),
          defaults: fc.dictionary(name, text, { noNullPrototype: true }),
          options: fc.dictionary(name, fc.oneof(text, fc.integer(), fc.boolean(), fc.array(text, { minLength: 1 })), {
            noNullPrototype: true,
          }),
        }),
        (content) => {
          expect(readRole(formatRole(content), place)).toMatchObject(content);
        },
      ),
    );
  });
});

test('a text of several lines keeps what only looks like the end of a line', () => {
  const system = 'Write \\n, \\\\n and \\u007F.\n"""\n\u007F\\\\';
  expect(readRole(formatRole({ system }), place).system).toBe(system);
});

describe('the roles of a folder', () => {
  test('stand before built-in ones of the same name, which come back when they go', async () => {
    const { store } = await openStore();
    expect((await store.find('shell')).source).toBe('built-in');
    await store.write('shell', 'system = "Mine."');
    expect(await store.find('shell')).toMatchObject({ source: 'user', system: 'Mine.' });
    expect((await store.list()).find(({ name }) => name === 'shell')).toMatchObject({
      source: 'user',
      overrides: true,
    });
    expect(await store.remove('shell')).toEqual({ builtIn: true });
    expect((await store.find('shell')).source).toBe('built-in');
    await expect(store.remove('shell')).rejects.toThrow(/built-in role and stays/);
  });

  test('are private to their owner', async () => {
    const { store } = await openStore();
    await store.write('mine', 'system = "x"');
    expect((await store.find('mine')).source).toBe('user');
    // Windows has no modes: there the user's profile is private already.
    if (process.platform !== 'win32') expect((await stat(store.file('mine'))).mode & 0o777).toBe(0o600);
  });

  test('a text that is no role is not written', async () => {
    const { store } = await openStore();
    await store.write('mine', 'system = "before"');
    await expect(store.write('mine', 'sistem = "x"')).rejects.toMatchObject({ code: 'CONFIG_UNKNOWN_KEY' });
    expect((await store.find('mine')).system).toBe('before');
  });

  test('a damaged file is listed with what is wrong, and the others with it', async () => {
    const { store, folder } = await openStore();
    await writeFile(join(folder, 'bad.toml'), 'system = ');
    await mkdir(join(folder, 'dir.toml'));
    await writeFile(join(folder, 'Not a name.toml'), '');
    await writeFile(join(folder, 'notes.txt'), '');
    const list = await store.list();
    expect(list.filter(({ problem }) => problem !== null).map(({ name, problem }) => [name, problem?.code])).toEqual([
      ['bad', 'CONFIG_UNREADABLE'],
      ['dir', 'CONFIG_UNREADABLE'],
    ]);
    expect(list).toHaveLength(2 + Object.keys(builtInRoles).length);
  });

  test('an unknown role names the nearest', async () => {
    const { store } = await openStore();
    await expect(store.find('explian')).rejects.toThrow(/Did you mean explain/);
  });

  test.each(['../x', 'a/b', '', 'CON', 'nul', 'A', 'x.y', '-x', `a${'b'.repeat(64)}`])(
    'the name %j reaches no file',
    async (name) => {
      const { store } = await openStore();
      await expect(store.find(name)).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
      await expect(store.write(name, '')).rejects.toMatchObject({ code: 'REQUEST_INVALID' });
    },
  );
});
