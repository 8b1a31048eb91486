import { execFileSync } from 'node:child_process';
import { chmod, mkdir, realpath, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describeUnless, itUnless, missingLinux, missingUnix } from '@gemma-cli/testkit';
import { describe, expect, test } from 'vitest';
import { folderWith, readAll } from './reading.ts';

describe('a folder', () => {
  test('is read in one order on every machine, hidden names and what tools keep left out', async () => {
    const cwd = await folderWith({
      'b.txt': 'x',
      'a/z.txt': 'x',
      'a.txt': 'x',
      'B.txt': 'x',
      '.env': 'SECRET=1',
      '.config/settings.txt': 'x',
      'node_modules/pack/readme.md': 'x',
      '.git/HEAD': 'x',
    });
    expect(await titles(['.'], cwd)).toEqual(['B.txt', 'z.txt', 'a.txt', 'b.txt']);
    expect(await titles(['.'], cwd, { hidden: true })).toEqual([
      'settings.txt',
      '.env',
      'B.txt',
      'z.txt',
      'a.txt',
      'b.txt',
    ]);
    expect(await titles(['.env'], cwd)).toEqual(['.env']);
  });

  test('follows .gitignore and .gemmaignore, the inner and the later one winning', async () => {
    const cwd = await folderWith({
      '.gitignore': '*.log\n/build\n!keep.log\n',
      '.gemmaignore': 'private/\nkeep.log\n',
      'a.log': 'x',
      'a.txt': 'x',
      'keep.log': 'x',
      'build/out.txt': 'x',
      'private/p.txt': 'x',
      'sub/.gitignore': '!b.log\nc.txt\n',
      'sub/b.log': 'x',
      'sub/c.txt': 'x',
      'sub/build/d.txt': 'x',
    });
    expect(await titles(['.'], cwd)).toEqual(['a.txt', 'b.log', 'd.txt']);
  });

  test('inside a repository follows the patterns above it too, unless they leave out all of it', async () => {
    const cwd = await folderWith({
      '.git/HEAD': 'ref: x',
      '.gitignore': 'docs/drafts\n*.tmp\ndist\n',
      'docs/a.md': 'x',
      'docs/b.tmp': 'x',
      'docs/drafts/c.md': 'x',
      'dist/d.md': 'x',
    });
    expect(await titles(['docs'], cwd)).toEqual(['a.md']);
    expect(await titles(['dist'], cwd)).toEqual(['d.md']);
  });

  test('with patterns that would take for ever leaves these out and says so', async () => {
    const deep = 'a/'.repeat(31);
    const cwd = await folderWith({
      '.gitignore': `${'**/a/'.repeat(16)}b\nskip.txt\n`,
      'skip.txt': 'x',
      [`${deep}c.txt`]: 'x',
    });
    const { documents, skipped } = await readAll(['.'], { cwd });
    expect(documents).toHaveLength(1);
    expect(skipped).toEqual([
      { path: '.gitignore', code: 'DOCUMENT_TOO_LARGE', reason: expect.stringContaining('1 of its patterns') },
    ]);
  });

  test('tells in the end what was found in it, and nothing where a part could not be searched', async () => {
    const cwd = await folderWith({ 'a.txt': 'x', 'b.bin': Buffer.from([0, 1]), 'deep/er/c.txt': 'x' });
    const root = pathToFileURL(await realpath(cwd)).href;
    const whole = (await readAll(['.'], { cwd })).events.at(-1);
    expect(whole).toEqual({
      type: 'walked',
      uri: `${root}/`,
      found: new Set([`${root}/a.txt`, `${root}/b.bin`, `${root}/deep/er/c.txt`]),
    });
    const part = await readAll(['.'], { cwd, limits: { depthMax: 1 } });
    expect(part.events.filter(({ type }) => type === 'walked')).toEqual([]);
    expect(part.skipped).toContainEqual({
      path: join('deep', 'er'),
      code: 'DOCUMENT_TOO_LARGE',
      reason: 'it lies more than 1 folders deep',
    });
  });

  test('of more files than the limit is read to there, and the rest is told once', async () => {
    const cwd = await folderWith({ 'a.txt': 'x', 'b.txt': 'x', 'c.txt': 'x', 'd/e.txt': 'x' });
    const { documents, skipped, events } = await readAll(['.'], { cwd, limits: { filesMax: 2 } });
    expect(documents.map(({ title }) => title)).toEqual(['a.txt', 'b.txt']);
    expect(skipped.map(({ path, code }) => [path, code])).toEqual([['c.txt', 'DOCUMENT_TOO_LARGE']]);
    expect(events.filter(({ type }) => type === 'walked')).toEqual([]);
  });
});

