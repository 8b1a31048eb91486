import type { WorkerSpec } from '@gemma-cli/contracts';
import type { Input, Output } from './command.ts';
import { thin } from './thin.ts';
import type { Connect } from './thin/connection.ts';

/** The world of one run of the command. */
export interface MainOptions {
  /** Arguments after the program's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute working directory. */
  readonly cwd: string;
  readonly stdin: Input;
  /** Whether stdin is a terminal: spares making a stream that nobody reads. Default: `stdin.isTTY`. */
  readonly stdinIsTerminal?: boolean | undefined;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Aborted by Ctrl-C: the answer ends, what came is kept. */
  readonly signal: AbortSignal;
  /** The model process. Default: the llama.cpp worker. */
  readonly worker?: WorkerSpec | undefined;
}

/**
 * Runs the command. Gives the exit code; never throws and never ends the process. The streams may be getters: each is
 * touched when it is first needed.
 */
export async function main(options: MainOptions): Promise<number> {
  const { argv, env, cwd, worker } = options;
  // A reader that has gone (`gemma … | head`) ends the work without a word.
  const outputClosed = new AbortController();
  let outputFailure: NodeJS.ErrnoException | undefined;
  const onOutputError = (error: NodeJS.ErrnoException): void => {
    if (!readerGoneCodes.has(error.code ?? '') && outputFailure === undefined) {
      outputFailure = error;
      guard(options.stderr).write(`gemma: The output could not be written: ${error.message}\n`);
    }
    outputClosed.abort();
  };
  const guarded = new Set<Output>();
  const guard = (output: Output): Output => {
    if (!guarded.has(output)) output.on('error', onOutputError);
    guarded.add(output);
    return output;
  };
  const connect: Connect = async () => (await import('./client/in-process-connection.ts')).connectInProcess({ worker });
  const world = {
    argv,
    env,
    cwd,
    worker,
    connect,
    signal: AbortSignal.any([options.signal, outputClosed.signal]),
    stdinIsTerminal: options.stdinIsTerminal ?? options.stdin.isTTY === true,
    get stdin() {
      return options.stdin;
    },
    get stdout() {
      return guard(options.stdout);
    },
    get stderr() {
      return guard(options.stderr);
    },
  };
  let code: number;
  let isFailure = false;
  try {
    code = (await thin(world)) ?? (await (await import('./program.ts')).runProgram(world));
  } catch (error) {
    isFailure = true;
    code = outputClosed.signal.aborted ? 0 : await showError(error, world);
  }
  await Promise.all([...guarded].map(written));
  if (outputFailure !== undefined) {
    code = 1;
    // What the handler has said of it.
    await written(options.stderr);
  } else if (outputClosed.signal.aborted && !isFailure) code = 0;
  for (const output of guarded) output.off('error', onOutputError);
  return code;
}

/** Says what went wrong, on stdout for a script that reads JSON. Gives the exit code. */
async function showError(error: unknown, world: Pick<MainOptions, 'argv' | 'stdout' | 'stderr'>): Promise<number> {
  const { exitCodeOf, renderCauses, renderErrorJson, renderErrorText, typedError } =
    await import('./render/render-error.ts');
  const typed = typedError(error);
  const problem = typed.toJSON();
  // The command line may be the very thing that was not understood: look for the switch itself.
  if (world.argv.includes('--json')) world.stdout.write(renderErrorJson(problem));
  else {
    world.stderr.write(renderErrorText(problem));
    if (world.argv.includes('--verbose') || world.argv.includes('-v')) world.stderr.write(renderCauses(typed));
  }
  return exitCodeOf(problem);
}

/** Waits until everything is written, and for the news of what was not: that comes a turn later. */
async function written(output: Output): Promise<void> {
  if (!output.destroyed && output.writableLength > 0)
    await new Promise<void>((resolve) => {
      output.write('', () => resolve());
    });
  await new Promise((resolve) => setImmediate(resolve));
}

/** What a stream says when whoever read it has gone. */
const readerGoneCodes: ReadonlySet<string> = new Set(['EPIPE', 'ECONNRESET', 'ERR_STREAM_DESTROYED']);
