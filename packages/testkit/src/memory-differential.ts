import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { memoryTiers } from '@gemma-cli/contracts';
import type { MemoryStore, RowFilter, SearchHit, SearchMode, SearchRequest } from '@gemma-cli/contracts';
import { documentOf, hourMs, trialStart, tryMemory } from './memory-trial.ts';
import type { CreateMemory, MemoryTrial } from './memory-trial.ts';
import { seededRandom } from './seeded-random.ts';
import { createToyEmbedder } from './toy-embedder.ts';

/** Two memories that must find alike. */
export interface MemoryDifferentialSubject {
  /** The title of the suite. */
  readonly name: string;
  /** The readable memory. */
  readonly legacy: CreateMemory;
  /** The fast one. */
  readonly optimized: CreateMemory;
  /** Random stories. Default 4. */
  readonly runs?: number;
  /** Steps of a story; after each, several questions are asked. Default 40. */
  readonly steps?: number;
  /** Most rows that one step adds. Default 40. */
  readonly rowsMax?: number;
  /** Seed of the first story. Default: a new one, printed in the titles. */
  readonly seed?: number;
}

/** Scores may differ by this. */
const tolerance = 1e-9;

const questionsPerStep = 4;

const stopWords = ['the', 'of', 'and', 'is', 'to', 'in'];

/** Words of many kinds: inflected, compound, of code, with marks, of scripts without spaces. */
const words = `
  harbour harbours lighthouse keeper keeps keeping tide tidal storm stormy rope sail
  parseHttpHeader parse_http_header max-retry-count HTTPServer utf8Text x86_64 v1.2.3 C++ #!
  naïve naive Straße STRASSE cafe\u0301 café don't l’avion 😀 42 3.14 a I
  東京 東京タワー 日本語 ไทย Москва москвы αβγ שלום
  car automobile vehicle sofa couch`
  .trim()
  .split(/\s+/u);

/**
 * Declares that both memories answer every question alike, whoever of them wrote what is found: the same rows in the same
 * order, with scores and explanations that differ by less than 1e-9. Both stand on one record and are opened anew on the
 * way. The story that a seed tells is the same in every run.
 */
export function memoryDifferential(subject: MemoryDifferentialSubject): void {
  const { name, runs = 4, seed = Math.floor(Math.random() * 2 ** 31) } = subject;
  describe(name, () => {
    for (let run = 0; run < runs; run++)
      it(`both find alike (seed ${seed + run})`, { timeout: 300_000 }, () => tellStory(subject, seed + run));
  });
}

async function tellStory(
  { legacy, optimized, steps = 40, rowsMax = 40 }: MemoryDifferentialSubject,
  seed: number,
): Promise<void> {
  const embedder = createToyEmbedder();
  const tiers = {
    working: { ttlMs: hourMs / 4, capacity: 30 },
    short_term: { ttlMs: hourMs, capacity: 60 },
  };
  await tryMemory(legacy, { embedder, tiers }, async (trial) => {
    const writer = createWriter(seed, rowsMax);
    const pair = { legacy: trial.store, optimized: await trial.open({}, optimized) };
    for (let step = 0; step < steps; step++) {
      const what = await takeStep(writer, pair, trial, optimized);
      await Promise.all([pair.legacy.flush(), pair.optimized.flush()]);
      for (let question = 0; question < questionsPerStep; question++) {
        const request = writer.question();
        const context = `seed ${seed}, step ${step} (${what}), ${JSON.stringify(request)}`;
        const [one, other] = [await pair.legacy.search(request), await pair.optimized.search(request)];
        expect(other.mode, context).toBe(one.mode);
        expectAlike(one.hits, other.hits, context);
        // Asked again it may come from a cache, and is the same.
        expectAlike(one.hits, (await pair.optimized.search(request)).hits, `again, ${context}`);
      }
      const [one, other] = [await pair.legacy.stats(), await pair.optimized.stats()];
      expect(pick(other), `seed ${seed}, step ${step} (${what})`).toEqual(pick(one));
    }
    expect(await pair.optimized.verify(), `seed ${seed}`).toEqual([]);
  });
}

/** Figures that do not depend on how a memory finds: an index may still count terms of rows that went. */
function pick({ rows, documents, expired, removed, seq, index }: Awaited<ReturnType<MemoryStore['stats']>>): unknown {
  return { rows, documents, expired, removed, seq, vectors: index.vectors };
}

function expectAlike(one: readonly SearchHit[], other: readonly SearchHit[], context: string): void {
  expect(
    other.map(({ row }) => row.id),
    context,
  ).toEqual(one.map(({ row }) => row.id));
  for (const [index, hit] of one.entries()) {
    const twin = other[index];
    expect(Math.abs((twin?.score ?? Number.NaN) - hit.score), context).toBeLessThanOrEqual(tolerance);
    expect(rounded(twin?.parts), context).toEqual(rounded(hit.parts));
  }
}

/** Numbers to eight digits: what may differ is less than a tenth of the last one, but for those on an edge. */
function rounded(value: unknown): unknown {
  if (typeof value === 'number') return expect.closeTo(value, 8) as unknown;
  if (Array.isArray(value)) return value.map(rounded);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, rounded(part)]));
}

