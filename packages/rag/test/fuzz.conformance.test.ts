import { fuzz, hostileText, oneOf, seededRandom, withTemporaryFolder } from '@gemma-cli/testkit';
import type { ExportLine, MemoryStore } from '@gemma-cli/contracts';
import { afterAll, describe, expect, it } from 'vitest';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '../src/index.ts';

/** `GEMMA_TEST_FUZZ=100000` is the long form: each input is a few commits. */
const inputs = Number(process.env['GEMMA_TEST_FUZZ'] ?? 60);
const seed = Number(process.env['GEMMA_TEST_SEED'] ?? 20_261_123);

const folder = mkdtempSync(join(tmpdir(), 'gemma-fuzz-'));
const opened = create({ folder });
afterAll(async () => {
  await (await opened).close();
  rmSync(folder, { recursive: true, force: true });
});

const head: ExportLine = { type: 'head', format: 'gemma-memory', version: 1, namespace: 'default' };
const oddities = [
  '',
  '\0',
  '"',
  '\uD83D',
  'semantic',
  'document',
  -1,
  0.5,
  1e308,
  null,
  true,
  [],
  [5],
  {},
  { type: 'head' },
];

async function linesOf(store: MemoryStore): Promise<readonly ExportLine[]> {
  const lines: ExportLine[] = [];
  for await (const line of store.export()) lines.push(line);
  return lines;
}

/** A line of an export in which something is another: a field of it, or a field of what is in it. */
function changed(random: () => number, line: unknown): unknown {
  if (random() < 0.05) return oneOf(random, oddities);
  const copy = structuredClone(line) as Record<string, unknown>;
  let target = copy;
  for (;;) {
    const name = oneOf(random, Object.keys(target));
    const inner = target[name];
    if (typeof inner === 'object' && inner !== null && !Array.isArray(inner) && random() < 0.8) {
      target = inner as Record<string, unknown>;
      continue;
    }
    if (random() < 0.1) delete target[name];
    else target[name] = random() < 0.5 ? hostileText(random, 20) : oneOf(random, oddities);
    return copy;
  }
}

describe('an export', () => {
  it('of any texts comes back as it was', async () => {
    await withTemporaryFolder(async (place) => {
      const random = seededRandom(seed);
      const from = await create({ folder: join(place, 'from') });
      for (let row = 0; row < 60; row++) {
        const text = `a ${hostileText(random, 1 + Math.floor(random() * 300))}`;
        await from.addMany([
          { text, title: hostileText(random, 20), tier: 'semantic', tags: [`t${hostileText(random, 9)}`] },
        ]);
      }
      const lines = await linesOf(from);
      const to = await create({ folder: join(place, 'to') });
      await to.import(lines.map((line) => JSON.parse(JSON.stringify(line)) as ExportLine));
      expect((await linesOf(to)).map(withoutSeq), `seed ${seed}`).toEqual(lines.map(withoutSeq));
      await from.close();
      await to.close();
    });
  });

  fuzz({
    name: 'of which lines say anything is taken over or refused, as are questions of anything',
    inputs,
    seed,
    async take(random, about) {
      const store = await opened;
      const row = (await store.addMany([{ text: `a ${hostileText(random, 100)}`, tier: 'semantic' }]))[0];
      expect((await store.get(row?.id ?? ''))?.id, about).toBe(row?.id);
      const document = { uri: 'file:///a', hash: 'a'.repeat(64), bytes: 1, chunks: 1, ingestedAt: 1 };
      const source = { uri: 'file:///a', hash: 'a'.repeat(64), start: 0, end: 1 };
      const lines: unknown[] = [
        head,
        { type: 'document', document },
        { type: 'row', row },
        { type: 'row', row: { ...row, source } },
      ];
      const at = Math.floor(random() * lines.length);
      lines[at] = changed(random, lines[at]);
      await store.forget({ ids: [row?.id ?? ''] });
      await refusedOrDone(store.import(lines as ExportLine[]), about);
      await refusedOrDone(store.search({ query: hostileText(random, 60), limit: 3 }), about);
      await refusedOrDone(
        store.search(changed(random, { query: 'a', limit: 3, filter: { tags: ['a'] } }) as never),
        about,
      );
      await refusedOrDone(store.list(changed(random, { limit: 3, filter: { source: 'a', since: 1 } }) as never), about);
    },
  });
});

/** What comes as a `GemmaError` is an answer. */
async function refusedOrDone(done: Promise<unknown>, about: string): Promise<void> {
  try {
    await done;
  } catch (error) {
    expect((error as { code?: unknown }).code, `${about}: ${String(error)}`).toMatch(
      /^(?:REQUEST_INVALID|MEMORY_FORMAT)$/u,
    );
  }
}

/** Positions are those of each record. */
function withoutSeq(line: ExportLine): unknown {
  return line.type === 'row' ? { ...line.row, seq: 0 } : line;
}
