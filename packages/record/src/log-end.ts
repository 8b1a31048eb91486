import { readFileSync } from 'node:fs';
import { endianness } from 'node:os';

/** Sizes in the file of a write-ahead log, as SQLite documents them. */
const headBytes = 32;
const frameHeadBytes = 24;

/** What the file begins with: checksums of words in little- or big-endian order. */
const marks = { littleEndian: 0x37_7f_06_82, bigEndian: 0x37_7f_06_83 } as const;

/**
 * Whether a write-ahead log that was left behind has something after the place where SQLite stops reading it. SQLite
 * takes a frame that does not fit its checksum for the end of the log and is silent about it, so that one flipped bit takes
 * all later commits with it. What belongs to this log is told from what an older one left by two random words.
 */
export function isCutShort(path: string): boolean {
  const bytes = readIfThere(path);
  if (bytes === null || bytes.length <= headBytes) return false;
  const mark = bytes.readUInt32BE(0);
  const pageBytes = bytes.readUInt32BE(8);
  const isKnown = mark === marks.littleEndian || mark === marks.bigEndian;
  const isPageSize = pageBytes >= 512 && pageBytes <= 65_536 && (pageBytes & (pageBytes - 1)) === 0;
  if (!isKnown || !isPageSize) return true;
  const sums = new Uint32Array(2);
  const words = wordsOf(bytes, mark === marks.littleEndian);
  addWords(sums, words, 0, 6);
  if (sums[0] !== bytes.readUInt32BE(24) || sums[1] !== bytes.readUInt32BE(28)) return true;
  const frameBytes = frameHeadBytes + pageBytes;
  let hasEnded = false;
  for (let at = headBytes; at + frameHeadBytes <= bytes.length; at += frameBytes) {
    const salts = [8, 12].map((offset) => bytes.readUInt32BE(at + offset) === bytes.readUInt32BE(16 + offset - 8));
    if (!hasEnded && at + frameBytes <= bytes.length && salts.every(Boolean)) {
      addWords(sums, words, at / 4, 2);
      addWords(sums, words, (at + frameHeadBytes) / 4, pageBytes / 4);
      if (sums[0] === bytes.readUInt32BE(at + 16) && sums[1] === bytes.readUInt32BE(at + 20)) continue;
    }
    hasEnded = true;
    if (salts.some(Boolean)) return true;
  }
  return false;
}

function readIfThere(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function wordsOf(bytes: Buffer, isLittleEndian: boolean): Uint32Array {
  const copy = Buffer.alloc(bytes.length - (bytes.length % 4));
  bytes.copy(copy);
  if ((endianness() === 'LE') !== isLittleEndian) copy.swap32();
  return new Uint32Array(copy.buffer, copy.byteOffset, copy.length / 4);
}

/** Goes on with the two sums of SQLite over pairs of words. */
function addWords(sums: Uint32Array, words: Uint32Array, start: number, count: number): void {
  let [first = 0, second = 0] = sums;
  for (let at = start; at < start + count; at += 2) {
    first = (first + (words[at] as number) + second) >>> 0;
    second = (second + (words[at + 1] as number) + first) >>> 0;
  }
  sums[0] = first;
  sums[1] = second;
}
