import type { Aim, Benchmark, Variant } from '@gemma-cli/bench-kit';
import { availableCores } from '@gemma-cli/model-process';
import type { DecodeOrders } from '../children/decode-worker.ts';
import type { LlamaBenchOrders } from '../children/llama-bench-worker.ts';
import type { LlamaServerOrders } from '../children/llama-server-worker.ts';
import type { RawBindingOrders } from '../children/raw-binding-worker.ts';
import { hasRawBinding } from '../children/raw-binding.ts';
import { findLlamaCpp } from '../find-llama-cpp.ts';
import type { LlamaCppPrograms } from '../find-llama-cpp.ts';
import type { Suite } from '../suite.ts';
import { childVariant, heavy, modelOf, reported } from '../suite-parts.ts';

/** Decoding and reading beside the raw binding and native llama.cpp, at the same number of threads. */
export function decodeSuite(): Suite {
  return {
    name: 'decode',
    summary:
      'decoding, reading and getting ready at 1 and 2 threads, beside the binding and native llama.cpp (needs --model)',
    async plan({ model: named, threads, quick = false, env = {} }) {
      const { model, note } = await modelOf('decode', named);
      const programs = findLlamaCpp(env);
      const counts = threads === undefined ? [1, 2] : [threads];
      const { cores } = availableCores();
      const possible = counts.filter((count) => count <= cores);
      return {
        benchmarks: possible.map((count) => benchmark(count, { model, quick, programs })),
        notes: { model: note },
        skipped: [
          ...counts
            .filter((count) => count > cores)
            .map((count) => `decode-${count}: this process may use ${cores} cores.`),
          ...(hasRawBinding() ? [] : ['decode, raw binding: node-llama-cpp is not installed beside this package.']),
          ...(programs.server === undefined ? [missing('llama-server')] : []),
          ...(programs.bench === undefined ? [missing('llama-bench')] : []),
        ],
      };
    },
  };
}

function missing(program: string): string {
  return `decode, ${program}: found neither in the folder that GEMMA_BENCH_LLAMA_CPP names nor in PATH.`;
}

function benchmark(
  threads: number,
  { model, quick, programs }: { readonly model: string; readonly quick: boolean; readonly programs: LlamaCppPrograms },
): Benchmark {
  const work = {
    model,
    threads,
    // Peers do not adapt.
    adaptThreads: false,
    contextTokens: 4096,
    decodeTokens: quick ? 16 : 128,
    promptTokens: quick ? 256 : 1024,
  } as const;
  const orders: DecodeOrders = { engine: 'optimized', ...work };
  const peers: readonly Variant[] = [
    ...(hasRawBinding()
      ? [childVariant('raw binding', 'raw-binding-worker.js', orders satisfies RawBindingOrders, 'node-llama-cpp')]
      : []),
    ...(programs.server === undefined
      ? []
      : [
          childVariant(
            'llama-server',
            'llama-server-worker.js',
            { ...orders, server: programs.server } satisfies LlamaServerOrders,
            'llama-server',
          ),
        ]),
    ...(programs.bench === undefined
      ? []
      : [
          childVariant(
            'llama-bench',
            'llama-bench-worker.js',
            { ...orders, bench: programs.bench } satisfies LlamaBenchOrders,
            'llama-bench',
          ),
        ]),
  ];
  // Legacy decodes with the same code; what it costs beside is told by the other suites.
  const variants = [childVariant('optimized', 'decode-worker.js', orders, 'optimized'), ...peers];
  return {
    name: `decode-${threads}`,
    summary: `Greedy, ${threads} thread${threads === 1 ? '' : 's'}, a context of 4,096 tokens: until the model is ready, until the first token from there and with 6 to 9 new tokens, ${work.decodeTokens} tokens of an answer, about ${work.promptTokens} tokens of a prompt, and that prompt again with two more.`,
    variants,
    metrics: [
      reported('readyMs', 'ms', 'lower'),
      reported('coldFirstTokenMs', 'ms', 'lower'),
      reported('firstTokenMs', 'ms', 'lower'),
      reported('decodeTokensPerSecond', 'tokens/s', 'higher'),
      reported('promptTokensPerSecond', 'tokens/s', 'higher'),
      reported('prefixHitMs', 'ms', 'lower'),
    ],
    aims: aims(variants.map(({ name }) => name)),
    ...heavy(quick),
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
