import { chmod, lstat, mkdir, readFile, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { itUnless, missingUnix } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import { configKeys, getConfigValue, loadConfig, setConfigValue, validateConfigFile } from '../src/index.ts';
import { failure, withFolders, writeUserFile } from './helpers.ts';

async function edited(before: string, key: string, value: unknown): Promise<string> {
  return withFolders(async ({ home }) => {
    const file = await writeUserFile(home, before);
    await setConfigValue({ file, key, value });
    return readFile(file, 'utf8');
  });
}

describe('setConfigValue', () => {
  it.each([
    ['a value in its section', '[engine]\nthreads   =   4   # four\n', '[engine]\nthreads   =   7   # four\n'],
    ['a value without a line end', '[engine]\nthreads = 4', '[engine]\nthreads = 7'],
    ['a dotted key', 'engine.threads = 4 # x\n', 'engine.threads = 7 # x\n'],
    ['a key in an inline table', 'engine = { threads = 4, queue_max = 1 }', 'engine = { threads = 7, queue_max = 1 }'],
    ['a quoted key', '[ "engine" ]\n\'threads\' = 4\n', '[ "engine" ]\n\'threads\' = 7\n'],
    ['a value over many lines', '[engine]\nthreads = """\n4"""\n# x\n', '[engine]\nthreads = 7\n# x\n'],
    ['Windows line ends', '[engine]\r\nthreads = 4\r\n# x\r\n', '[engine]\r\nthreads = 7\r\n# x\r\n'],
    ['mixed line ends', '# a\r\n[engine]\nthreads = 4\r\n# x\n', '# a\r\n[engine]\nthreads = 7\r\n# x\n'],
    ['a byte order mark', '\uFEFFengine.threads = 4\n', '\uFEFFengine.threads = 7\n'],
  ])('replaces %s and nothing else', async (_, before, after) => {
    expect(await edited(before, 'engine.threads', '7')).toBe(after);
  });

  it.each([
    ['no file text', '', '[engine]\nthreads = 7\n'],
    ['only a comment', '# mine', '# mine\n\n[engine]\nthreads = 7\n'],
    ['another section', '[ui]\ncolor = "auto" # c\n', '[ui]\ncolor = "auto" # c\n\n[engine]\nthreads = 7\n'],
    [
      'its section in the middle',
      '[engine] # e\n  queue_max = 1 # q\n\n# about ui\n[ui]\n',
      '[engine] # e\n  queue_max = 1 # q\n  threads = 7\n\n# about ui\n[ui]\n',
    ],
    ['its section, empty', '[engine] # e\n# note\n[ui]\n', '[engine] # e\nthreads = 7\n# note\n[ui]\n'],
    ['its section at the end, no line end', '[engine]\nqueue_max = 1', '[engine]\nqueue_max = 1\nthreads = 7'],
    ['an inline section', 'engine = { queue_max = 1 } # e', 'engine = { queue_max = 1, threads = 7 } # e'],
    ['an empty inline section', 'engine = {} # e', 'engine = { threads = 7 } # e'],
    ['dotted keys', 'engine.queue_max = 1 # e\n[ui]\n', 'engine.queue_max = 1 # e\nengine.threads = 7\n[ui]\n'],
    ['Windows line ends', '[engine]\r\nqueue_max = 1\r\n', '[engine]\r\nqueue_max = 1\r\nthreads = 7\r\n'],
  ])('adds a key to a file with %s', async (_, before, after) => {
    expect(await edited(before, 'engine.threads', '7')).toBe(after);
  });

  it('leaves every other line byte for byte as it was, in any file', async () => {
    const lineBreak = fc.constantFrom('\n', '\r\n');
    const comment = fc.constantFrom('', ' # note', '\t# "quote', " # 'x' = [", ' # [engine]', ' #');
    const other = fc.constantFrom(
      '# plain comment',
      '',
      '   ',
      'spaced   =   1',
      "literal = 'a # b'",
      'text = "a \\" # b"',
      'list = [ 1, 2, # inside\n  3,\n]',
      'long = """\n[engine]\nthreads = 1\n\\""" """',
      "raw = '''\n[sampling] ''\n'''",
      'inline = { a = { b = "}" }, c = [ { d = 1 } ] }',
      'date = 1979-05-27 07:32:00',
      'hex = 0xFF',
      '"quoted key" = 1',
      'dotted.deep."x.y" = true',
    );
    const wanted = fc.constantFrom(
      'threads = 4',
      'threads=4',
      '  threads  =  "auto"',
      '"threads" = 4',
      "'threads' = '''auto'''",
      'queue_max = 3',
      '',
    );
    const header = fc.constantFrom('[engine]', '[ engine ]', '["engine"]', "  [ 'engine' ]");
    const file = fc.record({
      bom: fc.constantFrom('', '\uFEFF'),
      before: fc.uniqueArray(fc.tuple(other, comment), { maxLength: 4, selector: ([line]) => line }),
      header,
      headerComment: comment,
      inside: wanted,
      insideComment: comment,
      after: fc.uniqueArray(fc.tuple(other, comment), { maxLength: 4, selector: ([line]) => line }),
      breaks: fc.infiniteStream(lineBreak),
      lastBreak: fc.boolean(),
    });
    await withFolders(async ({ home }) => {
      await fc.assert(
        fc.asyncProperty(file, async (parts) => {
          const commented = (line: string, note: string): string => (line.includes('\n') ? line : line + note);
          const lines = [
            ...parts.before.map(([line, note]) => commented(line, note)),
            parts.header + parts.headerComment,
            parts.inside + (parts.inside === '' ? '' : parts.insideComment),
            '[other]',
            ...parts.after.map(([line, note]) => commented(line, note)),
          ];
          const breaks = parts.breaks[Symbol.iterator]();
          const nextBreak = (): string => breaks.next().value ?? '\n';
          const text =
            parts.bom +
            lines.map((line, i) => (i < lines.length - 1 || parts.lastBreak ? line + nextBreak() : line)).join('');
          const path = await writeUserFile(home, text);
          await setConfigValue({ file: path, key: 'engine.threads', value: 7 });
          const after = await readFile(path, 'utf8');
          const lineList = (whole: string): string[] => whole.split(/(?<=\n)/);
          const [was, is] = [lineList(text), lineList(after)];
          let same = 0;
          while (same < was.length && was[same] === is[same]) same++;
          const added = is.length - was.length;
          expect([0, 1]).toContain(added);
          // One line changed or one line added; the rest is the same before and after it.
          expect(is.slice(same + 1)).toEqual(was.slice(added === 1 ? same : same + 1));
          expect(is[same]).toMatch(/threads["']?\s*=\s*7/);
          expect((await setConfigValue({ file: path, key: 'engine.threads', value: 8 })).previous).toBe(7);
        }),
        { numRuns: 80 },
      );
    });
  });

  it('sets every key to its own default and to nothing invalid', async () => {
    await withFolders(async ({ home, cwd }) => {
      const file = join(home, 'config.toml');
      for (const row of configKeys) await setConfigValue({ file, key: row.key, value: row.default });
      const report = await validateConfigFile(file);
      expect(report).toMatchObject({ exists: true, problems: [], warnings: [] });
      const loaded = await loadConfig({ home, cwd, env: {} });
      for (const row of configKeys) {
        expect(getConfigValue(loaded, row.key)).toMatchObject({ value: row.default, origin: { source: 'user' } });
      }
    });
  });

  it('writes what it was told in the form of the file', async () => {
    expect(await edited('', 'engine.keep_alive', '90')).toBe('[engine]\nkeep_alive = "1m30s"\n');
    expect(await edited('', 'engine.keep_alive', '-1')).toBe('[engine]\nkeep_alive = "-1"\n');
    expect(await edited('', 'gemma.default_model', 'a"b\\c')).toBe('[gemma]\ndefault_model = "a\\"b\\\\c"\n');
    expect(await edited('', 'gemma.executable_path', '')).toBe('[gemma]\nexecutable_path = ""\n');
    expect(await edited('', 'performance.use_optimized_gemma', 'false')).toBe(
      '[performance]\nuse_optimized_gemma = false\n',
    );
  });

  it('tells the value that was there', async () => {
    await withFolders(async ({ home }) => {
      const file = join(home, 'config.toml');
      expect(await setConfigValue({ file, key: 'sampling.top_k', value: 1 })).toEqual({
        key: 'sampling.top_k',
        value: 1,
      });
      expect(await setConfigValue({ file, key: 'sampling.top_k', value: '2' })).toEqual({
        key: 'sampling.top_k',
        value: 2,
        previous: 1,
      });
    });
  });

  it.each([
    ['an unknown key', 'engine.thread', '1', 'CONFIG_UNKNOWN_KEY'],
    ['a key of the ancestor', 'ui.theme', 'dark', 'CONFIG_UNKNOWN_KEY'],
    ['a section', 'engine', '1', 'CONFIG_UNKNOWN_KEY'],
    ['__proto__', '__proto__.x', '1', 'CONFIG_UNKNOWN_KEY'],
    ['a value of the wrong type', 'engine.threads', 'many', 'CONFIG_INVALID'],
    ['a value out of range', 'sampling.temperature', '2.5', 'CONFIG_INVALID'],
  ])('refuses %s before it touches the file', async (_, key, value, code) => {
    await withFolders(async ({ home }) => {
      const file = join(home, 'config.toml');
      expect((await failure(setConfigValue({ file, key, value }))).code).toBe(code);
      expect(await readdir(home)).toEqual([]);
    });
  });

  it('refuses a project file what a project file may not say', async () => {
    await withFolders(async ({ cwd }) => {
      const file = join(cwd, '.gemma.toml');
      const error = await failure(
        setConfigValue({ file, key: 'gemma.executable_path', value: '/bin/sh', project: true }),
      );
      expect(error.code).toBe('CONFIG_INVALID');
    });
  });

  it('leaves a broken file as it is', async () => {
    await withFolders(async ({ home }) => {
      for (const [text, code] of [
        ['[engine\n', 'CONFIG_UNREADABLE'],
        ['engine = 5\n', 'CONFIG_INVALID'],
        ['[[engine]]\n', 'CONFIG_INVALID'],
      ] as const) {
        const file = await writeUserFile(home, text);
        expect((await failure(setConfigValue({ file, key: 'engine.threads', value: 1 }))).code, text).toBe(code);
        expect(await readFile(file, 'utf8')).toBe(text);
        expect(await readdir(home)).toEqual(['config.toml']);
      }
    });
  });

  itUnless(missingUnix, 'makes the file private and follows a link to it', async () => {
    await withFolders(async ({ root, home }) => {
      const real = join(root, 'dotfiles.toml');
      await writeFile(real, '# kept elsewhere\n', { mode: 0o644 });
      await chmod(real, 0o644);
      const file = join(home, 'config.toml');
      await symlink(real, file);
      await setConfigValue({ file, key: 'ui.color', value: 'never' });
      expect((await lstat(file)).isSymbolicLink()).toBe(true);
      expect(await readFile(real, 'utf8')).toContain('# kept elsewhere\n');
      expect((await stat(real)).mode & 0o777).toBe(0o600);
    });
  });

  it('says so when the folder cannot be written, and leaves nothing behind', async () => {
    await withFolders(async ({ home }) => {
      const file = join(home, 'missing', 'config.toml');
      expect((await failure(setConfigValue({ file, key: 'ui.color', value: 'never' }))).code).toBe('FILE_UNREADABLE');
      await mkdir(join(home, 'config.toml'));
      expect(
        (await failure(setConfigValue({ file: join(home, 'config.toml'), key: 'ui.color', value: 'never' }))).code,
      ).toBe('CONFIG_UNREADABLE');
      expect(await readdir(home)).toEqual(['config.toml']);
    });
  });
});

describe('getConfigValue', () => {
  it('refuses an unknown key with the nearest', async () => {
    const loaded = await loadConfig({ home: '/nowhere', cwd: '/nowhere', env: {} });
    expect(() => getConfigValue(loaded, 'engine.queue_maks')).toThrow(/Did you mean engine.queue_max\?/);
    expect(() => getConfigValue(loaded, 'toString')).toThrow(/no configuration key/);
  });
});

describe('validateConfigFile', () => {
  it('gives every problem with its line, and the warnings', async () => {
    await withFolders(async ({ home }) => {
      const file = await writeUserFile(home, 'what = 1\n[engine]\nthreads = "x"\n[conversation]\nauto_save = true\n');
      const report = await validateConfigFile(file);
      expect(report.problems.map((problem) => [problem.code, problem.facts['line']])).toEqual([
        ['CONFIG_UNKNOWN_KEY', 1],
        ['CONFIG_INVALID', 3],
      ]);
      expect(report.warnings).toHaveLength(1);
    });
  });

  it('finds nothing wrong where there is no file', async () => {
    expect(await validateConfigFile('/nowhere/config.toml')).toEqual({
      file: '/nowhere/config.toml',
      exists: false,
      problems: [],
      warnings: [],
    });
  });

  it('gives a file that is no TOML as one problem', async () => {
    await withFolders(async ({ home }) => {
      const file = await writeUserFile(home, '[');
      expect((await validateConfigFile(file)).problems.map((problem) => problem.code)).toEqual(['CONFIG_UNREADABLE']);
    });
  });
});
