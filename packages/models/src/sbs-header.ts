import type { ByteSource } from './byte-source.ts';
import { HeaderReader } from './header-reader.ts';
import type { ModelHeader } from './model-header.ts';

/** `SBS\n` as a little-endian number. */
export const sbsMagic = 0x0a534253;

const headerBytes = 16;
const keyBytes = 16;
/** A key and a range of 16 bytes each. */
const directoryEntryBytes = 32;
const blobAlignmentBytes = 256;
/** Most blobs that gemma.cpp takes. */
const blobsMax = 1024 * 1024;

/*
 * version 1: header | directory | padding | blobs | padding
 * version 2: header with 0 blobs | padding | blobs | padding | directory | header
 * header: magic u32 | blobs u32 | file bytes u64;  directory: all keys of 16 bytes, then offset u64 + bytes u64 of each
 */

/**
 * Reads and checks the header and directory of an SBS file, gemma.cpp's blob store, and the beginning of the model's
 * configuration in it: instruct weights chat, base weights complete. What the weights are only gemma.cpp reads.
 *
 * @throws GemmaError `MODEL_INVALID`.
 */
export async function readSbsHeader(source: ByteSource): Promise<ModelHeader> {
  const reader = new HeaderReader(source);
  const first = await readHeader(reader, 0);
  const version = first.blobs > 0 ? 1 : 2;
  if (version === 2 && reader.sizeBytes < 2 * headerBytes) throw reader.invalid('it ends before its last header');
  const { blobs, fileBytes } = version === 1 ? first : await readHeader(reader, reader.sizeBytes - headerBytes);
  if (blobs === 0) throw reader.invalid('it has no blobs');
  if (blobs > blobsMax) throw reader.invalid(`its header claims ${blobs} blobs`);
  if (fileBytes !== reader.sizeBytes) {
    throw reader.invalid(`it is cut off: its header says ${fileBytes} bytes and the file has ${reader.sizeBytes}`);
  }
  const directoryBytes = blobs * directoryEntryBytes;
  const directoryStart = version === 1 ? headerBytes : reader.sizeBytes - headerBytes - directoryBytes;
  if (directoryStart < headerBytes || directoryStart + directoryBytes > reader.sizeBytes) {
    throw reader.invalid(`its header claims ${blobs} blobs, more than the file can hold`);
  }

  reader.position = directoryStart;
  let configIndex = -1;
  for (let index = 0; index < blobs; index++) {
    if (!reader.tryNeed(keyBytes)) await reader.need(keyBytes, 'its directory');
    if (reader.text(keyBytes).replace(/\0+$/, '') === 'config') configIndex = index;
  }
  let config: { readonly offset: number; readonly bytes: number } | undefined;
  let expected = roundUp(version === 1 ? headerBytes + directoryBytes : headerBytes);
  const end = version === 1 ? reader.sizeBytes : directoryStart;
  for (let index = 0; index < blobs; index++) {
    if (!reader.tryNeed(16)) await reader.need(16, 'its directory');
    const offset = reader.u64();
    const bytes = reader.u64();
    if (offset !== expected || bytes === 0 || !(offset + bytes <= end)) {
      throw reader.invalid(
        `blob ${index} lies at byte ${offset} with ${bytes} bytes, and byte ${expected} is expected`,
      );
    }
    if (index === configIndex) config = { offset, bytes };
    expected = roundUp(offset + bytes);
  }
  const facts = config === undefined ? undefined : await readConfig(reader, config.offset, config.bytes);
  return {
    format: 'sbs',
    sizeBytes: reader.sizeBytes,
    version,
    architecture: 'gemma',
    name: facts?.name ?? null,
    quantization: null,
    parameters: null,
    trainContextTokens: facts?.trainContextTokens ?? null,
    embeddingLength: null,
    chat: facts?.chat ?? false,
    embedding: false,
    tokenizer: null,
    vocabularyTokens: null,
    tensorCount: blobs,
    readBytes: reader.readBytes,
  };
}

/**
 * What the model's configuration says, a list of u32: length of what follows, family, length of the name in u32, name,
 * model, wrapping (0 instruct, 1 base, 2 instruct with pictures, 3 PaliGemma), weight type, layers, width, vocabulary,
 * longest context. Later fields are appended behind. Nothing for a blob of another shape: gemma.cpp judges it.
 */
async function readConfig(
  reader: HeaderReader,
  offset: number,
  bytes: number,
): Promise<{ readonly name: string | null; readonly chat: boolean; readonly trainContextTokens: number } | undefined> {
  if (bytes < 40) return undefined;
  reader.position = offset;
  await reader.need(12, 'its configuration');
  reader.skip(8, 'its configuration');
  const nameBytes = reader.u32() * 4;
  if (nameBytes > 256 || bytes < 40 + nameBytes) return undefined;
  await reader.need(nameBytes + 28, 'its configuration');
  const name = reader.text(nameBytes).replace(/\0+$/, '');
  reader.skip(4, 'its configuration');
  const wrapping = reader.u32();
  reader.skip(16, 'its configuration');
  const trainContextTokens = reader.u32();
  if (wrapping > 3 || trainContextTokens === 0) return undefined;
  return { name: name === '' ? null : name, chat: wrapping === 0 || wrapping === 2, trainContextTokens };
}

async function readHeader(reader: HeaderReader, position: number): Promise<{ blobs: number; fileBytes: number }> {
  reader.position = position;
  await reader.need(headerBytes, 'the header');
  if (reader.u32() !== sbsMagic) throw reader.invalid('it has no SBS header where one is expected');
  return { blobs: reader.u32(), fileBytes: reader.u64() };
}

function roundUp(offset: number): number {
  return Math.ceil(offset / blobAlignmentBytes) * blobAlignmentBytes;
}
