import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { GemmaError } from '@gemma-cli/contracts';
import { makePrivateFolder, orWhenMissing, syncFolder, writeDurably } from './fs-tools.ts';
import type { InstalledModel, ModelLicence } from './installed-model.ts';
import type { ModelHeader } from './model-header.ts';
import { modelNameToFolder } from './model-name.ts';
import { formatRecord, licenceFile, readModelFolder, recordFile, recordFromHeader } from './model-record.ts';
import type { ModelRecord } from './model-record.ts';
import type { LicenceText } from './pull-source.ts';
import { modelFolder, pullsFolder } from './store-context.ts';
import type { StoreContext } from './store-context.ts';

/** A model that is about to appear in the store. */
export interface Installation {
  readonly name: string;
  /** The checked file. Moved into the store, unless the mode is `linked`. */
  readonly file: string;
  readonly header: ModelHeader;
  readonly sha256: string | null;
  readonly hashSource: ModelRecord['hashSource'];
  readonly source: string;
  readonly mode: ModelRecord['mode'];
  readonly licence: { readonly name: string; readonly url: string | null; readonly text: string } | null;
  readonly licenceTexts: readonly LicenceText[];
}

/**
 * Makes a checked file a model. The caller holds the model's lock.
 *
 * Record and terms are written into a new folder first, the file is moved in last, and the folder gets its name by one
 * rename: a crash leaves the old state or the new one. See `recoverInstallation` for what it may leave between.
 */
export async function installModel(context: StoreContext, installation: Installation): Promise<InstalledModel> {
  const { name, header, mode } = installation;
  const folder = modelNameToFolder(name);
  const { fresh, old } = swapFolders(context, folder);
  await makePrivateFolder(context.folder);
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh, { recursive: true, mode: 0o700 });

  const file = `${folder}.${header.format}`;
  const record = recordFromHeader(header, {
    name,
    path: mode === 'linked' ? installation.file : file,
    sha256: installation.sha256,
    hashSource: installation.hashSource,
    source: installation.source,
    licence: await keepLicence(fresh, installation),
    mode,
    installedAt: new Date(context.now()).toISOString(),
  });
  await writeDurably(join(fresh, recordFile), formatRecord(record));
  if (mode !== 'linked') await rename(installation.file, join(fresh, file));
  await syncFolder(fresh);

  const final = modelFolder(context, name);
  await rm(old, { recursive: true, force: true });
  await rename(final, old).catch(orWhenMissing(undefined));
  await rename(fresh, final);
  await syncFolder(context.folder);
  await rm(old, { recursive: true, force: true });
  const model = await readModelFolder(context.folder, folder);
  if (model !== undefined) return model;
  throw new GemmaError({
    code: 'FILE_UNREADABLE',
    message: `The model ${name} was installed in ${final} and cannot be read there. Check the disk.`,
    facts: { name, path: final },
  });
}

/** Ends what a crash in the middle of an installation left: the new state if it is whole, else the old one. */
export async function recoverInstallation(context: StoreContext, name: string): Promise<void> {
  const folder = modelNameToFolder(name);
  const { fresh, old } = swapFolders(context, folder);
  const final = modelFolder(context, name);
  if ((await stat(final).catch(orWhenMissing(undefined))) === undefined) {
    const files = await readdir(fresh).catch(orWhenMissing<string[]>([]));
    const isWhole =
      files.includes(recordFile) && files.some((file) => file === `${folder}.gguf` || file === `${folder}.sbs`);
    if (isWhole) await rename(fresh, final);
    else await rename(old, final).catch(orWhenMissing(undefined));
  }
  await rm(fresh, { recursive: true, force: true });
  await rm(old, { recursive: true, force: true });
}

function swapFolders(context: StoreContext, folder: string): { readonly fresh: string; readonly old: string } {
  const pulls = pullsFolder(context);
  return { fresh: join(pulls, `${folder}.new`), old: join(pulls, `${folder}.old`) };
}

/** Writes the notice and the texts that came along, and tells where. */
async function keepLicence(folder: string, installation: Installation): Promise<ModelLicence | null> {
  const { licence, licenceTexts, source } = installation;
  for (const { name, text } of licenceTexts) await writeDurably(join(folder, `terms-${basename(name)}`), text);
  if (licence === null) return null;
  const beside = licenceTexts.map(({ name }) => `terms-${basename(name)}`);
  const lines = [
    `${licence.name}${licence.url === null ? '' : `: ${licence.url}`}`,
    '',
    licence.text,
    '',
    `The model came from ${source}.`,
    ...(beside.length === 0 ? [] : [`What came with it lies beside this file: ${beside.join(', ')}.`]),
  ];
  await writeDurably(join(folder, licenceFile), `${lines.join('\n')}\n`);
  return { name: licence.name, url: licence.url, path: licenceFile };
}
