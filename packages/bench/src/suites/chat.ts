import type { ChatOrders } from '../children/chat-worker.ts';
import type { Suite } from '../suite.ts';
import { modelSuite, reported } from '../suite-parts.ts';

/** A conversation of ten turns about a text of a thousand tokens. */
export function chatSuite(): Suite {
  return modelSuite({
    name: 'chat',
    summary: 'ten turns about 1,000 tokens: waits, and cached tokens of each turn',
    plan({ quick, engine }) {
      const turns = quick ? 3 : 10;
      // Legacy evaluates everything in every turn: some of them show it, and all would take a minute and a half a round.
      const askedTurns = quick ? [1, 3] : [1, 2, 6, 10];
      const orders = { prefixTokens: 1000, turns };
      return {
        benchmarks: [
          {
            name: 'chat',
            summary: `One conversation of ${turns} turns with answers of at most 16 tokens; laterTtftMs is the median of all turns but the first. Legacy is asked in the turns ${askedTurns.join(', ')} of the same length.`,
            variants: [
              engine<ChatOrders>('legacy', 'chat-worker.js', { ...orders, askedTurns }),
              engine<ChatOrders>('optimized', 'chat-worker.js', orders),
            ],
            metrics: [
              reported('turn1TtftMs', 'ms', 'lower'),
              reported('laterTtftMs', 'ms', 'lower'),
              ...Array.from({ length: turns }, (_, turn) => [
                reported(`turn${turn + 1}CachedTokens`, 'tokens', 'neither'),
                reported(`turn${turn + 1}EvaluatedTokens`, 'tokens', 'neither'),
              ]).flat(),
            ],
            aims: [{ variant: 'optimized', metric: 'laterTtftMs', timesMax: 0.1, of: 'legacy' }],
          },
        ],
      };
    },
  });
}
