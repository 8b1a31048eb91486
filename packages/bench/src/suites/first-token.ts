import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Benchmark, MetricDefinition } from '@gemma-cli/bench-kit';
import { GemmaError } from '@gemma-cli/contracts';
import type { ImplementationName } from '@gemma-cli/contracts';
import type { FirstTokenOrders } from '../children/first-token-worker.ts';
import { childModule } from '../built-files.ts';
import type { Suite } from '../suite.ts';

/** How long a person waits for the first token, legacy against optimized, cold and warm. */
export function firstTokenSuite({
  engineModules = {},
}: {
  /** Modules in place of the engine packages, absolute paths. Default: the packages. */
  readonly engineModules?: Readonly<Partial<Record<ImplementationName, string>>>;
} = {}): Suite {
  return {
    name: 'first-token',
    summary: 'time to first token cold and warm, decoding rate, legacy against optimized (needs --model)',
    async plan({ model, threads }) {
      if (model === undefined) {
        throw new GemmaError({
          code: 'MODEL_NOT_FOUND',
          message:
            'The suite first-token needs a model. Give one with --model FILE or GEMMA_BENCH_MODEL, or run `gemma pull gemma3:270m-base`.',
        });
      }
      const { size } = await stat(model).catch((cause: unknown) => {
        throw new GemmaError({
          code: 'MODEL_NOT_FOUND',
          message: `Expected a model file at ${model}, and it cannot be read. Check --model.`,
          facts: { path: model },
          cause,
        });
      });
      const variant = (engine: ImplementationName): Benchmark['variants'][number] => {
        const engineModule = engineModules[engine];
        const orders: FirstTokenOrders = {
          engine,
          model,
          ...(threads === undefined ? {} : { threads }),
          ...(engineModule === undefined ? {} : { engineModule }),
        };
        return {
          name: engine,
          program: { type: 'node', module: childModule('first-token-worker.js'), args: [JSON.stringify(orders)] },
          expects: { implementation: engine },
        };
      };
      return {
        benchmarks: [
          {
            name: 'first-token',
            summary:
              'One process answers four prompts: the first cold, a second one that shares nothing with it, a long one, and the long one with another question at its end.',
            variants: [variant('legacy'), variant('optimized')],
            metrics,
            rounds: 10,
            warmups: 1,
            timeoutMs: 300_000,
          },
        ],
        notes: {
          model: `${basename(model)}, ${size} bytes`,
          threads: threads === undefined ? "the engine's choice" : String(threads),
        },
        skipped: [],
      };
    },
  };
}

const reported = (name: string, unit: string, better: MetricDefinition['better']): MetricDefinition => ({
  name,
  unit,
  better,
  source: 'reported',
});

const metrics: readonly MetricDefinition[] = [
  reported('coldTtftMs', 'ms', 'lower'),
  reported('secondTtftMs', 'ms', 'lower'),
  reported('longTtftMs', 'ms', 'lower'),
  reported('followUpTtftMs', 'ms', 'lower'),
  reported('decodeTokensPerSecond', 'tokens/s', 'higher'),
  reported('followUpPromptTokens', 'tokens', 'neither'),
  reported('followUpCachedTokens', 'tokens', 'neither'),
  reported('followUpEvaluatedTokens', 'tokens', 'neither'),
  reported('modelPeakRssMiB', 'MiB', 'neither'),
  { name: 'wallMs', unit: 'ms', better: 'lower', source: 'outside' },
  { name: 'treeCpuMs', unit: 'ms', better: 'lower', source: 'outside' },
];
