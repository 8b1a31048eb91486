import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { GemmaError } from '@gemma-cli/contracts';

/** What single-file weights say about their model. */
export interface SbsConfig {
  /** For display, such as `Gemma3_270M`. May be empty. */
  readonly displayName: string;
  /** Major version of the Gemma family: 2, 3… */
  readonly family: number;
  /** What gemma.cpp wraps around a prompt. */
  readonly wrapping: 'instruct' | 'base' | 'vision' | 'paligemma';
  /** The longest context, in tokens. */
  readonly contextTokensMax: number;
}

const magic = 0x0a534253;
const headerBytes = 16;
const blobsMax = 1024 * 1024;
const keyBytes = 16;
const configBytesMax = 4096;
const wrappings = ['instruct', 'base', 'vision', 'paligemma'] as const;

/*
 * The `config` blob is a list of little-endian u32:
 *   length of all that follows | family | length of the name, name in whole u32 | model | wrapping | weight type
 *   | layers | model width | vocabulary | longest context | …
 * New fields are appended, so the beginning stays where it is.
 */

/**
 * Reads the configuration in single-file `.sbs` weights. gemma.cpp wraps every prompt as this says, whatever the caller
 * wants, so it decides whether a model chats or completes.
 *
 * @throws GemmaError `MODEL_NOT_FOUND`, `FILE_UNREADABLE`, `MODEL_INVALID`, or `MODEL_UNSUPPORTED` for weights from before
 *   2025, which keep their tokenizer in another file.
 */
export async function readSbsConfig(path: string): Promise<SbsConfig> {
  let file: FileHandle;
  try {
    file = await open(path);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new GemmaError({
      code: code === 'ENOENT' ? 'MODEL_NOT_FOUND' : 'FILE_UNREADABLE',
      message: code === 'ENOENT' ? `There is no model file at ${path}.` : `${path} cannot be read: ${message}`,
      facts: { path },
      cause,
    });
  }
  try {
    const ranges = await findBlobs(file, path, ['config', 'tokenizer']);
    const config = ranges.get('config');
    if (config === undefined || !ranges.has('tokenizer')) {
      throw new GemmaError({
        code: 'MODEL_UNSUPPORTED',
        message: `Expected weights in one file, and ${path} lacks its ${config === undefined ? 'configuration' : 'tokenizer'}: it is from before 2025. Convert it with gemma.cpp's migrate_weights.`,
        facts: { path },
      });
    }
    return parseConfig(await readExactly(file, path, config.offset, Math.min(config.bytes, configBytesMax)), path);
  } finally {
    await file.close();
  }
}

async function findBlobs(
  file: FileHandle,
  path: string,
  names: readonly string[],
): Promise<Map<string, { readonly offset: number; readonly bytes: number }>> {
  const { size } = await file.stat();
  let blobs = readHeader(await readExactly(file, path, 0, headerBytes), path);
  // Files that were written in one pass have an empty header in front, and the true one with its directory at the end.
  const atEnd = blobs === 0;
  if (atEnd) blobs = readHeader(await readExactly(file, path, size - headerBytes, headerBytes), path);
  if (blobs === 0 || blobs > blobsMax) throw invalid(path, `its header claims ${blobs} blobs`);
  const keys = await readExactly(
    file,
    path,
    atEnd ? size - headerBytes - blobs * 2 * keyBytes : headerBytes,
    blobs * 2 * keyBytes,
  );
  const found = new Map<string, { offset: number; bytes: number }>();
  for (let index = 0; index < blobs; index += 1) {
    const name = keys
      .subarray(index * keyBytes, (index + 1) * keyBytes)
      .toString('latin1')
      .replace(/\0+$/u, '');
    if (!names.includes(name)) continue;
    const range = (blobs + index) * keyBytes;
    found.set(name, {
      offset: Number(keys.readBigUInt64LE(range)),
      bytes: Number(keys.readBigUInt64LE(range + 8)),
    });
  }
  return found;
}

function readHeader(header: Buffer, path: string): number {
  if (header.readUInt32LE(0) !== magic) throw invalid(path, 'it has no SBS header where one is expected');
  return header.readUInt32LE(4);
}

function parseConfig(bytes: Buffer, path: string): SbsConfig {
  const words = Math.floor(bytes.length / 4);
  const word = (index: number): number => {
    if (index >= words) throw invalid(path, 'its configuration is cut off');
    return bytes.readUInt32LE(index * 4);
  };
  const family = word(1);
  const nameWords = word(2);
  if (nameWords > 64) throw invalid(path, `its configuration claims a name of ${nameWords * 4} bytes`);
  const displayName = bytes
    .subarray(12, 12 + nameWords * 4)
    .toString('utf8')
    .replace(/\0+$/u, '');
  const after = 3 + nameWords;
  const wrapping = wrappings[word(after + 1)];
  const contextTokensMax = word(after + 6);
  if (wrapping === undefined) throw invalid(path, `its configuration names prompt wrapping ${word(after + 1)}`);
  if (contextTokensMax === 0) throw invalid(path, 'its configuration names a context of 0 tokens');
  return { displayName, family, wrapping, contextTokensMax };
}

async function readExactly(file: FileHandle, path: string, position: number, length: number): Promise<Buffer> {
  if (position < 0 || !Number.isSafeInteger(position)) throw invalid(path, 'it ends before its directory');
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  if (bytesRead < length) throw invalid(path, `it ends before byte ${position + length}`);
  return buffer;
}

function invalid(path: string, what: string): GemmaError {
  return new GemmaError({
    code: 'MODEL_INVALID',
    message: `Expected SBS weights in ${path}, and ${what}. Fetch the file again.`,
    facts: { path },
  });
}
