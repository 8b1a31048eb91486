import type { CacheOrders } from '../children/cache-worker.ts';
import { hasRawBinding } from '../children/raw-binding.ts';
import type { Suite } from '../suite.ts';
import { childVariant, modelSuite, reported } from '../suite-parts.ts';
import type { ModelBenchmark } from '../suite-parts.ts';

/** What the two choices about the attention cache cost and give: bits of a cell, and cells behind the sliding window. */
export function cacheSuite(): Suite {
  return modelSuite({
    name: 'cache',
    summary: 'attention cache of 16 and of 8 bits, sliding window and all cells: memory and rates',
    plan({ model, threads, quick, engine }) {
      const work = { contextTokens: 4096, promptTokens: 600, decodeTokens: quick ? 8 : 32 };
      const what = `about ${work.promptTokens} tokens of a prompt and ${work.decodeTokens} of an answer in a context of 4,096, then the first half of that prompt with another end (cut…)`;
      const metrics = [
        reported('promptTokensPerSecond', 'tokens/s', 'higher'),
        reported('decodeTokensPerSecond', 'tokens/s', 'higher'),
        reported('processMiB', 'MiB', 'neither'),
        reported('cutFirstTokenMs', 'ms', 'lower'),
        reported('cutEvaluatedTokens', 'tokens', 'neither'),
      ];
      const bits = (name: string, compactCache: boolean) =>
        engine<CacheOrders>({ name, engine: 'optimized' }, 'cache-worker.js', { ...work, compactCache });
      const cells = (name: string, swaFullCache: boolean) => {
        const orders: CacheOrders = { engine: 'optimized', model, threads, ...work, swaFullCache };
        return childVariant(name, 'cache-worker.js', orders, 'node-llama-cpp');
      };
      const ofBits: ModelBenchmark = {
        name: 'cache-bits',
        summary: `The optimized engine with its default slots, one of them in use: ${what}. processMiB is the anonymous memory of the model process before the cut.`,
        variants: [bits('16 bits', false), bits('8 bits', true)],
        metrics,
        aims: [
          { variant: '8 bits', metric: 'processMiB', timesMax: 0.95, of: '16 bits' },
          { variant: '8 bits', metric: 'decodeTokensPerSecond', timesMin: 0.9, of: '16 bits' },
          { variant: '8 bits', metric: 'promptTokensPerSecond', timesMin: 0.9, of: '16 bits' },
        ],
      };
      const ofCells: ModelBenchmark = {
        name: 'cache-window',
        summary: `The binding, whose own checkpoints are at its defaults: ${what}. contextMiB is the anonymous memory that making the context took.`,
        variants: [cells('window and checkpoints', false), cells('all cells', true)],
        metrics: [reported('contextMiB', 'MiB', 'neither'), ...metrics],
        aims: [
          { variant: 'window and checkpoints', metric: 'contextMiB', timesMax: 0.5, of: 'all cells' },
          { variant: 'window and checkpoints', metric: 'promptTokensPerSecond', timesMin: 0.95, of: 'all cells' },
          { variant: 'window and checkpoints', metric: 'decodeTokensPerSecond', timesMin: 0.95, of: 'all cells' },
        ],
      };
      return {
        benchmarks: hasRawBinding() ? [ofBits, ofCells] : [ofBits],
        leftOut: hasRawBinding() ? [] : ['cache-window: node-llama-cpp is not installed beside this package.'],
      };
    },
  });
}
