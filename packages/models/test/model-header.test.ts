import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isGemmaError } from '@gemma-cli/contracts';
import type { GemmaError } from '@gemma-cli/contracts';
import { inspectModelFile } from '../src/index.ts';
import type { ModelHeader } from '../src/index.ts';
import { readModelHeader } from '../src/inspect-model-file.ts';
import { modelMetadata, smallTensors, text, tinyModel, u32, u64, writeGguf } from './gguf-writer.ts';
import type { GgufFile, MetadataValue } from './gguf-writer.ts';
import { temporaryFolder } from './temporary-folder.ts';

interface Outcome {
  readonly header: ModelHeader | undefined;
  readonly error: GemmaError | undefined;
  readonly readBytes: number;
  readonly reads: number;
}

/** Reads a header from memory, counting what is read. A file may claim to be longer than its bytes: it is full of zeros. */
async function inspect(bytes: Buffer, sizeBytes = bytes.length): Promise<Outcome> {
  let readBytes = 0;
  let reads = 0;
  const source = {
    sizeBytes,
    async read(position: number, length: number) {
      expect(position).toBeGreaterThanOrEqual(0);
      expect(position + Math.min(length, 1)).toBeLessThanOrEqual(sizeBytes + 1);
      const part = Buffer.alloc(Math.max(0, Math.min(length, sizeBytes - position)));
      bytes.copy(part, 0, Math.min(position, bytes.length));
      readBytes += part.length;
      reads++;
      return part;
    },
  };
  try {
    return { header: await readModelHeader(source), error: undefined, readBytes, reads };
  } catch (error) {
    if (!isGemmaError(error)) throw error;
    return { header: undefined, error, readBytes, reads };
  }
}

const sound: GgufFile = { metadata: modelMetadata({ chat: true }), tensors: smallTensors };

function withEntry(key: string, value: MetadataValue): GgufFile {
  return { ...sound, metadata: new Map([...modelMetadata(), [key, value]]) };
}

describe('a sound GGUF file', () => {
  test('tells architecture, name, quantization, context, vocabulary, weights and chat template', async () => {
    const { header } = await inspect(writeGguf(sound));
    expect(header).toMatchObject({
      format: 'gguf',
      version: 3,
      architecture: 'gemma3',
      name: 'A tiny model',
      quantization: 'Q8_0',
      parameters: 32 * 64 + 32,
      trainContextTokens: 2048,
      embeddingLength: 32,
      chat: true,
      embedding: false,
      tokenizer: 'llama',
      vocabularyTokens: 300,
      tensorCount: 2,
    });
  });

  test('is read from the disk with its real size', async () => {
    const path = join(await temporaryFolder(), 'model.gguf');
    const bytes = tinyModel({ sizeBytes: 10_000, chat: false });
    await writeFile(path, bytes);
    expect(await inspectModelFile(path)).toMatchObject({ sizeBytes: bytes.length, chat: false });
  });

  test('has a name without control and direction characters', async () => {
    const value = ' \u001b[31mred\u202e\u0007 ';
    const { header } = await inspect(
      writeGguf({ ...sound, metadata: new Map([...modelMetadata(), ['general.name', { type: 'text', value }]]) }),
    );
    expect(header?.name).toBe('[31mred');
  });

  test('has no chat template when the template is blank', async () => {
    const { header } = await inspect(writeGguf(withEntry('tokenizer.chat_template', { type: 'text', value: ' \n' })));
    expect(header?.chat).toBe(false);
  });

  test('has a chat template when it is longer than what is kept of a text', async () => {
    const value = '{# long #}'.repeat(20_000);
    const { header } = await inspect(writeGguf(withEntry('tokenizer.chat_template', { type: 'text', value })));
    expect(header?.chat).toBe(true);
  });

  test('is an embedding model when it pools or its architecture only embeds', async () => {
    const pooling = await inspect(writeGguf(withEntry('gemma3.pooling_type', { type: 'u32', value: 1 })));
    const bert = await inspect(
      writeGguf({ metadata: modelMetadata({ architecture: 'gemma-embedding' }), tensors: smallTensors }),
    );
    expect([pooling.header?.embedding, bert.header?.embedding]).toEqual([true, true]);
  });

  test('without a file type is named after the type that holds most weights', async () => {
    const metadata = modelMetadata();
    metadata.delete('general.file_type');
    const { header } = await inspect(writeGguf({ metadata, tensors: smallTensors }));
    expect(header?.quantization).toBe('Q8_0');
  });

  test('may have bytes after its last tensor and another alignment', async () => {
    const metadata = new Map([...modelMetadata(), ['general.alignment', { type: 'u32', value: 64 }] as const]);
    const bytes = writeGguf({ metadata, tensors: smallTensors, alignment: 64 });
    expect((await inspect(Buffer.concat([bytes, Buffer.alloc(100)]))).error).toBeUndefined();
  });
});

