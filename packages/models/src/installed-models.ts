import { readdir, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { GemmaError } from '@gemma-cli/contracts';
import { findInCatalog } from './catalog.ts';
import { orWhenMissing } from './fs-tools.ts';
import { inspectModelFile } from './inspect-model-file.ts';
import type { InstalledModel } from './installed-model.ts';
import { isModelName, modelNameToFolder, normalizeModelName } from './model-name.ts';
import { readModelFolder, recordFromHeader } from './model-record.ts';
import { isPathLike, nameOfFile, unknownModel } from './model-reference.ts';
import type { StoreContext } from './store-context.ts';

/** The models in the store's folder, by name. */
export async function listModels(context: StoreContext): Promise<readonly InstalledModel[]> {
  const entries = await readdir(context.folder, { withFileTypes: true }).catch(orWhenMissing([]));
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const models = await Promise.all(folders.map((folder) => readModelFolder(context.folder, folder)));
  return models.filter((model) => model !== undefined).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** The installed model of a name; a family alone means the catalog's default. */
export async function findInstalled(context: StoreContext, name: string): Promise<InstalledModel | undefined> {
  const normalized = normalizeModelName(name);
  const names = [normalized, findInCatalog(normalized, context.catalog)?.name];
  for (const candidate of names) {
    if (candidate === undefined || !isModelName(candidate)) continue;
    const model = await readModelFolder(context.folder, modelNameToFolder(candidate));
    if (model !== undefined) return model;
  }
  return undefined;
}

/** The installed model of a name or the model of a path. */
export async function findModel(context: StoreContext, nameOrPath: string): Promise<InstalledModel> {
  const installed = await findInstalled(context, nameOrPath);
  if (installed !== undefined) {
    if (installed.problem === null) return installed;
    throw new GemmaError({
      code: installed.problem.includes('gone') ? 'MODEL_NOT_FOUND' : 'MODEL_INVALID',
      message: `Expected the model ${installed.name} to be whole, but ${installed.problem}. Run gemma rm ${installed.name}, then pull or import it again.`,
      facts: { name: installed.name, path: installed.path, problem: installed.problem },
    });
  }
  if (isPathLike(nameOrPath)) return await modelOfPath(nameOrPath);
  const known = [...(await listModels(context)), ...context.catalog].map(({ name }) => name);
  const entry = findInCatalog(nameOrPath, context.catalog);
  if (entry === undefined) throw unknownModel(nameOrPath, [...new Set(known)], 'find');
  throw new GemmaError({
    code: 'MODEL_NOT_FOUND',
    message: `The model ${entry.name} is not installed. Run gemma pull ${entry.name}.`,
    facts: { name: entry.name, nearest: [entry.name] },
  });
}

async function modelOfPath(path: string): Promise<InstalledModel> {
  const absolute = resolve(path);
  const header = await inspectModelFile(absolute);
  const { mtime } = await stat(absolute);
  return {
    ...recordFromHeader(header, {
      name: nameOfFile(absolute),
      path: absolute,
      sha256: null,
      hashSource: null,
      source: absolute,
      licence: null,
      mode: 'linked',
      installedAt: mtime.toISOString(),
    }),
    changed: false,
    problem: null,
  };
}
