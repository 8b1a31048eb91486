import { mkdir, mkdtemp, open, readFile, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { GemmaError } from '@gemma-cli/contracts';
import { isWorthSaving, openStateCache, stateModelKey } from '../src/state-cache.ts';
import type { StateCache } from '../src/state-cache.ts';

let folder: string;
let lines: string[];

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'state-cache-')), 'states');
  lines = [];
});
afterEach(() => rm(dirname(folder), { recursive: true, force: true }));

const openHere = (options: { bytesMax?: number; now?: () => number } = {}): Promise<StateCache> =>
  openStateCache({ folder, bytesMax: 2 ** 30, log: (line) => lines.push(line), ...options });

const tokensOf = (length: number, seed = 1): number[] =>
  Array.from({ length }, (_, index) => (index * 7919 + seed * 104_729) % 262_144);

/** A model process that writes a state of this many bytes. */
const writing =
  (bytes = 1_000) =>
  async (path: string): Promise<{ bytes: number }> => {
    await writeFile(path, Buffer.alloc(bytes, 7), { flag: 'wx' });
    return { bytes };
  };
const free = { aligned: false };
const any = { alignedOnly: false };

async function entryFolders(): Promise<string[]> {
  const root = join(folder, 'v1');
  const models = (await readdir(root)).filter((name) => name !== 'tmp');
  const found = await Promise.all(
    models.map(async (model) => (await readdir(join(root, model))).map((name) => join(root, model, name))),
  );
  return found.flat();
}

