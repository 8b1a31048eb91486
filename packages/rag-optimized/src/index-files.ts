import {
  closeSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { SegmentRoom } from './kernel-room.ts';

/**
 * A file of the index: what it holds, then what tells whether it still holds that.
 *
 *   body          as many bytes as there are
 *   checksums     CRC-32 of each 64 KiB of the body, then of all words before: a word each
 *   length, mark  of the body; two words
 *
 * Words are little-endian.
 */
const pageBytes = 65_536;

/** `GMIX`. */
const mark = 0x58_49_4d_47;

/** Bytes that are written and synced in one step, so that a search is not held up for long. */
const stepBytes = 2 ** 20;

/** Writes a file that is there whole or not at all, in steps. */
export function* writeChecked(folder: string, name: string, body: Uint8Array): Generator<void, number> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, name);
  const temporary = `${path}.${process.pid}.tmp`;
  const file = openSync(temporary, 'w', 0o600);
  const trailer: number[] = [];
  try {
    for (let at = 0; at < body.length; at += stepBytes) {
      const step = body.subarray(at, at + stepBytes);
      for (let page = 0; page < step.length; page += pageBytes)
        trailer.push(crc32(step.subarray(page, page + pageBytes)));
      writeAll(file, step);
      fdatasyncSync(file);
      yield;
    }
    const words = wordsOf([...trailer, 0, body.length, mark]);
    words.writeUInt32LE(trailerChecksum(words, trailer.length, body.length), trailer.length * 4);
    writeAll(file, words);
    fsyncSync(file);
  } catch (error) {
    closeSync(file);
    removeIfThere(temporary);
    throw error;
  }
  closeSync(file);
  renameSync(temporary, path);
  syncFolder(folder);
  return body.length + (trailer.length + 3) * 4;
}

function trailerChecksum(words: Buffer, pages: number, length: number): number {
  return crc32(words.subarray(0, pages * 4), length >>> 0);
}

function wordsOf(values: readonly number[]): Buffer {
  const words = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) words.writeUInt32LE(value >>> 0, index * 4);
  return words;
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at, bytes.length - at);
}

/** What came of reading a file. */
export type CheckedFile =
  | { readonly state: 'sound'; readonly room: SegmentRoom; readonly fileBytes: number }
  | { readonly state: 'absent' }
  | { readonly state: 'damaged'; readonly what: string };

/**
 * Reads a file into room that is made for it, and compares its checksums.
 *
 * @param createRoom - Makes room for so many bytes. The end of the file lies behind what is told of it.
 */
export function readChecked(folder: string, name: string, createRoom: (size: number) => SegmentRoom): CheckedFile {
  let room: SegmentRoom;
  try {
    room = readInto(join(folder, name), createRoom);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    if (codeOf(error) === 'ENOENT') return { state: 'absent' };
    return { state: 'damaged', what: `${name} cannot be read: ${messageOf(error)}` };
  }
  const bytes = Buffer.from(room.bytes.buffer, 0, room.bytes.length);
  if (bytes.length < 12 || bytes.readUInt32LE(bytes.length - 4) !== mark)
    return { state: 'damaged', what: `${name} has no end` };
  const length = bytes.readUInt32LE(bytes.length - 8);
  const pages = Math.ceil(length / pageBytes);
  if (bytes.length !== length + (pages + 3) * 4) return { state: 'damaged', what: `${name} has another length` };
  const words = bytes.subarray(length);
  if (words.readUInt32LE(pages * 4) !== trailerChecksum(words, pages, length))
    return { state: 'damaged', what: `the checksums of ${name} do not fit` };
  for (let page = 0; page < pages; page++) {
    const start = page * pageBytes;
    if (crc32(bytes.subarray(start, Math.min(start + pageBytes, length))) !== words.readUInt32LE(page * 4))
      return { state: 'damaged', what: `page ${page} of ${name} does not fit its checksum` };
  }
  return { state: 'sound', room: { ...room, bytes: room.bytes.subarray(0, length) }, fileBytes: bytes.length };
}

/** All that a file has; what is missing of it is 0. */
function readInto(path: string, createRoom: (size: number) => SegmentRoom): SegmentRoom {
  const file = openSync(path, 'r');
  try {
    const { size } = fstatSync(file);
    const room = createRoom(size);
    for (let at = 0; at < size;) {
      const count = readSync(file, room.bytes, at, size - at, at);
      if (count === 0) break;
      at += count;
    }
    return room;
  } finally {
    closeSync(file);
  }
}

/** What tells whether a file is another one than before; `null` = it is not there. */
export function fingerprintOf(folder: string, name: string): string | null {
  try {
    const { ino, size, mtimeMs } = statSync(join(folder, name));
    return `${ino} ${size} ${mtimeMs}`;
  } catch {
    // Whatever keeps it from being looked at keeps it from being read.
    return null;
  }
}

/** Names of the files of a folder; none where it is not there. */
export function filesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Removes a file, if it is there and can be. */
export function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It costs room on the disk, and the next one who tidies up tries again.
  }
}

function syncFolder(folder: string): void {
  // Windows opens no folders, and keeps a rename without it.
  if (process.platform === 'win32') return;
  const file = openSync(folder, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** The system's code of an error. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** Its words. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