describe('a hostile or damaged file is refused as MODEL_INVALID', () => {
  const huge = 2n ** 62n;
  const most = 2n ** 64n - 1n;
  const one = (dimensions: readonly (number | bigint)[], rest: object = {}): GgufFile => ({
    ...sound,
    tensors: [{ name: 'a', dimensions, type: 0, sizeBytes: 128, ...rest }],
  });
  const nested = Buffer.concat([u32(9), u64(1n), u32(9), u64(1n), u32(4), u64(1n), u32(7)]);
  const cases: Readonly<Record<string, Buffer>> = {
    'a tensor count of 2^62': writeGguf({ ...sound, tensorCount: huge }),
    'a tensor count of 2^64 - 1': writeGguf({ ...sound, tensorCount: most }),
    'a tensor count one too high': writeGguf({ ...sound, tensorCount: 3n }),
    'a metadata count of 2^62': writeGguf({ ...sound, entryCount: huge }),
    'a metadata count one too high': writeGguf({ ...sound, entryCount: 10n }),
    'no tensors': writeGguf({ ...sound, tensors: [] }),
    'a key length past the end': Buffer.concat([
      writeGguf({ metadata: [], tensors: [], entryCount: 1n, tensorCount: 1n }),
      u64(huge),
      Buffer.alloc(64),
    ]),
    'a text length past the end': writeGguf(withEntry('x', { type: 'raw', typeNumber: 8, bytes: u64(most) })),
    'an array count past the end': writeGguf(
      withEntry('x', { type: 'raw', typeNumber: 9, bytes: Buffer.concat([u32(4), u64(huge)]) }),
    ),
    'an array count whose bytes overflow 64 bits': writeGguf(
      withEntry('x', { type: 'raw', typeNumber: 9, bytes: Buffer.concat([u32(10), u64(2n ** 61n)]) }),
    ),
    'a count of texts past the end': writeGguf(
      withEntry('x', { type: 'raw', typeNumber: 9, bytes: Buffer.concat([u32(8), u64(most)]) }),
    ),
    'an array of arrays': writeGguf(withEntry('x', { type: 'raw', typeNumber: 9, bytes: nested })),
    'an unknown metadata type': writeGguf(withEntry('x', { type: 'raw', typeNumber: 13, bytes: u64(0n) })),
    'an unknown item type': writeGguf(
      withEntry('x', { type: 'raw', typeNumber: 9, bytes: Buffer.concat([u32(77), u64(1n)]) }),
    ),
    'the same key twice': writeGguf({
      ...sound,
      metadata: [...modelMetadata(), ['general.name', { type: 'u32', value: 1 }]],
    }),
    'no architecture': writeGguf({ ...sound, metadata: [] }),
    'an architecture with a path in it': writeGguf({
      metadata: modelMetadata({ architecture: '../../x' }),
      tensors: smallTensors,
    }),
    'an alignment of zero': writeGguf(withEntry('general.alignment', { type: 'u32', value: 0 })),
    'an alignment that is no power of two': writeGguf(withEntry('general.alignment', { type: 'u32', value: 48 })),
    'an alignment of 2^31': writeGguf(withEntry('general.alignment', { type: 'u32', value: 2 ** 31 })),
    'an alignment that is a text': writeGguf(withEntry('general.alignment', { type: 'text', value: '32' })),
    'dimensions whose product overflows': writeGguf(one([2n ** 32n, 2n ** 32n])),
    'a dimension of 2^64 - 1': writeGguf(one([most])),
    'a dimension of zero': writeGguf(one([32, 0])),
    'no dimensions': writeGguf(one([])),
    'five dimensions': writeGguf(one([1, 1, 1, 1, 1])),
    'a row that is no whole number of blocks': writeGguf(one([33], { type: 8 })),
    'a tensor past the end': writeGguf(one([1024])),
    'an offset of 2^63': writeGguf(one([32], { offset: 2n ** 63n })),
    'an offset that is not aligned': writeGguf(one([1], { offset: 4n })),
    'overlapping tensors': writeGguf({
      ...sound,
      tensors: smallTensors.map((tensor) => ({ ...tensor, offset: 0n })),
    }),
    'two tensors of one name': writeGguf({
      ...sound,
      tensors: [smallTensors[0], smallTensors[0]].flatMap((t) => t ?? []),
    }),
    'a tensor name of a megabyte': writeGguf(one([32], { name: 'x'.repeat(1_000_000) })),
    'only its magic': Buffer.from('GGUF'),
    'zero bytes': Buffer.alloc(4096),
    nothing: Buffer.alloc(0),
    'a web page': Buffer.from('<!DOCTYPE html><html><body>Sign in</body></html>'),
    'a Git LFS pointer': Buffer.from('version https://git-lfs.github.com/spec/v1\n'),
    'a truncated file': tinyModel({ sizeBytes: 10_000 }).subarray(0, 9_000),
  };

  test.each(Object.entries(cases))('%s', async (_, bytes) => {
    const { error, header, readBytes } = await inspect(bytes);
    expect(header).toBeUndefined();
    expect(error?.code).toBe('MODEL_INVALID');
    expect(error?.exitCode).toBe(7);
    // A small file is read at most about once: no count made the work grow.
    expect(readBytes).toBeLessThanOrEqual(bytes.length + 300_000);
  });

  test('a truncated file says how long it should be', async () => {
    const whole = tinyModel({ sizeBytes: 10_000 });
    const { error } = await inspect(whole.subarray(0, 9_000));
    expect(error?.message).toContain('cut off');
    expect(error?.facts['expectedBytes']).toBeLessThanOrEqual(whole.length);
  });

  test('a file of 4 TB whose header claims 2^40 texts costs no more than a small read', async () => {
    const claim = { type: 'raw', typeNumber: 9, bytes: Buffer.concat([u32(8), u64(2n ** 38n)]) } as const;
    const { error, readBytes, reads } = await inspect(writeGguf(withEntry('tokens', claim)), 2 ** 42);
    expect(error?.code).toBe('MODEL_INVALID');
    expect(readBytes).toBeLessThan(1_000_000);
    expect(reads).toBeLessThan(10);
  });

  test('a file of 4 TB full of empty texts is given up after a bounded number of them', async () => {
    const claim = { type: 'raw', typeNumber: 9, bytes: Buffer.concat([u32(8), u64(1_999_999n)]) } as const;
    const entries = [
      ['a', claim],
      ['b', claim],
    ] as const;
    const { error, readBytes } = await inspect(writeGguf({ ...sound, metadata: [...entries] }), 2 ** 42);
    expect(error?.code).toBe('MODEL_INVALID');
    expect(readBytes).toBeLessThan(40_000_000);
  });
});