describe('a state cache', () => {
  it('finds the longest saved prefix, in this engine and in the next', async () => {
    const cache = await openHere();
    const tokens = tokensOf(700);
    for (const length of [64, 130, 611])
      expect(await cache.save('m', tokens.slice(0, length), free, writing())).toBe(true);
    expect(await cache.find('m', tokens, any)).toMatchObject({ tokens: 611, bytes: 1_000, aligned: false });
    expect(await cache.find('m', tokens.slice(0, 610), any)).toMatchObject({ tokens: 130 });
    expect(await cache.find('m', tokens.slice(0, 63), any)).toBeUndefined();
    await cache.close();
    const next = await openHere();
    const found = await next.find('m', tokens, any);
    expect(found?.tokens).toBe(611);
    expect(await readFile(found?.path ?? '')).toEqual(Buffer.alloc(1_000, 7));
    expect(next.status()).toMatchObject({ entries: 3, hits: 1, misses: 0, saves: 0, ignored: {} });
    expect(lines).toEqual([]);
  });

  it('finds nothing for another model, another token anywhere, or in another order', async () => {
    const cache = await openHere();
    const tokens = tokensOf(200);
    await cache.save('m', tokens, free, writing());
    expect(await cache.find('other', tokens, any)).toBeUndefined();
    for (const at of [0, 63, 64, 128, 191, 192, 199]) {
      expect(await cache.find('m', tokens.with(at, 3), any)).toBeUndefined();
    }
    expect(await cache.find('m', tokens.toReversed(), any)).toBeUndefined();
    expect(cache.status()).toMatchObject({ misses: 9, hits: 0 });
  });

  it('gives a reproducible request only states of the fixed schedule, and others either', async () => {
    const cache = await openHere();
    const tokens = tokensOf(300);
    await cache.save('m', tokens.slice(0, 256), free, writing(10));
    expect(await cache.find('m', tokens, { alignedOnly: true })).toBeUndefined();
    await cache.save('m', tokens.slice(0, 128), { aligned: true }, writing(20));
    expect(await cache.find('m', tokens, { alignedOnly: true })).toMatchObject({ tokens: 128, aligned: true });
    expect(await cache.find('m', tokens, any)).toMatchObject({ tokens: 256, aligned: false });
  });

  it('does not read states that are no longer than what is there without them', async () => {
    const cache = await openHere();
    const tokens = tokensOf(200);
    await cache.save('m', tokens.slice(0, 128), free, writing());
    const [entry = ''] = await entryFolders();
    await flip(join(entry, 'state'), 3);
    expect(await cache.find('m', tokens, { alignedOnly: false, beyondTokens: 128 })).toBeUndefined();
    expect(cache.status().ignored).toEqual({});
    expect(await cache.find('m', tokens, { alignedOnly: false, beyondTokens: 127 })).toBeUndefined();
    expect(cache.status().ignored).toEqual({ damaged: 1 });
  });

  it('writes no state twice, and knows what is covered, its own and what others saved', async () => {
    const [one, two] = [await openHere(), await openHere()];
    const tokens = tokensOf(300);
    await one.save('m', tokens.slice(0, 200), free, writing());
    let calls = 0;
    const counted = (path: string): Promise<{ bytes: number }> => {
      calls += 1;
      return writing()(path);
    };
    expect(await one.save('m', tokens.slice(0, 200), free, counted)).toBe(false);
    expect(two.coveredTokens('m', tokens, any)).toBe(0);
    await two.find('m', tokens, any);
    expect(await two.save('m', tokens.slice(0, 200), free, counted)).toBe(false);
    expect(calls).toBe(0);
    expect([one, two].map((cache) => cache.coveredTokens('m', tokens, any))).toEqual([200, 200]);
    expect(one.coveredTokens('m', tokens, { alignedOnly: true })).toBe(0);
    expect(one.coveredTokens('m', tokens.slice(0, 199), any)).toBe(0);
    expect(one.coveredTokens('other', tokens, any)).toBe(0);
    const found = await one.find('m', tokens, any);
    if (found !== undefined) await one.discard(found, 'damaged');
    expect(one.coveredTokens('m', tokens, any)).toBe(0);
    expect(await one.save('m', tokens.slice(0, 200), free, counted)).toBe(true);
  });

  it('keeps a state for its user alone', async () => {
    const cache = await openHere();
    await cache.save('m', tokensOf(64), free, writing());
    const [entry = ''] = await entryFolders();
    const modes = await Promise.all(
      [folder, entry, join(entry, 'state'), join(entry, 'entry.json')].map((path) => stat(path)),
    );
    expect(modes.map(({ mode }) => (mode & 0o777).toString(8))).toEqual(['700', '700', '600', '600']);
  });

  it('calls the writer at once, so that the model process has moved on to nothing else', async () => {
    const cache = await openHere();
    const calls: string[] = [];
    const saved = cache.save('m', tokensOf(64), free, (path) => {
      calls.push('save-state');
      return writing()(path);
    });
    calls.push('generate');
    await saved;
    expect(calls).toEqual(['save-state', 'generate']);
  });

  it('removes what was used longest ago when bytes run out, whatever was saved first', async () => {
    let at = Date.now();
    const cache = await openHere({ bytesMax: 3_900, now: () => (at += 1_000) });
    const [a, b, c, d] = [1, 2, 3, 4].map((seed) => tokensOf(64, seed)) as [number[], number[], number[], number[]];
    for (const tokens of [a, b, c]) await cache.save('m', tokens, free, writing(1_000));
    await cache.find('m', a, any);
    await cache.save('m', d, free, writing(1_000));
    const found = await Promise.all(
      [a, b, c, d].map(async (tokens) => (await cache.find('m', tokens, any)) !== undefined),
    );
    expect(found).toEqual([true, false, true, true]);
    expect(cache.status().entries).toBe(3);
    expect(cache.status().bytes).toBeLessThanOrEqual(3_900);
  });

  it('does not push everything out for a state that cannot fit', async () => {
    const cache = await openHere({ bytesMax: 2_000 });
    await cache.save('m', tokensOf(64), free, writing(500));
    expect(await cache.save('m', tokensOf(64, 2), free, writing(5_000))).toBe(false);
    expect(cache.status()).toMatchObject({ entries: 1, saves: 1 });
    expect(lines).toEqual([expect.stringContaining('5000 bytes')]);
  });

  it('lets two processes save the same state and each use it', async () => {
    const [one, two] = [await openHere(), await openHere()];
    const tokens = tokensOf(64);
    const saved = await Promise.all([one.save('m', tokens, free, writing()), two.save('m', tokens, free, writing())]);
    expect(new Set(saved)).toEqual(new Set([false, true]));
    expect(await one.find('m', tokens, any)).toBeDefined();
    expect(await two.find('m', tokens, any)).toBeDefined();
    expect(await entryFolders()).toHaveLength(1);
    expect(await readdir(join(folder, 'v1', 'tmp'))).toEqual([]);
    expect(lines).toEqual([]);
  });

  it('waits for saves under way when it is closed, and begins none after', async () => {
    const cache = await openHere();
    const saved = cache.save('m', tokensOf(64), free, writing());
    await cache.close();
    expect(cache.status().saves).toBe(1);
    expect(await saved).toBe(true);
    expect(await cache.save('m', tokensOf(64, 2), free, writing())).toBe(false);
    await cache.close();
  });
});

