import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { GemmaError } from '@gemma-cli/contracts';
import type { MemoryStore } from '@gemma-cli/contracts';
import { createToyEmbedder, withTemporaryFolder, type ToyEmbedder } from '@gemma-cli/testkit';
import type { CommandContext } from '../src/command.ts';
import { finishVectors, searchInMode } from '../src/commands/memory/make-vectors.ts';
import { createMemory } from '../src/runtime/index.ts';

/** A memory whose vectors are made only when they are asked for, and what a command said on stderr. */
interface Trial {
  readonly embedder: ToyEmbedder;
  readonly memory: MemoryStore;
  readonly stop: AbortController;
  readonly context: CommandContext;
  readonly vectors: { readonly model: string; listener: ((count: number) => void) | null };
  add(count: number): Promise<unknown>;
  said(): string;
}

async function tryVectors(body: (trial: Trial) => Promise<void>): Promise<void> {
  await withTemporaryFolder(async (folder) => {
    const toy = createToyEmbedder();
    const vectors: Trial['vectors'] = { model: 'toy', listener: null };
    const embedder: ToyEmbedder = {
      ...toy,
      async embed(texts, options) {
        const made = await toy.embed(texts, options);
        if (options?.kind !== 'query') vectors.listener?.(made.length);
        return made;
      },
    };
    const { memory } = await createMemory({ folder: join(folder, 'memory'), embedder, embedInBackground: false });
    const stop = new AbortController();
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
    let said = '';
    stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const options = { json: false, quiet: false, color: false, home: folder };
    const context = { env: {}, cwd: folder, stdin, stdout, stderr, signal: stop.signal, options };
    const add = (count: number): Promise<unknown> =>
      memory.addMany(
        Array.from({ length: count }, (_, index) => ({ text: `automobile ${index}`, tier: 'semantic' as const })),
      );
    try {
      await body({ embedder: toy, memory, stop, context, vectors, add, said: () => said });
    } finally {
      await memory.close();
    }
  });
}

const search = (memory: MemoryStore) => (mode: 'lexical' | 'dense' | 'hybrid') =>
  memory.search({ query: 'vehicle', mode });

test('a command finishes the vectors that its work left, and tells how many', () =>
  tryVectors(async ({ memory, context, vectors, add, said }) => {
    await add(40);
    expect(await finishVectors(context, { memory, vectors }, 0)).toBe(0);
    expect((await memory.stats()).index.vectors).toBe(40);
    expect(said()).toMatch(/^40 vectors by toy, \d+\.\d s\.\n$/);
  }));

test('Ctrl-C leaves what is made, and says what is left and what goes on', () =>
  tryVectors(async ({ embedder, memory, stop, context, vectors, add, said }) => {
    await add(40);
    embedder.hold();
    const finishing = finishVectors(context, { memory, vectors }, 0);
    while (embedder.calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    expect(await finishing).toBe(130);
    expect(said()).toBe('gemma: Stopped with 40 vectors left to make. `gemma memory embed` goes on.\n');
  }));

test('an embedding model that fails is told, and is no failure of the command', () =>
  tryVectors(async ({ embedder, memory, context, vectors, add, said }) => {
    await add(1);
    embedder.fail(new GemmaError({ code: 'ENGINE_EXITED', message: 'It is gone.' }));
    expect(await finishVectors(context, { memory, vectors }, 0)).toBe(0);
    expect(said()).toBe('gemma: No vectors were made: It is gone.\n');
    const { mode } = await searchInMode(context, { memory, vectors }, undefined, search(memory));
    expect(mode).toBe('lexical');
    expect(said()).toContain('gemma: By words alone: It is gone.\n');
    await expect(searchInMode(context, { memory, vectors }, 'dense', search(memory))).rejects.toThrow('It is gone.');
  }));

test('a search makes a few missing vectors first; with many it says so and makes none', () =>
  tryVectors(async ({ embedder, memory, context, vectors, add, said }) => {
    const find = async (asked?: 'hybrid' | 'lexical') => {
      const { mode, hits } = await searchInMode(context, { memory, vectors }, asked, search(memory));
      return [mode, hits.length];
    };
    await add(32);
    expect(await find('lexical')).toEqual(['lexical', 0]);
    expect(embedder.calls).toEqual([]);
    expect(await find()).toEqual(['hybrid', 10]);
    expect(said()).toBe('');
    await add(33);
    expect(await find()).toEqual(['hybrid', 10]);
    expect((await memory.stats()).index.vectors).toBe(32);
    expect(said()).toBe(
      'gemma: 33 of 65 rows are found by their words alone: `gemma memory embed` makes their vectors.\n',
    );
  }));

test('without an embedding model one line says what is missing, and words are searched', () =>
  tryVectors(async ({ memory, context, add, said }) => {
    await add(1);
    const vectors = { model: null, line: 'gemma: None is installed.' };
    expect((await searchInMode(context, { memory, vectors }, undefined, search(memory))).mode).toBe('lexical');
    expect(said()).toBe('gemma: None is installed.\n');
  }));
