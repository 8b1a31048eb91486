import { execFileSync } from 'node:child_process';
import { realpath, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describeUnless, itUnless, missingLinux, missingUnix } from '@gemma-cli/testkit';
import { expect, test } from 'vitest';
import { readSourceBytes } from '../src/index.ts';
import { folderWith } from './reading.ts';

const bytesMax = 100;

/** Code and reason with which an address is refused. */
async function refusal(uri: string): Promise<readonly unknown[]> {
  return readSourceBytes(uri, { bytesMax }).then(
    (bytes) => ['read', bytes.toString()],
    (error: { code: string; message: string }) => [error.code, error.message],
  );
}

test('the bytes of a source are read again, up to the limit', async () => {
  const cwd = await realpath(await folderWith({ 'a b.txt': 'Größe', 'large.txt': 'x'.repeat(101) }));
  const uri = pathToFileURL(join(cwd, 'a b.txt')).href;
  expect((await readSourceBytes(uri, { bytesMax })).toString()).toBe('Größe');
  expect(await refusal(pathToFileURL(join(cwd, 'large.txt')).href)).toEqual([
    'DOCUMENT_TOO_LARGE',
    'it has 101 bytes: at most 100 are read',
  ]);
  await rm(join(cwd, 'a b.txt'));
  expect(await refusal(uri)).toEqual(['FILE_UNREADABLE', 'nothing is there']);
  expect(await refusal(pathToFileURL(cwd).href)).toEqual(['DOCUMENT_UNSUPPORTED', 'it is a folder']);
});

test.each([
  ['https://example.org/a', 'it is not the address of a file'],
  ['memory:x', 'it is not the address of a file'],
  ['file://[', 'it is not the address of a file'],
  ['file://server/share/a.txt', 'it is a file of another machine'],
])('%s is refused without asking anybody', async (uri, reason) => {
  expect(await refusal(uri)).toEqual(['DOCUMENT_UNSUPPORTED', reason]);
});

describeUnless(missingUnix, 'what took the place of a source', () => {
  test('a link, a FIFO and a folder that is a link now are refused, and nothing waits', async () => {
    const outside = await folderWith({ 'a.txt': 'secret' });
    const cwd = await realpath(await folderWith({ 'a.txt': 'x', 'b.txt': 'x', 'd/a.txt': 'x' }));
    const address = (name: string): string => pathToFileURL(join(cwd, name)).href;
    for (const name of ['a.txt', 'b.txt', 'd/a.txt']) expect(await refusal(address(name))).toEqual(['read', 'x']);
    await rm(join(cwd, 'a.txt'));
    await symlink(join(outside, 'a.txt'), join(cwd, 'a.txt'));
    await rm(join(cwd, 'b.txt'));
    execFileSync('mkfifo', [join(cwd, 'b.txt')]);
    await rename(join(cwd, 'd'), join(cwd, 'e'));
    await symlink(outside, join(cwd, 'd'));
    expect(await Promise.all(['a.txt', 'b.txt', 'd/a.txt'].map((name) => refusal(address(name))))).toEqual([
      ['DOCUMENT_UNSUPPORTED', 'it is a symbolic link'],
      ['DOCUMENT_UNSUPPORTED', 'it is a FIFO'],
      ['DOCUMENT_UNSUPPORTED', 'it leads out of the folder that was given'],
    ]);
    await writeFile(join(cwd, 'e', 'a.txt'), 'y');
    expect(await refusal(address('e/a.txt'))).toEqual(['read', 'y']);
  });
});

itUnless(missingLinux, 'a view into the system is refused', async () => {
  expect(await refusal('file:///proc/self/environ')).toEqual([
    'DOCUMENT_UNSUPPORTED',
    'it is a view into the system, and no file',
  ]);
});
