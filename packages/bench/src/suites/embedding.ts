import type { Variant } from '@gemma-cli/bench-kit';
import type { EmbeddingOrders } from '../children/embedding-worker.ts';
import type { Suite } from '../suite.ts';
import { childVariant, heavy, modelOf, reported } from '../suite-parts.ts';

/** How fast texts become vectors. */
export function embeddingSuite(): Suite {
  return {
    name: 'embedding',
    summary: 'passages a second, and the wait for one question (needs --embedding-model)',
    async plan({ embeddingModel: named, threads, quick = false }) {
      const { model, note } = await modelOf(
        'embedding',
        named,
        'Give one with --embedding-model FILE or GEMMA_BENCH_EMBEDDING_MODEL, or run `gemma pull embeddinggemma:300m`.',
      );
      const variant = (engine: EmbeddingOrders['engine']): Variant => {
        const orders: EmbeddingOrders = {
          engine,
          model,
          passages: quick ? 8 : 64,
          queries: quick ? 2 : 10,
          ...(threads === undefined ? {} : { threads }),
        };
        return childVariant(engine, 'embedding-worker.js', orders, engine);
      };
      return {
        benchmarks: [
          {
            name: 'embedding',
            summary:
              'From createEmbedder until it is made, passages of about 120 tokens in one call, and questions in a call each. Legacy loads the model for every call.',
            variants: [variant('legacy'), variant('optimized')],
            metrics: [
              reported('createMs', 'ms', 'lower'),
              reported('passagesPerSecond', 'passages/s', 'higher'),
              reported('queryMs', 'ms', 'lower'),
            ],
            ...heavy(quick),
          },
        ],
        notes: { 'embedding model': note },
        skipped: [],
      };
    },
  };
}
