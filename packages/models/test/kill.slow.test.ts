import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { PullEvent } from '../src/index.ts';
import type { Handler } from './file-server.ts';
import { sendFile, startServer } from './file-server.ts';
import { tinyModel } from './gguf-writer.ts';
import { fastStore, leftovers, partBytes, pullAll, pulled, sha256, types } from './pulling.ts';
import { temporaryFolder } from './temporary-folder.ts';

const model = tinyModel({ sizeBytes: 2_000_000 });

interface PullChild {
  readonly process: ChildProcess;
  readonly events: readonly PullEvent[];
  /** Waits for an event of this type. */
  event(type: string): Promise<void>;
  readonly exit: Promise<readonly unknown[]>;
}

/** Another process that pulls, ended with the test. */
function startPull(folder: string, reference: string): PullChild {
  const script = new URL('children/pull.mjs', import.meta.url).pathname;
  const child = spawn(process.execPath, [script, folder, reference], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  const events: PullEvent[] = [];
  const waiting = new Map<string, () => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const event = JSON.parse(line) as PullEvent;
    events.push(event);
    waiting.get(event.type)?.();
  });
  return {
    process: child,
    events,
    event: (type) =>
      new Promise((resolve) => {
        if (events.some((event) => event.type === type)) resolve();
        else waiting.set(type, resolve);
      }),
    exit: once(child, 'close'),
  };
}

/** Serves the model and stalls after so many bytes, the first time. */
function stallFirst(bytes: number, stalled: () => void): Handler {
  return (request, response, count) => {
    sendFile(request, response, model, count === 0 ? { stallAfterBytes: bytes } : {});
    if (count === 0) setTimeout(stalled, 300);
  };
}

describe('a process that is killed in the middle of a pull', () => {
  test('leaves a part that the next process continues, and a lock that does not hold', async () => {
    const folder = await temporaryFolder();
    let stalled = () => {};
    const stall = new Promise<void>((resolve) => {
      stalled = resolve;
    });
    const server = await startServer({ '/m.gguf': stallFirst(1_200_000, () => stalled()) });
    const child = startPull(folder, `${server.url}/m.gguf`);
    await child.event('progress');
    await stall;
    child.process.kill('SIGKILL');
    await child.exit;

    expect((await leftovers(folder)).some((name) => name.includes(`.${child.process.pid}.`))).toBe(true);
    const part = await partBytes(folder);
    expect(part.length).toBeGreaterThan(0);
    expect(part.equals(model.subarray(0, part.length))).toBe(true);

    // A known hash vouches for every byte that is there, synced or not.
    const { events } = await pullAll(fastStore(folder), `${server.url}/m.gguf`);
    expect(types(events)).not.toContain('waiting');
    expect(pulled(events).model.sha256).toBe(sha256(model));
    expect(await leftovers(folder)).toEqual([]);
  });

  test('again and again ends in the whole model once it is left alone', async () => {
    const folder = await temporaryFolder();
    const server = await startServer({
      '/m.gguf': (request, response, count) => {
        // Each connection brings a little more and then hangs, until the sixth.
        sendFile(request, response, model, count < 5 ? { stallAfterBytes: 200_000 + count * 50_000 } : {});
      },
    });
    for (let round = 0; round < 5; round++) {
      const child = startPull(folder, `${server.url}/m.gguf`);
      await child.event('progress');
      child.process.kill('SIGKILL');
      await child.exit;
      expect(await fastStore(folder).list()).toEqual([]);
    }
    const { events } = await pullAll(fastStore(folder), `${server.url}/m.gguf`);
    expect(pulled(events).model.sha256).toBe(sha256(model));
    expect(await leftovers(folder)).toEqual([]);
  });

  test('is replaced at once by a process that waited for it', async () => {
    const folder = await temporaryFolder();
    const server = await startServer({ '/m.gguf': stallFirst(1_000_000, () => undefined) });
    const first = startPull(folder, `${server.url}/m.gguf`);
    await first.event('progress');
    const second = startPull(folder, `${server.url}/m.gguf`);
    await second.event('waiting');
    expect(second.events[0]).toEqual({ type: 'waiting', pid: first.process.pid });
    first.process.kill('SIGKILL');
    const [code] = await second.exit;
    expect(code).toBe(0);
    expect(pulled(second.events).model.sha256).toBe(sha256(model));
    expect(await leftovers(folder)).toEqual([]);
  });
});

test('Ctrl-C keeps the part with its state: the next pull goes on with Range and If-Range', async () => {
  const folder = await temporaryFolder();
  let stalled = () => {};
  const stall = new Promise<void>((resolve) => {
    stalled = resolve;
  });
  const server = await startServer({ '/m.gguf': stallFirst(1_200_000, () => stalled()) });
  const child = startPull(folder, `${server.url}/m.gguf`);
  await child.event('progress');
  await stall;
  child.process.kill('SIGINT');
  const [code] = await child.exit;
  expect(code).toBe(130);
  expect(child.events.at(-1)).toEqual({ type: 'error', code: 'ABORTED' });
  expect((await partBytes(folder)).length).toBe(1_200_000);

  const { events } = await pullAll(fastStore(folder), `${server.url}/m.gguf`);
  expect(events[1]).toEqual({ type: 'resuming', fromBytes: 1_200_000 });
  expect(server.requests.at(-1)).toMatchObject({ range: 'bytes=1200000-', ifRange: '"one"' });
  expect(pulled(events).model.sha256).toBe(sha256(model));
});

test('six processes that pull one model at the same time fetch it once and all have it', async () => {
  const folder = await temporaryFolder();
  const server = await startServer({
    '/m.gguf': (request, response) => {
      setTimeout(() => sendFile(request, response, model), 500);
    },
  });
  const children = Array.from({ length: 6 }, () => startPull(folder, `${server.url}/m.gguf`));
  const codes = await Promise.all(children.map(async (child) => (await child.exit)[0]));
  expect(codes).toEqual([0, 0, 0, 0, 0, 0]);
  expect(children.filter(({ events }) => !pulled(events).alreadyInstalled)).toHaveLength(1);
  expect(server.requests).toHaveLength(1);
  expect(await leftovers(folder)).toEqual([]);
});
