import type { Benchmark, Variant } from '@gemma-cli/bench-kit';
import type { MicroOrders } from '../children/micro-worker.ts';
import { childModule, commandFile } from '../built-files.ts';
import type { Suite } from '../suite.ts';

/** Pieces that run in the process, each in a loop of its own process. */
export function microSuite(): Suite {
  return {
    name: 'micro',
    summary: 'UTF-8 decoding, terminal sanitizing and (with --model) header inspection, in microseconds',
    async plan({ model }) {
      const header: readonly Benchmark[] =
        model === undefined
          ? []
          : [
              compare('micro-model-header', 'Checking the header of the model before every load.', [
                variant({ piece: 'model-header', model }),
              ]),
            ];
      return {
        benchmarks: [
          compare('micro-utf8', 'Decoding an answer of 400 pieces in chunks of 5 bytes.', [
            variant({ piece: 'utf8-text-decoder' }),
            variant({ piece: 'utf8-stream' }),
          ]),
          compare(
            'micro-sanitizer',
            'Making an answer of 400 pieces safe for a terminal, against handing it through.',
            [
              variant({ piece: 'text-unchanged' }),
              variant({
                piece: 'terminal-sanitizer',
                module: commandFile('dist/render/sanitize-terminal-text.js'),
              }),
            ],
          ),
          ...header,
        ],
        notes: {},
        leftOut: model === undefined ? ['micro-model-header: needs a model; give one with --model FILE.'] : [],
      };
    },
  };
}

function variant(orders: MicroOrders): Variant {
  return {
    name: orders.piece,
    program: { type: 'node', module: childModule('micro-worker.js'), args: [JSON.stringify(orders)] },
    expects: { stdoutIncludes: `${orders.piece}: completed` },
  };
}

function compare(name: string, summary: string, variants: readonly Variant[]): Benchmark {
  return {
    name,
    summary: `${summary} tinybench, one second in each process; \`callUs\` is the median of \`calls\` calls.`,
    variants,
    metrics: [
      { name: 'callUs', unit: 'µs', better: 'lower', source: 'reported' },
      { name: 'calls', unit: 'calls', better: 'neither', source: 'reported' },
    ],
    rounds: 5,
    warmups: 1,
  };
}
