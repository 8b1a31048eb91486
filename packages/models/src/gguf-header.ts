import { GemmaError, embeddingArchitectures } from '@gemma-cli/contracts';
import type { ByteSource } from './byte-source.ts';
import { fileTypes, tensorTypes } from './gguf-types.ts';
import { HeaderReader } from './header-reader.ts';
import type { ModelHeader } from './model-header.ts';

/** `GGUF` as a little-endian number. */
export const ggufMagic = 0x46554747;

/** Most metadata entries. Real files have below 100. */
const entriesMax = 65_536;
/** Most tensors. The biggest mixtures of experts have some thousands. */
const tensorsMax = 65_536;
/** Longest key, as the format says. */
const keyBytesMax = 65_535;
/** Longest tensor name. ggml keeps 63 bytes; a file with longer ones never loads. */
const tensorNameBytesMax = 256;
/** Texts longer than this are stepped over: only their presence is of interest. */
const textBytesMax = 64 * 1024;
/** Longest name that is told, in characters. */
const textCharsMax = 200;
/** Most texts in all arrays together. Gemma's vocabulary has 262,144, the largest with merges about a million. */
const arrayTextsMax = 2_000_000;
/** Largest alignment that makes sense: a huge page. */
const alignmentBytesMax = 2 * 1024 * 1024;
/** ggml's tensors have at most four dimensions. */
const dimensionsMax = 4;

const architecturePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** Files that go beside a model and cannot be run alone. */
const companions = new Set(['clip', 'mmproj', 'adapter', 'imatrix', 'vocab', 'lora']);

/** Bytes of each scalar type of the metadata, by its number. */
const scalarBytes: ReadonlyMap<number, number> = new Map([
  [0, 1],
  [1, 1],
  [2, 2],
  [3, 2],
  [4, 4],
  [5, 4],
  [6, 4],
  [7, 1],
  [10, 8],
  [11, 8],
  [12, 8],
]);
const stringType = 8;
const arrayType = 9;

type MetadataValue = string | number | { readonly items: number } | { readonly textBytes: number };

/*
 * magic "GGUF" | version u32 | tensor count u64 | entry count u64
 * entries:  key | type u32 | value            (text = length u64 + bytes, array = type u32 + count u64 + items)
 * tensors:  name | dimensions u32 | u64 each | type u32 | offset u64
 * padding to the alignment | data, each tensor at its offset from here
 */

/**
 * Reads and checks the header of a GGUF file. Work is bounded by the bytes the header really has: no count or length is
 * believed before it is compared with what is left of the file.
 *
 * @throws GemmaError `MODEL_INVALID`, or `MODEL_UNSUPPORTED` for a sound file of a kind that cannot be run.
 */
export async function readGgufHeader(source: ByteSource): Promise<ModelHeader> {
  const reader = new HeaderReader(source);
  await reader.need(8, 'the header');
  if (reader.u32() !== ggufMagic) throw reader.invalid('it does not begin with the letters GGUF');
  const version = reader.u32();
  if (version !== 2 && version !== 3) throw unknownVersion(version);
  await reader.need(16, 'the header');
  const tensorCount = reader.u64();
  const entryCount = reader.u64();

  // The smallest entry is an empty key, a type and one byte; the smallest tensor a one-letter name and one dimension.
  if (!(entryCount <= Math.min(entriesMax, reader.remaining / 13))) {
    throw reader.invalid(`its header claims ${entryCount} metadata entries, more than the file can hold`, {
      entryCount,
    });
  }
  if (!(tensorCount <= Math.min(tensorsMax, reader.remaining / 33))) {
    throw reader.invalid(`its header claims ${tensorCount} tensors, more than the file can hold`, { tensorCount });
  }

  const metadata = await readMetadata(reader, entryCount);
  const architecture = metadata.get('general.architecture');
  if (typeof architecture !== 'string' || !architecturePattern.test(architecture)) {
    throw reader.invalid('it names no architecture');
  }
  refuseCompanion(architecture, metadata);
  const alignment = readAlignment(reader, metadata);
  const tensors = await readTensors(reader, tensorCount, alignment);
  checkData(reader, tensors, alignment);

  const fact = (key: string) => positiveNumber(metadata.get(`${architecture}.${key}`));
  const pooling = positiveNumber(metadata.get(`${architecture}.pooling_type`));
  const vocabulary = metadata.get('tokenizer.ggml.tokens');
  return {
    format: 'gguf',
    sizeBytes: reader.sizeBytes,
    version,
    architecture,
    name: text(metadata.get('general.name')),
    quantization: quantization(metadata, tensors),
    parameters: tensors.reduce((sum, tensor) => sum + tensor.weights, 0),
    trainContextTokens: fact('context_length'),
    embeddingLength: fact('embedding_length'),
    chat: [...metadata].some(([key, value]) => key.startsWith('tokenizer.chat_template') && hasText(value)),
    embedding: embeddingArchitectures.has(architecture) || pooling !== null,
    tokenizer: text(metadata.get('tokenizer.ggml.model')),
    vocabularyTokens: typeof vocabulary === 'object' && 'items' in vocabulary ? vocabulary.items : null,
    tensorCount,
    readBytes: reader.readBytes,
  };
}

