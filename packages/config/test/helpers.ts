import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isGemmaError } from '@gemma-cli/contracts';
import type { GemmaError } from '@gemma-cli/contracts';

/** Runs `body` in a new folder with a home and a project folder inside, and removes it afterwards. */
export async function withFolders<Result>(
  body: (folders: { root: string; home: string; cwd: string }) => Promise<Result>,
): Promise<Result> {
  const root = await mkdtemp(join(tmpdir(), 'gemma-config-'));
  const home = join(root, 'home');
  const cwd = join(root, 'work', 'deep');
  await mkdir(home);
  await mkdir(cwd, { recursive: true });
  try {
    return await body({ root, home, cwd });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** Writes `config.toml` of a home and gives its path. */
export async function writeUserFile(home: string, text: string | Uint8Array): Promise<string> {
  const file = join(home, 'config.toml');
  await writeFile(file, text);
  return file;
}

/** The typed error that `promise` fails with. */
export async function failure(promise: Promise<unknown>): Promise<GemmaError> {
  let result: unknown;
  try {
    result = await promise;
  } catch (error) {
    if (isGemmaError(error)) return error;
    throw error;
  }
  throw new Error(`expected an error, got ${JSON.stringify(result)}`);
}
