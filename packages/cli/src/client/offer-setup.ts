import { homedir } from 'node:os';
import { homeLayout, loadConfig, resolveHome } from '@gemma-cli/config';
import { isGemmaError, type WorkerSpec } from '@gemma-cli/contracts';
import { createModelStore } from '@gemma-cli/models';
import type { CommandContext } from '../command.ts';

/** What the offer needs of the world. */
export type SetupContext = Pick<CommandContext, 'env' | 'cwd' | 'stdin' | 'stderr' | 'signal'>;

/**
 * Whether the set-up should be offered: somebody sits at a terminal, no model was chosen, and none is installed. Reads
 * the configuration and the list of models; a configuration that cannot be read is for somebody else to report.
 */
export async function needsSetup({ env, cwd, stdin, stderr }: SetupContext): Promise<boolean> {
  if (stdin.isTTY !== true || stderr.isTTY !== true) return false;
  const home = resolveHome(env, homedir());
  try {
    const { config } = await loadConfig({ home, cwd, env });
    if (config.gemma.defaultModel !== 'auto') return false;
  } catch (error) {
    if (isGemmaError(error)) return false;
    throw error;
  }
  const models = await createModelStore({ folder: homeLayout(home).models }).list();
  return !models.some(({ embedding, problem }) => !embedding && problem === null);
}

/**
 * Runs `gemma setup` in the middle of another command. Gives whether there is a model now. Nothing goes to stdout: that is
 * the answer's.
 */
export async function offerSetup(
  { env, cwd, stdin, stderr, signal }: SetupContext,
  { worker }: { readonly worker?: WorkerSpec | undefined } = {},
): Promise<boolean> {
  stderr.write('gemma: no model is installed yet. Three questions, and the first answer can come.\n');
  const { setupCommand } = await import('../commands/setup-command.ts');
  const options = { json: false, quiet: false, color: false, home: resolveHome(env, homedir()) };
  try {
    const context = { env, cwd, stdin, stdout: stderr, stderr, signal, options };
    await setupCommand({ worker }).run?.(context, { arguments: [], options: {} });
  } catch (error) {
    // The user left: what is missing is still missing, and its own error says so.
    if (isGemmaError(error) && error.code === 'ABORTED') return false;
    throw error;
  }
  return !(await needsSetup({ env, cwd, stdin, stderr, signal }));
}
