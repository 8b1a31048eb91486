import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isGemmaError } from '@gemma-cli/contracts';
import type { GemmaError } from '@gemma-cli/contracts';
import { createModelStore } from '@gemma-cli/models';
import { ownFolder } from './built-files.ts';

/** Models that a suite takes when none is named: the base one first, whose file and hash everybody can have. */
const defaultNames = ['gemma3:270m-base', 'gemma3:270m'];

/** The embedding model that `gemma pull` knows. */
const defaultEmbeddingNames = ['embeddinggemma:300m'];

/** A small embedding model that lies beside the checkout of this project, where it has no other way to come. */
const besideCheckout = '../../../shared/data/models/all-minilm-l6-v2-q8_0.gguf';

/** Where {@link findModel} looks. */
export interface FindModelOptions {
  /** A file or the name of a model. Default: the small Gemma 3, if it is there. */
  readonly named: string | undefined;
  /** `GEMMA_HOME` and `GEMMA_TEST_MODELS` (the store of the tests) name other folders than the usual ones. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute working directory. */
  readonly cwd: string;
  /** The user's home folder. Default: none, only folders that `env` names. */
  readonly home: string | undefined;
}

/**
 * Absolute path of a model file: a file as it is named, else a model that `gemma pull` or the tests have fetched.
 * `undefined` when none was named and none of the default ones is there.
 *
 * @throws GemmaError `MODEL_NOT_FOUND` when the named one is nowhere.
 */
export function findModel(options: FindModelOptions): Promise<string | undefined> {
  return find(options, defaultNames);
}

/**
 * Absolute path of an embedding model, in the same way; in a checkout also the one that lies beside it.
 *
 * @throws GemmaError `MODEL_NOT_FOUND` when the named one is nowhere.
 */
export async function findEmbeddingModel(options: FindModelOptions): Promise<string | undefined> {
  const found = await find(options, defaultEmbeddingNames);
  if (found !== undefined || options.named !== undefined) return found;
  const beside = join(ownFolder(), besideCheckout);
  return existsSync(beside) ? beside : undefined;
}

async function find(
  { named, env, cwd, home }: FindModelOptions,
  defaults: readonly string[],
): Promise<string | undefined> {
  if (named !== undefined && existsSync(resolve(cwd, named))) return resolve(cwd, named);
  let notFound: GemmaError | undefined;
  for (const folder of storeFolders(env, home)) {
    const store = createModelStore({ folder, env });
    for (const name of named === undefined ? defaults : [named]) {
      try {
        return (await store.find(name)).path;
      } catch (error) {
        if (!isGemmaError(error) || error.code !== 'MODEL_NOT_FOUND') throw error;
        notFound = error;
      }
    }
  }
  // A named file that is nowhere is reported by the suite that needs it, with its path.
  if (named !== undefined && notFound !== undefined) throw notFound;
  return named === undefined ? undefined : resolve(cwd, named);
}

function storeFolders(env: FindModelOptions['env'], home: string | undefined): readonly string[] {
  const usual = (...parts: string[]): string | undefined => (home === undefined ? undefined : join(home, ...parts));
  const gemmaHome = env['GEMMA_HOME'] ?? usual('.gemma_cli');
  const cache = env['XDG_CACHE_HOME'] ?? usual('.cache');
  const folders = [
    gemmaHome === undefined ? undefined : join(gemmaHome, 'models'),
    env['GEMMA_TEST_MODELS'] ?? (cache === undefined ? undefined : join(cache, 'gemma-cli-test', 'models')),
  ];
  // Making a store would create its folder.
  return folders.filter((folder) => folder !== undefined).filter((folder) => existsSync(folder));
}
