import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { ingestCommand } from '../src/commands/ingest-command.ts';
import { memoryCommand } from '../src/commands/memory-command.ts';
import { recallCommand } from '../src/commands/recall-command.ts';
import { searchCommand } from '../src/commands/search-command.ts';
import { commandWorld, type CommandOutcome } from './command-world.ts';

const miniLm = fileURLToPath(new URL('../../../../shared/data/models/all-minilm-l6-v2-q8_0.gguf', import.meta.url));
const env = { GEMMA_MEMORY_EMBEDDING_MODEL: miniLm, GEMMA_ENGINE_THREADS: '1' };
const legacy = {
  ...env,
  GEMMA_PERFORMANCE_USE_OPTIMIZED_RAG: 'false',
  GEMMA_PERFORMANCE_USE_OPTIMIZED_GEMMA: 'false',
};

interface Found {
  readonly hits: readonly { readonly id: string; readonly text: string; readonly score: number }[];
  readonly mode: string;
}

interface Stats {
  readonly index: { readonly vectors: number };
  readonly embeddingModel: string;
}

function json(outcome: CommandOutcome): unknown {
  expect(outcome.error).toBeUndefined();
  return JSON.parse(outcome.stdout);
}

describe('search by meaning, with a real embedding model', () => {
  test('an ingest makes the vectors, hybrid finds what shares no word, legacy and optimized alike', async () => {
    const world = await commandWorld();
    await mkdir(join(world.cwd, 'docs'));
    for (const [name, text] of [
      ['garage.md', 'The automobile stands in the garage.'],
      ['tea.md', 'Green tea is steeped at eighty degrees.'],
      ['doctor.md', 'The physician prescribed a medicine against the cough.'],
    ] as const)
      await writeFile(join(world.cwd, 'docs', name), `${text}\n`);
    const ingested = await world.run(ingestCommand, ['docs'], { env });
    expect(ingested.code).toBe(0);
    expect(ingested.stderr).toMatch(/^3 vectors by all-minilm\S*, \d+\.\d s\.$/m);

    const search = async (argv: readonly string[], environment: Readonly<Record<string, string>>) =>
      json(await world.run(searchCommand, [...argv, '--json'], { env: environment })) as Found;
    const found = await search(['car'], env);
    expect(found.mode).toBe('hybrid');
    expect(found.hits[0]?.text).toContain('automobile');
    expect((await search(['car', '--mode', 'lexical'], env)).hits).toEqual([]);
    for (const argv of [
      ['the doctor and the cough', '--mode', 'hybrid'],
      ['car', '--mode', 'dense'],
    ]) {
      const [one, other] = [await search(argv, env), await search(argv, legacy)];
      expect(other.hits.map(({ id }) => id)).toEqual(one.hits.map(({ id }) => id));
      for (const [at, { score }] of other.hits.entries()) expect(score).toBeCloseTo(one.hits[at]?.score ?? -1, 9);
    }

    const stats = json(await world.run(memoryCommand, ['stats', '--json'], { env })) as Stats;
    expect([stats.index.vectors, stats.embeddingModel]).toEqual([3, expect.stringContaining('all-minilm')]);
  });

  test('what was added since has its vector before it is searched for', async () => {
    const world = await commandWorld();
    await world.run(memoryCommand, ['add', 'My physician is kind', '--tier', 'semantic'], { env });
    const { hits, mode } = json(await world.run(recallCommand, ['doctor', '--json'], { env })) as Found;
    expect([mode, hits[0]?.text]).toEqual(['hybrid', 'My physician is kind']);
  });

  test('another model makes its own vectors, and those of the first are there when it comes back', async () => {
    const world = await commandWorld();
    await world.run(memoryCommand, ['add', 'My physician is kind', '--tier', 'semantic'], { env });
    const embed = async (model: string) => {
      const { stdout } = await world.run(memoryCommand, ['embed', '--json'], {
        env: { ...env, GEMMA_MEMORY_EMBEDDING_MODEL: model },
      });
      return (JSON.parse(stdout) as { readonly made: number }).made;
    };
    // The same weights under a name that wants prefixes: their vectors must not be compared with those without.
    const other = join(world.root, 'nomic-embed-text.gguf');
    await copyFile(miniLm, other);
    expect([await embed(miniLm), await embed(miniLm), await embed(other), await embed(miniLm)]).toEqual([1, 0, 1, 0]);
    await rm(other);
    const gone = await world.run(searchCommand, ['doctor'], { env: { ...env, GEMMA_MEMORY_EMBEDDING_MODEL: other } });
    expect(gone.code).toBe(0);
    expect(gone.stderr).toContain('By words alone: ');
  });
});
