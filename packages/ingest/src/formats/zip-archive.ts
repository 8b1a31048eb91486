import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { fromBufferPromise } from 'yauzl';
import type { Entry, ZipFile } from 'yauzl';
import { skip } from '../skip.ts';

/** Most files in a document that is an archive. A book has some hundred. */
const entriesMax = 10_000;
/** Below it no ratio counts: a short text of blanks packs well. */
const unpackedBytesFree = 1024 * 1024;

/** The archive inside of a document. Nothing of it is written anywhere. */
export interface ZipArchive {
  /** Unpacks a file; `null` where there is none of the name. */
  read(path: string): Promise<Buffer | null>;
  /** Names of its files. */
  readonly names: readonly string[];
  close(): void;
}

/**
 * Opens an archive in memory.
 *
 * @param options.unpackedRatioMax - Most bytes that come out of it altogether, for each of its own.
 * @param options.unpackedBytesMax - Most bytes that come out of it altogether.
 * @throws GemmaError `DOCUMENT_UNREADABLE`, and with `read` also `DOCUMENT_TOO_LARGE`.
 */
export async function openZipArchive(
  bytes: Uint8Array,
  { unpackedRatioMax, unpackedBytesMax }: { readonly unpackedRatioMax: number; readonly unpackedBytesMax: number },
): Promise<ZipArchive> {
  const budget = Math.min(Math.max(bytes.length * unpackedRatioMax, unpackedBytesFree), unpackedBytesMax);
  let left = budget;
  const entries = new Map<string, Entry>();
  const zip = await openZip(bytes, entries);

  async function unpack(entry: Entry): Promise<Buffer> {
    // What the archive says of itself is a first look; what really comes out is counted too.
    if (entry.uncompressedSize > left) throw unpacksTooFar(budget);
    if ((entry.generalPurposeBitFlag & 1) === 1) throw skip('DOCUMENT_UNREADABLE', 'it is encrypted');
    const chunks: Buffer[] = [];
    let sum = 0;
    let stream: Readable | undefined;
    try {
      stream = await zip.openReadStreamPromise(entry);
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        left -= chunk.length;
        if (left < 0) throw unpacksTooFar(budget);
        sum = crc32(chunk, sum);
        chunks.push(chunk);
      }
    } finally {
      stream?.destroy();
    }
    if (sum !== entry.crc32)
      throw skip('DOCUMENT_UNREADABLE', `${entry.fileName} in it does not have the CRC-32 that it says`);
    return Buffer.concat(chunks);
  }

  return {
    names: [...entries.keys()],
    async read(path) {
      const entry = entries.get(path);
      return entry === undefined ? null : unpack(entry);
    },
    close() {
      zip.close();
    },
  };
}

async function openZip(bytes: Uint8Array, entries: Map<string, Entry>): Promise<ZipFile> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const zip = await fromBufferPromise(buffer, { lazyEntries: true, validateEntrySizes: true });
  if (zip.entryCount > entriesMax) {
    throw skip('DOCUMENT_TOO_LARGE', `it holds ${zip.entryCount} files: at most ${entriesMax} are read`);
  }
  for await (const entry of zip.eachEntry()) entries.set(entry.fileName, entry);
  return zip;
}

function unpacksTooFar(budget: number): Error {
  return skip('DOCUMENT_TOO_LARGE', `it unpacks to more than the ${budget} bytes that are read of a file of its size`);
}
