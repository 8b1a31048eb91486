import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { evaluateRun, parseTrecRun, readCollection } from '../src/index.ts';
import type { QualityResult } from '../src/index.ts';
import { gemmaBench } from './gemma-bench.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gemma-quality-test-'));
  const lines = (...items: readonly object[]): string => items.map((item) => `${JSON.stringify(item)}\n`).join('');
  writeFileSync(
    join(folder, 'corpus.jsonl'),
    lines(
      { id: 'harbour', title: 'Harbour', text: 'Ships wait for the tide before the lock opens.', group: 'sea' },
      { id: 'lighthouse', text: 'The keeper counts ships and writes down the wind.', group: 'sea' },
      { id: 'kettle', text: 'Water boils and the ships of the toy fleet float.', group: 'kitchen' },
      { id: 'only-a-title', title: 'Anchors and chains', text: '', group: 'sea' },
      { id: 'nothing', text: ' ', group: 'sea' },
    ),
  );
  writeFileSync(
    join(folder, 'queries.jsonl'),
    lines(
      { id: 'q1', text: 'who counts the ships?', group: 'sea', category: 'who' },
      { id: 'q2', text: 'toy ships', group: 'kitchen', category: 'what' },
      { id: 'q3', text: 'anchor', category: 'what' },
      { id: 'q4', text: 'volcano', category: 'what' },
    ),
  );
  writeFileSync(
    join(folder, 'qrels.tsv'),
    'query-id\tdoc-id\tscore\nq1\tlighthouse\t2\nq1\tharbour\t1\nq2\tkettle\t1\nq3\tonly-a-title\t1\nq4\tkettle\t1\n',
  );
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function quality(
  ...argv: readonly string[]
): Promise<{ readonly result: QualityResult; readonly stdout: string }> {
  const collection = argv.includes('--collection') ? [] : ['--collection', '.'];
  const { code, stdout, stderr } = await gemmaBench(['quality', ...collection, ...argv], { cwd: folder });
  if (code !== 0) throw new Error(stderr);
  return { result: (argv.includes('--json') ? JSON.parse(stdout) : null) as QualityResult, stdout };
}

/** Public collections lie beside the checkout, and are no part of it. */
const collections = fileURLToPath(new URL('../../../../shared/data/collections/', import.meta.url));

// What docs/ranking.md tells, less the smallest difference that is real.
for (const [name, ndcg10, smallestReal] of [
  ['cranfield', 0.377, 0.007],
  ['codechunks', 0.74, 0.03],
] as const)
  test(`the lexical search finds no less than it did on ${name}`, async ({ skip }) => {
    const collection = join(collections, name);
    if (!existsSync(collection)) skip(`there is no collection ${name} beside the checkout`);
    const { result } = await quality('--collection', collection, '--json');
    expect(result.figures.ndcg10).toBeGreaterThan(ndcg10 - smallestReal);
  });

describe('gemma-bench quality', () => {
  test.each(['legacy', 'optimized'])(
    'searches a collection with the %s memory, each query in its group, and writes the run it prints figures of',
    async (implementation) => {
      const { result } = await quality('--implementation', implementation, '--run', 'run.txt', '--json');
      const run = parseTrecRun(readFileSync(join(folder, 'run.txt'), 'utf8'));
      expect([...run].map(([query, entries]) => [query, entries.map(({ id }) => id)])).toEqual([
        ['q1', ['lighthouse', 'harbour']],
        ['q2', ['kettle']],
        ['q3', ['only-a-title']],
      ]);
      expect(result).toMatchObject({
        collection: { entries: 5, empty: 1, queries: 4, judged: 4 },
        implementation,
        mode: 'lexical',
        embedId: null,
        figures: { ndcg10: 0.75, recall100: 0.75, mrr10: 0.75 },
        byCategory: { who: { ndcg10: 1, queries: 1 }, what: { queries: 3 } },
        against: null,
      });
      expect(evaluateRun(run, (await readCollection(folder)).judgements).mean).toEqual(result.figures);
    },
  );

  test('both memories give the same run', async () => {
    await quality('--implementation', 'legacy', '--run', 'legacy.txt');
    await quality('--implementation', 'optimized', '--run', 'optimized.txt');
    const [legacy, optimized] = ['legacy', 'optimized'].map((name) =>
      readFileSync(join(folder, `${name}.txt`), 'utf8').replaceAll(/ gemma-\S+$/gm, ''),
    );
    expect(optimized).toBe(legacy);
  });

  test('compares with another run', async () => {
    await quality('--run', 'first.txt');
    const { result, stdout } = await quality('--against', 'first.txt', '--json');
    expect(result.against?.comparison.ndcg10).toEqual({ difference: 0, smallestReal: 0, p: 1 });
    expect(stdout).toContain('first.txt');
    expect((await quality('--against', 'first.txt')).stdout).toContain('nDCG@10    0.7500, +0.0000');
  });

  test('a store that is kept follows the collection, and another implementation takes it over', async () => {
    await quality('--store', 'store');
    expect(readdirSync(join(folder, 'store'))).not.toHaveLength(0);
    const corpus = readFileSync(join(folder, 'corpus.jsonl'), 'utf8');
    writeFileSync(
      join(folder, 'corpus.jsonl'),
      corpus.replace('toy fleet float', 'toy volcano float').replace(/^.*harbour.*\n/, ''),
    );
    const { result } = await quality('--store', 'store', '--implementation', 'legacy', '--run', 'run.txt', '--json');
    const run = parseTrecRun(readFileSync(join(folder, 'run.txt'), 'utf8'));
    expect(run.get('q1')?.map(({ id }) => id)).toEqual(['lighthouse']);
    expect(run.get('q4')?.map(({ id }) => id)).toEqual(['kettle']);
    expect(result.collection.entries).toBe(4);
  });

  test('dense search without an embedding model is refused with what to do', async () => {
    const { code, stderr } = await gemmaBench(
      ['quality', '--collection', folder, '--mode', 'dense', '--embedding-model', 'none.gguf'],
      { cwd: folder },
    );
    expect(code).toBe(3);
    expect(stderr).toContain('none.gguf');
  });
});
