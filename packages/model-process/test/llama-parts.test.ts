import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import type { GemmaError } from '@gemma-cli/contracts';
import { addonBuilds, llamaRuntimeVersion } from '../src/llama/llama-addon.ts';
import { readGgufMetadata } from '../src/llama/gguf-metadata.ts';
import { lookUp } from '../src/llama/speculation.ts';
import { checkStateFile, sealStateFile } from '../src/llama/state-file.ts';
import { createTokenBytes, vocabularyType } from '../src/llama/token-bytes.ts';

const folder = mkdtempSync(join(tmpdir(), 'gemma-llama-parts-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const u64 = (value: number): Buffer => Buffer.concat([u32(value % 2 ** 32), u32(Math.floor(value / 2 ** 32))]);
const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);

/** A GGUF header with values of every kind; the vocabulary is longer than one block of the reader. */
function gguf(vocabulary = 30_000): Buffer {
  const float = Buffer.alloc(4);
  float.writeFloatLE(0.5);
  const values: Buffer[][] = [
    [text('general.architecture'), u32(8), text('gemma3')],
    [text('tokenizer.ggml.tokens'), u32(9), u32(8), u64(vocabulary)],
    [text('tokenizer.ggml.scores'), u32(9), u32(6), u64(vocabulary), Buffer.alloc(4 * vocabulary)],
    [text('gemma3.attention.sliding_window'), u32(4), u32(512)],
    [text('a.bool'), u32(7), Buffer.of(1)],
    [text('a.float'), u32(6), float],
    [text('a.big'), u32(10), u64(2 ** 40)],
    [text('tokenizer.chat_template'), u32(8), text('{{ messages }}')],
  ];
  values[1]?.push(...Array.from({ length: vocabulary }, (_, index) => text(`token number ${index} with some letters`)));
  return Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(2),
    u64(values.length),
    ...values.flat(),
    ...['output.weight', 'cls.weight'].flatMap((name) => [text(name), u32(2), u64(8), u64(8), u32(0), u64(0)]),
  ]);
}

