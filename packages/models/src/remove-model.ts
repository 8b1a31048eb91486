import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { GemmaError } from '@gemma-cli/contracts';
import { orWhenMissing } from './fs-tools.ts';
import { findInstalled, listModels } from './installed-models.ts';
import type { InstalledModel } from './installed-model.ts';
import { isLock, tryLock } from './model-lock.ts';
import { modelNameToFolder } from './model-name.ts';
import { unknownModel } from './model-reference.ts';
import { modelFolder, pullsFolder } from './store-context.ts';
import type { StoreContext } from './store-context.ts';

/** Removes a model and what is left of its pulls. The file of a linked one stays. */
export async function removeModel(context: StoreContext, name: string): Promise<InstalledModel> {
  const model = await findInstalled(context, name);
  if (model === undefined) {
    throw unknownModel(
      name,
      (await listModels(context)).map((installed) => installed.name),
      'find',
    );
  }
  const folder = modelNameToFolder(model.name);
  const lock = await tryLock(pullsFolder(context), folder);
  if (!isLock(lock)) {
    throw new GemmaError({
      code: 'MODEL_IN_USE',
      message: `Process ${lock.pid} is pulling or removing ${model.name}. Wait for it or end it, then try again.`,
      facts: { name: model.name, pid: lock.pid },
    });
  }
  try {
    await rm(modelFolder(context, model.name), { recursive: true, force: true });
    await removeParts(context, folder);
  } finally {
    await lock.release();
  }
  return model;
}

/** Removes what pulls of a model left, the locks not counted. The caller holds the lock. */
export async function removeParts(context: StoreContext, folder: string): Promise<void> {
  const pulls = pullsFolder(context);
  for (const file of await readdir(pulls).catch(orWhenMissing<string[]>([]))) {
    const isPart = /^\.(?:[0-9a-f]{16}\.(?:part|part\.json|pip)|copy)$/.test(file.slice(folder.length));
    if (file.startsWith(folder) && isPart) await rm(join(pulls, file), { recursive: true, force: true });
  }
}