describe('a sound file of a kind that cannot be run is refused as MODEL_UNSUPPORTED', () => {
  const cases: Readonly<Record<string, Buffer>> = {
    'version 1': writeGguf({ ...sound, version: 1 }),
    'version 4': writeGguf({ ...sound, version: 4 }),
    'a big-endian file': writeGguf({ ...sound, version: 0x03000000 }),
    'a projector': writeGguf({ metadata: modelMetadata({ architecture: 'clip' }), tensors: smallTensors }),
    'an adapter': writeGguf(withEntry('general.type', { type: 'text', value: 'adapter' })),
    'one part of a split model': writeGguf(withEntry('split.count', { type: 'u32', value: 3 })),
    'an unknown tensor type': writeGguf({
      ...sound,
      tensors: [{ name: 'a', dimensions: [32], type: 99, sizeBytes: 128 }],
    }),
  };
  test.each(Object.entries(cases))('%s', async (_, bytes) => {
    const { error } = await inspect(bytes);
    expect(error?.code).toBe('MODEL_UNSUPPORTED');
    expect(error?.exitCode).toBe(4);
  });
});

describe('mutated headers', () => {
  const base = writeGguf(sound);
  const headerBytes = base.length - 64 * 34 - 128;

  test('end in a header or a typed error, with bounded reading', async () => {
    const change = fc.oneof(
      fc.record({ kind: fc.constant('byte' as const), at: fc.nat(headerBytes), value: fc.nat(255) }),
      fc.record({ kind: fc.constant('u64' as const), at: fc.nat(headerBytes), value: fc.bigInt(0n, 2n ** 64n - 1n) }),
      fc.record({ kind: fc.constant('u32' as const), at: fc.nat(headerBytes), value: fc.nat(0xffffffff) }),
      fc.record({ kind: fc.constant('cut' as const), at: fc.nat(base.length - 1) }),
      fc.record({
        kind: fc.constant('insert' as const),
        at: fc.nat(headerBytes),
        value: fc.uint8Array({ maxLength: 40 }),
      }),
    );
    const outcomes = { headers: 0, errors: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        let bytes = Buffer.from(base);
        for (const { kind, at, ...rest } of changes) {
          const value = (rest as { value?: unknown }).value;
          if (kind === 'cut') bytes = bytes.subarray(0, at);
          else if (kind === 'insert')
            bytes = Buffer.concat([bytes.subarray(0, at), value as Buffer, bytes.subarray(at)]);
          else if (kind === 'byte' && at < bytes.length) bytes.writeUInt8(value as number, at);
          else if (kind === 'u32' && at + 4 <= bytes.length) bytes.writeUInt32LE(value as number, at);
          else if (kind === 'u64' && at + 8 <= bytes.length) bytes.writeBigUInt64LE(value as bigint, at);
        }
        const { header, error, readBytes } = await inspect(bytes);
        if (header === undefined) {
          outcomes.errors++;
          expect(['MODEL_INVALID', 'MODEL_UNSUPPORTED']).toContain(error?.code);
        } else {
          outcomes.headers++;
          expect(header.tensorCount * 33).toBeLessThan(bytes.length);
        }
        expect(readBytes).toBeLessThanOrEqual(3 * bytes.length + 64);
      }),
      { numRuns: 1_000 },
    );
    // Both ends are met: neither a reader that refuses all nor one that takes all would pass.
    expect(outcomes.headers).toBeGreaterThan(25);
    expect(outcomes.errors).toBeGreaterThan(250);
  });

  test('random bytes after the magic end in a typed error', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 600 }), async (tail) => {
        const { error } = await inspect(Buffer.concat([Buffer.from('GGUF'), u32(3), tail]));
        expect(['MODEL_INVALID', 'MODEL_UNSUPPORTED']).toContain(error?.code);
      }),
      { numRuns: 500 },
    );
  });
});