describe('readGgufMetadata', () => {
  it('reads values and tensor names, and skips lists however long', () => {
    const path = join(folder, 'sound.gguf');
    writeFileSync(path, gguf());
    const { values, tensorNames } = readGgufMetadata(path);
    expect(Object.fromEntries(values)).toEqual({
      'general.architecture': 'gemma3',
      'gemma3.attention.sliding_window': 512,
      'a.bool': true,
      'a.float': 0.5,
      'a.big': 2 ** 40,
      'tokenizer.chat_template': '{{ messages }}',
    });
    expect(tensorNames).toEqual(['output.weight', 'cls.weight']);
  });

  it('refuses a file that ends anywhere inside its header', () => {
    const whole = gguf(3);
    const path = join(folder, 'short.gguf');
    // Of the last tensor's place, the last thing in it, only the length is looked at by llama.cpp.
    for (let bytes = 0; bytes < whole.length - 28; bytes += 3) {
      writeFileSync(path, whole.subarray(0, bytes));
      expect(() => readGgufMetadata(path)).toThrow(/end/);
    }
  });

  it('ends with an error, never without end, on damaged headers', () => {
    const whole = gguf(3);
    const path = join(folder, 'damaged.gguf');
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, value) => {
        const damaged = Buffer.from(whole);
        damaged[at] = value;
        writeFileSync(path, damaged);
        try {
          readGgufMetadata(path);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('createTokenBytes', () => {
  const normal = 4;
  const control = 8;
  const userDefined = 16;
  const byte = 32;

  function tokenBytes(type: number, tokens: readonly (readonly [string, number])[]): (token: number) => Buffer {
    return createTokenBytes({
      getVocabularyType: () => type,
      getTokenString: (token) => tokens[token]?.[0],
      getTokenAttributes: (token) => tokens[token]?.[1] ?? 0,
    });
  }

  it('reads SentencePiece tokens: space marks, single bytes, user-defined ones, and nothing of control tokens', () => {
    const bytes = tokenBytes(vocabularyType.sentencePiece, [
      ['\u2581the', normal],
      ['<0xE2>', byte],
      ['<eos>', control],
      ['<table>', userDefined],
    ]);
    expect([0, 1, 2, 3, 4].map((token) => bytes(token).toString('latin1'))).toEqual([
      ' the',
      '\xE2',
      '',
      '<table>',
      '',
    ]);
  });

  it('reads byte-level tokens, whose letters stand for bytes', () => {
    // 😀 is F0 9F 98 80; a byte-level vocabulary writes the last three as letters from U+0100 on.
    const bytes = tokenBytes(vocabularyType.bytePair, [
      ['\u0120hello', normal],
      ['\u00F0\u0141\u013A\u0122', normal],
      ['\u2581space mark', normal],
    ]);
    expect(bytes(0).toString()).toBe(' hello');
    expect(bytes(1).toString()).toBe('😀');
    expect(bytes(2).toString()).toBe(' space mark');
  });
});

describe('lookUp', () => {
  it('guesses what followed the last tokens where they came last before', () => {
    expect(lookUp([1, 2, 3, 9, 9, 1, 2, 3, 4, 5, 6, 1, 2, 3], 2)).toEqual([4, 5]);
    expect(lookUp([7, 8, 5, 7, 8], 8)).toEqual([5, 7, 8]);
  });

  it('guesses nothing where nothing comes again, and never more than asked', () => {
    expect(lookUp([1, 2, 3, 4, 5], 8)).toEqual([]);
    expect(lookUp([], 8)).toEqual([]);
    fc.assert(
      fc.property(fc.array(fc.nat(3), { maxLength: 60 }), fc.integer({ min: 1, max: 8 }), (tokens, most) => {
        const guesses = lookUp(tokens, most);
        expect(guesses.length).toBeLessThanOrEqual(most);
        // What is guessed stands in the text, after the last two tokens.
        if (guesses.length > 0) {
          const needle = [...tokens.slice(-2), ...guesses].join(',');
          expect(tokens.join(',')).toContain(needle);
        }
      }),
    );
  });
});

describe('a sealed state file', () => {
  const tokens = [5, 6, 7];
  const content = Buffer.concat([u32(0x67677371), u32(2), u32(3), ...tokens.map(u32), Buffer.alloc(60, 1)]);

  function seal(name: string): string {
    const path = join(folder, name);
    writeFileSync(path, content);
    expect(sealStateFile(path, 'owner', content.length)).toBe(statSync(path).size);
    return path;
  }

  it('is accepted for its owner and tokens alone', () => {
    const path = seal('sealed');
    expect(() => checkStateFile(path, 'owner', tokens)).not.toThrow();
    expect(() => checkStateFile(path, 'other', tokens)).toThrow(/another model/);
    expect(() => checkStateFile(path, 'owner', [5, 6, 8])).toThrow(/other tokens/);
    expect(() => checkStateFile(path, 'owner', [5, 6])).toThrow(/other tokens/);
    const problemOf = (file: string, owner: string): unknown => {
      try {
        checkStateFile(file, owner, tokens);
      } catch (error) {
        return (error as GemmaError).facts['problem'];
      }
      return undefined;
    };
    expect(problemOf(path, 'other')).toBe('foreign');
    expect(problemOf(`${path}.gone`, 'owner')).toBe('vanished');
    writeFileSync(`${path}.cut`, 'half');
    expect(problemOf(`${path}.cut`, 'owner')).toBe('damaged');
  });

  it('is refused with any byte changed and at any length but its own', () => {
    const whole = readFileSync(seal('whole'));
    const path = join(folder, 'damaged');
    for (let at = 0; at < whole.length; at += 1) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      writeFileSync(path, damaged);
      expect(() => checkStateFile(path, 'owner', tokens), `byte ${at}`).toThrow(/is not used/);
    }
    for (let length = 0; length < whole.length; length += 7) {
      writeFileSync(path, whole.subarray(0, length));
      expect(() => checkStateFile(path, 'owner', tokens), `length ${length}`).toThrow(/is not used/);
    }
  });

  it('says that the disk is full when less arrived than was written, and leaves no part of it', () => {
    const path = join(folder, 'part');
    writeFileSync(path, content.subarray(0, 50));
    expect(() => sealStateFile(path, 'owner', content.length)).toThrow(expect.objectContaining({ code: 'DISK_FULL' }));
    expect(() => statSync(path)).toThrow(/ENOENT/);
  });
});

describe('the pinned runtime', () => {
  it('is the version that the package asks for', () => {
    const workspace = readFileSync(join(import.meta.dirname, '../../../pnpm-workspace.yaml'), 'utf8');
    expect(workspace).toContain(`  node-llama-cpp: ${llamaRuntimeVersion}\n`);
  });

  it('takes a GPU build before the CPU build where one may be installed, and knows no build for an unknown machine', () => {
    expect(addonBuilds('linux', 'x64')).toEqual(['linux-x64-cuda', 'linux-x64-vulkan', 'linux-x64']);
    expect(addonBuilds('darwin', 'arm64')).toEqual(['mac-arm64-metal']);
    expect(addonBuilds('aix', 'ppc64')).toEqual([]);
  });
});