interface Pair {
  legacy: MemoryStore;
  optimized: MemoryStore;
}

/** Changes something through one of the two, or opens one anew. Tells what it did. */
async function takeStep(
  writer: Writer,
  pair: Pair,
  { clock, open }: MemoryTrial,
  optimized: CreateMemory,
): Promise<string> {
  const { chance, below } = writer;
  const store = chance(0.5) ? pair.legacy : pair.optimized;
  const by = store === pair.legacy ? 'legacy' : 'optimized';
  const ids = async (count: number): Promise<readonly string[]> => {
    const { rows } = await store.list({ limit: 1_000 });
    return Array.from({ length: Math.min(count, rows.length) }, () => writer.one(rows).id);
  };
  const kind = below(12);
  switch (kind) {
    case 0:
    case 1:
    case 2:
      await store.addMany(writer.memories());
      return `${by} added memories`;
    case 3:
    case 4:
      await store.putDocument(writer.document());
      return `${by} put a document`;
    case 5:
      for (const id of await ids(1 + below(5))) {
        const row = await store.get(id);
        await store.update(id, row?.kind === 'document' ? { tags: writer.tags() } : writer.changes());
      }
      return `${by} updated rows`;
    case 6:
      await store.forget({ ids: await ids(1 + below(8)) });
      return `${by} forgot rows`;
    case 7:
      await store.forget({ filter: { tags: [writer.one(tagNames)], until: clock.now } });
      return `${by} forgot a tag`;
    case 8:
      await store.removeDocuments([writer.uri()]);
      return `${by} removed a document`;
    case 9:
      clock.now += below(hourMs / 2);
      return 'time went by';
    case 10:
      await store.consolidate();
      return `${by} consolidated`;
    default:
      await store.close();
      if (store === pair.legacy) pair.legacy = await open();
      else pair.optimized = await open({}, optimized);
      // Now and then there is time for what an index does while nobody asks.
      if (chance(0.3)) await sleep(150);
      return `${by} was opened anew`;
  }
}

const tagNames = ['red', 'round', 'new'];

/** Tells what is written and asked, by chance that a seed repeats. */
type Writer = ReturnType<typeof createWriter>;

function createWriter(seed: number, rowsMax: number) {
  const random = seededRandom(seed);
  const below = (count: number): number => Math.floor(random() * count);
  const chance = (share: number): boolean => random() < share;
  function one<Item>(items: readonly Item[]): Item {
    const item = items[below(items.length)];
    if (item === undefined) throw new Error('Nothing to choose from.');
    return item;
  }
  const some = <Item>(count: number, make: () => Item): readonly Item[] => Array.from({ length: count }, make);
  const maybe = <Item>(share: number, make: () => Item): Item | undefined => (chance(share) ? make() : undefined);

  /** Frequent words come often and there is no end of rare ones, as in texts. */
  function word(): string {
    if (chance(0.25)) return one(stopWords);
    if (chance(0.1)) return `rare${below(2_000)}`;
    return words[Math.floor(words.length * random() ** 2)] ?? 'sail';
  }
  const text = (wordsMax: number): string => some(1 + below(wordsMax), word).join(chance(0.1) ? ', ' : ' ');
  const tags = (): readonly string[] => tagNames.filter(() => chance(0.3));
  const title = (): string => text(4);
  const uri = (): string => `file:///docs/${below(6)}.md`;

  function filter(): RowFilter {
    return {
      kind: maybe(0.2, () => one(['document', 'memory'] as const)),
      tiers: maybe(0.15, () => [...new Set(some(1 + below(3), () => one(memoryTiers)))]),
      tags: maybe(0.2, () => [one(tagNames)]),
      source: maybe(0.1, uri),
      since: maybe(0.1, () => trialStart + below(5 * hourMs)),
      until: maybe(0.1, () => trialStart + below(5 * hourMs)),
      importanceMin: maybe(0.1, random),
    };
  }

  return {
    below,
    chance,
    one,
    tags,
    uri,
    memories: () =>
      some(1 + below(rowsMax), () => ({
        text: text(30),
        title: maybe(0.2, title),
        tags: tags(),
        tier: maybe(0.8, () => one(memoryTiers)),
        importance: maybe(0.5, random),
      })),
    document: () => {
      const hash = below(2 ** 31)
        .toString(16)
        .padStart(64, '0');
      return documentOf(
        uri(),
        some(1 + below(rowsMax), () => text(60)),
        { hash, tags: tags() },
      );
    },
    changes: () => ({
      text: maybe(0.6, () => text(30)),
      title: maybe(0.3, title),
      tags: maybe(0.3, tags),
      tier: maybe(0.2, () => one(memoryTiers)),
      importance: maybe(0.2, random),
    }),
    question: (): SearchRequest => ({
      query: text(12),
      mode: maybe(0.7, () => one(['lexical', 'lexical', 'dense', 'hybrid'] as const satisfies readonly SearchMode[])),
      limit: maybe(0.7, () => 1 + below(chance(0.2) ? 1_000 : 30)),
      filter: maybe(0.6, filter),
      explain: chance(0.5),
    }),
  };
}
