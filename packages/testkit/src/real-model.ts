import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The models that the tests marked real run on: a base model that completes text, and one that chats. */
export type RealModelName = 'gemma3:270m-base' | 'smollm2:135m';

/** Where to look for the test models. */
export interface RealModelPlace {
  /** The environment: `GEMMA_TEST_MODELS` names the folder, else `XDG_CACHE_HOME` the cache it lies in. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The user's home folder, for the default cache. */
  readonly home: string;
}

/**
 * Path of a test model.
 *
 * @throws Error when it is not there, naming the command that fetches it.
 */
export function realModel(name: RealModelName, { env, home }: RealModelPlace): string {
  const cache = env['XDG_CACHE_HOME'] || join(home, '.cache');
  const folder = env['GEMMA_TEST_MODELS'] || join(cache, 'gemma-cli-test', 'models');
  // The store writes the colon of a name as @, which every file system takes.
  const fileName = name.replace(':', '@');
  const path = join(folder, fileName, `${fileName}.gguf`);
  if (existsSync(path)) return path;
  throw new Error(`Expected the test model ${name} at ${path}. Run \`node scripts/fetch-test-models.mjs\` first.`);
}
