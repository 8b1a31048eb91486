import { isGemmaError } from '@gemma-cli/contracts';
import type { GemmaError } from '@gemma-cli/contracts';
import { readConfigFile } from './config-file.ts';
import type { ConfigText } from './config-file.ts';
import { checkConfigText } from './load-config.ts';

/** What a check of one file found. */
export interface ConfigFileReport {
  readonly file: string;
  /** Whether there is such a file. Without one nothing is wrong. */
  readonly exists: boolean;
  /** Everything that `loadConfig` would refuse, in the order of the file. Empty = valid. */
  readonly problems: readonly GemmaError[];
  /** Keys without effect. */
  readonly warnings: readonly string[];
}

/** Checks one file and gives every problem, not only the first. */
export async function validateConfigFile(
  file: string,
  { project = false }: { readonly project?: boolean } = {},
): Promise<ConfigFileReport> {
  let config: ConfigText | null;
  try {
    config = await readConfigFile(file);
  } catch (error) {
    if (!isGemmaError(error)) throw error;
    return { file, exists: true, problems: [error], warnings: [] };
  }
  const { problems, warnings } = checkConfigText(config, project);
  return { file, exists: config !== null, problems, warnings };
}
