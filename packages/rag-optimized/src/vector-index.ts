/* oxlint-disable typescript/no-non-null-assertion -- typed arrays: every index is below a length that is kept here */
import type { DenseQuery, RecordStore, RowSet, ScoredRow } from '@gemma-cli/contracts';
import { createBestRows, offerRow, rowsInOrder } from './best-rows.ts';
import { createByteRows, productRows } from './byte-rows.ts';
import type { ByteRows } from './byte-rows.ts';

/** Vectors of the rows of a record, compared exactly. */
export interface VectorIndex {
  /** Rows that have one. */
  readonly size: number;
  readonly memoryBytes: number;
  /** Takes a vector, in the place of an older one of its row. `seq` is its position in the record. */
  put(number: number, vector: Float32Array, seq: number): void;
  remove(number: number): void;
  /** Position of a row's vector; `undefined` = it has none. */
  seqOf(number: number): number | undefined;
  search(query: DenseQuery): readonly ScoredRow[];
}

/**
 * Up to so many rows their vectors are kept as they are and compared one by one: 15 MB of 384 dimensions. Beyond, a byte a
 * dimension is kept, and the few rows that may be among the best are compared with their vectors in the record.
 */
const flatRowsMax = 10_000;

/** Rows are looked up one by one where they are less than such a part of all: a pass over all is cheaper for each. */
const fewOf = 8;

/** What {@link createVectorIndex} takes. */
export interface VectorIndexParts {
  /** The vector that was put at a position; `null` = it is gone. */
  readonly read: (seq: number) => Float32Array | null;
  /** Default {@link flatRowsMax}. */
  readonly flatMax?: number | undefined;
}

/** Reads single vectors of a record. */
export function readerOf(record: RecordStore, embedId: string): (seq: number) => Float32Array | null {
  return (seq) => {
    const [found] = record.vectors(embedId, seq - 1, 1);
    return found?.seq === seq ? found.vector : null;
  };
}

/**
 * Of a row whose vector is `v`, `v' = scale · bytes` is kept and, rounded up, `error = |v - v'|`. For a query `q` of length
 * 1, `|q·v - q·v'| ≤ error` (Cauchy and Schwarz). So a row can be among the best only if `q·v' + error` reaches the worst
 * of the best `q·v' - error`, and the rows for which it does are compared exactly: what is found is what a comparison with
 * all vectors finds.
 */
