import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { onTestFinished } from 'vitest';
import { isGemmaError } from '@gemma-cli/contracts';
import type { GemmaError } from '@gemma-cli/contracts';
import type { CommandContext, CommandDefinition } from '../src/command.ts';
import { readArguments } from '../src/program.ts';

/** What one run of a command left. */
export interface CommandOutcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What it threw; then `code` is that of the error. */
  readonly error: GemmaError | undefined;
}

/** A home folder, a working folder and a way to run commands in them. */
export interface CommandWorld {
  readonly root: string;
  readonly home: string;
  readonly cwd: string;
  run(definition: CommandDefinition, argv: readonly string[], overrides?: RunOverrides): Promise<CommandOutcome>;
}

export interface RunOverrides {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
  /** stdin and stderr are a terminal; this is what its user types. */
  readonly typed?: string;
  /** What is piped in. Default: nothing. */
  readonly piped?: string | Uint8Array;
  /** stderr is a terminal so wide. */
  readonly columns?: number;
}

/** Makes a world that goes with the test. */
export async function commandWorld(): Promise<CommandWorld> {
  const root = await mkdtemp(join(tmpdir(), 'gemma-command-'));
  onTestFinished(() => rm(root, { recursive: true, force: true, maxRetries: 3 }));
  const home = join(root, 'home');
  const cwd = join(root, 'work');
  await mkdir(cwd);
  return {
    root,
    home,
    cwd,
    async run(definition, argv, { env = {}, signal = new AbortController().signal, typed, piped, columns } = {}) {
      const { leaf, input } = await readArguments(definition, argv);
      const isTerminal = typed !== undefined || columns !== undefined;
      const streams = [new PassThrough(), new PassThrough(), new PassThrough()] as const;
      const [stdin, stdout, stderr] = streams;
      const texts = { stdout: '', stderr: '' };
      stdout.on('data', (chunk: Buffer) => (texts.stdout += chunk.toString()));
      stderr.on('data', (chunk: Buffer) => (texts.stderr += chunk.toString()));
      if (typed === undefined) stdin.end(piped);
      else stdin.write(typed);
      const context: CommandContext = {
        env: { PATH: process.env['PATH'], HOME: root, ...env },
        cwd,
        stdin: Object.assign(stdin, { isTTY: typed !== undefined }),
        stdout,
        stderr: Object.assign(stderr, { isTTY: isTerminal, ...(columns === undefined ? {} : { columns }) }),
        signal,
        options: {
          json: input.options['json'] === true,
          quiet: input.options['quiet'] === true,
          color: false,
          home,
        },
      };
      try {
        return { code: (await leaf.run?.(context, input)) ?? -1, ...texts, error: undefined };
      } catch (error) {
        if (!isGemmaError(error)) throw error;
        return { code: error.exitCode, ...texts, error };
      }
    },
  };
}
