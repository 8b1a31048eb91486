import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { watchDocuments } from '../src/index.ts';
import type { IngestLimits, WatchEvent } from '../src/index.ts';
import { folderWith } from './reading.ts';

/** Watches a folder, runs each step after the event before it, and gives what was told, one line each. */
async function watched(
  cwd: string,
  steps: readonly { readonly after: string; readonly do: () => Promise<unknown> }[],
  options: { readonly inputs?: readonly string[]; readonly limits?: Partial<IngestLimits> } = {},
): Promise<readonly string[]> {
  const stop = new AbortController();
  const told: string[] = [];
  const left = [...steps];
  const events = watchDocuments(options.inputs ?? ['.'], {
    cwd,
    signal: stop.signal,
    settleMs: 20,
    pollMs: 50,
    limits: options.limits,
  });
  for await (const event of events) {
    told.push(lineOf(event));
    if (told.at(-1) === left[0]?.after) await left.shift()?.do();
    if (left.length === 0) stop.abort();
  }
  return told;
}

function lineOf(event: WatchEvent): string {
  switch (event.type) {
    case 'document':
      return `document ${basename(event.document.uri)} ${event.document.text}`;
    case 'ready':
      return `ready ${event.files}`;
    case 'skipped':
      return `skipped ${event.path} ${event.code}`;
    case 'removed':
    case 'unchanged':
      return `${event.type} ${basename(event.uri)}`;
  }
}

const nothing = () => Promise.resolve();

/** Puts a file in its place in one step, as editors do: nobody sees a part of it. */
async function replace(path: string, text: string): Promise<void> {
  const beside = join(dirname(path), '.new');
  await writeFile(beside, text);
  await rename(beside, path);
}

test('tells all that is there, then each change: new, changed, moved and removed files, new folders', async () => {
  const cwd = await folderWith({ 'a.txt': 'one' });
  const told = await watched(cwd, [
    { after: 'ready 1', do: () => replace(join(cwd, 'a.txt'), 'two') },
    {
      after: 'document a.txt two',
      do: async () => {
        await mkdir(join(cwd, 'sub'));
        await replace(join(cwd, 'sub', 'b.txt'), 'new');
      },
    },
    { after: 'document b.txt new', do: () => rename(join(cwd, 'sub', 'b.txt'), join(cwd, 'sub', 'c.txt')) },
    { after: 'document c.txt new', do: () => rm(join(cwd, 'a.txt')) },
    { after: 'removed a.txt', do: nothing },
  ]);
  expect(told).toEqual([
    'document a.txt one',
    'ready 1',
    'document a.txt two',
    'document b.txt new',
    'removed b.txt',
    'document c.txt new',
    'removed a.txt',
  ]);
});

test('a file that patterns leave out from now on is removed, and comes back with them', async () => {
  const cwd = await folderWith({ 'a.log': 'x', 'b.txt': 'y' });
  const told = await watched(cwd, [
    { after: 'ready 2', do: () => replace(join(cwd, '.gemmaignore'), '*.log\n') },
    { after: 'removed a.log', do: () => rm(join(cwd, '.gemmaignore')) },
    { after: 'document a.log x', do: nothing },
  ]);
  expect(told).toEqual(['document a.log x', 'document b.txt y', 'ready 2', 'removed a.log', 'document a.log x']);
});

test('a folder that is not there yet is told once, and read when it comes', async () => {
  const cwd = await folderWith({ 'a.txt': 'one' });
  const told = await watched(
    cwd,
    [
      {
        after: 'ready 1',
        do: async () => {
          await mkdir(join(cwd, 'late'));
          await replace(join(cwd, 'late', 'b.txt'), 'two');
        },
      },
      { after: 'document b.txt two', do: nothing },
    ],
    { inputs: ['a.txt', 'late'] },
  );
  expect(told).toEqual(['skipped late FILE_UNREADABLE', 'document a.txt one', 'ready 1', 'document b.txt two']);
});

test('a folder that is removed and made again in one go is listened to again', async () => {
  const cwd = await folderWith({ 'sub/a.txt': 'one' });
  const told = await watched(cwd, [
    {
      after: 'ready 1',
      do: async () => {
        await rm(join(cwd, 'sub'), { recursive: true });
        await mkdir(join(cwd, 'sub'));
        await replace(join(cwd, 'sub', 'a.txt'), 'two');
      },
    },
    { after: 'document a.txt two', do: () => replace(join(cwd, 'sub', 'a.txt'), 'three') },
    { after: 'document a.txt three', do: nothing },
  ]);
  expect(told.at(-1)).toBe('document a.txt three');
});

test('a folder alone that is not there yet is waited for, also where the folder above it is missing too', async () => {
  const cwd = await folderWith();
  const told = await watched(
    cwd,
    [
      {
        after: 'ready 0',
        do: async () => {
          await mkdir(join(cwd, 'late'));
          await mkdir(join(cwd, 'late', 'deep'));
          await replace(join(cwd, 'late', 'deep', 'b.txt'), 'two');
        },
      },
      { after: 'document b.txt two', do: nothing },
    ],
    { inputs: [join('late', 'deep')] },
  );
  expect(told.at(-1)).toBe('document b.txt two');
});

test('a file that is damaged by a change is skipped with its reason, and the watch goes on', async () => {
  const cwd = await folderWith({ 'a.json': '{"a": 1}' });
  const told = await watched(cwd, [
    { after: 'ready 1', do: () => replace(join(cwd, 'a.json'), '{"a": ') },
    { after: 'skipped a.json DOCUMENT_UNREADABLE', do: () => replace(join(cwd, 'a.json'), '{"a": 2}') },
    { after: 'document a.json a: 2', do: nothing },
  ]);
  expect(told.at(-1)).toBe('document a.json a: 2');
});

test('a file that a search did not come to is not removed; one that is gone is', async () => {
  const cwd = await folderWith({ 'b.txt': 'x', 'c.txt': 'x', 'd.txt': 'x' });
  const told = await watched(
    cwd,
    [
      { after: 'ready 3', do: () => replace(join(cwd, 'a.txt'), 'one') },
      { after: 'document a.txt one', do: () => rm(join(cwd, 'c.txt')) },
      { after: 'removed c.txt', do: () => replace(join(cwd, 'a.txt'), 'two') },
      { after: 'document a.txt two', do: nothing },
    ],
    { limits: { filesMax: 3 } },
  );
  expect(told.slice(3)).toEqual([
    'ready 3',
    'skipped d.txt DOCUMENT_TOO_LARGE',
    'document a.txt one',
    'removed c.txt',
    'document a.txt two',
  ]);
});

test('a stop ends it without an error, before it began and while it waits', async () => {
  const cwd = await folderWith({ 'a.txt': 'one' });
  const before = watchDocuments(['.'], { cwd, signal: AbortSignal.abort() });
  expect((await before.next()).done).toBe(true);
  expect(await watched(cwd, [{ after: 'ready 1', do: nothing }])).toEqual(['document a.txt one', 'ready 1']);
});
