import type { Variant } from '@gemma-cli/bench-kit';
import type { ConcurrencyOrders } from '../children/concurrency-worker.ts';
import type { Suite } from '../suite.ts';
import { childVariant, heavy, modelOf, reported } from '../suite-parts.ts';

/** Several requests at the same time: how much they give together, and how evenly. */
export function concurrencySuite(): Suite {
  return {
    name: 'concurrency',
    summary: '1, 2, 4 and 8 requests at the same time: fairness and total (needs --model)',
    async plan({ model: named, threads, quick = false }) {
      const { model, note } = await modelOf('concurrency', named);
      const variant = (engine: ConcurrencyOrders['engine'], requests: number): Variant => {
        const orders: ConcurrencyOrders = {
          engine,
          model,
          requests,
          maxTokens: quick ? 8 : 48,
          ...(threads === undefined ? {} : { threads }),
        };
        return childVariant(`${engine}, ${requests}`, 'concurrency-worker.js', orders, engine);
      };
      return {
        benchmarks: [
          {
            name: 'concurrency',
            summary:
              'Requests that start together, each for the same number of tokens. endSpread is the time between the first and the last end, as a share of the whole: 0 is perfectly fair. More requests than slots (4 by default) wait for one.',
            variants: [...[1, 2, 4, 8].map((requests) => variant('optimized', requests)), variant('legacy', 4)],
            metrics: [
              reported('totalTokensPerSecond', 'tokens/s', 'higher'),
              reported('firstEndMs', 'ms', 'neither'),
              reported('lastEndMs', 'ms', 'neither'),
              reported('endSpread', 'share', 'neither'),
              reported('worstTtftMs', 'ms', 'neither'),
            ],
            ...heavy(quick, 3),
          },
        ],
        notes: { model: note },
        skipped: [],
      };
    },
  };
}
