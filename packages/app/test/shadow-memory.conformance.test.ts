import { describe, expect, test } from 'vitest';
import type { ExportLine, MemoryStore, SearchHit, SearchRequest } from '@gemma-cli/contracts';
import { until } from '@gemma-cli/testkit';
import { shadowMemory, type ShadowOptions, type ShadowStats } from '../src/memory/index.ts';
import { tryMemory } from './memory-trial.ts';

const query = { query: 'green tea' };

interface Trial {
  /** What answers, with its shadow. */
  readonly memory: ReturnType<typeof shadowMemory>;
  readonly log: readonly string[];
  /** How often the other memory was opened. */
  opened(): number;
  /** Closes, and reads what the log says came of it. */
  end(): Promise<Summary>;
}

type Summary = Pick<ShadowStats, 'compared' | 'timed' | 'differences' | 'left'>;

const summaryPattern =
  /^Shadow: (\d+) of .+: (\d+) with other rows, (\d+) in another order, (\d+) with other scores; .* of (\d+) times; not compared: (\d+) inexact, (\d+) changed, (\d+) too many, (\d+) failed, (\d+) too late\.$/;

function summaryOf(line = ''): Summary {
  const found = summaryPattern.exec(line);
  if (found === null) throw new Error(`Expected the last line of the log to be the summary, got ${line}.`);
  const at = (index: number): number => Number(found[index]);
  return {
    compared: at(1),
    timed: at(5),
    differences: { ids: at(2), order: at(3), scores: at(4) },
    left: { inexact: at(6), changed: at(7), tooMany: at(8), failed: at(9), tooLate: at(10) },
  };
}

/** A memory of three rows whose shadow is itself, as `change` shows its hits. It has nothing that could write. */
async function tryShadow(
  body: (trial: Trial) => Promise<void>,
  change: (hits: readonly SearchHit[]) => readonly SearchHit[] = (hits) => hits,
  options: Partial<ShadowOptions> = {},
): Promise<void> {
  await tryMemory(async ({ memory: real }) => {
    await real.addMany(['Green tea', 'Tea in green cups, or tea in bowls', 'Coffee'].map((text) => ({ text })));
    let opened = 0;
    const log: string[] = [];
    const { implementation, capabilities } = real;
    const search = async (request: SearchRequest) => {
      const result = await real.search(request);
      return { ...result, hits: change(result.hits) };
    };
    const other = { implementation, capabilities, search, close: () => Promise.resolve() } as MemoryStore;
    const memory = shadowMemory(
      { ...real, close: () => Promise.resolve() },
      {
        share: 1,
        openOther: () => {
          opened += 1;
          return Promise.resolve(other);
        },
        log: (line) => log.push(line),
        // Nothing comes too late.
        clock: () => 0,
        ...options,
      },
    );
    await body({
      memory,
      log,
      opened: () => opened,
      async end() {
        await memory.close();
        return summaryOf(log.at(-1));
      },
    });
  });
}

