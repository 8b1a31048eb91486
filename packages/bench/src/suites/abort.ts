import type { Variant } from '@gemma-cli/bench-kit';
import type { AbortOrders } from '../children/abort-worker.ts';
import type { Suite } from '../suite.ts';
import { childVariant, heavy, modelOf, reported } from '../suite-parts.ts';

/** How long an abort takes. */
export function abortSuite(): Suite {
  return {
    name: 'abort',
    summary: 'from an abort to the end of the answer, during a long prompt and while decoding (needs --model)',
    async plan({ model: named, threads, quick = false }) {
      const { model, note } = await modelOf('abort', named);
      const variant = (engine: AbortOrders['engine']): Variant => {
        const orders: AbortOrders = {
          engine,
          model,
          times: quick ? 1 : 3,
          promptTokens: 2000,
          ...(threads === undefined ? {} : { threads }),
        };
        return childVariant(engine, 'abort-worker.js', orders, engine);
      };
      return {
        benchmarks: [
          {
            name: 'abort',
            summary:
              'The worst of several aborts in each process, 200 ms into a prompt of about 2,000 tokens and after the eighth piece of an answer; nextTtftMs is the wait of the request that follows.',
            variants: [variant('legacy'), variant('optimized')],
            metrics: [
              reported('promptAbortMs', 'ms', 'lower'),
              reported('decodeAbortMs', 'ms', 'lower'),
              reported('nextTtftMs', 'ms', 'lower'),
            ],
            aims: (['legacy', 'optimized'] as const).flatMap((engine) =>
              ['promptAbortMs', 'decodeAbortMs'].map((metric) => ({ variant: engine, metric, atMost: 500 })),
            ),
            ...heavy(quick, 3),
          },
        ],
        notes: { model: note },
        skipped: [],
      };
    },
  };
}