async function readMetadata(reader: HeaderReader, count: number): Promise<ReadonlyMap<string, MetadataValue>> {
  const metadata = new Map<string, MetadataValue>();
  const texts = { left: arrayTextsMax };
  for (let index = 0; index < count; index++) {
    const key = await readText(reader, `the key of metadata entry ${index}`, keyBytesMax);
    if (key.length === 0) throw reader.invalid(`metadata entry ${index} has no key`);
    if (metadata.has(key)) throw reader.invalid(`the metadata entry ${JSON.stringify(key)} comes twice`, { key });
    await reader.need(4, `metadata entry ${JSON.stringify(key)}`);
    metadata.set(key, await readValue(reader, key, reader.u32(), texts));
  }
  return metadata;
}

async function readValue(
  reader: HeaderReader,
  key: string,
  type: number,
  texts: { left: number },
): Promise<MetadataValue> {
  const what = `metadata entry ${JSON.stringify(key)}`;
  if (type === stringType) {
    await reader.need(8, what);
    const length = reader.u64();
    if (length > textBytesMax) {
      reader.skip(length, what);
      return { textBytes: length };
    }
    await reader.need(length, what);
    return reader.text(length);
  }
  if (type === arrayType) return await readArray(reader, what, texts);
  const bytes = scalarBytes.get(type);
  if (bytes === undefined) throw reader.invalid(`${what} has the unknown type ${type}`, { key, type });
  await reader.need(bytes, what);
  if (type === 4) return reader.u32();
  if (type === 10) return reader.u64();
  if (type === 0 || type === 7) return reader.u8();
  if (type === 2) return reader.u16();
  // Signed and floating-point values carry nothing that is asked for here, but a signed count may stand for an unsigned.
  if (type === 5) return reader.u32() | 0;
  reader.skip(bytes, what);
  return { textBytes: 0 };
}

/** Steps over an array. Its items are of interest to the runtime only. */
async function readArray(reader: HeaderReader, what: string, texts: { left: number }): Promise<MetadataValue> {
  await reader.need(12, what);
  const itemType = reader.u32();
  const count = reader.u64();
  if (itemType === arrayType) throw reader.invalid(`${what} is an array of arrays, which no model has`);
  if (itemType !== stringType) {
    const bytes = scalarBytes.get(itemType);
    if (bytes === undefined) throw reader.invalid(`${what} is an array of the unknown type ${itemType}`);
    reader.skip(count * bytes, what);
    return { items: count };
  }
  if (!(count <= reader.remaining / 8))
    throw reader.invalid(`${what} claims ${count} texts, more than the file can hold`);
  texts.left -= count;
  if (texts.left < 0) throw reader.invalid(`its metadata has more than ${arrayTextsMax} texts in arrays`);
  for (let index = 0; index < count; index++) {
    // A vocabulary has hundreds of thousands of texts: awaiting for each would cost more than reading them.
    if (!reader.tryNeed(8)) await reader.need(8, what);
    reader.skip(reader.u64(), what);
  }
  return { items: count };
}

async function readText(reader: HeaderReader, what: string, bytesMax: number): Promise<string> {
  await reader.need(8, what);
  const length = reader.u64();
  if (length > bytesMax) throw reader.invalid(`${what} claims ${length} bytes, and ${bytesMax} are allowed`);
  await reader.need(length, what);
  return reader.text(length);
}

interface Tensor {
  readonly name: string;
  readonly type: string;
  readonly weights: number;
  readonly offset: number;
  readonly sizeBytes: number;
}

async function readTensors(reader: HeaderReader, count: number, alignment: number): Promise<readonly Tensor[]> {
  if (count === 0) throw reader.invalid('it has no tensors');
  const tensors: Tensor[] = [];
  const names = new Set<string>();
  for (let index = 0; index < count; index++) {
    const name = await readText(reader, `the name of tensor ${index}`, tensorNameBytesMax);
    const what = `tensor ${index} (${JSON.stringify(name)})`;
    if (names.has(name)) throw reader.invalid(`${what} comes twice`);
    names.add(name);
    await reader.need(4, what);
    const dimensions = reader.u32();
    if (dimensions === 0 || dimensions > dimensionsMax) throw reader.invalid(`${what} has ${dimensions} dimensions`);
    await reader.need(dimensions * 8 + 12, what);
    const sizes = Array.from({ length: dimensions }, () => reader.u64());
    const weights = sizes.reduce((product, size) => product * size, 1);
    if (!(weights >= 1 && weights <= Number.MAX_SAFE_INTEGER)) {
      throw reader.invalid(`${what} has impossible dimensions ${sizes.join(' x ')}`);
    }
    const typeNumber = reader.u32();
    const offset = reader.u64();
    const type = tensorTypes.get(typeNumber);
    if (type === undefined) throw unknownTensorType(what, typeNumber);
    const rowWeights = sizes[0] ?? 0;
    if (rowWeights % type.blockWeights !== 0) {
      throw reader.invalid(
        `${what} has rows of ${rowWeights} weights, no multiple of ${type.name}'s ${type.blockWeights}`,
      );
    }
    if (offset % alignment !== 0) throw reader.invalid(`${what} is not aligned to ${alignment} bytes`);
    tensors.push({
      name,
      type: type.name,
      weights,
      offset,
      sizeBytes: (weights / type.blockWeights) * type.blockBytes,
    });
  }
  return tensors;
}