describe('a memory with a shadow', () => {
  test('answers first; the other one is opened and asked when nobody asks any more', () =>
    tryShadow(async ({ memory, log, opened, end }) => {
      const { hits } = await memory.search(query);
      expect(hits).toHaveLength(2);
      expect(opened()).toBe(0);
      await until('the other one is opened', () => opened() === 1);
      await memory.search(query);
      // Answered by the query cache: its rows are compared, its time is not.
      expect(await end()).toMatchObject({
        compared: 2,
        timed: 1,
        differences: { ids: 0, order: 0, scores: 0 },
        left: { inexact: 0, changed: 0, tooMany: 0, failed: 0, tooLate: 0 },
      });
      expect(opened()).toBe(1);
      expect(log).toHaveLength(1);
    }));

  const planted: readonly (readonly [string, (hits: readonly SearchHit[]) => readonly SearchHit[], string | null])[] = [
    ['a row that is missing', (hits) => hits.slice(1), 'ids'],
    ['a row that is there twice', (hits) => [...hits, ...hits.slice(0, 1)], 'ids'],
    ['another order', (hits) => hits.toReversed(), 'order'],
    ['scores that are a millionth off', (hits) => hits.map((hit) => ({ ...hit, score: hit.score + 1e-6 })), 'scores'],
    ['scores that are rounded otherwise', (hits) => hits.map((hit) => ({ ...hit, score: hit.score + 1e-12 })), null],
  ];

  test.each(planted)('%s is counted and logged as what it is', (_, change, kind) =>
    tryShadow(async ({ memory, log, end }) => {
      await memory.search(query);
      expect(await end()).toMatchObject({
        compared: 1,
        differences: { ids: 0, order: 0, scores: 0, ...(kind === null ? {} : { [kind]: 1 }) },
      });
      expect(log.filter((line) => line.includes('differ in'))).toEqual(
        kind === null ? [] : [expect.stringContaining(`differ in ${kind} for {"query":"green tea"`)],
      );
    }, change),
  );

  test('what was written in between is no difference', () =>
    tryShadow(async ({ memory, end }) => {
      await memory.search(query);
      await memory.add({ text: 'More green tea' });
      expect(await end()).toMatchObject({ compared: 0, differences: { ids: 0 }, left: { changed: 1 } });
    }));

  test('the other one may fail to open and to search: who searches hears nothing of it', async () => {
    const fail = (): never => {
      throw new Error('no such luck');
    };
    for (const [change, options] of [
      [fail, {}],
      [undefined, { openOther: () => Promise.reject(new Error('no such luck')) }],
    ] as const)
      await tryShadow(
        async ({ memory, log, end }) => {
          for (const query of ['green', 'tea']) expect((await memory.search({ query })).hits).toHaveLength(2);
          expect(await end()).toMatchObject({ compared: 0, left: { failed: 2 } });
          expect(log.filter((line) => line.includes('no such luck'))).toHaveLength(1);
        },
        change,
        options,
      );
  });

  test('asks the share again that it is told to, and lets no more than 64 wait', async () => {
    const rolls = [0.1, 0.6, 0.2, 0.9];
    const options = { share: 0.5, random: () => rolls.shift() ?? 0 };
    await tryShadow(
      async ({ memory, end }) => {
        for (const text of ['one', 'two', 'three', 'four']) await memory.search({ query: text });
        expect(await end()).toMatchObject({ compared: 2 });
      },
      undefined,
      options,
    );
    await tryShadow(async ({ memory, end }) => {
      await Promise.all(Array.from({ length: 70 }, (_, n) => memory.search({ query: `tea ${n}` })));
      expect(await end()).toMatchObject({ compared: 64, left: { tooMany: 6 } });
    });
  });

  test('the close is held up by what begins in its first second, and tells how many came too late', async () => {
    let ms = 0;
    const slow = (hits: readonly SearchHit[]): readonly SearchHit[] => {
      ms += 400;
      return hits;
    };
    await tryShadow(
      async ({ memory, end }) => {
        for (const text of ['one', 'two', 'three', 'four', 'tea']) await memory.search({ query: text });
        expect(await end()).toMatchObject({ compared: 3, left: { failed: 0, tooLate: 2 } });
      },
      slow,
      { clock: () => ms },
    );
  });

  test('what is inexact alone is told at the end, and nothing where nothing was asked again', async () => {
    const openOther = (): Promise<MemoryStore> =>
      Promise.resolve({
        implementation: 'legacy',
        capabilities: { exact: false, dense: true },
        close: () => Promise.resolve(),
      } as MemoryStore);
    await tryMemory(async ({ memory: real }) => {
      const log: string[] = [];
      const search: MemoryStore['search'] = async (request) => ({ ...(await real.search(request)), mode: 'hybrid' });
      const memory = shadowMemory({ ...real, search }, { share: 1, openOther, log: (line) => log.push(line) });
      await memory.search(query);
      await memory.close();
      expect(log.map(summaryOf)).toMatchObject([{ compared: 0, left: { inexact: 1 } }]);
    });
    await tryShadow(
      async ({ memory, log }) => {
        await memory.search(query);
        await memory.close();
        expect(log).toEqual([]);
      },
      undefined,
      { share: 0 },
    );
  });

  test('refuses every operation from the call of close on, while it compares still', async () => {
    let letFail: (() => void) | null = null;
    const openOther = (): Promise<MemoryStore> =>
      new Promise((_, reject) => {
        letFail = () => {
          reject(new Error('too late for anybody'));
        };
      });
    await tryShadow(
      async ({ memory, end }) => {
        await memory.search(query);
        const begun = memory.export()[Symbol.asyncIterator]();
        await begun.next();
        const ended = end();
        await until('the other one is to be opened', () => letFail !== null);
        const imported: readonly ExportLine[] = [];
        const late: readonly (() => unknown)[] = [
          () => memory.add({ text: 'x' }),
          () => memory.addMany([]),
          () => memory.putDocument({ uri: 'file:///a', hash: '', bytes: 0, chunks: [] }),
          () => memory.removeDocuments([]),
          () => memory.documents(),
          () => memory.get('x'),
          () => memory.search(query),
          () => memory.recall(query),
          async () => memory.touch(['x']),
          () => memory.update('x', {}),
          () => memory.forget({ ids: ['x'] }),
          () => memory.list(),
          () => memory.stats(),
          () => memory.changes({ afterSeq: 0 }),
          async () => memory.subscribe(() => undefined),
          () => memory.consolidate(),
          () => memory.verify(),
          () => begun.next(),
          () => memory.export()[Symbol.asyncIterator]().next(),
          () => memory.import(imported),
          () => memory.flush(),
        ];
        for (const operation of late)
          await expect(operation(), String(operation)).rejects.toMatchObject({ code: 'MEMORY_CLOSED' });
        letFail?.();
        expect(await ended).toMatchObject({ compared: 0, left: { failed: 1 } });
      },
      undefined,
      { openOther },
    );
  });
});
