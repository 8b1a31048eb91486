import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Path of a model that `node scripts/fetch-test-models.mjs` has put into the cache of the tests. */
export function realModelPath(name: string): string {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const store = process.env['GEMMA_TEST_MODELS'] ?? join(cache, 'gemma-cli-test', 'models');
  const path = join(store, name, `${name}.gguf`);
  if (!existsSync(path)) throw new Error(`Expected the model ${path}. Run: node scripts/fetch-test-models.mjs`);
  return path;
}
