import type { ConcurrencyOrders } from '../children/concurrency-worker.ts';
import type { Suite } from '../suite.ts';
import { modelSuite, reported } from '../suite-parts.ts';

/** Several requests at the same time: how much they give together, and how evenly. */
export function concurrencySuite(): Suite {
  return modelSuite({
    name: 'concurrency',
    summary: '1, 2, 4 and 8 requests at the same time: fairness and total',
    plan({ quick, engine }) {
      const variant = (implementation: ConcurrencyOrders['engine'], requests: number) =>
        engine<ConcurrencyOrders>(
          { name: `${implementation}, ${requests}`, engine: implementation },
          'concurrency-worker.js',
          { requests, maxTokens: quick ? 8 : 24 },
        );
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
          },
        ],
      };
    },
  });
}
