import { chmod, lstat, mkdir, readdir, stat } from 'node:fs/promises';
import { basename, isAbsolute, join, normalize, parse } from 'node:path';
import { GemmaError } from '@gemma-cli/contracts';

/** Absolute paths in the home folder. */
export interface HomeLayout {
  /** The user's configuration file. */
  readonly config: string;
  /** Weights and their records. */
  readonly models: string;
  readonly data: string;
  /** The record of what is remembered, and what is derived from it. Made by the first thing that is remembered. */
  readonly memory: string;
  /** Saved conversations. */
  readonly sessions: string;
  /** Roles of the user, a file each. */
  readonly roles: string;
  readonly logs: string;
  /** Sockets and locks. */
  readonly run: string;
  /** Installed native runtimes. */
  readonly runtimes: string;
  /** Attention states of long prompt beginnings: a cache that may be deleted. */
  readonly states: string;
}

/**
 * The home folder: `GEMMA_HOME`, otherwise `.gemma_cli` in the user's own home.
 *
 * @throws GemmaError `CONFIG_INVALID` when `GEMMA_HOME` is not an absolute path.
 */
export function resolveHome(env: Readonly<Record<string, string | undefined>>, osHome: string): string {
  const given = env['GEMMA_HOME'];
  if (given === undefined || given === '') return join(osHome, '.gemma_cli');
  const path = given === '~' ? osHome : /^~[\\/]/.test(given) ? join(osHome, given.slice(2)) : given;
  if (!isAbsolute(path) || path.includes('\0')) {
    throw new GemmaError({
      code: 'CONFIG_INVALID',
      message: `Expected GEMMA_HOME to be an absolute path, got ${JSON.stringify(given)}. Set it to an absolute path or unset it.`,
      facts: { key: 'GEMMA_HOME', value: given },
    });
  }
  const normal = normalize(path);
  return parse(normal).root === normal ? normal : normal.replace(/[\\/]+$/, '');
}

/** Where things are in a home folder. Touches nothing. */
export function homeLayout(home: string): HomeLayout {
  return {
    config: join(home, 'config.toml'),
    models: join(home, 'models'),
    data: join(home, 'data'),
    memory: join(home, 'data', 'memory'),
    sessions: join(home, 'sessions'),
    roles: join(home, 'roles'),
    logs: join(home, 'logs'),
    run: join(home, 'run'),
    runtimes: join(home, 'runtimes'),
    states: join(home, 'states'),
  };
}

/**
 * Makes the home folder and its sub-folders, open to their owner alone (0700 whatever the umask), and repairs the modes
 * of these folders and of the configuration and its copies (0600). On Windows the user's profile is private already and
 * modes do nothing.
 *
 * @throws GemmaError `HOME_NOT_PRIVATE` when a folder belongs to somebody else, its mode cannot be set, or it is plainly
 *   the home of something else; `FILE_UNREADABLE` when it cannot be made.
 */
export async function ensureHome(home: string): Promise<void> {
  // The memory makes its own folder: where there is none, there is nothing to look into.
  const { config: _file, memory: _later, ...folders } = homeLayout(home);
  if (process.platform !== 'win32') await refuseOtherPurpose(home);
  // The home itself first: its children are only safe inside a private parent.
  await ensurePrivateFolder(home);
  for (const folder of Object.values(folders)) await ensurePrivateFolder(folder);
  if (process.platform === 'win32') return;
  for (const entry of await readdir(home, { withFileTypes: true })) {
    if (entry.isFile() && /^\.?config\.toml/.test(entry.name)) await makePrivate(join(home, entry.name), 0o600);
  }
}

async function ensurePrivateFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new GemmaError({
      code: 'FILE_UNREADABLE',
      message: `Expected to make the folder ${folder}: ${(cause as Error).message}. Check the path, or set GEMMA_HOME to a folder that you may write.`,
      facts: { path: folder },
      cause,
    });
  }
  if (process.platform !== 'win32') await makePrivate(folder, 0o700);
}

/** What only a home of gemma, or of its ancestor, holds. */
const homeSigns: ReadonlySet<string> = new Set(
  'config.toml models sessions runtimes detected_models.json embedded_store.json gemma.log'.split(' '),
);

/** Closing a folder is not undone easily: `GEMMA_HOME=/tmp` must not close that to everybody. */
async function refuseOtherPurpose(home: string): Promise<void> {
  const found = await stat(home).catch((error: NodeJS.ErrnoException) => {
    // Making the folder says what is wrong with the path.
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw error;
  });
  if (found === null || !found.isDirectory() || (found.mode & 0o077) === 0 || basename(home) === '.gemma_cli') return;
  if (found.uid !== process.getuid?.()) return;
  const names = await readdir(home);
  if (names.length === 0 || names.some((name) => homeSigns.has(name))) return;
  throw new GemmaError({
    code: 'HOME_NOT_PRIVATE',
    message: `Expected ${home} to be empty or a home of gemma, but it holds other things and is open to others. Set GEMMA_HOME to a new folder, or close this one yourself (chmod 700).`,
    facts: { path: home, mode: `0${(found.mode & 0o777).toString(8)}` },
  });
}

/** Checks the owner of the path and of what a link there leads to, then sets the mode if it differs. */
async function makePrivate(path: string, mode: number): Promise<void> {
  const found = await stat(path);
  const owner = process.getuid?.();
  for (const { uid } of [await lstat(path), found]) {
    if (owner === undefined || uid === owner) continue;
    throw new GemmaError({
      code: 'HOME_NOT_PRIVATE',
      message: `Expected ${path} to belong to you (user ${owner}), but it belongs to user ${uid}. Run as that user, or set GEMMA_HOME to a folder of your own.`,
      facts: { path, ownerExpected: owner, owner: uid },
    });
  }
  if ((found.mode & 0o777) === mode) return;
  try {
    await chmod(path, mode);
  } catch (cause) {
    throw notPrivate(path, mode, cause);
  }
  // Some file systems accept a mode and forget it.
  if (((await stat(path)).mode & 0o077) !== 0) throw notPrivate(path, mode, undefined);
}

function notPrivate(path: string, mode: number, cause: unknown): GemmaError {
  return new GemmaError({
    code: 'HOME_NOT_PRIVATE',
    message: `Expected to set the mode of ${path} to 0${mode.toString(8)}, which failed. Other users could read it: set GEMMA_HOME to a folder on a file system that keeps modes.`,
    facts: { path, mode: `0${mode.toString(8)}` },
    cause,
  });
}