itUnless(missingLinux, 'a path that is longer than the system can open is told, and the others are read', async () => {
  const cwd = await folderWith({ 'a.txt': 'x', 'z.txt': 'x' });
  // A shell goes by whole paths; a process can go down name by name.
  const down = "const d = 'd'.repeat(250); for (let n = 0; n < 17; n++) { fs.mkdirSync(d); process.chdir(d); }";
  execFileSync(process.execPath, ['-e', `${down} fs.writeFileSync('f.txt', 'x');`], { cwd });
  try {
    const { documents, skipped, events } = await readAll(['.'], { cwd });
    expect(documents.map(({ title }) => title)).toEqual(['a.txt', 'z.txt']);
    expect(skipped.map(({ code, reason }) => [code, reason])).toEqual([['FILE_UNREADABLE', 'its name is too long']]);
    expect(events.filter(({ type }) => type === 'walked')).toEqual([]);
  } finally {
    execFileSync('sh', ['-c', 'rm -rf d*'], { cwd });
  }
});

describe('a pattern', () => {
  test('finds what it matches below its folder, with the same things left out', async () => {
    const cwd = await folderWith({
      'src/a.ts': 'x',
      'src/deep/b.ts': 'x',
      'src/deep/c.md': 'x',
      'src/node_modules/d.ts': 'x',
      'other.ts': 'x',
    });
    expect(await titles(['src/**/*.ts'], cwd)).toEqual(['a.ts', 'b.ts']);
    expect(await titles(['src/*.{ts,md}'], cwd)).toEqual(['a.ts']);
    expect(await titles(['*.ts'], cwd)).toEqual(['other.ts']);
  });

  test('whose files another input has named finds them once, and is not told to have found none', async () => {
    const cwd = await folderWith({ 'docs/a.md': 'x' });
    const { documents, skipped } = await readAll(['docs', 'docs/*.md', 'docs/*.txt'], { cwd });
    expect(documents.map(({ title }) => title)).toEqual(['a.md']);
    expect(skipped).toEqual([{ path: 'docs/*.txt', code: 'FILE_UNREADABLE', reason: 'no file matches docs/*.txt' }]);
  });

  test('that is also the name of a file means the file', async () => {
    const cwd = await folderWith({ 'a[1].txt': 'x', 'a1.txt': 'x' });
    expect(await titles(['a[1].txt'], cwd)).toEqual(['a[1].txt']);
  });
});

