import { join, resolve } from 'node:path';
import { GemmaError } from '@gemma-cli/contracts';
import { fetchByCopy } from './fetch-by-copy.ts';
import { makePrivateFolder } from './fs-tools.ts';
import { inspectModelFile } from './inspect-model-file.ts';
import { installModel, recoverInstallation } from './install-model.ts';
import type { InstalledModel } from './installed-model.ts';
import { isLock, tryLock } from './model-lock.ts';
import { modelNameToFolder, toModelName } from './model-name.ts';
import { readModelFolder } from './model-record.ts';
import { nameOfFile } from './model-reference.ts';
import type { ImportOptions } from './model-store.ts';
import { pullsFolder, reserveSpace } from './store-context.ts';
import type { StoreContext } from './store-context.ts';

/** Installs a file that is already there, by a link to it or as a copy. */
export async function importModelFile(
  context: StoreContext,
  path: string,
  options: ImportOptions,
): Promise<InstalledModel> {
  const absolute = resolve(path);
  const name = toModelName(options.name ?? nameOfFile(absolute));
  const folder = modelNameToFolder(name);
  const header = await inspectModelFile(absolute);
  await makePrivateFolder(context.folder);
  const lock = await tryLock(pullsFolder(context), folder);
  if (!isLock(lock)) {
    throw new GemmaError({
      code: 'MODEL_IN_USE',
      message: `Process ${lock.pid} is pulling or removing ${name}. Wait for it or end it, or choose another name.`,
      facts: { name, pid: lock.pid },
    });
  }
  try {
    await recoverInstallation(context, name);
    const present = await readModelFolder(context.folder, folder);
    if (present !== undefined) {
      throw new GemmaError({
        code: 'MODEL_EXISTS',
        message: `There is a model ${name} already (${present.path}). Choose another name with --name, or run gemma rm ${name}.`,
        facts: { name, path: present.path },
      });
    }
    const shared = { name, source: absolute, licence: null, licenceTexts: [] } as const;
    if (options.mode === 'link') {
      return await installModel(context, {
        ...shared,
        file: absolute,
        header,
        sha256: null,
        hashSource: null,
        mode: 'linked',
      });
    }
    const copy = join(pullsFolder(context), `${folder}.copy`);
    const sha256 = await copyFile(context, absolute, header.sizeBytes, copy, options.signal);
    // The copy is what will be run, so the copy is what is checked: the original may have changed meanwhile.
    const copied = await inspectModelFile(copy);
    return await installModel(context, {
      ...shared,
      file: copy,
      header: copied,
      sha256,
      hashSource: 'computed',
      mode: 'copied',
    });
  } finally {
    await lock.release();
  }
}

async function copyFile(
  context: StoreContext,
  path: string,
  sizeBytes: number,
  target: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const reserve = (bytes: number) => reserveSpace(context, bytes);
  const copying = fetchByCopy({ path, sizeBytes, target, reserve, now: context.now, signal });
  for (;;) {
    const step = await copying.next();
    if (step.done === true) return step.value.sha256;
  }
}
