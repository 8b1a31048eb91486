import type { Variant } from '@gemma-cli/bench-kit';
import type { SpeculationOrders } from '../children/speculation-worker.ts';
import type { Suite } from '../suite.ts';
import { childVariant, heavy, modelOf, reported } from '../suite-parts.ts';

/** Whether guessing ahead pays, for this model and three kinds of work. */
export function speculationSuite(): Suite {
  return {
    name: 'speculation',
    summary: 'decoding with and without guessing ahead, by task (needs --model)',
    async plan({ model: named, threads, quick = false }) {
      const { model, note } = await modelOf('speculation', named);
      const variant = (name: string, speculation: SpeculationOrders['speculation']): Variant => {
        const orders: SpeculationOrders = {
          engine: 'optimized',
          model,
          speculation,
          maxTokens: quick ? 16 : 96,
          ...(threads === undefined ? {} : { threads }),
        };
        return childVariant(name, 'speculation-worker.js', orders, 'optimized');
      };
      const tasks = ['copy', 'edit', 'prose'];
      return {
        benchmarks: [
          {
            name: 'speculation',
            summary:
              'Greedy answers: copying a text, repeating it with a change, and prose. The share is that of guessed tokens which the model confirmed.',
            variants: [variant('off', null), variant('prompt lookup', 'prompt-lookup')],
            metrics: [
              ...tasks.map((task) => reported(`${task}TokensPerSecond`, 'tokens/s', 'higher')),
              ...tasks.map((task) => reported(`${task}AcceptedShare`, 'share', 'neither')),
            ],
            ...heavy(quick, 3),
          },
        ],
        notes: { model: note },
        skipped: ['speculation, draft model: there is no smaller model with the vocabulary of Gemma 3 270M.'],
      };
    },
  };
}