describeUnless(missingUnix, 'what is no regular file', () => {
  test('a symbolic link is refused, named or found, to a file or a folder, also where it leads nowhere', async () => {
    const outside = await folderWith({ 'secret.txt': 'secret' });
    const cwd = await folderWith({ 'in/a.txt': 'x' });
    await symlink(join(outside, 'secret.txt'), join(cwd, 'in', 'link.txt'));
    await symlink(outside, join(cwd, 'in', 'linked'));
    await symlink(join(outside, 'nothing'), join(cwd, 'in', 'loose'));
    const found = await readAll(['in'], { cwd });
    expect(found.documents.map(({ title }) => title)).toEqual(['a.txt']);
    expect(found.skipped.map(({ path, code, reason }) => [path, code, reason])).toEqual(
      ['link.txt', 'linked', 'loose'].map((name) => [
        join('in', name),
        'DOCUMENT_UNSUPPORTED',
        'it is a symbolic link',
      ]),
    );
    const named = await readAll(['in/link.txt', 'in/linked', 'in/linked/*'], { cwd });
    expect(named.documents).toEqual([]);
    expect(named.skipped.map(({ code }) => code)).toEqual([
      'DOCUMENT_UNSUPPORTED',
      'DOCUMENT_UNSUPPORTED',
      'FILE_UNREADABLE',
    ]);
    expect(named.skipped[0]?.reason).toContain('name ');
  });

  test('a FIFO without a writer is refused at once, named or found', async () => {
    const cwd = await folderWith({ 'a.txt': 'x' });
    execFileSync('mkfifo', [join(cwd, 'pipe.txt')]);
    for (const input of ['.', 'pipe.txt']) {
      const { skipped } = await readAll([input], { cwd });
      expect(skipped).toEqual([{ path: 'pipe.txt', code: 'DOCUMENT_UNSUPPORTED', reason: 'it is a FIFO' }]);
    }
  });

  test('a folder that is exchanged for a link while files are read leads nowhere', async () => {
    const outside = await folderWith({ 'b.txt': 'secret' });
    const cwd = await folderWith({ 'a.txt': 'x', 'd/b.txt': 'x' });
    const { renameSync, symlinkSync } = await import('node:fs');
    const known = () => {
      renameSync(join(cwd, 'd'), join(cwd, 'gone'));
      symlinkSync(outside, join(cwd, 'd'));
      return undefined;
    };
    let asked = 0;
    const { documents, skipped } = await readAll(['.'], { cwd, known: () => (asked++ === 0 ? known() : undefined) });
    expect(documents.map(({ text }) => text)).toEqual(['x']);
    expect(skipped).toEqual([
      {
        path: join('d', 'b.txt'),
        code: 'DOCUMENT_UNSUPPORTED',
        reason: 'it leads out of the folder that was given',
      },
    ]);
  });

  test('a file that is exchanged for a link or a FIFO while files are read is refused without waiting', async () => {
    const outside = await folderWith({ 'secret.txt': 'secret' });
    const cwd = await folderWith({ 'a.txt': 'x', 'b.txt': 'x', 'c.txt': 'x' });
    const exchange = async () => {
      await rm(join(cwd, 'b.txt'));
      await symlink(join(outside, 'secret.txt'), join(cwd, 'b.txt'));
      await rm(join(cwd, 'c.txt'));
      execFileSync('mkfifo', [join(cwd, 'c.txt')]);
      return undefined;
    };
    let asked = 0;
    const { documents, skipped } = await readAll(['.'], { cwd, known: () => (asked++ === 0 ? exchange() : undefined) });
    expect(documents.map(({ text }) => text)).toEqual(['x']);
    expect(skipped.map(({ path, reason }) => [path, reason])).toEqual([
      ['b.txt', 'it is a symbolic link'],
      ['c.txt', 'it is a FIFO'],
    ]);
  });

  test('a neighbour whose name begins as the folder does is outside of it', async () => {
    const cwd = await folderWith({ 'data/a.txt': 'x', 'data-else/a.txt': 'secret' });
    await mkdir(join(cwd, 'data', 'd'));
    const { documents } = await readAll(['data'], { cwd });
    expect(documents.map(({ text }) => text)).toEqual(['x']);
  });
});

itUnless(
  process.getuid?.() === 0 ? 'the superuser may read everything' : missingUnix,
  'a file and a folder without permission are told, and the others are read',
  async () => {
    const cwd = await folderWith({ 'a.txt': 'x', 'b.txt': 'x', 'c/d.txt': 'x' });
    await chmod(join(cwd, 'b.txt'), 0o000);
    await chmod(join(cwd, 'c'), 0o000);
    const { documents, skipped, events } = await readAll(['.'], { cwd });
    await chmod(join(cwd, 'c'), 0o700);
    expect(documents.map(({ title }) => title)).toEqual(['a.txt']);
    expect(skipped.toSorted((one, other) => (one.path < other.path ? -1 : 1))).toEqual([
      { path: 'b.txt', code: 'FILE_UNREADABLE', reason: 'reading it is not permitted' },
      { path: 'c', code: 'FILE_UNREADABLE', reason: 'reading it is not permitted' },
    ]);
    expect(events.filter(({ type }) => type === 'walked')).toEqual([]);
  },
);

describeUnless(missingLinux, 'views into the system', () => {
  test.each([
    ['/proc', 'it is a view into the system, and no file'],
    ['/proc/self/environ', 'it is a view into the system, and no file'],
    ['/sys', 'it is a view into the system, and no file'],
    ['/dev/zero', 'it is a device'],
  ])('%s is refused', async (input, reason) => {
    const { skipped, documents } = await readAll([input], { cwd: '/' });
    expect([skipped, documents]).toEqual([[{ path: input, code: 'DOCUMENT_UNSUPPORTED', reason }], []]);
  });
});

async function titles(inputs: readonly string[], cwd: string, options = {}): Promise<readonly (string | null)[]> {
  return (await readAll(inputs, { cwd, ...options })).documents.map(({ title }) => title);
}
