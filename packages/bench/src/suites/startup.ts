import { readFile } from 'node:fs/promises';
import type { Benchmark, MetricDefinition, Variant } from '@gemma-cli/bench-kit';
import { childModule, commandFile } from '../built-files.ts';
import type { ThinOrders } from '../children/thin-worker.ts';
import type { Suite } from '../suite.ts';

/** What `gemma` costs before it does anything, beyond what Node itself costs. */
export function startupSuite({
  command = commandFile('dist/bin.js'),
  thin = commandFile('dist/thin.js'),
  main = commandFile('dist/main.js'),
  manifest = commandFile('package.json'),
}: {
  /** The command's entry. Default: the built one of `@gemma-cli/cli`. */
  readonly command?: string;
  /** The module of the warm path. Default: the built one of `@gemma-cli/cli`. */
  readonly thin?: string;
  /** The module that the entry loads before it. Default: the built one of `@gemma-cli/cli`. */
  readonly main?: string;
  /** The manifest with the version that `--version` must print. Default: the one of `@gemma-cli/cli`. */
  readonly manifest?: string;
} = {}): Suite {
  return {
    name: 'startup',
    summary: 'gemma --version, --help and the thin path to its first byte, beyond bare Node',
    async plan() {
      const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { readonly version: string };
      return {
        benchmarks: [wholeCommand(command, version), firstByteSent(main, thin), parts(main)],
        notes: {},
        leftOut: [],
      };
    },
  };
}

const cpu: MetricDefinition = { name: 'cpuMs', unit: 'ms', better: 'lower', source: 'outside' };

function wholeCommand(command: string, version: string): Benchmark {
  return {
    name: 'startup-command',
    summary: 'From spawn to exit, against an empty module.',
    variants: [
      { name: 'node empty.mjs', program: { type: 'node', module: childModule('empty.mjs') } },
      {
        name: 'gemma --version',
        program: { type: 'node', module: command, args: ['--version'] },
        expects: { stdoutIncludes: version },
      },
      {
        name: 'gemma --help',
        program: { type: 'node', module: command, args: ['--help'] },
        expects: { stdoutIncludes: 'gemma' },
      },
    ],
    metrics: [
      { name: 'wallMs', unit: 'ms', better: 'lower', source: 'outside' },
      cpu,
      { name: 'peakRssMiB', unit: 'MiB', better: 'neither', source: 'outside' },
    ],
    aims: [
      { variant: 'gemma --version', metric: 'wallMs', beyondBaselineMax: 10 },
      { variant: 'gemma --help', metric: 'wallMs', beyondBaselineMax: 60 },
    ],
    rounds: 40,
    warmups: 2,
    usageFrom: 'extra-process',
  };
}

function firstByteSent(main: string, thin: string): Benchmark {
  const variant = (name: string, terminal: boolean): Variant => {
    const orders: ThinOrders = { main, thin, argv: ['Why is the sky blue?'], terminal };
    return { name, program: { type: 'node', module: childModule('thin-worker.js'), args: [JSON.stringify(orders)] } };
  };
  return {
    name: 'startup-thin',
    summary: 'From spawn to the first byte of the question, against Node with one write.',
    variants: [
      { name: 'node first-byte.mjs', program: { type: 'node', module: childModule('first-byte.mjs') } },
      variant('gemma "prompt"', true),
      variant('gemma "prompt" </dev/null', false),
    ],
    metrics: [{ name: 'sentByteMs', unit: 'ms', better: 'lower', source: 'outside' }, cpu],
    aims: [{ variant: 'gemma "prompt"', metric: 'sentByteMs', beyondBaselineMax: 15 }],
    rounds: 40,
    warmups: 2,
    usageFrom: 'extra-process',
  };
}

/** Where the time beyond bare Node goes: the reason for an aim that is missed. */
function parts(main: string): Benchmark {
  return {
    name: 'startup-parts',
    summary: 'Parts of a start, each by itself, against an empty module.',
    variants: [
      { name: 'node empty.mjs', program: { type: 'node', module: childModule('empty.mjs') } },
      { name: 'standard streams', program: { type: 'node', module: childModule('streams.mjs') } },
      { name: 'modules of the warm path', program: { type: 'node', module: main } },
    ],
    metrics: [{ name: 'wallMs', unit: 'ms', better: 'lower', source: 'outside' }, cpu],
    rounds: 40,
    warmups: 2,
    usageFrom: 'extra-process',
  };
}
