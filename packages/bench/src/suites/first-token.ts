import type { MetricDefinition, Variant } from '@gemma-cli/bench-kit';
import type { ImplementationName } from '@gemma-cli/contracts';
import type { FirstTokenOrders } from '../children/first-token-worker.ts';
import type { Suite } from '../suite.ts';
import { modelSuite, reported } from '../suite-parts.ts';
import type { ModelBenchmark } from '../suite-parts.ts';

/** How long a person waits for the first token, legacy against optimized, cold, warm, and with a shared prefix. */
export function firstTokenSuite({
  engineModules = {},
}: {
  /** Modules in place of the engine packages, absolute paths. Default: the packages. */
  readonly engineModules?: Readonly<Partial<Record<ImplementationName, string>>>;
} = {}): Suite {
  return modelSuite({
    name: 'first-token',
    summary: 'time to first token cold, warm, and with 100, 1,000 and 4,000 shared tokens',
    plan({ threads, quick, engine: engineVariant }) {
      const variants = (sharedTokens: readonly number[], reportsShort: boolean): readonly Variant[] =>
        (['legacy', 'optimized'] as const).map((engine) => {
          const engineModule = engineModules[engine];
          return engineVariant<FirstTokenOrders>(engine, 'first-token-worker.js', {
            sharedTokens,
            reportsShort,
            ...(engineModule === undefined ? {} : { engineModule }),
          });
        });
      const short: ModelBenchmark = {
        name: 'first-token',
        summary:
          'One process answers the first prompt cold, another one that shares nothing with it, and questions behind a text that was there before.',
        variants: variants([100, 1000], true),
        metrics: [
          reported('coldTtftMs', 'ms', 'lower'),
          reported('otherTtftMs', 'ms', 'lower'),
          reported('decodeTokensPerSecond', 'tokens/s', 'higher'),
          ...sharedMetrics([100, 1000]),
          ...costs,
        ],
        aims: [{ variant: 'optimized', metric: 'shared1000TtftMs', timesMax: 0.1, of: 'legacy' }],
      };
      const long: ModelBenchmark = {
        name: 'first-token-4000',
        summary: 'The same behind about 4,000 tokens.',
        variants: variants([4000], false),
        metrics: [...sharedMetrics([4000]), ...costs],
        // A round takes a minute.
        rounds: 3,
      };
      return {
        benchmarks: quick ? [short] : [short, long],
        notes: { threads: threads === undefined ? "the engine's choice" : String(threads) },
        leftOut: quick ? ['first-token-4000: left out by --quick.'] : [],
      };
    },
  });
}

function sharedMetrics(lengths: readonly number[]): readonly MetricDefinition[] {
  return lengths.flatMap((tokens) => [
    reported(`shared${tokens}TtftMs`, 'ms', 'lower'),
    reported(`shared${tokens}PromptTokens`, 'tokens', 'neither'),
    reported(`shared${tokens}EvaluatedTokens`, 'tokens', 'neither'),
  ]);
}

const costs: readonly MetricDefinition[] = [
  reported('modelPeakRssMiB', 'MiB', 'neither'),
  { name: 'wallMs', unit: 'ms', better: 'neither', source: 'outside' },
  { name: 'treeCpuMs', unit: 'ms', better: 'neither', source: 'outside' },
];
