import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { throwIfAborted } from './aborted-error.ts';

/** SHA-256 of a file in lower-case hex. */
export async function hashFile(path: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    throwIfAborted(signal, 'Checking the file was stopped.');
    hash.update(chunk as Buffer);
  }
  return hash.digest('hex');
}
