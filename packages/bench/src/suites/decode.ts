import type { Aim, Variant } from '@gemma-cli/bench-kit';
import { availableCores } from '@gemma-cli/model-process';
import type { DecodeOrders } from '../children/decode-worker.ts';
import type { LlamaBenchOrders } from '../children/llama-bench-worker.ts';
import type { LlamaServerOrders } from '../children/llama-server-worker.ts';
import type { RawBindingOrders } from '../children/raw-binding-worker.ts';
import { hasRawBinding } from '../children/raw-binding.ts';
import { findLlamaCpp } from '../find-llama-cpp.ts';
import type { LlamaCppPrograms } from '../find-llama-cpp.ts';
import type { Suite } from '../suite.ts';
import { childVariant, modelSuite, reported } from '../suite-parts.ts';
import type { ModelBenchmark, ModelWork } from '../suite-parts.ts';

/** Decoding and reading beside the raw binding and native llama.cpp, at the same number of threads. */
export function decodeSuite(): Suite {
  return modelSuite({
    name: 'decode',
    summary: 'decoding, reading and getting ready at 1 and 2 threads, beside the binding and native llama.cpp',
    plan(work) {
      const programs = findLlamaCpp(work.env);
      const counts = work.threads === undefined ? [1, 2] : [work.threads];
      const { cores } = availableCores();
      return {
        benchmarks: counts.filter((count) => count <= cores).map((count) => benchmark(count, work, programs)),
        leftOut: [
          ...counts
            .filter((count) => count > cores)
            .map((count) => `decode-${count}: this process may use ${cores} cores.`),
          ...(hasRawBinding() ? [] : ['decode, raw binding: node-llama-cpp is not installed beside this package.']),
          ...(programs.server === undefined ? [missing('llama-server')] : []),
          ...(programs.bench === undefined ? [missing('llama-bench')] : []),
        ],
      };
    },
  });
}

function missing(program: string): string {
  return `decode, ${program}: found neither in the folder that GEMMA_BENCH_LLAMA_CPP names nor in PATH.`;
}

function benchmark(threads: number, { model, quick, engine }: ModelWork, programs: LlamaCppPrograms): ModelBenchmark {
  const work = {
    threads,
    // Peers do not adapt.
    adaptThreads: false,
    // They all hold one sequence: in a second one the first token of every prompt would be computed again.
    slots: 1,
    contextTokens: 4096,
    decodeTokens: quick ? 16 : 96,
    promptTokens: quick ? 256 : 512,
  } as const;
  const { server, bench } = programs;
  const orders: RawBindingOrders = { engine: 'optimized', model, ...work };
  const native = (program: string, its: LlamaServerOrders | LlamaBenchOrders): Variant =>
    childVariant(program, `${program}-worker.js`, its, program);
  const variants = [
    engine<DecodeOrders>('optimized', 'decode-worker.js', work),
    engine<DecodeOrders>('legacy', 'decode-worker.js', work),
    ...(hasRawBinding() ? [childVariant('raw binding', 'raw-binding-worker.js', orders, 'node-llama-cpp')] : []),
    ...(server === undefined ? [] : [native('llama-server', { ...orders, server })]),
    ...(bench === undefined ? [] : [native('llama-bench', { ...orders, bench })]),
  ];
  return {
    name: `decode-${threads}`,
    summary: `Greedy, ${threads} thread${threads === 1 ? '' : 's'}, one sequence of 4,096 tokens: until the model is ready, until the first token from there and with 6 to 9 new tokens, ${work.decodeTokens} tokens of an answer, about ${work.promptTokens} tokens of a prompt, and that prompt again with two more. answerTokens and promptTokens are what each of them really did.`,
    variants,
    metrics: [
      reported('readyMs', 'ms', 'lower'),
      reported('coldFirstTokenMs', 'ms', 'lower'),
      reported('firstTokenMs', 'ms', 'lower'),
      reported('decodeTokensPerSecond', 'tokens/s', 'higher'),
      reported('promptTokensPerSecond', 'tokens/s', 'higher'),
      reported('prefixHitMs', 'ms', 'lower'),
      reported('answerTokens', 'tokens', 'neither'),
      reported('promptTokens', 'tokens', 'neither'),
    ],
    aims: aims(variants.map(({ name }) => name)),
  };
}

/** Goals against those peers that are there. */
function aims(variants: readonly string[]): readonly Aim[] {
  const variant = 'optimized';
  const all: readonly Aim[] = [
    { variant, metric: 'decodeTokensPerSecond', timesMin: 1, of: 'llama-server' },
    { variant, metric: 'decodeTokensPerSecond', timesMin: 0.9, of: 'llama-bench' },
    { variant, metric: 'firstTokenMs', beyondMax: 5, of: 'llama-server' },
    { variant, metric: 'firstTokenMs', beyondMax: 5, of: 'raw binding' },
    { variant, metric: 'readyMs', timesMax: 1.2, of: 'llama-server' },
  ];
  return all.filter((aim) => !('of' in aim) || variants.includes(aim.of));
}
