import { mkdir, open, statfs } from 'node:fs/promises';
import { platform } from 'node:os';
import { GemmaError } from '@gemma-cli/contracts';

/** Makes a folder that only its owner can enter, and the ones above it that are missing. */
export async function makePrivateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
}

/** Writes a whole file and makes it durable before this returns. */
export async function writeDurably(path: string, content: string): Promise<void> {
  const file = await open(path, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes the names in a folder durable. Windows has no such call and needs none. */
export async function syncFolder(folder: string): Promise<void> {
  if (platform() === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Bytes that this user may still write on the file system of a folder. */
export async function freeBytesOf(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** Gives `instead` where nothing is there, and passes any other error on. */
export function orWhenMissing<T>(instead: T): (error: unknown) => T {
  return (error) => {
    const code = errorCodeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return instead;
    throw error;
  };
}

/** The system's code of an error, such as `ENOENT`. */
function errorCodeOf(error: unknown): string | undefined {
  const code = typeof error === 'object' && error !== null ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** Turns an error of the file system into a typed one. */
export function fileError(error: unknown, doing: string, path: string): GemmaError {
  const full = errorCodeOf(error) === 'ENOSPC' || errorCodeOf(error) === 'EDQUOT';
  const reason = error instanceof Error ? error.message : String(error);
  return new GemmaError({
    code: full ? 'DISK_FULL' : 'FILE_UNREADABLE',
    message: full
      ? `There was no space left on the disk while ${doing} ${path}. Free some, and try again.`
      : `Expected to go on ${doing} ${path}, but ${reason}.`,
    facts: { path, reason },
    cause: error,
  });
}
