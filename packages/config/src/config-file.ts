import { constants } from 'node:fs';
import { open, realpath, rename, stat, unlink } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { GemmaError } from '@gemma-cli/contracts';
import { parse } from 'smol-toml';
import { findKeyDefinition } from './config-keys.ts';
import { dottedKey, tomlLayout } from './toml-layout.ts';

/** More than a thousand times a complete file with comments. */
const configBytesMax = 1024 * 1024;

/** Deeper than any key that exists, or ever did. What is below is one unknown key. */
const depthMax = 6;

/** A value in a file that is a known key, or that is nothing known. */
export interface FileLeaf {
  readonly path: readonly string[];
  /** The path, dotted. */
  readonly key: string;
  readonly value: unknown;
  /** Line in the file, from 1. */
  readonly line: number;
}

/** A configuration file that is valid TOML. */
export interface ConfigText {
  readonly file: string;
  readonly text: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/**
 * Reads and parses a configuration file; `null` when there is none.
 *
 * @throws GemmaError `CONFIG_UNREADABLE` when it is not a regular file, larger than 1 MiB, not UTF-8 or not TOML.
 */
export async function readConfigFile(file: string): Promise<ConfigText | null> {
  const text = await readConfigText(file);
  if (text === null) return null;
  return { file, text, values: parseConfigText(file, text) };
}

/** Parses TOML, keeping line and column in the error. */
export function parseConfigText(file: string, text: string): Readonly<Record<string, unknown>> {
  try {
    return parse(text.startsWith('\uFEFF') ? text.slice(1) : text);
  } catch (cause) {
    const { line, column, message } = cause as { line?: number; column?: number; message: string };
    // The parser's message continues with the source lines, which may hold anything.
    const problem = (message.split('\n')[0] ?? '').replace(/^Invalid TOML document: /, '');
    throw new GemmaError({
      code: 'CONFIG_UNREADABLE',
      message: `Expected ${file} to be valid TOML, but line ${line ?? '?'}, column ${column ?? '?'}: ${problem}. Correct that line, or move the file away.`,
      facts: { file, line, column },
      cause,
    });
  }
}

/** Every value of the file, known keys whole, everything else down to its leaves. */
export function leavesOf({ text, values }: ConfigText): readonly FileLeaf[] {
  const lines = new Map<string, number>();
  const { entries, headers } = tomlLayout(text);
  let line = 1;
  let counted = 0;
  // One pass over the text: a file may have a hundred thousand keys.
  for (const { path, start } of [...headers, ...entries].toSorted((left, right) => left.start - right.start)) {
    for (let feed = text.indexOf('\n', counted); feed !== -1 && feed < start; feed = text.indexOf('\n', counted)) {
      line++;
      counted = feed + 1;
    }
    const key = dottedKey(path.slice(0, depthMax));
    if (!lines.has(key)) lines.set(key, line);
  }
  const leaves: FileLeaf[] = [];
  visit([], values);
  return leaves;

  function visit(path: readonly string[], value: unknown): void {
    const key = dottedKey(path);
    if (isTable(value) && path.length < depthMax && findKeyDefinition(key) === undefined) {
      const names = Object.keys(value);
      for (const name of names) visit([...path, name], value[name]);
      if (names.length > 0 || path.length === 0) return;
    }
    leaves.push({ path, key, value, line: lineOfPath(path) });
  }

  /** The line of the path, or of the nearest thing around it. */
  function lineOfPath(path: readonly string[]): number {
    for (let length = path.length; length > 0; length--) {
      const line = lines.get(dottedKey(path.slice(0, length)));
      if (line !== undefined) return line;
    }
    return 1;
  }
}

/**
 * Replaces a file as a whole: a new file beside it (0600), synced, renamed over it. A link is followed, so that a file
 * kept elsewhere stays where it is.
 *
 * @throws GemmaError `FILE_UNREADABLE`.
 */
export async function writeConfigFile(file: string, text: string): Promise<void> {
  const target = await realpath(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return file;
    throw unwritable(file, error);
  });
  const fresh = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}`);
  try {
    const handle = await open(fresh, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      await handle.chmod(0o600);
      await handle.writeFile(text, 'utf8');
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(fresh, target);
  } catch (cause) {
    await unlink(fresh).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw unwritable(file, error);
    });
    throw unwritable(file, cause);
  }
  await syncFolder(dirname(target));
}

/** Makes the rename durable. Windows cannot open a folder. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The text of a file; `null` when there is none. The same limits and errors as {@link readConfigFile}, but for the TOML. */
export async function readConfigText(file: string): Promise<string | null> {
  try {
    // Asked before opening: opening a pipe would wait for its writer.
    const found = await stat(file);
    if (!found.isFile()) throw unreadable(file, 'it is not a regular file', undefined);
    if (found.size > configBytesMax) {
      throw unreadable(file, `it has ${found.size} bytes and at most ${configBytesMax} are read`, undefined);
    }
    const handle = await open(file, constants.O_RDONLY);
    try {
      const bytes = await handle.readFile();
      // ignoreBOM keeps the mark in the text, so that an edit keeps it in the file.
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (cause instanceof GemmaError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw unreadable(file, code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it is not UTF-8 text' : message, cause);
  }
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function unreadable(file: string, why: string, cause: unknown): GemmaError {
  return new GemmaError({
    code: 'CONFIG_UNREADABLE',
    message: `Expected to read the configuration file ${file}, but ${why}. Correct it or move it away.`,
    facts: { file },
    cause,
  });
}

function unwritable(file: string, cause: unknown): GemmaError {
  return new GemmaError({
    code: 'FILE_UNREADABLE',
    message: `Expected to write ${file}: ${(cause as Error).message}. Check its folder's owner, mode and free space.`,
    facts: { file },
    cause,
  });
}
