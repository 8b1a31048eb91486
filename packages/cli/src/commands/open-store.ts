import { ensureHome, homeLayout, loadConfig } from '@gemma-cli/config';
import type { LoadedConfig } from '@gemma-cli/config';
import { createModelStore } from '@gemma-cli/models';
import type { ModelStore } from '@gemma-cli/models';
import type { CommandContext } from '../command.ts';
import { printNotice } from './print.ts';

/** The installed models and the configuration they are used with. */
export interface OpenedStore {
  readonly store: ModelStore;
  readonly loaded: LoadedConfig;
}

/**
 * Reads the configuration, tells its warnings, and opens the models of the home folder.
 *
 * @param write - The command changes something: the home folder is made and made private first.
 */
export async function openStore(context: CommandContext, { write }: { readonly write: boolean }): Promise<OpenedStore> {
  const { env, cwd } = context;
  const { home } = context.options;
  if (write) await ensureHome(home);
  const loaded = await loadConfig({ home, cwd, env });
  for (const warning of loaded.warnings) printNotice(context, `gemma: ${warning}`);
  return { store: storeOf(context, loaded), loaded };
}

/** The store of a loaded configuration. */
export function storeOf(
  { env, options }: Pick<CommandContext, 'env' | 'options'>,
  { config }: LoadedConfig,
): ModelStore {
  return createModelStore({
    folder: homeLayout(options.home).models,
    // The store knows the hub's own variable; the configuration decides what it says.
    env: { ...env, HF_ENDPOINT: config.models.hfEndpoint },
    connectMsMax: config.models.connectMsMax,
  });
}