describe('an SBS file', () => {
  const align = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc((256 - (bytes.length % 256)) % 256)]);
  const header = (blobs: number, fileBytes: number) =>
    Buffer.concat([Buffer.from('SBS\n'), u32(blobs), u64(BigInt(fileBytes))]);
  const directory = (ranges: readonly (readonly [number, number])[]) =>
    Buffer.concat([
      ...ranges.map((_, index) => Buffer.concat([text(`key-${index}`), Buffer.alloc(16)]).subarray(8, 24)),
      ...ranges.flatMap(([offset, bytes]) => [u64(BigInt(offset)), u64(BigInt(bytes))]),
    ]);

  function version1(): Buffer {
    const head = 16 + 2 * 32;
    const blobs = [Buffer.alloc(300, 1), Buffer.alloc(256, 2)].map(align);
    const start = Math.ceil(head / 256) * 256;
    const size = start + 512 + 256;
    return Buffer.concat([
      align(
        Buffer.concat([
          header(2, size),
          directory([
            [start, 300],
            [start + 512, 256],
          ]),
        ]),
      ),
      ...blobs,
    ]);
  }
  function version2(): Buffer {
    const body = Buffer.concat([align(header(0, 65_536)), align(Buffer.alloc(300, 1))]);
    const list = directory([[256, 300]]);
    const size = body.length + list.length + 16;
    return Buffer.concat([body, list, header(1, size)]);
  }

  test.each([
    ['1', version1(), 2],
    ['2', version2(), 1],
  ])('of version %s is sound', async (version, bytes, blobs) => {
    const outcome = await inspect(bytes);
    expect(outcome.error).toBeUndefined();
    expect(outcome.header).toMatchObject({ format: 'sbs', version: Number(version), tensorCount: blobs, chat: false });
  });

  test('cut anywhere, lengthened or with a changed count is refused', async () => {
    for (const bytes of [version1(), version2()]) {
      for (let length = 0; length < bytes.length; length += 7) {
        expect((await inspect(bytes.subarray(0, length))).error?.code).toBe('MODEL_INVALID');
      }
      expect((await inspect(Buffer.concat([bytes, Buffer.alloc(1)]))).error?.code).toBe('MODEL_INVALID');
      const counted = Buffer.from(bytes);
      counted.writeUInt32LE(0xffffffff, counted.subarray(4, 8).equals(u32(0)) ? bytes.length - 12 : 4);
      expect((await inspect(counted)).error?.code).toBe('MODEL_INVALID');
    }
  });

  test('with mutated bytes ends in a header or MODEL_INVALID', async () => {
    const base = version1();
    await fc.assert(
      fc.asyncProperty(fc.nat(95), fc.bigInt(0n, 2n ** 64n - 1n), async (at, value) => {
        const bytes = Buffer.from(base);
        bytes.writeBigUInt64LE(value, at);
        const { error, readBytes } = await inspect(bytes);
        if (error !== undefined) expect(error.code).toBe('MODEL_INVALID');
        expect(readBytes).toBeLessThanOrEqual(2 * bytes.length + 64);
      }),
      { numRuns: 500 },
    );
  });
});

test('a path where nothing is, and a folder, are told by name', async () => {
  const folder = await temporaryFolder();
  await expect(inspectModelFile(join(folder, 'no.gguf'))).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
  await expect(inspectModelFile(folder)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
});
