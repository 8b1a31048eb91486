import { readFile, writeFile } from 'node:fs/promises';

/** How a GGUF file numbers the kinds of values. */
const kinds = { bool: 7, string: 8, array: 9 } as const;
/** Bytes of a value by its kind; strings and arrays have none. */
const kindBytes: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  [kinds.bool]: 1,
  10: 8,
  11: 8,
  12: 8,
};
const alignmentBytes = 32;
const rankPooling = 4;

/**
 * Makes a ranking model of a BERT embedding model: sets its pooling, and adds a head whose numbers follow from a formula.
 * Its scores mean nothing, and are computed as those of a trained one are: for tests where no ranking model can be had.
 *
 * The head: `score = Σ outputWeight(i) · tanh(cls[i]) + 0.25`, over the last hidden state of the first token.
 */
export async function writeRankingModel(embeddingModel: string, path: string): Promise<void> {
  const file = await readFile(embeddingModel);
  let at = 8;
  const u64 = (): number => {
    at += 8;
    return Number(file.readBigUInt64LE(at - 8));
  };
  const u32 = (): number => {
    at += 4;
    return file.readUInt32LE(at - 4);
  };
  const text = (): string => {
    const length = u64();
    at += length;
    return file.toString('utf8', at - length, at);
  };
  const skip = (kind: number): void => {
    if (kind === kinds.string) text();
    else if (kind === kinds.array) {
      const inner = u32();
      for (let left = u64(); left > 0; left -= 1) skip(inner);
    } else at += kindBytes[kind] ?? Number.NaN;
  };

  const tensorCount = u64();
  const valueCount = u64();
  const header = Buffer.from(file);
  let dimensions = 0;
  for (let value = 0; value < valueCount; value += 1) {
    const name = text();
    const kind = u32();
    if (name === 'bert.pooling_type') header.writeUInt32LE(rankPooling, at);
    if (name === 'bert.embedding_length') dimensions = file.readUInt32LE(at);
    skip(kind);
  }
  for (let tensor = 0; tensor < tensorCount; tensor += 1) {
    text();
    const shapeLength = u32();
    // The shape, the kind, and the place in the data.
    at += shapeLength * 8 + 4 + 8;
  }
  const dataStart = aligned(at);
  let end = aligned(file.length - dataStart);

  const head: readonly { readonly name: string; readonly shape: readonly number[]; readonly data: Float32Array }[] = [
    {
      name: 'cls.weight',
      shape: [dimensions, dimensions],
      data: Float32Array.from({ length: dimensions ** 2 }, (_, place) => (place % (dimensions + 1) === 0 ? 1 : 0)),
    },
    { name: 'cls.bias', shape: [dimensions], data: new Float32Array(dimensions) },
    {
      name: 'cls.output.weight',
      shape: [dimensions, 1],
      data: Float32Array.from({ length: dimensions }, (_, place) => rankingOutputWeight(place)),
    },
    { name: 'cls.output.bias', shape: [1], data: Float32Array.of(0.25) },
  ];
  const infos: Buffer[] = [];
  const data: Buffer[] = [Buffer.alloc(end - (file.length - dataStart))];
  for (const { name, shape, data: numbers } of head) {
    infos.push(u64Bytes(name.length), Buffer.from(name), u32Bytes(shape.length), ...shape.map(u64Bytes));
    // Kind 0: 32-bit floats.
    infos.push(u32Bytes(0), u64Bytes(end));
    data.push(Buffer.from(numbers.buffer), Buffer.alloc(aligned(numbers.byteLength) - numbers.byteLength));
    end += aligned(numbers.byteLength);
  }
  header.writeBigUInt64LE(BigInt(tensorCount + head.length), 8);
  const headerBytes = Buffer.concat([header.subarray(0, at), ...infos]);
  const padding = Buffer.alloc(aligned(headerBytes.length) - headerBytes.length);
  await writeFile(path, Buffer.concat([headerBytes, padding, file.subarray(dataStart), ...data]));
}

/** Weight of one place of the hidden state in the score. */
function rankingOutputWeight(place: number): number {
  return Math.sin(place + 1);
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / alignmentBytes) * alignmentBytes;
}

function u32Bytes(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64Bytes(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
