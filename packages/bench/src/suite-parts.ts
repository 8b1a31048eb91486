import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Benchmark, MetricDefinition, Variant } from '@gemma-cli/bench-kit';
import { GemmaError } from '@gemma-cli/contracts';
import type { ImplementationName } from '@gemma-cli/contracts';
import { childModule } from './built-files.ts';
import type { EngineOrders } from './children/open-engine.ts';
import type { Suite, SuitePlan } from './suite.ts';

/** What a suite on a model has to work with. */
export interface ModelWork {
  /** Absolute path of the model. */
  readonly model: string;
  readonly threads: number | undefined;
  readonly quick: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** A variant that runs a module of this package on an engine; `orders` go beside engine, model and threads. */
  engine<Orders extends EngineOrders>(
    name: ImplementationName | { readonly name: string; readonly engine: ImplementationName },
    module: string,
    orders: Omit<Orders, keyof EngineOrders> & Partial<EngineOrders>,
  ): Variant;
  /** The same work on both engines, legacy as the baseline. */
  bothEngines<Orders extends EngineOrders>(
    module: string,
    orders: Omit<Orders, keyof EngineOrders> & Partial<EngineOrders>,
  ): readonly Variant[];
}

/** A benchmark of {@link modelSuite}: 5 rounds, the fewest that give a verdict, unless it says otherwise. */
export type ModelBenchmark = Omit<Benchmark, 'rounds'> & Partial<Pick<Benchmark, 'rounds'>>;

/** A suite of long runs on a model, without warm-ups. */
export function modelSuite({
  name,
  summary,
  embeds = false,
  plan,
}: Pick<Suite, 'name' | 'summary'> & {
  /** It wants the embedding model. Default false. */
  readonly embeds?: boolean;
  readonly plan: (
    work: ModelWork,
  ) => Partial<Omit<SuitePlan, 'benchmarks'>> & { readonly benchmarks: readonly ModelBenchmark[] };
}): Suite {
  return {
    name,
    summary: `${summary} (needs --${embeds ? 'embedding-model' : 'model'})`,
    async plan(options) {
      const { threads, quick = false, env = {} } = options;
      const { model, note } = await modelOf(name, embeds ? options.embeddingModel : options.model, embeds);
      const engine: ModelWork['engine'] = (of, module, orders) => {
        const [title, implementation] = typeof of === 'string' ? [of, of] : [of.name, of.engine];
        return childVariant(title, module, { engine: implementation, model, threads, ...orders }, implementation);
      };
      const bothEngines: ModelWork['bothEngines'] = (module, orders) => [
        engine('legacy', module, orders),
        engine('optimized', module, orders),
      ];
      const { benchmarks, notes = {}, leftOut = [] } = plan({ model, threads, quick, env, engine, bothEngines });
      return {
        benchmarks: benchmarks.map(({ rounds = 5, ...benchmark }) => ({
          warmups: 0,
          timeoutMs: 300_000,
          ...benchmark,
          rounds: quick ? 1 : rounds,
        })),
        notes: { [embeds ? 'embedding model' : 'model']: note, ...notes },
        leftOut,
      };
    },
  };
}

/**
 * The model of a suite and what is remembered of it.
 *
 * @throws GemmaError `MODEL_NOT_FOUND` when there is none.
 */
async function modelOf(
  suite: string,
  model: string | undefined,
  embeds: boolean,
): Promise<{ readonly model: string; readonly note: string }> {
  if (model === undefined) {
    const how = embeds
      ? 'Give one with --embedding-model FILE or GEMMA_BENCH_EMBEDDING_MODEL, or run `gemma pull embeddinggemma:300m`.'
      : 'Give one with --model FILE or GEMMA_BENCH_MODEL, or run `gemma pull gemma3:270m-base`.';
    throw new GemmaError({ code: 'MODEL_NOT_FOUND', message: `The suite ${suite} needs a model. ${how}` });
  }
  const { size } = await stat(model).catch((cause: unknown) => {
    throw new GemmaError({
      code: 'MODEL_NOT_FOUND',
      message: `Expected a model file at ${model}, and it cannot be read. Check --model.`,
      facts: { path: model },
      cause,
    });
  });
  return { model, note: `${basename(model)}, ${size} bytes` };
}

/** A variant that runs a module of this package in a process of its own, with its orders as JSON. */
export function childVariant(name: string, module: string, orders: object, implementation: string): Variant {
  return {
    name,
    program: { type: 'node', module: childModule(module), args: [JSON.stringify(orders)] },
    expects: { implementation },
  };
}

/** A metric that the measured process reports. */
export function reported(name: string, unit: string, better: MetricDefinition['better']): MetricDefinition {
  return { name, unit, better, source: 'reported' };
}
