import { StringDecoder } from 'node:string_decoder';

/** Decodes UTF-8 that comes in pieces cut at any byte. */
export interface Utf8Stream {
  /** The characters that `bytes` completes. Invalid bytes become U+FFFD, as everywhere. */
  write(bytes: Uint8Array): string;
  /** What is left of an unfinished character at the end: U+FFFD, or nothing. */
  end(): string;
}

/** Makes a decoder that never gives a character before its last byte is there. */
export function createUtf8Stream(): Utf8Stream {
  const decoder = new StringDecoder('utf8');
  return {
    write: (bytes) => decoder.write(bytes),
    end: () => decoder.end(),
  };
}
