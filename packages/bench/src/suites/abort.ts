import type { AbortOrders } from '../children/abort-worker.ts';
import type { Suite } from '../suite.ts';
import { modelSuite, reported } from '../suite-parts.ts';

/** How long an abort takes. */
export function abortSuite(): Suite {
  return modelSuite({
    name: 'abort',
    summary: 'from an abort to the end of the answer, during a long prompt and while decoding',
    plan: ({ quick, bothEngines }) => ({
      benchmarks: [
        {
          name: 'abort',
          summary:
            'The worse of two aborts in each process, 200 ms into a prompt of about 2,000 tokens and after the eighth piece of an answer; nextTtftMs is the wait of the request that follows.',
          variants: bothEngines<AbortOrders>('abort-worker.js', { times: quick ? 1 : 2, promptTokens: 2000 }),
          metrics: [
            reported('promptAbortMs', 'ms', 'lower'),
            reported('decodeAbortMs', 'ms', 'lower'),
            reported('nextTtftMs', 'ms', 'lower'),
          ],
          aims: ['legacy', 'optimized'].flatMap((variant) =>
            ['promptAbortMs', 'decodeAbortMs'].map((metric) => ({ variant, metric, atMost: 500 })),
          ),
        },
      ],
    }),
  });
}
