import { appendFileSync, closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { GemmaError } from '@gemma-cli/contracts';

/** llama.cpp's own mark and version at the beginning of a sequence's state. */
const stateMagic = 0x67677371;
/** Ours at the end: mark, checksum of what the state belongs to, checksum of everything before. */
const sealMagic = 0x4c53474d;
const sealBytes = 12;

/**
 * Closes a state file that llama.cpp wrote: nothing in its format tells a damaged file from a sound one, and reading a
 * damaged one may end the process.
 *
 * @param owner - What the state belongs to: model, context settings, runtime version.
 * @param written - Bytes that llama.cpp said it wrote.
 * @returns bytes of the whole file.
 * @throws GemmaError `DISK_FULL` when less than that arrived.
 */
export function sealStateFile(path: string, owner: string, written: number): number {
  const content = readFileSync(path);
  if (content.length !== written) {
    rmSync(path, { force: true });
    throw new GemmaError({
      code: 'DISK_FULL',
      message: `Expected a state file of ${written} bytes at ${path}, and only ${content.length} could be written. Free some space.`,
      facts: { path, expected: written, written: content.length },
    });
  }
  const seal = Buffer.alloc(sealBytes);
  seal.writeUInt32LE(sealMagic, 0);
  seal.writeUInt32LE(crc32(owner), 4);
  seal.writeUInt32LE(crc32(seal.subarray(0, 8), crc32(content)), 8);
  appendFileSync(path, seal);
  return written + sealBytes;
}

/**
 * Checks that a state file is whole, belongs to `owner` and holds the state of exactly `tokens`.
 *
 * @throws GemmaError `STATE_INVALID` with the reason.
 */
export function checkStateFile(path: string, owner: string, tokens: readonly number[]): void {
  let content: Buffer;
  try {
    content = readFileSync(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const what = code === 'ENOENT' ? 'vanished' : 'unreadable';
    throw invalid(path, what, `it cannot be read (${code ?? 'no reason given'})`, cause);
  }
  const end = content.length - sealBytes;
  if (end < 12 || content.readUInt32LE(end) !== sealMagic) throw invalid(path, 'damaged', 'its end is missing');
  if (content.readUInt32LE(end + 8) !== crc32(content.subarray(end, end + 8), crc32(content.subarray(0, end)))) {
    throw invalid(path, 'damaged', 'its checksum is wrong');
  }
  if (content.readUInt32LE(end + 4) !== crc32(owner)) {
    throw invalid(path, 'foreign', 'it was saved with another model, context or runtime');
  }
  if (content.readUInt32LE(0) !== stateMagic) throw invalid(path, 'damaged', 'it is not a state of llama.cpp');
  const count = content.readUInt32LE(8);
  const isSame =
    count === tokens.length && tokens.every((token, index) => content.readUInt32LE(12 + index * 4) === token);
  if (!isSame) throw invalid(path, 'damaged', `it holds the state of ${count} other tokens`);
}

/** What is wrong with a state: only a damaged one is of no use to anybody. */
export type StateProblem = 'damaged' | 'foreign' | 'unreadable' | 'vanished';

/** The error for a state that must not be used. */
export function invalid(path: string, problem: StateProblem, reason: string, cause?: unknown): GemmaError {
  return new GemmaError({
    code: 'STATE_INVALID',
    message: `The saved state ${path} is not used: ${reason}. The prompt is evaluated anew; the file can be deleted.`,
    facts: { path, problem, reason },
    cause,
  });
}

/**
 * Makes sure that a file can be written where a state is to go: llama.cpp does not say why it could not.
 *
 * @throws GemmaError `FILE_UNREADABLE`.
 */
export function openStateFile(path: string): void {
  try {
    closeSync(openSync(path, 'w', 0o600));
  } catch (cause) {
    throw new GemmaError({
      code: 'FILE_UNREADABLE',
      message: `The state file ${path} cannot be written: ${(cause as Error).message}.`,
      facts: { path },
      cause,
    });
  }
}
