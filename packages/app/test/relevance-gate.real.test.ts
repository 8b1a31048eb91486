import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { itUnless } from '@gemma-cli/testkit';
import { expect } from 'vitest';
import { createEmbedder } from '@gemma-cli/engine-optimized';
import { createRetrieval, ingestDocuments } from '../src/memory/index.ts';
import { tryMemory } from './memory-trial.ts';

const root = new URL('../../../', import.meta.url);
const path = fileURLToPath(new URL('../shared/data/models/all-minilm-l6-v2-q8_0.gguf', root));

const missing =
  process.env['GEMMA_TEST_GATE'] === undefined
    ? 'making the vectors of all documents takes minutes of a core: npm run test:long gate'
    : undefined;

itUnless(
  missing,
  'with an embedding model at most 5 % of unrelated prompts get a passage of docs/, and more questions do than by words alone',
  async () => {
    const embedder = await createEmbedder({ model: { path }, threads: 1 });
    try {
      await tryMemory(async ({ memory }) => {
        for await (const _ of ingestDocuments(memory, ['docs'], { cwd: fileURLToPath(root) }));
        const read = (name: string) => readFile(new URL(name, root), 'utf8');
        const labelled = async (name: string) =>
          JSON.parse(await read(`packages/app/test/labelled/${name}.json`)) as readonly string[];
        const questions = (await read('packages/bench/collections/gemma-docs/questions.jsonl'))
          .trim()
          .split('\n')
          .map((line) => (JSON.parse(line) as { text: string }).text);
        const { passages } = createRetrieval({ memory });
        const count = async (prompts: readonly string[]): Promise<number> => {
          let got = 0;
          for (const prompt of prompts) if ((await passages(prompt, { mode: 'auto' })).length > 0) got += 1;
          return got;
        };
        await memory.flush();
        const unrelated = await labelled('unrelated-prompts');
        const [without, fresh, about] = [
          await count(unrelated),
          await count(await labelled('unrelated-prompts-fresh')),
          await count(questions),
        ];
        // oxlint-disable-next-line no-console -- the figures are what this test is asked for
        console.info(
          `relevance gate with an embedding model: ${without} of ${unrelated.length} unrelated prompts get a passage, ` +
            `${fresh} of those written afterwards, and ${about} of ${questions.length} questions`,
        );
        expect(without / unrelated.length).toBeLessThanOrEqual(0.05);
        expect(about / questions.length).toBeGreaterThanOrEqual(0.9);
      }, embedder);
    } finally {
      await embedder.close();
    }
  },
  1_200_000,
);
