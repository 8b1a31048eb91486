import { open } from 'node:fs/promises';

/** Random access to bytes of known length: a file, or a buffer in a test. */
export interface ByteSource {
  readonly sizeBytes: number;
  /** Reads up to `length` bytes at `position`; fewer only at the end. */
  read(position: number, length: number): Promise<Buffer>;
}

/** Bytes of an open file; the caller's `use` gets it and the file is closed afterwards. */
export async function withFileBytes<T>(path: string, use: (source: ByteSource) => Promise<T>): Promise<T> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    return await use({
      sizeBytes: size,
      async read(position, length) {
        const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(length, size - position)));
        let filled = 0;
        while (filled < buffer.length) {
          const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, position + filled);
          if (bytesRead === 0) break;
          filled += bytesRead;
        }
        return buffer.subarray(0, filled);
      },
    });
  } finally {
    await file.close();
  }
}
