import type { EmbeddingOrders } from '../children/embedding-worker.ts';
import type { Suite } from '../suite.ts';
import { modelSuite, reported } from '../suite-parts.ts';

/** How fast texts become vectors. */
export function embeddingSuite(): Suite {
  return modelSuite({
    name: 'embedding',
    summary: 'passages a second, and the wait for one question',
    embeds: true,
    plan: ({ quick, bothEngines }) => ({
      benchmarks: [
        {
          name: 'embedding',
          summary:
            'From createEmbedder until it is made, passages of about 120 tokens in one call, and questions in a call each. Legacy loads the model for every call.',
          variants: bothEngines<EmbeddingOrders>('embedding-worker.js', {
            passages: quick ? 8 : 64,
            queries: quick ? 2 : 10,
          }),
          metrics: [
            reported('createMs', 'ms', 'lower'),
            reported('passagesPerSecond', 'passages/s', 'higher'),
            reported('queryMs', 'ms', 'lower'),
          ],
        },
      ],
    }),
  });
}
