import type { AddonModel } from './addon-types.ts';

/** The bytes that a token stands for in a text. A token may hold a part of a character; a control token holds nothing. */
export type TokenBytes = (token: number) => Buffer;

const attributes = { unknown: 1, unused: 2, normal: 4, control: 8, userDefined: 16, byte: 32 } as const;

/** llama.cpp's numbers for kinds of vocabulary. */
export const vocabularyType = { sentencePiece: 1, bytePair: 2, wordPiece: 3, unigram: 4 } as const;

const nothing = Buffer.alloc(0);

/** Makes a function that tells the bytes of a model's tokens. Each token is asked for once. */
export function createTokenBytes(
  model: Pick<AddonModel, 'getTokenString' | 'getTokenAttributes' | 'getVocabularyType'>,
): TokenBytes {
  const known = new Map<number, Buffer>();
  const type = model.getVocabularyType();
  return (token) => {
    let bytes = known.get(token);
    if (bytes === undefined) {
      bytes = read(token);
      known.set(token, bytes);
    }
    return bytes;
  };

  function read(token: number): Buffer {
    const text = model.getTokenString(token);
    const kind = model.getTokenAttributes(token);
    if (text === undefined || (kind & (attributes.unknown | attributes.control | attributes.unused)) !== 0)
      return nothing;
    if ((kind & attributes.byte) !== 0) {
      const hex = /^<0x([0-9A-Fa-f]{2})>$/.exec(text)?.[1];
      return hex === undefined ? nothing : Buffer.from(hex, 'hex');
    }
    if ((kind & attributes.userDefined) !== 0) return Buffer.from(text);
    if (type === vocabularyType.bytePair) {
      const bytes = fromByteLetters(text);
      if (bytes !== undefined) return bytes;
    }
    return Buffer.from(text.replaceAll('\u2581', ' '));
  }
}

/** Undoes the spelling of bytes as printable letters in byte-level vocabularies; `undefined` for another spelling. */
function fromByteLetters(text: string): Buffer | undefined {
  const bytes: number[] = [];
  for (const letter of text) {
    const byte = byteOfLetter.get(letter);
    if (byte === undefined) return undefined;
    bytes.push(byte);
  }
  return Buffer.from(bytes);
}

/** Printable Latin-1 letters stand for themselves; the other bytes follow from U+0100 on, in order. */
const byteOfLetter: ReadonlyMap<string, number> = byteLetters();

function byteLetters(): Map<string, number> {
  const letters = new Map<string, number>();
  let next = 0x100;
  for (let byte = 0; byte < 256; byte += 1) {
    const isPrintable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    letters.set(String.fromCodePoint(isPrintable ? byte : next), byte);
    if (!isPrintable) next += 1;
  }
  return letters;
}