describe('a state that is not what it should be', () => {
  const damages: readonly (readonly [string, string, (entry: string) => Promise<void>])[] = [
    ['with a flipped bit', 'damaged', (entry) => flip(join(entry, 'state'), 500)],
    ['that was cut short', 'damaged', (entry) => cut(join(entry, 'state'), 999)],
    ['that is empty', 'damaged', (entry) => cut(join(entry, 'state'), 0)],
    ['without its file', 'damaged', (entry) => rm(join(entry, 'state'))],
    ['without its description', 'damaged', (entry) => rm(join(entry, 'entry.json'))],
    ['with a damaged description', 'damaged', (entry) => flip(join(entry, 'entry.json'), 30)],
    ['with an empty description', 'damaged', (entry) => cut(join(entry, 'entry.json'), 0)],
    [
      'that is a folder',
      'unreadable',
      async (entry) => {
        await rm(join(entry, 'state'));
        await mkdir(join(entry, 'state'));
      },
    ],
  ];
  it.each(damages)('%s is ignored as %s, told once, and removed', async (_what, reason, damage) => {
    const cache = await openHere();
    const tokens = tokensOf(64);
    await cache.save('m', tokens, free, writing());
    const [entry = ''] = await entryFolders();
    await damage(entry);
    expect(await cache.find('m', tokens, any)).toBeUndefined();
    expect(cache.status().ignored).toEqual({ [reason]: 1 });
    expect(lines).toEqual([expect.stringContaining(reason)]);
    expect(await entryFolders()).toEqual([]);
    expect(await cache.find('m', tokens, any)).toBeUndefined();
    expect(lines).toHaveLength(1);
    expect(await cache.save('m', tokens, free, writing())).toBe(true);
    expect(await cache.find('m', tokens, any)).toBeDefined();
  });

  it('of another model under the name of ours is foreign', async () => {
    const cache = await openHere();
    const tokens = tokensOf(64);
    await cache.save('theirs', tokens, free, writing());
    const [entry = ''] = await entryFolders();
    await cache.save('ours', tokensOf(64, 2), free, writing());
    const ours = (await entryFolders()).find((path) => dirname(path) !== dirname(entry)) ?? '';
    await rename(entry, join(dirname(ours), entry.slice(dirname(entry).length + 1)));
    expect(await cache.find('ours', tokens, any)).toBeUndefined();
    expect(cache.status().ignored).toEqual({ foreign: 1 });
  });

  it('falls back to a shorter one that is whole', async () => {
    const cache = await openHere();
    const tokens = tokensOf(200);
    await cache.save('m', tokens.slice(0, 70), free, writing());
    await cache.save('m', tokens, free, writing());
    const long = (await entryFolders()).find((path) => path.includes('/200-')) ?? '';
    await flip(join(long, 'state'), 0);
    expect(await cache.find('m', tokens, any)).toMatchObject({ tokens: 70 });
  });

  it('that the model process cannot use is counted; a damaged one is removed, and any other left to others', async () => {
    const cache = await openHere();
    const tokens = tokensOf(64);
    await cache.save('m', tokens, free, writing());
    const found = await cache.find('m', tokens, any);
    if (found === undefined) throw new Error('Expected a state.');
    await cache.discard(found, 'foreign');
    expect(cache.status()).toMatchObject({ entries: 1, ignored: { foreign: 1 } });
    expect(await cache.find('m', tokens, any)).toBeUndefined();
    const other = await openHere();
    const again = await other.find('m', tokens, any);
    if (again === undefined) throw new Error('Expected a state for another process.');
    await other.discard(again, 'damaged');
    expect(other.status()).toMatchObject({ entries: 0, ignored: { damaged: 1 } });
  });

  it('of an unknown name is left alone', async () => {
    const cache = await openHere();
    await cache.save('m', tokensOf(64), free, writing());
    const [entry = ''] = await entryFolders();
    await writeFile(join(dirname(entry), 'notes.txt'), 'mine');
    expect(await cache.find('m', tokensOf(64), any)).toBeDefined();
    expect(await readFile(join(dirname(entry), 'notes.txt'), 'utf8')).toBe('mine');
  });
});

