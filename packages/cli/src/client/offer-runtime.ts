import { homedir } from 'node:os';
import { resolveHome } from '@gemma-cli/config';
import { isGemmaError } from '@gemma-cli/contracts';
import type { CommandContext } from '../command.ts';
import { findCommand } from '../command-table.ts';

/** What the offer needs of the world. */
export type OfferContext = Pick<CommandContext, 'env' | 'cwd' | 'stdin' | 'stderr' | 'signal'>;

/**
 * Runs `gemma runtime install llama`, which names the size and asks, in the middle of another command. Gives whether the
 * runtime is there now. Nothing goes to stdout: that is the answer's.
 */
export async function offerRuntime({ env, cwd, stdin, stderr, signal }: OfferContext): Promise<boolean> {
  stderr.write('gemma: the native runtime that computes is not installed yet.\n');
  const runtime = await findCommand('runtime')?.load({ connect: neverConnect, worker: undefined });
  const install = runtime?.subcommands?.find(({ name }) => name === 'install');
  if (install?.run === undefined) throw new Error('The command `gemma runtime install` is missing from this program.');
  const options = { json: false, quiet: false, color: false, home: resolveHome(env, homedir()) };
  try {
    const context = { env, cwd, stdin, stdout: stderr, stderr, signal, options };
    return (await install.run(context, { arguments: ['llama'], options: {} })) === 0;
  } catch (error) {
    // The answer was no: what is missing is still missing, and its own error says so.
    if (isGemmaError(error) && error.code === 'ABORTED') return false;
    throw error;
  }
}

function neverConnect(): Promise<never> {
  return Promise.reject(new Error('Installing a runtime answers no prompts.'));
}