/** Every tensor lies within the file and none within another. */
function checkData(reader: HeaderReader, tensors: readonly Tensor[], alignment: number): void {
  const start = Math.ceil(reader.position / alignment) * alignment;
  let free = 0;
  let previous = '';
  for (const tensor of tensors.toSorted((a, b) => a.offset - b.offset)) {
    if (tensor.offset < free) throw reader.invalid(`the tensors ${previous} and ${tensor.name} overlap`);
    free = tensor.offset + tensor.sizeBytes;
    previous = tensor.name;
  }
  if (start + free > reader.sizeBytes) {
    throw reader.invalid(
      `it is cut off: its tensors end at byte ${start + free} and the file has ${reader.sizeBytes}`,
      {
        expectedBytes: start + free,
      },
    );
  }
}

function readAlignment(reader: HeaderReader, metadata: ReadonlyMap<string, MetadataValue>): number {
  const alignment = metadata.get('general.alignment') ?? 32;
  const isPowerOfTwo = typeof alignment === 'number' && alignment > 0 && (alignment & (alignment - 1)) === 0;
  if (isPowerOfTwo && alignment >= 8 && alignment <= alignmentBytesMax) return alignment;
  throw reader.invalid(`its alignment is ${JSON.stringify(alignment)}, and a power of two from 8 is expected`);
}

/** The stated file type, or the type that holds most weights. */
function quantization(metadata: ReadonlyMap<string, MetadataValue>, tensors: readonly Tensor[]): string {
  const stated = metadata.get('general.file_type');
  const name = typeof stated === 'number' ? fileTypes.get(stated) : undefined;
  if (name !== undefined) return name;
  const weights = new Map<string, number>();
  for (const tensor of tensors) weights.set(tensor.type, (weights.get(tensor.type) ?? 0) + tensor.weights);
  return [...weights].reduce((most, entry) => (entry[1] > most[1] ? entry : most))[0];
}

function refuseCompanion(architecture: string, metadata: ReadonlyMap<string, MetadataValue>): void {
  const type = text(metadata.get('general.type'));
  const kind = companions.has(architecture) ? architecture : type !== null && companions.has(type) ? type : null;
  if (kind !== null) {
    throw unsupported(`a file of kind "${kind}", which goes beside a model and cannot be run alone`, { kind });
  }
  const parts = metadata.get('split.count');
  if (typeof parts === 'number' && parts > 1) {
    throw unsupported(`one of ${parts} parts of a split model; join them with llama-gguf-split first`, { parts });
  }
}

function unknownVersion(version: number): GemmaError {
  // A version whose low bytes are empty is a big-endian file of the version in its high bytes.
  if (version !== 0 && (version & 0xffff) === 0) return unsupported('a big-endian GGUF file', { version });
  return unsupported(`GGUF version ${version}; versions 2 and 3 are known`, { version });
}

function unknownTensorType(what: string, type: number): GemmaError {
  return unsupported(`a file whose ${what} has the tensor type ${type}, which is not known here`, { type });
}

function unsupported(what: string, facts: Readonly<Record<string, unknown>>): GemmaError {
  return new GemmaError({
    code: 'MODEL_UNSUPPORTED',
    message: `Expected a model that can be run, got ${what}. Choose another file of the model.`,
    facts,
  });
}

/** A short text for people. What would move a cursor or turn the direction of writing is left out. */
function text(value: MetadataValue | undefined): string | null {
  if (typeof value !== 'string') return null;
  const shown = value
    .replaceAll(/[\p{Cc}\p{Cf}]/gu, '')
    .trim()
    .slice(0, textCharsMax);
  return shown === '' ? null : shown;
}

function hasText(value: MetadataValue): boolean {
  return typeof value === 'string'
    ? value.trim() !== ''
    : typeof value === 'object' && 'textBytes' in value && value.textBytes > 0;
}

function positiveNumber(value: MetadataValue | undefined): number | null {
  return typeof value === 'number' && value > 0 ? value : null;
}
