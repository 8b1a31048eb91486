import { chmod, chown, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describeUnless, missingUnix } from '@gemma-cli/testkit';
import { describe, expect, it } from 'vitest';
import { ensureHome, homeLayout, resolveHome } from '../src/index.ts';
import { failure, withFolders } from './helpers.ts';

const mode = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

describe('resolveHome', () => {
  it('is .gemma_cli in the home of the user', () => {
    expect(resolveHome({}, '/home/ada')).toBe(join('/home/ada', '.gemma_cli'));
    expect(resolveHome({ GEMMA_HOME: '' }, '/home/ada')).toBe(join('/home/ada', '.gemma_cli'));
  });

  it('is GEMMA_HOME when it is set, with ~ and without a slash at the end', () => {
    expect(resolveHome({ GEMMA_HOME: '/data/gemma/' }, '/home/ada')).toBe('/data/gemma');
    expect(resolveHome({ GEMMA_HOME: '~/gemma' }, '/home/ada')).toBe('/home/ada/gemma');
    expect(resolveHome({ GEMMA_HOME: '/' }, '/home/ada')).toBe('/');
  });

  it('refuses a relative GEMMA_HOME, which would be another place in every folder', () => {
    expect(() => resolveHome({ GEMMA_HOME: 'gemma' }, '/home/ada')).toThrow(/absolute path/);
  });
});

it('docs/configuration.md shows every part of the home folder, and says which hold what somebody typed', async () => {
  const page = await readFile(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
  const rows = Array.from(page.matchAll(/^\| `([\w./-]+?)\/?` +\|/gm), ([, name]) => basename(name ?? ''));
  const parts = Object.values(homeLayout('/home')).map((path) => basename(path));
  expect(new Set(rows)).toEqual(new Set([...parts, 'chat-history.jsonl']));
  expect(page).toMatch(/hold what you typed\. `sessions\/`[^]*`chat-history\.jsonl`[^]*`states\/`/);
});

describeUnless(missingUnix, 'ensureHome', () => {
  it('makes private folders under any umask', async () => {
    for (const umask of [0o000, 0o022, 0o377]) {
      await withFolders(async ({ root }) => {
        const home = join(root, 'a', 'home');
        await mkdir(join(root, 'a'));
        const before = process.umask(umask);
        try {
          await ensureHome(home);
        } finally {
          process.umask(before);
        }
        const { config, memory, ...folders } = homeLayout(home);
        await expect(stat(memory), 'the memory makes its own').rejects.toThrow('ENOENT');
        for (const folder of [home, ...Object.values(folders)]) expect(await mode(folder), folder).toBe(0o700);
        await expect(stat(config)).rejects.toThrow('ENOENT');
      });
    }
  });

  it('closes a home and a file that were open to others', async () => {
    await withFolders(async ({ home }) => {
      await mkdir(join(home, 'models'));
      await writeFile(join(home, 'config.toml'), '');
      await chmod(join(home, 'config.toml'), 0o666);
      await chmod(join(home, 'models'), 0o755);
      await chmod(home, 0o777);
      await ensureHome(home);
      expect(await mode(home)).toBe(0o700);
      expect(await mode(join(home, 'models'))).toBe(0o700);
      expect(await mode(join(home, 'config.toml'))).toBe(0o600);
    });
  });

  it('can be called twice, and leaves what is inside alone', async () => {
    await withFolders(async ({ home }) => {
      await ensureHome(home);
      await writeFile(join(home, 'models', 'weights'), 'x', { mode: 0o644 });
      await ensureHome(home);
      expect(await mode(join(home, 'models', 'weights'))).toBe(0o644);
    });
  });

  it('does not close a folder that serves something else, nor touch its files', async () => {
    await withFolders(async ({ home }) => {
      await writeFile(join(home, 'script.sh'), '#!/bin/sh\n');
      await chmod(join(home, 'script.sh'), 0o755);
      await chmod(home, 0o755);
      const error = await failure(ensureHome(home));
      expect(error.code).toBe('HOME_NOT_PRIVATE');
      expect(error.message).toContain('other things');
      expect(await mode(home)).toBe(0o755);
      // Whoever closed it meant it.
      await chmod(home, 0o700);
      await ensureHome(home);
      expect(await mode(join(home, 'script.sh'))).toBe(0o755);
    });
  });

  it('refuses a home that belongs to somebody else, directly or behind a link', async () => {
    await withFolders(async ({ root, home }) => {
      // Only root can give a folder away; anybody else finds one of root's.
      let foreign = '/usr';
      if (process.getuid?.() === 0) {
        await chown(home, 12_345, 12_345);
        foreign = home;
      }
      expect((await failure(ensureHome(foreign))).code).toBe('HOME_NOT_PRIVATE');
      const link = join(root, 'link');
      await symlink(foreign, link);
      const error = await failure(ensureHome(link));
      expect(error.code).toBe('HOME_NOT_PRIVATE');
      expect(error.message).toContain('GEMMA_HOME');
    });
  });

  it('says so when the place is taken by a file', async () => {
    await withFolders(async ({ root }) => {
      await writeFile(join(root, 'file'), '');
      expect((await failure(ensureHome(join(root, 'file')))).code).toBe('FILE_UNREADABLE');
      expect((await failure(ensureHome(join(root, 'file', 'home')))).code).toBe('FILE_UNREADABLE');
    });
  });
});
