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
  readonly stdout: Output;
  readonly stderr: Output;
  /** Aborted by Ctrl-C: the answer ends, what came is kept. */
  readonly signal: AbortSignal;
  /** The model process. Default: the llama.cpp worker. */
  readonly worker?: WorkerSpec | undefined;
}

/** Runs the command. Gives the exit code; never throws and never ends the process. */
export async function main({
  argv,
  env,
  cwd,
  stdin,
  stdout,
  stderr,
  signal: interrupted,
  worker,
}: MainOptions): Promise<number> {
  // A reader that has gone (`gemma … | head`) ends the work without a word.
  const outputClosed = new AbortController();
  const onOutputError = (): void => outputClosed.abort();
  stdout.on('error', onOutputError);
  stderr.on('error', onOutputError);
  const signal = AbortSignal.any([interrupted, outputClosed.signal]);
  const connect: Connect = async () => (await import('./client/in-process-connection.ts')).connectInProcess({ worker });
  const world = { argv, env, cwd, stdin, stdout, stderr, signal, connect };
  try {
    const code = (await thin(world)) ?? (await (await import('./program.ts')).runProgram({ ...world, worker }));
    return outputClosed.signal.aborted ? 0 : code;
  } catch (error) {
    if (outputClosed.signal.aborted) return 0;
    const { exitCodeOf, renderErrorJson, renderErrorText, typedError } = await import('./render/render-error.ts');
    const problem = typedError(error).toJSON();
    // The command line may be the very thing that was not understood: look for the switch itself.
    if (argv.includes('--json')) stdout.write(renderErrorJson(problem));
    else stderr.write(renderErrorText(problem));
    return exitCodeOf(problem);
  } finally {
    stdout.off('error', onOutputError);
    stderr.off('error', onOutputError);
  }
}
