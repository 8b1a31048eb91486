import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { throwIfAborted } from './aborted-error.ts';

/** SHA-256 of a file in lower-case hex. `onBytes` hears of every piece. */
export async function hashFile(
  path: string,
  { signal, onBytes }: { readonly signal?: AbortSignal | undefined; readonly onBytes?: (bytes: number) => void } = {},
): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
    throwIfAborted(signal, 'Checking the file was stopped.');
    hash.update(chunk as Buffer);
    onBytes?.((chunk as Buffer).length);
  }
  return hash.digest('hex');
}