export function createVectorIndex({ read, flatMax = flatRowsMax }: VectorIndexParts): VectorIndex {
  let dimensions = 0;
  let capacity = 0;
  /** Slots that were ever taken. */
  let slots = 0;
  /** Of each slot; 0 = it is free. */
  let numbers = new Float64Array(0);
  let seqs = new Float64Array(0);
  let errors = new Float64Array(0);
  let scales = new Float64Array(0);
  let coded: ByteRows | null = null;
  let floats: Float32Array | null = new Float32Array(0);
  let nearly = new Float64Array(0);
  const slotOf = new Map<number, number>();
  const free: number[] = [];

  function reserve(more: number): void {
    if (slots + more <= capacity) return;
    capacity = Math.max(64, slots + more, Math.ceil(capacity * 1.5));
    numbers = grown(numbers, new Float64Array(capacity));
    seqs = grown(seqs, new Float64Array(capacity));
    if (floats !== null && capacity > flatMax && slots + more > flatMax) quantizeAll(floats);
    else if (floats !== null) floats = grown(floats, new Float32Array(capacity * dimensions));
    else if (coded !== null) {
      coded.reserve(capacity);
      errors = grown(errors, new Float64Array(capacity));
      scales = grown(scales, new Float64Array(capacity));
    }
  }

  function quantizeAll(from: Float32Array): void {
    const rows = createByteRows(dimensions);
    rows.reserve(capacity);
    coded = rows;
    errors = new Float64Array(capacity);
    scales = new Float64Array(capacity);
    for (let slot = 0; slot < slots; slot++) quantize(slot, from, slot * dimensions, rows);
    floats = null;
  }

  function quantize(slot: number, from: Float32Array, start: number, { bytes, stride }: ByteRows): void {
    let greatest = 0;
    for (let index = 0; index < dimensions; index++) greatest = Math.max(greatest, Math.abs(from[start + index]!));
    const scale = greatest / 127;
    const base = slot * stride;
    let error = 0;
    for (let index = 0; index < dimensions; index++) {
      const value = from[start + index]!;
      const byte = scale === 0 ? 0 : Math.round(value / scale);
      bytes[base + index] = byte;
      error += (value - byte * scale) ** 2;
    }
    scales[slot] = scale;
    // A little more than it is: the sums that it bounds are rounded too.
    errors[slot] = Math.sqrt(error) * (1 + 1e-9) + 1e-12;
  }

  /** Some rows of many, of which none is to be left out. */
  function searchFew(allowed: RowSet, { vector, hidden }: DenseQuery): readonly ScoredRow[] {
    const found: ScoredRow[] = [];
    for (const number of allowed.numbers()) {
      const slot = slotOf.get(number);
      if (slot === undefined || hidden?.has(number) === true) continue;
      const exact = floats ?? read(seqs[slot]!);
      if (exact === null) continue;
      const start = exact === floats ? slot * dimensions : 0;
      found.push({ number, score: exactly(vector, exact, start, dimensions) });
    }
    return found.toSorted((one, other) => other.score - one.score || one.number - other.number);
  }

  function searchFlat(vectors: Float32Array, { vector, limit, allowed, hidden }: DenseQuery): readonly ScoredRow[] {
    const best = createBestRows(limit);
    for (let slot = 0; slot < slots; slot++) {
      const number = numbers[slot]!;
      if (number === 0 || allowed?.has(number) === false || hidden?.has(number) === true) continue;
      offerRow(best, exactly(vector, vectors, slot * dimensions, dimensions), number);
    }
    return rowsInOrder(best);
  }

  function searchBytes(rows: ByteRows, { vector, limit, allowed, hidden }: DenseQuery): readonly ScoredRow[] {
    const query = quantizedQuery(vector, rows);
    if (nearly.length < slots) nearly = new Float64Array(capacity);
    const best = createBestRows(limit);
    for (let from = 0; from < slots; from += productRows) {
      const count = Math.min(productRows, slots - from);
      const products = rows.products(query.numbers, from, count);
      for (let index = 0; index < count; index++) {
        const slot = from + index;
        const number = numbers[slot]!;
        if (number === 0 || allowed?.has(number) === false || hidden?.has(number) === true) {
          nearly[slot] = -Infinity;
          continue;
        }
        const cosine = scales[slot]! * query.scale * products[index]!;
        const error = errors[slot]! + query.error * scales[slot]!;
        nearly[slot] = cosine + error;
        offerRow(best, cosine - error, number);
      }
    }
    // A little lower: these sums are added in another order than the exact ones.
    const least = best.size < limit ? -Infinity : best.floor - 1e-9;
    const found: ScoredRow[] = [];
    for (let slot = 0; slot < slots; slot++) {
      if (nearly[slot]! < least || nearly[slot] === -Infinity) continue;
      const exact = read(seqs[slot]!);
      if (exact !== null) found.push({ number: numbers[slot]!, score: exactly(vector, exact, 0, dimensions) });
    }
    return found.toSorted((one, other) => other.score - one.score || one.number - other.number).slice(0, limit);
  }

  return {
    get size() {
      return slotOf.size;
    },
    get memoryBytes() {
      return (
        numbers.byteLength +
        seqs.byteLength +
        errors.byteLength +
        scales.byteLength +
        nearly.byteLength +
        (coded?.byteLength ?? 0) +
        (floats?.byteLength ?? 0)
      );
    },
    put(number, vector, seq) {
      if (dimensions === 0) dimensions = vector.length;
      // Another length is of another embedder; it never comes from one record under one name.
      if (vector.length !== dimensions) return;
      let slot = slotOf.get(number) ?? free.pop();
      if (slot === undefined) {
        reserve(1);
        slot = slots++;
      }
      slotOf.set(number, slot);
      numbers[slot] = number;
      seqs[slot] = seq;
      if (floats !== null) floats.set(vector, slot * dimensions);
      else if (coded !== null) quantize(slot, vector, 0, coded);
    },
    remove(number) {
      const slot = slotOf.get(number);
      if (slot === undefined) return;
      slotOf.delete(number);
      numbers[slot] = 0;
      free.push(slot);
    },
    seqOf(number) {
      const slot = slotOf.get(number);
      return slot === undefined ? undefined : seqs[slot];
    },
    search(query) {
      if (query.vector.length !== dimensions) return [];
      const { allowed } = query;
      if (allowed !== null && allowed.size <= Math.min(slots / fewOf, query.limit)) return searchFew(allowed, query);
      if (floats !== null) return searchFlat(floats, query);
      return coded === null ? [] : searchBytes(coded, query);
    },
  };
}

function grown<Kind extends Float32Array | Float64Array>(from: Kind, to: Kind): Kind {
  to.set(from.subarray(0, Math.min(from.length, to.length)));
  return to;
}

/** The product as the legacy memory computes it: one dimension after the other. */
function exactly(one: Float32Array, other: Float32Array, start: number, dimensions: number): number {
  let sum = 0;
  for (let index = 0; index < dimensions; index++) sum += one[index]! * other[start + index]!;
  return sum;
}

/**
 * A query in whole numbers: `q' = scale · numbers`. `error` times the scale of a row is no less than `|q·v' - q'·v'|`, again by
 * Cauchy and Schwarz: no byte of a row is above 127.
 */
function quantizedQuery(vector: Float32Array, { stride, queryMax }: ByteRows) {
  let greatest = 0;
  for (const value of vector) greatest = Math.max(greatest, Math.abs(value));
  const scale = greatest / queryMax;
  const numbers = new Int16Array(stride);
  let error = 0;
  for (let index = 0; index < vector.length; index++) {
    const number = scale === 0 ? 0 : Math.round(vector[index]! / scale);
    numbers[index] = number;
    error += (vector[index]! - number * scale) ** 2;
  }
  return { numbers, scale, error: Math.sqrt(error * vector.length) * 127 * (1 + 1e-9) };
}
