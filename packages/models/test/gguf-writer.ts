/** A value of the metadata with its type. */
export type MetadataValue =
  | { readonly type: 'u32'; readonly value: number }
  | { readonly type: 'text'; readonly value: string }
  | { readonly type: 'texts'; readonly value: readonly string[] }
  | { readonly type: 'f32s'; readonly value: readonly number[] }
  | { readonly type: 'raw'; readonly typeNumber: number; readonly bytes: Buffer };

export interface WrittenTensor {
  readonly name: string;
  readonly dimensions: readonly (number | bigint)[];
  /** 0 = F32, 8 = Q8_0. */
  readonly type: number;
  readonly sizeBytes: number;
  /** Default: right after the tensor before, aligned. */
  readonly offset?: bigint;
}

export interface GgufFile {
  readonly version?: number;
  readonly tensorCount?: bigint;
  readonly entryCount?: bigint;
  readonly metadata: ReadonlyMap<string, MetadataValue> | readonly (readonly [string, MetadataValue])[];
  readonly tensors: readonly WrittenTensor[];
  readonly alignment?: number;
}

/** Metadata of a small model as a converter would write it. */
export function modelMetadata(options: { readonly architecture?: string; readonly chat?: boolean } = {}) {
  const architecture = options.architecture ?? 'gemma3';
  const metadata = new Map<string, MetadataValue>([
    ['general.architecture', { type: 'text', value: architecture }],
    ['general.name', { type: 'text', value: 'A tiny model' }],
    ['general.file_type', { type: 'u32', value: 7 }],
    [`${architecture}.context_length`, { type: 'u32', value: 2048 }],
    [`${architecture}.embedding_length`, { type: 'u32', value: 32 }],
    ['tokenizer.ggml.model', { type: 'text', value: 'llama' }],
    ['tokenizer.ggml.tokens', { type: 'texts', value: Array.from({ length: 300 }, (_, index) => `token-${index}`) }],
    ['tokenizer.ggml.scores', { type: 'f32s', value: Array.from({ length: 300 }, (_, index) => -index) }],
  ]);
  if (options.chat === true) metadata.set('tokenizer.chat_template', { type: 'text', value: '{{ messages }}' });
  return metadata;
}

/** Two small tensors: 32 x 64 weights in Q8_0 and 32 in F32. */
export const smallTensors: readonly WrittenTensor[] = [
  { name: 'token_embd.weight', dimensions: [32, 64], type: 8, sizeBytes: 64 * 34 },
  { name: 'output_norm.weight', dimensions: [32], type: 0, sizeBytes: 128 },
];

/** Writes a GGUF file, sound unless the options say otherwise. `paddingBytes` of weights are added as one more tensor. */
export function writeGguf(file: GgufFile): Buffer {
  const alignment = file.alignment ?? 32;
  const entries = [...file.metadata];
  const parts: Buffer[] = [
    Buffer.from('GGUF'),
    u32(file.version ?? 3),
    u64(file.tensorCount ?? BigInt(file.tensors.length)),
    u64(file.entryCount ?? BigInt(entries.length)),
  ];
  for (const [key, value] of entries) parts.push(text(key), valueBytes(value));
  let offset = 0;
  for (const tensor of file.tensors) {
    parts.push(text(tensor.name), u32(tensor.dimensions.length));
    for (const size of tensor.dimensions) parts.push(u64(BigInt(size)));
    parts.push(u32(tensor.type), u64(tensor.offset ?? BigInt(offset)));
    offset = roundUp(offset + tensor.sizeBytes, alignment);
  }
  const header = Buffer.concat(parts);
  const data = Buffer.alloc(roundUp(header.length, alignment) - header.length + offset);
  // Weights that are not all alike, so that a flipped or missing piece changes the hash.
  for (let index = 0; index < data.length; index++) data[index] = (index * 31 + 7) % 251;
  return Buffer.concat([header, data]);
}

/** A sound model of about `sizeBytes`. */
export function tinyModel(options: { readonly sizeBytes?: number; readonly chat?: boolean } = {}): Buffer {
  const rows = Math.ceil((options.sizeBytes ?? 0) / 128);
  const filler = { name: 'filler.weight', dimensions: [32, rows], type: 0, sizeBytes: rows * 128 };
  return writeGguf({
    metadata: modelMetadata({ chat: options.chat ?? true }),
    tensors: rows > 0 ? [...smallTensors, filler] : smallTensors,
  });
}

function valueBytes(value: MetadataValue): Buffer {
  switch (value.type) {
    case 'u32':
      return Buffer.concat([u32(4), u32(value.value)]);
    case 'text':
      return Buffer.concat([u32(8), text(value.value)]);
    case 'texts':
      return Buffer.concat([u32(9), u32(8), u64(BigInt(value.value.length)), ...value.value.map(text)]);
    case 'f32s': {
      const items = Buffer.alloc(value.value.length * 4);
      for (const [index, item] of value.value.entries()) items.writeFloatLE(item, index * 4);
      return Buffer.concat([u32(9), u32(6), u64(BigInt(value.value.length)), items]);
    }
    case 'raw':
      return Buffer.concat([u32(value.typeNumber), value.bytes]);
    default:
      return value satisfies never;
  }
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
}

export function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

export function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(BigInt(bytes.length)), bytes]);
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}
