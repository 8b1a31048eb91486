import type { RestoreOrders } from '../children/restore-worker.ts';
import type { Suite } from '../suite.ts';
import { modelSuite, reported } from '../suite-parts.ts';

/** What a saved state saves. */
export function restoreSuite(): Suite {
  return modelSuite({
    name: 'restore',
    summary: 'restoring the state of 600 tokens from disk against evaluating them',
    plan: ({ engine }) => ({
      benchmarks: [
        {
          name: 'restore',
          summary:
            'evaluateMs, saveMs and restoreMs are the operations of the model process by themselves; the waits for a first token are those of the engine, whose model is loaded, with the prefix saved on disk and without a state cache.',
          variants: [
            engine<RestoreOrders>('optimized', 'restore-worker.js', { prefixTokens: 600, contextTokens: 2048 }),
          ],
          metrics: [
            reported('prefixTokens', 'tokens', 'neither'),
            reported('stateMiB', 'MiB', 'neither'),
            reported('evaluateMs', 'ms', 'lower'),
            reported('saveMs', 'ms', 'lower'),
            reported('restoreMs', 'ms', 'lower'),
            reported('restoreGain', 'times', 'higher'),
            reported('evaluatedTtftMs', 'ms', 'lower'),
            reported('restoredTtftMs', 'ms', 'lower'),
            reported('restoredTokens', 'tokens', 'neither'),
          ],
          aims: [{ variant: 'optimized', metric: 'restoreGain', atLeast: 20 }],
        },
      ],
    }),
  });
}
