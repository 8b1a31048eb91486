import type { Aim, Benchmark, Variant } from '@gemma-cli/bench-kit';
import { availableCores } from '@gemma-cli/model-process';
import type { ContentionOrders, Phase } from '../children/contention-worker.ts';
import { hasRawBinding } from '../children/raw-binding.ts';
import type { Suite } from '../suite.ts';
import { childVariant, heavy, modelOf, reported } from '../suite-parts.ts';

/** Tokens per second while other work comes and goes. Legacy does not adapt: it is one of the fixed variants. */
export function threadsSuite(): Suite {
  return {
    name: 'threads',
    summary: 'tokens per second while a hog comes and goes: adaptive, fixed and default threads (needs --model)',
    async plan({ model: named, quick = false }) {
      const { model, note } = await modelOf('threads', named);
      const { cores } = availableCores();
      const seconds = quick ? 0.25 : 1;
      const comes: readonly Phase[] = [
        { name: 'quiet', seconds: 6 * seconds, hogs: 0 },
        { name: 'hog', seconds: 12 * seconds, hogs: 1 },
        { name: 'after', seconds: 10 * seconds, hogs: 0 },
      ];
      const before: readonly Phase[] = [
        { name: 'hog', seconds: 10 * seconds, hogs: 1 },
        { name: 'after', seconds: 8 * seconds, hogs: 0 },
      ];
      return {
        benchmarks: [
          contention(
            'threads',
            'A process that keeps one core busy starts in the middle of an answer, and ends.',
            comes,
          ),
          contention('threads-before', 'The same process is there before the first token, and ends.', before),
        ],
        notes: { model: note, hog: 'one process that keeps one core busy' },
        skipped: hasRawBinding()
          ? []
          : ['threads, library default: node-llama-cpp is not installed beside this package.'],
      };

      function contention(name: string, what: string, phases: readonly Phase[]): Benchmark {
        const variant = (title: string, rest: Partial<ContentionOrders>): Variant => {
          const orders: ContentionOrders = { engine: 'optimized', model, isLibraryDefault: false, phases, ...rest };
          return childVariant(
            title,
            'contention-worker.js',
            orders,
            orders.isLibraryDefault ? 'node-llama-cpp' : orders.engine,
          );
        };
        const fixed = Array.from({ length: cores }, (_, index) => `fixed ${index + 1}`);
        const metrics = phases.map((phase) => `${phase.name}TokensPerSecond`);
        return {
          name,
          summary: `${what} ${phases.map((phase) => `${phase.seconds} s ${phase.hogs > 0 ? 'with it' : 'without it'}`).join(', ')}.`,
          variants: [
            variant('adaptive', {}),
            ...fixed.map((title, index) => variant(title, { threads: index + 1, adaptThreads: false })),
            ...(hasRawBinding() ? [variant('library default', { isLibraryDefault: true })] : []),
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
          ...heavy(quick, name === 'threads' ? 3 : 2),
        };
      }
    },
  };
}
