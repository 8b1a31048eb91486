import { GemmaError } from '@gemma-cli/contracts';
import type { ByteSource } from './byte-source.ts';

/** Bytes that one read of the file brings. A header of a few kilobytes takes one, a big vocabulary some dozens. */
const windowBytes = 256 * 1024;

/**
 * Reads little-endian fields forward through a byte source. Every field is checked against the end of the source before
 * it is read, and nothing is allocated by a length that the source itself claims.
 *
 * `need` is awaited before the synchronous getters; `tryNeed` tells whether it has to be.
 */
export class HeaderReader {
  /** Absolute place of the next field. */
  position = 0;
  /** Bytes read from the source so far. */
  readBytes = 0;
  readonly sizeBytes: number;
  readonly #source: ByteSource;
  #window: Buffer = Buffer.alloc(0);
  #windowStart = 0;

  constructor(source: ByteSource) {
    this.#source = source;
    this.sizeBytes = source.sizeBytes;
  }

  /** Bytes from here to the end. */
  get remaining(): number {
    return this.sizeBytes - this.position;
  }

  /** Whether the next `length` bytes are in memory. */
  tryNeed(length: number): boolean {
    return this.position >= this.#windowStart && this.position + length <= this.#windowStart + this.#window.length;
  }

  /** Brings the next `length` bytes into memory; refuses when the source ends before. */
  async need(length: number, what: string): Promise<void> {
    if (this.tryNeed(length)) return;
    if (length > this.remaining) throw this.invalid(`${what} runs past the end of the file`);
    this.#window = await this.#source.read(this.position, Math.max(length, windowBytes));
    this.#windowStart = this.position;
    this.readBytes += this.#window.length;
    if (this.#window.length < length) throw this.invalid(`the file became shorter while it was read`);
  }

  u8(): number {
    return this.#window.readUInt8(this.#take(1));
  }
  u16(): number {
    return this.#window.readUInt16LE(this.#take(2));
  }
  u32(): number {
    return this.#window.readUInt32LE(this.#take(4));
  }
  /**
   * A 64-bit count or length as a number. Above 2^53 it is rounded, which changes nothing: it is compared with the size of
   * a file, and no file is that long.
   */
  u64(): number {
    const at = this.#take(8);
    return this.#window.readUInt32LE(at) + this.#window.readUInt32LE(at + 4) * 4_294_967_296;
  }
  text(length: number): string {
    const at = this.#take(length);
    return this.#window.toString('utf8', at, at + length);
  }
  /** Steps over bytes without reading them. */
  skip(length: number, what: string): void {
    if (!(length <= this.remaining)) throw this.invalid(`${what} runs past the end of the file`);
    this.position += length;
  }

  /** The error of a file that is not what it says. */
  invalid(reason: string, facts: Readonly<Record<string, unknown>> = {}): GemmaError {
    return new GemmaError({
      code: 'MODEL_INVALID',
      message: `Expected a sound model file, but ${reason}. Fetch the file again, or choose another.`,
      facts: { reason, position: this.position, sizeBytes: this.sizeBytes, ...facts },
    });
  }

  #take(length: number): number {
    const at = this.position - this.#windowStart;
    this.position += length;
    return at;
  }
}
