import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openWheel } from '../src/wheel.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { writeWheel } from './wheel-writer.ts';
import type { WheelFile } from './wheel-writer.ts';

async function wheelOf(
  files: readonly WheelFile[],
  change: (bytes: Buffer) => Buffer = (bytes) => bytes,
): Promise<string> {
  const path = join(await temporaryFolder(), 'a-1.0.0-py3-none-any.whl');
  await writeFile(path, change(writeWheel('a', files)));
  return path;
}

async function bytesOf(path: string, name: string): Promise<Buffer> {
  await using wheel = await openWheel(path);
  const chunks: Buffer[] = [];
  for await (const chunk of wheel.bytes(name)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const bytes = Buffer.alloc(300_000, 'weights');

test.each([true, false])('streams a file that is stored (%s) or deflated', async (stored) => {
  const path = await wheelOf([{ path: 'a/m.gguf', bytes, stored }]);
  expect(bytes.equals(await bytesOf(path, 'a/m.gguf'))).toBe(true);
});

test('refuses a file whose CRC-32 is not the one that the archive says', async () => {
  const path = await wheelOf([{ path: 'a/m.gguf', bytes, wrongCrc: true }]);
  await expect(bytesOf(path, 'a/m.gguf')).rejects.toMatchObject({ code: 'MODEL_INVALID' });
});

test('refuses a text that is longer than allowed before reading it', async () => {
  await using wheel = await openWheel(await wheelOf([{ path: 'LICENSE', bytes: 'x'.repeat(1_000) }]));
  await expect(wheel.text('LICENSE', 999)).rejects.toMatchObject({ code: 'MODEL_INVALID' });
  expect(await wheel.text('LICENSE', 1_000)).toHaveLength(1_000);
});

test('refuses what is no archive, a cut one, and a path that leads out', async () => {
  const broken = [
    await wheelOf([], () => Buffer.from('no archive')),
    await wheelOf([{ path: 'a/m.gguf', bytes }], (wheel) => wheel.subarray(0, wheel.length - 30)),
    await wheelOf([{ path: '../../m.gguf', bytes }]),
  ];
  for (const path of broken) await expect(openWheel(path)).rejects.toMatchObject({ code: 'MODEL_INVALID' });
});
