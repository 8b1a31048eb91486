import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openRegularFile, readWhole, refusePseudo } from './open-regular-file.ts';
import { fileSkip, skip } from './skip.ts';

/**
 * Reads the bytes of a document again, by the `file:` address that it was read under. The address may come from a record
 * that others have written: symbolic links anywhere on its path, devices, FIFOs, views into the system and files of other
 * machines are refused, and nothing here waits for a writer.
 *
 * @param options.bytesMax - Most bytes; a file that has more is refused.
 * @throws GemmaError `DOCUMENT_UNSUPPORTED`, `DOCUMENT_TOO_LARGE`, `FILE_UNREADABLE`, `ABORTED`.
 */
export async function readSourceBytes(
  uri: string,
  { bytesMax, signal }: { readonly bytesMax: number; readonly signal?: AbortSignal | undefined },
): Promise<Buffer> {
  const path = pathOf(uri);
  // A folder of the path that is a link now leads elsewhere than when the document was read.
  const root = dirname(path);
  try {
    await refusePseudo(root);
  } catch (error) {
    throw fileSkip(error);
  }
  const file = await openRegularFile({ path, root });
  try {
    return await readWhole(file, bytesMax, signal);
  } finally {
    await file.handle.close();
  }
}

/** The path that a `file:` address of this machine stands for. */
function pathOf(uri: string): string {
  if (!/^file:/iu.test(uri) || !URL.canParse(uri))
    throw skip('DOCUMENT_UNSUPPORTED', 'it is not the address of a file');
  const url = new URL(uri);
  // Windows asks another machine for it, and introduces its user there.
  if (url.hostname !== '') throw skip('DOCUMENT_UNSUPPORTED', 'it is a file of another machine');
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw skip('DOCUMENT_UNSUPPORTED', 'it is the address of no file that can be here', error);
  }
}
