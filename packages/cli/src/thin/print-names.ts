import { readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { ThinOptions } from '../thin.ts';

/**
 * Prints installed models or roles of the user, a name on each line: what completion scripts ask for at every Tab. Reads
 * the names of a folder and nothing else; what is damaged is named as well. Never fails: who completes wants no errors.
 */
export async function printNames([kind]: readonly string[], { env, stdout }: ThinOptions): Promise<number> {
  const home = homeFolder(env);
  const names = kind === 'models' ? await modelNames(home) : kind === 'roles' ? await roleNames(home) : [];
  if (names.length > 0) stdout.write(`${names.toSorted().join('\n')}\n`);
  return 0;
}

/** As `resolveHome` of the configuration, which would load a package. A test compares what both lead to. */
function homeFolder(env: ThinOptions['env']): string {
  const given = env['GEMMA_HOME'] ?? '';
  if (given === '') return join(homedir(), '.gemma_cli');
  return given === '~' || /^~[\\/]/.test(given) ? join(homedir(), given.slice(1)) : given;
}

/** The folders of models, whose names stand for `:` and `/` with `@` and `+`. */
async function modelNames(home: string): Promise<readonly string[]> {
  const folders = await entriesOf(join(home, 'models'));
  return folders
    .filter((entry) => entry.isDirectory() && /^[a-z0-9]/.test(entry.name))
    .map(({ name }) => name.replaceAll('@', ':').replaceAll('+', '/'))
    .filter((name) => /^[\w.:/-]+$/.test(name));
}

async function roleNames(home: string): Promise<readonly string[]> {
  const files = await entriesOf(join(home, 'roles'));
  return files.flatMap(({ name }) => /^([a-z0-9][\w-]*)\.toml$/.exec(name)?.[1] ?? []);
}

async function entriesOf(folder: string): Promise<readonly import('node:fs').Dirent[]> {
  return readdir(folder, { withFileTypes: true }).catch(() => []);
}
