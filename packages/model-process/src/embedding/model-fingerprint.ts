import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { GemmaError } from '@gemma-cli/contracts';

const blockBytes = 64 * 1024;
/** Blocks that are read of a large file: 4 MiB, a few milliseconds. */
const blocksMax = 64;

/**
 * Names the content of a model file: the first 16 hexadecimal digits of a SHA-256 over its length and 64 blocks spread
 * evenly over it, the first and the last among them. Another model, another training of the same model, another
 * quantization differ in every block of weights; hashing all of a large file at every start would cost seconds.
 *
 * @throws GemmaError `MODEL_NOT_FOUND`, `FILE_UNREADABLE`.
 */
export async function modelFingerprint(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      return await fingerprintOf(file);
    } finally {
      await file.close();
    }
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new GemmaError({
      code: missing ? 'MODEL_NOT_FOUND' : 'FILE_UNREADABLE',
      message: `Expected a model file at ${path}, and it ${missing ? 'is not there' : 'cannot be read'}. Check the path.`,
      facts: { path },
      cause,
    });
  }
}

async function fingerprintOf(file: FileHandle): Promise<string> {
  const { size } = await file.stat();
  const hash = createHash('sha256').update(`${size}\n`);
  const blocks = Math.min(blocksMax, Math.max(1, Math.ceil(size / blockBytes)));
  const spread = blocks === 1 ? 0 : (size - blockBytes) / (blocks - 1);
  const buffer = Buffer.alloc(blockBytes);
  for (let block = 0; block < blocks; block += 1) {
    const { bytesRead } = await file.read(buffer, 0, blockBytes, Math.max(0, Math.round(block * spread)));
    hash.update(buffer.subarray(0, bytesRead));
  }
  return hash.digest('hex').slice(0, 16);
}
