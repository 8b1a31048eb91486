/** Bytes that grow. */
export interface ByteWriter {
  bytes: Uint8Array;
  length: number;
}

/** An empty one. */
export function createByteWriter(capacity = 1_024): ByteWriter {
  return { bytes: new Uint8Array(capacity), length: 0 };
}

/** Makes room for so many bytes more. */
export function reserveBytes(writer: ByteWriter, more: number): void {
  const needed = writer.length + more;
  if (needed <= writer.bytes.length) return;
  const grown = new Uint8Array(Math.max(needed, writer.bytes.length * 2));
  grown.set(writer.bytes.subarray(0, writer.length));
  writer.bytes = grown;
}

/** Appends a number from 0 to 2^32 - 1, seven bits a byte, the lowest first. */
export function writeVarint(writer: ByteWriter, value: number): void {
  reserveBytes(writer, 5);
  let rest = value;
  while (rest > 127) {
    writer.bytes[writer.length++] = (rest & 127) | 128;
    rest >>>= 7;
  }
  writer.bytes[writer.length++] = rest;
}

/** Appends `source[start..end)`. */
export function writeBytes(writer: ByteWriter, source: Uint8Array, start: number, end: number): void {
  reserveBytes(writer, end - start);
  // Shorter than a call of `set` with a view, for the few bytes of a term.
  for (let at = start; at < end; at++) writer.bytes[writer.length++] = source[at] as number;
}
