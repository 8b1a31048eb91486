import { PassThrough, Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { readPipedLines, type PipedLines } from '../src/chat/piped-lines.ts';

const never = new AbortController().signal;

async function all(lines: PipedLines): Promise<readonly string[]> {
  const found: string[] = [];
  for (let line = await lines.next(); line !== undefined; line = await lines.next()) found.push(line);
  return found;
}

/** Lets everything that is under way go on for a while. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

test('what is piped in is read no further ahead than it is used, and all of it comes in order', async () => {
  const blocks = 400;
  let read = 0;
  // 16 KiB in each block.
  const stdin = Readable.from(
    (function* () {
      for (; read < blocks; read += 1)
        yield Buffer.from(
          Array.from({ length: 16 }, (_, row) => `${read}.${row} `.padEnd(1023, 'x')).join('\n') + '\n',
        );
    })(),
    { objectMode: false },
  );
  const lines = readPipedLines(stdin, never);
  expect(await lines.next()).toMatch(/^0\.0 x/);
  await turns(50);
  const ahead = read;
  expect(ahead).toBeLessThan(50);
  await turns(50);
  expect(read).toBe(ahead);
  const rest = await all(lines);
  expect(rest).toHaveLength(blocks * 16 - 1);
  expect(rest.map((line) => line.split(' ')[0])).toEqual(
    Array.from({ length: blocks * 16 }, (_, index) => `${Math.floor(index / 16)}.${index % 16}`).slice(1),
  );
});

test('a last line without a newline is one, and an empty input has none', async () => {
  expect(await all(readPipedLines(Readable.from(['one\r\ntw', 'o\n\nthree']), never))).toEqual([
    'one',
    'two',
    '',
    'three',
  ]);
  expect(await all(readPipedLines(Readable.from([]), never))).toEqual([]);
});

test('an abort ends the wait, and a reader that was closed says the end', async () => {
  const abort = new AbortController();
  const waiting = readPipedLines(new PassThrough(), abort.signal);
  const next = waiting.next();
  abort.abort();
  expect(await next).toBeUndefined();
  const closed = readPipedLines(new PassThrough(), never);
  const last = closed.next();
  closed.close();
  expect(await last).toBeUndefined();
  expect(await readPipedLines(new PassThrough(), AbortSignal.abort()).next()).toBeUndefined();
});
