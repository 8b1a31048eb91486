import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { createAnalyzer } from '@gemma-cli/rag-core';
import { ingestDocuments, passGate, relevanceOf } from '../src/memory/index.ts';
import { tryMemory } from './memory-trial.ts';

test(
  'the gate: at most 5 % of unrelated prompts get a passage of docs/, and most questions about them do',
  () =>
    tryMemory(async ({ memory }) => {
      const root = new URL('../../../', import.meta.url);
      for await (const _ of ingestDocuments(memory, ['docs'], { cwd: fileURLToPath(root) }));
      const read = (path: string) => readFile(new URL(path, root), 'utf8');
      const unrelated = JSON.parse(await read('packages/app/test/labelled/unrelated-prompts.json')) as string[];
      const related = (await read('packages/bench/collections/gemma-docs/questions.jsonl'))
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { text: string }).text);
      const analyzer = await createAnalyzer();
      const share = async (prompts: readonly string[]): Promise<number> => {
        let passed = 0;
        for (const query of prompts) {
          const { hits } = await memory.search({ query, limit: 12, explain: true });
          const { relevances, terms } = await relevanceOf(memory, { query, hits, analyzer });
          if (passGate(relevances, terms).includes(true)) passed += 1;
        }
        return passed / prompts.length;
      };
      const falseInclusion = await share(unrelated);
      const missedInclusion = 1 - (await share(related));
      // oxlint-disable-next-line no-console -- the figures are what this test is asked for
      console.info(
        `relevance gate: false inclusion ${falseInclusion.toFixed(3)}, missed inclusion ${missedInclusion.toFixed(3)}`,
      );
      expect(unrelated.length).toBe(160);
      expect(falseInclusion).toBeLessThanOrEqual(0.05);
      expect(missedInclusion).toBeLessThanOrEqual(0.15);
    }),
  60_000,
);
