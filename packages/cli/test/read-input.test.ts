import { spawnSync } from 'node:child_process';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { describeUnless, missingLinux, withTemporaryFolder } from '@gemma-cli/testkit';
import { readPromptParts } from '../src/thin/read-input.ts';

const signal = new AbortController().signal;

describe('reading the prompt', () => {
  test('a pipe that nobody closes is told once, and still read when it ends', async () => {
    const stdin = new PassThrough();
    const parts = await new Promise((resolve, reject) => {
      const onQuietStdin = (): void => {
        stdin.end('late');
      };
      readPromptParts({ words: ['Hi'], files: [], cwd: '/', stdin, signal, onQuietStdin, quietStdinMs: 1 }).then(
        resolve,
        reject,
      );
    });
    expect(parts).toEqual({ input: 'late', text: 'Hi' });
  });

  test('a terminal is not read unless -f - asks for it', async () => {
    const stdin = Object.assign(new PassThrough(), { isTTY: true });
    expect(await readPromptParts({ words: ['Hi'], files: [], cwd: '/', stdin, signal })).toEqual({ text: 'Hi' });
    stdin.end('typed');
    expect(await readPromptParts({ words: [], files: ['-'], cwd: '/', stdin, signal })).toEqual({ files: ['typed'] });
  });

  test('an abort ends the wait for a pipe', async () => {
    const controller = new AbortController();
    const reading = readPromptParts({
      words: ['Hi'],
      files: [],
      cwd: '/',
      stdin: new PassThrough(),
      signal: controller.signal,
    });
    controller.abort();
    expect(await reading).toEqual({ text: 'Hi' });
  });

  describeUnless(missingLinux, 'a pipe with a name', () => {
    const trial = (body: (fifo: string) => Promise<void>): Promise<void> =>
      withTemporaryFolder(async (folder) => {
        const fifo = join(folder, 'fifo');
        expect(spawnSync('mkfifo', [fifo]).status).toBe(0);
        await body(fifo);
      });
    const stdin = Object.assign(new PassThrough(), { isTTY: true });

    test('is read to its end, when its writer comes late and writes in pieces', () =>
      trial(async (fifo) => {
        const reading = readPromptParts({ words: ['Q'], files: [fifo], cwd: '/', stdin, signal });
        await new Promise((resolve) => setImmediate(resolve));
        const writer = await open(fifo, 'w');
        await writer.write('one ');
        await new Promise((resolve) => setImmediate(resolve));
        await writer.write('two');
        await writer.close();
        expect(await reading).toEqual({ files: ['one two'], text: 'Q' });
      }));

    test('that nobody writes to is left at an abort', () =>
      trial(async (fifo) => {
        const controller = new AbortController();
        const reading = readPromptParts({ words: ['Q'], files: [fifo], cwd: '/', stdin, signal: controller.signal });
        setImmediate(() => controller.abort());
        expect(await reading).toMatchObject({ text: 'Q' });
      }));
  });

  test('bytes that are no UTF-8 are refused, with the name of the file', () =>
    withTemporaryFolder(async (folder) => {
      const path = join(folder, 'image.png');
      await writeFile(path, Buffer.from([0x89, 0x50, 0xff, 0xfe]));
      const stdin = new PassThrough();
      stdin.end();
      const reading = readPromptParts({ words: [], files: ['image.png'], cwd: folder, stdin, signal });
      await expect(reading).rejects.toThrow(`Expected to read ${path}: it is not UTF-8 text.`);
    }));
});