describe('trouble while saving', () => {
  it('on a full disk is one line, no entry, and no further try for a minute', async () => {
    let at = 0;
    const cache = await openHere({ now: () => at });
    let calls = 0;
    const full = async (path: string): Promise<{ bytes: number }> => {
      calls += 1;
      await writeFile(path, 'half of it');
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    };
    expect(await cache.save('m', tokensOf(64), free, full)).toBe(false);
    expect(lines).toEqual([expect.stringMatching(/ENOSPC.*60 s/)]);
    expect(await readdir(join(folder, 'v1', 'tmp'))).toEqual([]);
    expect(await cache.save('m', tokensOf(64), free, full)).toBe(false);
    expect(calls).toBe(1);
    at = 60_000;
    expect(await cache.save('m', tokensOf(64), free, full)).toBe(false);
    expect(lines.at(-1)).toContain('120 s');
    at = 180_000;
    expect(await cache.save('m', tokensOf(64), free, writing())).toBe(true);
    expect(await cache.find('m', tokensOf(64), any)).toBeDefined();
  });

  it('because the process is gone says nothing about the disk', async () => {
    const cache = await openHere();
    const failing = (code: 'ENGINE_EXITED' | 'DISK_FULL') => () =>
      Promise.reject(new GemmaError({ code, message: `failed with ${code}` }));
    expect(await cache.save('m', tokensOf(64), free, failing('ENGINE_EXITED'))).toBe(false);
    expect(lines).toEqual(['A state could not be saved (failed with ENGINE_EXITED).']);
    expect(await cache.save('m', tokensOf(64), free, writing())).toBe(true);
    expect(await cache.save('m', tokensOf(64, 2), free, failing('DISK_FULL'))).toBe(false);
    expect(await cache.save('m', tokensOf(64, 2), free, writing())).toBe(false);
    expect(lines).toHaveLength(2);
  });

  it('by a writer that wrote less than it says leaves no entry', async () => {
    const cache = await openHere();
    const short = async (path: string): Promise<{ bytes: number }> => {
      await writeFile(path, 'short');
      return { bytes: 50 };
    };
    expect(await cache.save('m', tokensOf(64), free, short)).toBe(false);
    expect(await entryFolders()).toEqual([]);
    expect(lines).toEqual([expect.stringContaining('50 bytes were written and 5 are there')]);
  });

  it('with a folder that cannot be made is told once, and answers go on', async () => {
    await mkdir(dirname(folder), { recursive: true });
    await writeFile(folder, 'a file is in the way');
    const cache = await openHere();
    expect(lines).toHaveLength(1);
    expect(await cache.find('m', tokensOf(64), any)).toBeUndefined();
    expect(await cache.save('m', tokensOf(64), free, writing())).toBe(false);
    expect(lines).toHaveLength(1);
  });

  it('by a process that was killed leaves nothing for long', async () => {
    await mkdir(join(folder, 'v1', 'tmp', '1-old.entry'), { recursive: true });
    await writeFile(join(folder, 'v1', 'tmp', '1-new'), 'a save under way elsewhere');
    const old = new Date(Date.now() - 3_600_000);
    await utimes(join(folder, 'v1', 'tmp', '1-old.entry'), old, old);
    await openHere();
    expect(await readdir(join(folder, 'v1', 'tmp'))).toEqual(['1-new']);
  });
});

describe('what a state is known by', () => {
  const facts = {
    model: { path: '/models/a.gguf' },
    file: { size: 1, mtimeMs: 2, ino: 3 },
    contextTokens: 8_192,
    compactCache: false,
    runtime: { name: 'llama.cpp', version: '1' },
  };
  it('changes with everything that changes a state', () => {
    const keys = [
      facts,
      { ...facts, model: { path: '/models/b.gguf' } },
      { ...facts, file: { ...facts.file, mtimeMs: 3 } },
      { ...facts, contextTokens: 4_096 },
      { ...facts, compactCache: true },
      { ...facts, runtime: { name: 'llama.cpp', version: '2' } },
      { ...facts, runtime: { name: 'llama.cpp', version: '1', build: 'linux-x64-cuda' } },
      { ...facts, runtime: { name: 'llama.cpp', version: '1', build: 'linux-x64' } },
      { ...facts, model: { path: '/models/a.gguf', sha256: 'AB' } },
    ].map(stateModelKey);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it('is the hash of the weights where it is known, wherever the file lies', () => {
    const one = stateModelKey({ ...facts, model: { path: '/a', sha256: 'AB' } });
    expect(
      stateModelKey({ ...facts, model: { path: '/b', sha256: 'ab' }, file: { size: 1, mtimeMs: 9, ino: 9 } }),
    ).toBe(one);
  });
});

it('a state is worth saving when it spares a quarter of a second that no saved one spares', () => {
  expect(isWorthSaving({ tokens: 600, foundTokens: 0, msPerToken: 2.1 })).toBe(true);
  expect(isWorthSaving({ tokens: 600, foundTokens: 590, msPerToken: 2.1 })).toBe(false);
  expect(isWorthSaving({ tokens: 100, foundTokens: 0, msPerToken: 2.1 })).toBe(false);
  expect(isWorthSaving({ tokens: 40, foundTokens: 0, msPerToken: 30 })).toBe(false);
  expect(isWorthSaving({ tokens: 100, foundTokens: 0, msPerToken: 11 })).toBe(true);
});

async function flip(path: string, at: number): Promise<void> {
  const content = await readFile(path);
  content[at] = (content[at] ?? 0) ^ 1;
  await writeFile(path, content);
}

async function cut(path: string, bytes: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.truncate(bytes);
  } finally {
    await file.close();
  }
}
