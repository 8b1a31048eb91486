import { readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isGemmaError } from '@gemma-cli/contracts';
import { orWhenMissing } from './fs-tools.ts';
import { inspectModelFile } from './inspect-model-file.ts';
import type { InstalledModel } from './installed-model.ts';
import type { ModelHeader } from './model-header.ts';
import { folderToModelName, modelNameToFolder } from './model-name.ts';

/** Version of the record file. A file of another version is read again from the model itself. */
const recordVersion = 1;
/** Name of the record in a model's folder. */
export const recordFile = 'model.json';
/** Name of the notice that is kept beside every model whose terms are known. */
export const licenceFile = 'LICENCE.txt';

/** What is kept of an installed model. Paths are relative to its folder, but for a linked file. */
export type ModelRecord = Omit<InstalledModel, 'changed' | 'problem'>;

/** The record as text. */
export function formatRecord(record: ModelRecord): string {
  return `${JSON.stringify({ version: recordVersion, ...record }, null, 2)}\n`;
}

/** The record of a file as its header tells it. */
export function recordFromHeader(
  header: ModelHeader,
  rest: Pick<ModelRecord, 'name' | 'path' | 'sha256' | 'hashSource' | 'source' | 'licence' | 'mode' | 'installedAt'>,
): ModelRecord {
  return {
    name: rest.name,
    path: rest.path,
    format: header.format,
    sizeBytes: header.sizeBytes,
    architecture: header.architecture,
    quantization: header.quantization,
    parameters: header.parameters,
    trainContextTokens: header.trainContextTokens,
    chat: header.chat,
    embedding: header.embedding,
    sha256: rest.sha256,
    hashSource: rest.hashSource,
    source: rest.source,
    licence: rest.licence,
    mode: rest.mode,
    installedAt: rest.installedAt,
  };
}

/** The model in a folder of the store; `undefined` when the folder holds none. */
export async function readModelFolder(store: string, folder: string): Promise<InstalledModel | undefined> {
  const name = folderToModelName(folder);
  if (name === undefined) return undefined;
  const base = join(store, folder);
  const record = (await readRecord(base, name)) ?? (await rebuildRecord(base, folder, name));
  if (record === undefined) return undefined;
  const path = record.mode === 'linked' ? record.path : join(base, record.path);
  const stats = await stat(path).catch(orWhenMissing(undefined));
  return {
    ...record,
    name,
    path,
    licence: record.licence === null ? null : absoluteLicence(record.licence, base),
    changed: stats !== undefined && Math.floor(stats.mtimeMs) > Date.parse(record.installedAt),
    problem: problemOf(record, path, stats?.size),
  };
}

/** Keeps the hash of a model that had none. A model that is only a path has no record, and nothing is kept. */
export async function recordHash(
  store: string,
  { name, path }: { readonly name: string; readonly path: string },
  sha256: string,
  write: (path: string, content: string) => Promise<void>,
): Promise<void> {
  const base = join(store, modelNameToFolder(name));
  const record = await readRecord(base, name);
  if (record === undefined) return;
  // A file outside the store may be called like an installed model.
  if ((record.mode === 'linked' ? record.path : join(base, record.path)) !== path) return;
  const temporary = join(base, `${recordFile}.new`);
  await write(temporary, formatRecord({ ...record, sha256, hashSource: 'computed' }));
  await rename(temporary, join(base, recordFile));
}

async function readRecord(base: string, name: string): Promise<ModelRecord | undefined> {
  const text = await readFile(join(base, recordFile), 'utf8').catch(orWhenMissing(undefined));
  if (text === undefined) return undefined;
  try {
    const record = JSON.parse(text) as ModelRecord & { readonly version: number };
    const isWhole = record.version === recordVersion && typeof record.path === 'string' && record.name === name;
    if (!isWhole) return undefined;
    const { version: _version, ...rest } = record;
    return rest;
  } catch (error) {
    // A damaged record is no reason to lose a model: it is made again from the file, which has a header of its own.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** A record of a model file whose own record is gone. Hash and source are not known any more. */
async function rebuildRecord(base: string, folder: string, name: string): Promise<ModelRecord | undefined> {
  for (const format of ['gguf', 'sbs'] as const) {
    const path = `${folder}.${format}`;
    const stats = await stat(join(base, path)).catch(orWhenMissing(undefined));
    if (stats === undefined) continue;
    try {
      return recordFromHeader(await inspectModelFile(join(base, path)), {
        name,
        path,
        sha256: null,
        hashSource: null,
        source: join(base, path),
        licence: null,
        mode: 'copied',
        installedAt: stats.mtime.toISOString(),
      });
    } catch (error) {
      if (!isGemmaError(error)) throw error;
      return undefined;
    }
  }
  return undefined;
}

function absoluteLicence(licence: NonNullable<InstalledModel['licence']>, base: string) {
  return { ...licence, path: licence.path === null ? null : join(base, licence.path) };
}

function problemOf(record: ModelRecord, path: string, size: number | undefined): string | null {
  if (size === undefined) return `its file is gone: ${path}`;
  if (size !== record.sizeBytes) return `its file has ${size} bytes, and ${record.sizeBytes} were installed`;
  return null;
}
