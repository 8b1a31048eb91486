import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Benchmark, MetricDefinition, Variant } from '@gemma-cli/bench-kit';
import { GemmaError } from '@gemma-cli/contracts';
import { childModule } from './built-files.ts';

/**
 * The model of a suite and what is remembered of it.
 *
 * @throws GemmaError `MODEL_NOT_FOUND` when there is none.
 */
export async function modelOf(
  suite: string,
  model: string | undefined,
  how = 'Give one with --model FILE or GEMMA_BENCH_MODEL, or run `gemma pull gemma3:270m-base`.',
): Promise<{ readonly model: string; readonly note: string }> {
  if (model === undefined) {
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
export function childVariant(name: string, module: string, orders: object, implementation?: string): Variant {
  return {
    name,
    program: { type: 'node', module: childModule(module), args: [JSON.stringify(orders)] },
    ...(implementation === undefined ? {} : { expects: { implementation } }),
  };
}

/** A metric that the measured process reports. */
export function reported(name: string, unit: string, better: MetricDefinition['better']): MetricDefinition {
  return { name, unit, better, source: 'reported' };
}

/** How often a heavy benchmark runs: 5 rounds are the fewest that give a verdict. */
export function heavy(quick: boolean, rounds = 5): Pick<Benchmark, 'rounds' | 'warmups' | 'timeoutMs'> {
  return { rounds: quick ? 1 : rounds, warmups: 0, timeoutMs: 300_000 };
}
