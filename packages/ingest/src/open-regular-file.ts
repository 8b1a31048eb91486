import { constants } from 'node:fs';
import type { BigIntStats } from 'node:fs';
import { open, realpath, stat, statfs } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { sep } from 'node:path';
import { fileSkip, skip, throwIfAborted } from './skip.ts';

// A name can turn into a symbolic link or a FIFO between looking and opening: then the first flag refuses it, and the
// second keeps the opening from waiting for a writer. Windows has neither flag, and no FIFO that a path could name.
const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/** A regular file that is open for reading. */
export interface RegularFile {
  readonly handle: FileHandle;
  readonly sizeBytes: number;
}

/**
 * Opens a regular file inside `root`. Symbolic links, devices, FIFOs, sockets and whatever a folder that was exchanged in
 * the meantime leads to are refused, and nothing here waits for a writer.
 *
 * @param options.path - Absolute.
 * @param options.root - Absolute, with every symbolic link resolved. `null` = anywhere.
 * @throws GemmaError `DOCUMENT_UNSUPPORTED`, `FILE_UNREADABLE`.
 */
export async function openRegularFile({
  path,
  root,
}: {
  readonly path: string;
  readonly root: string | null;
}): Promise<RegularFile> {
  let handle: FileHandle;
  try {
    handle = await open(path, flags);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ELOOP' || code === 'EMLINK') throw skip('DOCUMENT_UNSUPPORTED', 'it is a symbolic link', error);
    if (code === 'ENXIO') throw skip('DOCUMENT_UNSUPPORTED', 'it is a socket or a device', error);
    throw fileSkip(error);
  }
  try {
    const facts = await handle.stat({ bigint: true });
    refuseSpecial(facts);
    if (root !== null) await refuseOutside(path, root, facts);
    return { handle, sizeBytes: Number(facts.size) };
  } catch (error) {
    await handle.close();
    throw fileSkip(error);
  }
}

/** Refuses what is no regular file. */
export function refuseSpecial(facts: Pick<BigIntStats, keyof typeof kindTests>): void {
  if (facts.isFile()) return;
  for (const [test, name] of Object.entries(kindTests)) {
    if (facts[test as keyof typeof kindTests]()) throw skip('DOCUMENT_UNSUPPORTED', `it is ${name}`);
  }
  throw skip('DOCUMENT_UNSUPPORTED', 'it is no regular file');
}

/** Linux's views into the kernel: their files are regular, endless, or change something when read. */
const pseudoFileSystems: ReadonlySet<number> = new Set([
  0x9fa0, // proc
  0x62656572, // sysfs
  0x64626720, // debugfs
  0x74726163, // tracefs
  0x73636673, // securityfs
  0x63677270, // cgroup2
  0x27e0eb, // cgroup
  0x1cd1, // devpts
]);

/** Refuses what lies in a view into the kernel. */
export async function refusePseudo(folder: string): Promise<void> {
  const { type } = await statfs(folder);
  if (pseudoFileSystems.has(type)) throw skip('DOCUMENT_UNSUPPORTED', 'it is a view into the system, and no file');
}

const kindTests = {
  isFile: 'a file',
  isDirectory: 'a folder',
  isSymbolicLink: 'a symbolic link',
  isFIFO: 'a FIFO',
  isSocket: 'a socket',
  isCharacterDevice: 'a device',
  isBlockDevice: 'a device',
} as const;

/** The file that is open must be the one that its path, with every link resolved, leads to inside the root. */
async function refuseOutside(path: string, root: string, facts: BigIntStats): Promise<void> {
  const real = await realpath(path);
  const there = isInside(real, root) ? await stat(real, { bigint: true }) : null;
  if (there === null || there.ino !== facts.ino || there.dev !== facts.dev) {
    throw skip('DOCUMENT_UNSUPPORTED', 'it leads out of the folder that was given');
  }
}

/** Whether a path is `root` or below it. `/data-else` is not inside `/data`. */
function isInside(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}

/**
 * Reads a file from its beginning.
 *
 * @param file - Stays open.
 * @param bytesMax - Most bytes; a file that has more, or grows beyond it, is refused.
 * @throws GemmaError `DOCUMENT_TOO_LARGE`, `FILE_UNREADABLE`.
 */
export async function readWhole(file: RegularFile, bytesMax: number, signal: AbortSignal | undefined): Promise<Buffer> {
  if (file.sizeBytes > bytesMax) throw tooLarge(bytesMax, file.sizeBytes);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    // Some file systems say that a file is empty which is not, and it may grow: the size is only where to begin.
    let size = Math.max(4_096, file.sizeBytes + 1);
    for (;;) {
      const chunk = Buffer.allocUnsafeSlow(Math.min(size, chunkBytesMax));
      const { bytesRead } = await file.handle.read(chunk, 0, chunk.length, bytes);
      if (bytesRead === 0) break;
      chunks.push(chunk.subarray(0, bytesRead));
      bytes += bytesRead;
      if (bytes > bytesMax) throw tooLarge(bytesMax);
      throwIfAborted(signal);
      size = Math.max(4_096, file.sizeBytes + 1 - bytes);
    }
  } catch (error) {
    throw fileSkip(error);
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, bytes);
}

/** Between two pieces a stop is noticed. */
const chunkBytesMax = 8 * 1024 * 1024;

/** The refusal of a source with too many bytes. */
export function tooLarge(bytesMax: number, bytes?: number): Error {
  const has = bytes === undefined ? 'it has more bytes than that' : `it has ${bytes} bytes`;
  return skip('DOCUMENT_TOO_LARGE', `${has}: at most ${bytesMax} are read`);
}
