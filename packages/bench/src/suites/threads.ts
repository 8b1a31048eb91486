import type { Aim, Variant } from '@gemma-cli/bench-kit';
import { availableCores } from '@gemma-cli/model-process';
import type { ContentionOrders, Phase } from '../children/contention-worker.ts';
import { hasRawBinding } from '../children/raw-binding.ts';
import type { Suite } from '../suite.ts';
import { childVariant, modelSuite, reported } from '../suite-parts.ts';
import type { ModelBenchmark } from '../suite-parts.ts';

/** Tokens per second while other work comes and goes. Legacy does not adapt: it is one of the fixed variants. */
export function threadsSuite(): Suite {
  return modelSuite({
    name: 'threads',
    summary: 'tokens per second while a hog comes and goes: adaptive, fixed and default threads',
    plan({ model, quick }) {
      const { cores } = availableCores();
      const fixed = Array.from({ length: cores }, (_, index) => `fixed ${index + 1}`);
      const seconds = quick ? 0.25 : 1;
      const comes: readonly Phase[] = [
        { name: 'quiet', seconds: 6 * seconds, hogs: 0 },
        { name: 'hog', seconds: 10 * seconds, hogs: 1 },
        { name: 'after', seconds: 8 * seconds, hogs: 0 },
      ];
      const before: readonly Phase[] = [
        { name: 'hog', seconds: 8 * seconds, hogs: 1 },
        { name: 'after', seconds: 6 * seconds, hogs: 0 },
      ];
      const libraryDefault: ContentionOrders = { engine: 'optimized', model, isLibraryDefault: true, phases: comes };
      return {
        benchmarks: [
          contention(
            'threads',
            'A process that keeps one core busy starts in the middle of an answer, and ends.',
            comes,
            hasRawBinding()
              ? [childVariant('library default', 'contention-worker.js', libraryDefault, 'node-llama-cpp')]
              : [],
          ),
          contention('threads-before', 'The same process is there before the first token, and ends.', before, []),
        ],
        notes: { hog: 'one process that keeps one core busy' },
        leftOut: hasRawBinding()
          ? []
          : ['threads, library default: node-llama-cpp is not installed beside this package.'],
      };

      function contention(
        name: string,
        what: string,
        phases: readonly Phase[],
        others: readonly Variant[],
      ): ModelBenchmark {
        const variant = (title: string, rest: Partial<ContentionOrders>): Variant => {
          const orders: ContentionOrders = { engine: 'optimized', model, isLibraryDefault: false, phases, ...rest };
          return childVariant(title, 'contention-worker.js', orders, orders.engine);
        };
        const metrics = phases.map((phase) => `${phase.name}TokensPerSecond`);
        return {
          name,
          summary: `${what} ${phases.map((phase) => `${phase.seconds} s ${phase.hogs > 0 ? 'with it' : 'without it'}`).join(', ')}.`,
          variants: [
            variant('adaptive', {}),
            ...fixed.map((title, index) => variant(title, { threads: index + 1, adaptThreads: false })),
            ...others,
          ],
          metrics: [
            ...metrics.map((metric) => reported(metric, 'tokens/s', 'higher')),
            reported('stepsDown', 'steps', 'neither'),
            reported('stepsUp', 'steps', 'neither'),
          ],
          aims: [
            ...metrics.flatMap((metric) =>
              fixed.map((of): Aim => ({ variant: 'adaptive', metric, timesMin: 0.8, of })),
            ),
            { variant: 'adaptive', metric: 'stepsDown', atLeast: 1 },
            { variant: 'adaptive', metric: 'stepsUp', atLeast: 1 },
          ],
          // A round takes a minute or more.
          rounds: 3,
        };
      }
    },
  });
}
