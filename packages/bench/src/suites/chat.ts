import type { ChatOrders } from '../children/chat-worker.ts';
import type { Suite } from '../suite.ts';
import { childVariant, heavy, modelOf, reported } from '../suite-parts.ts';

/** A conversation of ten turns about a text of a thousand tokens. */
export function chatSuite(): Suite {
  return {
    name: 'chat',
    summary: 'ten turns about 1,000 tokens: waits, and cached tokens of each turn (needs --model)',
    async plan({ model: named, threads, quick = false }) {
      const { model, note } = await modelOf('chat', named);
      const turns = quick ? 3 : 10;
      const variant = (engine: ChatOrders['engine']) => {
        const orders: ChatOrders = {
          engine,
          model,
          prefixTokens: 1000,
          turns,
          ...(threads === undefined ? {} : { threads }),
        };
        return childVariant(engine, 'chat-worker.js', orders, engine);
      };
      return {
        benchmarks: [
          {
            name: 'chat',
            summary: `One conversation of ${turns} turns with answers of at most 24 tokens; laterTtftMs is the median of all turns but the first.`,
            variants: [variant('legacy'), variant('optimized')],
            metrics: [
              reported('turn1TtftMs', 'ms', 'lower'),
              reported('laterTtftMs', 'ms', 'lower'),
              ...Array.from({ length: turns }, (_, turn) => [
                reported(`turn${turn + 1}CachedTokens`, 'tokens', 'neither'),
                reported(`turn${turn + 1}EvaluatedTokens`, 'tokens', 'neither'),
              ]).flat(),
            ],
            aims: [{ variant: 'optimized', metric: 'laterTtftMs', timesMax: 0.1, of: 'legacy' }],
            ...heavy(quick, 3),
          },
        ],
        notes: { model: note },
        skipped: [],
      };
    },
  };
}
