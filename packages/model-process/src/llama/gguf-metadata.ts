import { closeSync, openSync, readSync } from 'node:fs';

/** What the worker needs to know from a GGUF file before or beside what llama.cpp tells. */
export interface GgufMetadata {
  /** Scalar and text values by key. Lists (the vocabulary above all) are skipped. */
  readonly values: ReadonlyMap<string, string | number | boolean>;
  readonly tensorNames: readonly string[];
}

/** A text longer than this is not a value that anybody asks for. */
const textBytesMax = 4 * 1024 * 1024;
const blockBytes = 1024 * 1024;

/** Bytes of the scalar types by their number in the format; texts (8) and lists (9) are handled apart. */
const scalarBytes: readonly number[] = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];
const textType = 8;
const listType = 9;

/**
 * Reads keys, values and tensor names of a GGUF file in one pass, block by block. A vocabulary
 * of 262,144 entries is stepped over without keeping any.
 *
 * @throws Error when the file is not GGUF or ends early.
 */
export function readGgufMetadata(path: string): GgufMetadata {
  const file = openSync(path, 'r');
  try {
    return readFrom(createReader(file));
  } finally {
    closeSync(file);
  }
}

/**
 * Values by key at the beginning of a GGUF file, as far as `head` goes: what describes the model comes before its vocabulary.
 * Gives nothing for a file that is not GGUF.
 */
export function readGgufHead(head: Buffer): ReadonlyMap<string, string | number | boolean> {
  const values = new Map<string, string | number | boolean>();
  let at = 0;
  const reader: Reader = {
    take(bytes) {
      at += bytes;
      if (at > head.length) throw new Error('the end of what was read');
      return head.subarray(at - bytes, at);
    },
    skip(bytes) {
      at += bytes;
    },
    skipTexts(texts) {
      for (let index = 0; index < texts; index += 1) reader.skip(count(reader));
    },
  };
  try {
    readValues(reader, values);
  } catch {
    // Cut off inside a list of the vocabulary, usually: what came before is what was asked for.
  }
  return values;
}

interface Reader {
  /** The next bytes, valid until the next call. */
  take(bytes: number): Buffer;
  skip(bytes: number): void;
  /** Skips so many texts, each with its length before it. */
  skipTexts(texts: number): void;
}

function readFrom(reader: Reader): GgufMetadata {
  const values = new Map<string, string | number | boolean>();
  const tensors = readValues(reader, values);
  const tensorNames: string[] = [];
  for (let index = 0; index < tensors; index += 1) {
    tensorNames.push(text(reader));
    const dimensions = reader.take(4).readUInt32LE();
    reader.skip(dimensions * 8 + 4 + 8);
  }
  return { values, tensorNames };
}

/** Reads what comes before the tensors into `values`, and tells how many tensors there are. */
function readValues(reader: Reader, values: Map<string, string | number | boolean>): number {
  const magic = reader.take(4).toString('latin1');
  if (magic !== 'GGUF') throw new Error(`the file begins with ${JSON.stringify(magic)} instead of "GGUF"`);
  const version = reader.take(4).readUInt32LE();
  if (version !== 2 && version !== 3) throw new Error(`expected GGUF version 2 or 3, got ${version}`);
  const tensors = count(reader);
  const keys = count(reader);
  for (let index = 0; index < keys; index += 1) {
    const key = text(reader);
    const value = readValue(reader, reader.take(4).readUInt32LE());
    if (value !== undefined) values.set(key, value);
  }
  return tensors;
}

function readValue(reader: Reader, type: number): string | number | boolean | undefined {
  if (type === textType) return text(reader);
  if (type === listType) {
    skipList(reader);
    return undefined;
  }
  const bytes = reader.take(bytesOf(type));
  switch (type) {
    case 0:
      return bytes.readUInt8();
    case 1:
      return bytes.readInt8();
    case 2:
      return bytes.readUInt16LE();
    case 3:
      return bytes.readInt16LE();
    case 4:
      return bytes.readUInt32LE();
    case 5:
      return bytes.readInt32LE();
    case 6:
      return bytes.readFloatLE();
    case 7:
      return bytes.readUInt8() !== 0;
    case 10:
      return Number(bytes.readBigUInt64LE());
    case 11:
      return Number(bytes.readBigInt64LE());
    default:
      return bytes.readDoubleLE();
  }
}

function skipList(reader: Reader): void {
  const type = reader.take(4).readUInt32LE();
  const length = count(reader);
  if (type === listType) throw new Error('a list of lists');
  if (type !== textType) {
    reader.skip(length * bytesOf(type));
    return;
  }
  reader.skipTexts(length);
}

function bytesOf(type: number): number {
  const bytes = scalarBytes[type];
  if (bytes === undefined || bytes === 0) throw new Error(`a value of the unknown type ${type}`);
  return bytes;
}

function count(reader: Reader): number {
  const bytes = reader.take(8);
  return bytes.readUInt32LE(4) * 2 ** 32 + bytes.readUInt32LE(0);
}

function text(reader: Reader): string {
  const bytes = count(reader);
  if (bytes > textBytesMax) throw new Error(`a text of ${bytes} bytes`);
  return reader.take(bytes).toString('utf8');
}

function createReader(file: number): Reader {
  const own = Buffer.allocUnsafe(blockBytes);
  let block = Buffer.alloc(0);
  let at = 0;
  let blockStart = 0;

  function fill(bytes: number): void {
    const position = blockStart + at;
    const next = bytes <= blockBytes ? own : Buffer.allocUnsafe(bytes);
    let filled = 0;
    while (filled < bytes) {
      const read = readSync(file, next, filled, next.length - filled, position + filled);
      if (read === 0) throw new Error(`the file ends inside its header, at byte ${position + filled}`);
      filled += read;
    }
    block = next.subarray(0, filled);
    at = 0;
    blockStart = position;
  }

  return {
    take(bytes) {
      if (block.length - at < bytes) fill(bytes);
      at += bytes;
      return block.subarray(at - bytes, at);
    },
    skip,
    skipTexts(texts) {
      for (let index = 0; index < texts; index += 1) {
        if (block.length - at < 8) fill(8);
        const bytes = block.readUInt32LE(at + 4) * 2 ** 32 + block.readUInt32LE(at);
        at += 8;
        skip(bytes);
      }
    },
  };

  function skip(bytes: number): void {
    at += bytes;
    if (at <= block.length) return;
    // Somewhere in a later block: the next read begins there.
    blockStart += at;
    at = 0;
    block = Buffer.alloc(0);
  }
}
