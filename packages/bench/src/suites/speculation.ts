import type { SpeculationOrders } from '../children/speculation-worker.ts';
import type { Suite } from '../suite.ts';
import { modelSuite, reported } from '../suite-parts.ts';

/** Whether guessing ahead pays, for this model and three kinds of work. */
export function speculationSuite(): Suite {
  return modelSuite({
    name: 'speculation',
    summary: 'decoding with and without guessing ahead, by task',
    plan({ quick, engine }) {
      const variant = (name: string, speculation: SpeculationOrders['speculation']) =>
        engine<SpeculationOrders>({ name, engine: 'optimized' }, 'speculation-worker.js', {
          speculation,
          maxTokens: quick ? 16 : 64,
        });
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
          },
        ],
        leftOut: ['speculation, draft model: there is no smaller model with the vocabulary of Gemma 3 270M.'],
      };
    },
  });
}
