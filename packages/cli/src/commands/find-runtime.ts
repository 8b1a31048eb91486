import { readFile, readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { homeLayout } from '@gemma-cli/config';
import { llamaVersion } from './llama-runtime-packages.ts';

/** The record in the folder of an installed runtime. Written last: a folder without one is not whole. */
export interface RuntimeRecord {
  readonly runtime: 'llama.cpp';
  /** Version of node-llama-cpp. */
  readonly version: string;
  readonly platform: string;
  /** Graphics library that was asked for, or `null`. */
  readonly gpu: string | null;
  /** The named packages and the hashes that their archives had. */
  readonly packages: readonly { readonly name: string; readonly version: string; readonly integrity: string }[];
  /** ISO 8601. */
  readonly installedAt: string;
}

/** A runtime on this machine. */
export interface InstalledRuntime {
  /** Folder with a `node_modules` in it. `null` = it is installed beside this program. */
  readonly folder: string | null;
  readonly version: string;
  /** Release of llama.cpp inside. `null` = the package does not tell. */
  readonly llamaCppRelease: string | null;
  /** `null` for one that is installed beside this program. */
  readonly record: RuntimeRecord | null;
  /** This is the one that answers prompts. */
  readonly active: boolean;
}

/** Name of the record's file. */
export const runtimeRecordFile = 'runtime.json';

/** Where the runtime of this version belongs in a home folder. */
export function runtimeFolderOf(home: string): string {
  return join(homeLayout(home).runtimes, `llama-${llamaVersion}`);
}

/** The folder of the installed llama.cpp runtime of this version, or `null`: then one beside this program may serve. */
export async function findRuntime(home: string): Promise<string | null> {
  const folder = runtimeFolderOf(home);
  return (await readRuntimeRecord(folder)) === null ? null : folder;
}

/** Every runtime: those in the home folder, and the one that Node finds beside this program. */
export async function listRuntimes(home: string): Promise<readonly InstalledRuntime[]> {
  const active = await findRuntime(home);
  const parent = homeLayout(home).runtimes;
  const names = await readdir(parent).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const installed: InstalledRuntime[] = [];
  // Folders that are being made or removed begin with a dot.
  for (const name of names.filter((one) => one.startsWith('llama-')).toSorted()) {
    const folder = join(parent, name);
    const record = await readRuntimeRecord(folder);
    if (record === null) continue;
    const llamaCppRelease = await readLlamaCppRelease(join(folder, 'node_modules', 'node-llama-cpp'));
    installed.push({ folder, version: record.version, llamaCppRelease, record, active: folder === active });
  }
  const beside = await findBeside();
  if (beside !== null) installed.push({ folder: null, ...beside, record: null, active: active === null });
  return installed;
}

/** The record of a folder; `null` when there is none or it is not one of ours. */
export async function readRuntimeRecord(folder: string): Promise<RuntimeRecord | null> {
  const record = (await readJson(join(folder, runtimeRecordFile))) as Partial<RuntimeRecord> | null;
  return record?.runtime === 'llama.cpp' && typeof record.version === 'string' ? (record as RuntimeRecord) : null;
}

/** The node-llama-cpp that the model process would find by itself. */
async function findBeside(): Promise<Pick<InstalledRuntime, 'version' | 'llamaCppRelease'> | null> {
  const from = createRequire(import.meta.url);
  let entry: string;
  try {
    // The worker belongs to @gemma-cli/model-process and looks from there.
    entry = createRequire(from.resolve('@gemma-cli/model-process')).resolve('node-llama-cpp');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return null;
    throw error;
  }
  for (let folder = dirname(entry); folder !== dirname(folder); folder = dirname(folder)) {
    const manifest = (await readJson(join(folder, 'package.json'))) as { name?: string; version?: string } | null;
    if (manifest?.name !== 'node-llama-cpp') continue;
    return { version: manifest.version ?? 'unknown', llamaCppRelease: await readLlamaCppRelease(folder) };
  }
  return null;
}

/** The release of llama.cpp that a node-llama-cpp package was built from. */
async function readLlamaCppRelease(folder: string): Promise<string | null> {
  const info = (await readJson(join(folder, 'llama', 'llama.cpp.info.json'))) as { tag?: unknown } | null;
  return typeof info?.tag === 'string' ? info.tag : null;
}

/** A JSON file; `null` when there is none or it is not JSON. */
async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || error instanceof SyntaxError) return null;
    throw error;
  }
}
