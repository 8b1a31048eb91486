import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Path of a model that `scripts/fetch-test-models.mjs` has fetched. */
export function realModelPath(name: 'gemma3@270m-base' | 'smollm2@135m'): string {
  const { GEMMA_TEST_MODELS, XDG_CACHE_HOME } = process.env;
  const cache = XDG_CACHE_HOME || join(homedir(), '.cache');
  const path = join(GEMMA_TEST_MODELS || join(cache, 'gemma-cli-test', 'models'), name, `${name}.gguf`);
  if (!existsSync(path)) throw new Error(`There is no ${path}. Fetch it with node scripts/fetch-test-models.mjs.`);
  return path;
}
