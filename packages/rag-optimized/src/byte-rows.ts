/* oxlint-disable typescript/no-non-null-assertion -- typed arrays: every index is below a length that is kept here */
import { createMemory, growMemory } from './kernel-room.ts';
import { productsIn } from './search-kernel.ts';

/** Rows of a byte a dimension, and their products with a query of two bytes a dimension: whole numbers, exact. */
export interface ByteRows {
  /** The rows one after the other. Another list after `reserve`. */
  readonly bytes: Int8Array;
  /** Bytes from one row to the next. */
  readonly stride: number;
  /** Greatest number of a query with which no product is beyond 32 bits. */
  readonly queryMax: number;
  /** Bytes of all of it. */
  readonly byteLength: number;
  /** Makes room for so many rows. */
  reserve(rows: number): void;
  /** Products of `count` rows, at most {@link productRows}, from one on. The list is used again by the next call. */
  products(query: Int16Array, from: number, count: number): Int32Array;
}

/** Rows whose products are computed at once. */
export const productRows = 1_024;

/** Room without rows. They lie in a memory of WebAssembly where there is one. */
export function createByteRows(dimensions: number): ByteRows {
  const stride = Math.ceil(dimensions / 16) * 16;
  const queryMax = Math.min(32_767, Math.floor((2 ** 31 - 1) / (127 * stride)));
  // The query, the products, the rows.
  const productsAt = stride * 2;
  const rowsAt = productsAt + productRows * 4;
  let memory = createMemory(rowsAt);
  const kernel = memory === null ? null : productsIn(memory);
  if (kernel === null) memory = null;
  let bytes = memory === null ? new Int8Array(0) : new Int8Array(memory.buffer, rowsAt, 0);
  const sums = new Int32Array(productRows);

  return {
    get bytes() {
      return bytes;
    },
    stride,
    queryMax,
    get byteLength() {
      return memory?.buffer.byteLength ?? bytes.byteLength;
    },
    reserve(rows) {
      const size = rows * stride;
      if (size <= bytes.length) return;
      if (memory !== null && growMemory(memory, rowsAt + size)) {
        bytes = new Int8Array(memory.buffer, rowsAt, size);
        return;
      }
      memory = null;
      const larger = new Int8Array(size);
      larger.set(bytes);
      bytes = larger;
    },
    products(query, from, count) {
      if (memory === null || kernel === null) {
        for (let row = 0; row < count; row++) sums[row] = product(query, bytes, (from + row) * stride);
        return sums;
      }
      new Int16Array(memory.buffer, 0, stride).set(query);
      kernel(0, stride, rowsAt + from * stride, count, productsAt);
      return new Int32Array(memory.buffer, productsAt, count);
    },
  };
}

/** Four sums, which the processor adds to side by side. */
function product(query: Int16Array, bytes: Int8Array, start: number): number {
  let sum0 = 0;
  let sum1 = 0;
  let sum2 = 0;
  let sum3 = 0;
  for (let index = 0; index < query.length; index += 4) {
    sum0 += query[index]! * bytes[start + index]!;
    sum1 += query[index + 1]! * bytes[start + index + 1]!;
    sum2 += query[index + 2]! * bytes[start + index + 2]!;
    sum3 += query[index + 3]! * bytes[start + index + 3]!;
  }
  return sum0 + sum1 + sum2 + sum3;
}
