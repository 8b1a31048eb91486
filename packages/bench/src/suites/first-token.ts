import type { Benchmark, MetricDefinition, Variant } from '@gemma-cli/bench-kit';
import type { ImplementationName } from '@gemma-cli/contracts';
import type { FirstTokenOrders } from '../children/first-token-worker.ts';
import type { Suite } from '../suite.ts';
import { childVariant, heavy, modelOf, reported } from '../suite-parts.ts';

/** How long a person waits for the first token, legacy against optimized, cold, warm, and with a shared prefix. */
export function firstTokenSuite({
  engineModules = {},
}: {
  /** Modules in place of the engine packages, absolute paths. Default: the packages. */
  readonly engineModules?: Readonly<Partial<Record<ImplementationName, string>>>;
} = {}): Suite {
  return {
    name: 'first-token',
    summary: 'time to first token cold, warm, and with 100, 1,000 and 4,000 shared tokens (needs --model)',
    async plan({ model: named, threads, quick = false }) {
      const { model, note } = await modelOf('first-token', named);
      const variants = (sharedTokens: readonly number[], reportsShort: boolean): readonly Variant[] =>
        (['legacy', 'optimized'] as const).map((engine) => {
          const engineModule = engineModules[engine];
          const orders: FirstTokenOrders = {
            engine,
            model,
            sharedTokens,
            reportsShort,
            ...(threads === undefined ? {} : { threads }),
            ...(engineModule === undefined ? {} : { engineModule }),
          };
          return childVariant(engine, 'first-token-worker.js', orders, engine);
        });
      const short: Benchmark = {
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
        ...heavy(quick),
      };
      const long: Benchmark = {
        name: 'first-token-4000',
        summary: 'The same behind about 4,000 tokens.',
        variants: variants([4000], false),
        metrics: [...sharedMetrics([4000]), ...costs],
        ...heavy(quick, 3),
      };
      return {
        benchmarks: quick ? [short] : [short, long],
        notes: { model: note, threads: threads === undefined ? "the engine's choice" : String(threads) },
        skipped: quick ? ['first-token-4000: left out by --quick.'] : [],
      };
    },
  };
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
