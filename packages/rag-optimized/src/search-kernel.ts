import type { BestRows } from './best-rows.ts';
import { kernelCode } from './kernel-code.ts';
import { cursorBytes, cursorsMax, limitMax, placesOf, termsBytesMax, webAssembly } from './kernel-room.ts';
import type { WasmMemory } from './kernel-room.ts';
import { work } from './posting-blocks.ts';
import type { Segment } from './segment.ts';

/**
 * Looks terms up and searches a segment in WebAssembly: what `segment.ts` and `search-segment.ts` do, for segments that lie in a
 * memory of their own. It finds the same, in a fraction of the time as long as a process is young, and in half of it later. So
 * little is left to JavaScript that its compiler, whose time is a query's too, has not much to do. Its source is
 * `kernel/search-kernel.as`.
 */
export interface SearchKernel {
  /** What each code of length weighs: filled in by whoever searches. */
  readonly norms: Float64Array;
  /** Looks terms up. `false` = they are not for it. */
  find(terms: KernelTerms): boolean;
  /** Rows that have the term of a place among those that were looked up, removed ones included; 0 = none. */
  frequencyOf(place: number): number;
  /** Says how a term that was looked up weighs. */
  weigh(place: number, idf: number, times: number): void;
  /** Offers the rows that have at least one of the terms, which were looked up and weighed. */
  search(best: BestRows, mask: Int32Array | null, isSparse: boolean): void;
}

/** The terms of a query as kernels take them. */
export interface KernelTerms {
  /** Each with a line feed behind it. */
  readonly text: string;
  readonly count: number;
}

/** Terms for kernels; `null` where they or the hits wanted are too many or too long for them, or written as no UTF-8 is. */
export function kernelTerms(terms: readonly { readonly term: string }[], limit: number): KernelTerms | null {
  if (terms.length > cursorsMax || limit > limitMax) return null;
  let text = '';
  for (const { term } of terms) text += `${term}\n`;
  return text.length > termsBytesMax / 3 || surrogate.test(text) ? null : { text, count: terms.length };
}

/** Characters of two code units and halves of them, which `writeTerm` writes as no UTF-8 does. */
const surrogate = /[\ud800-\udfff\u{10000}-\u{10ffff}]/u;

interface KernelExports {
  place(...places: readonly number[]): void;
  work(...places: readonly number[]): void;
  find(terms: number): number;
  search(
    terms: number,
    limit: number,
    size: number,
    floor: number,
    floorNumber: number,
    hasMask: number,
    isSparse: number,
  ): number;
  products(query: number, dimensions: number, rows: number, count: number, to: number): void;
}

let kernelModule: object | null = null;

const encoder = new TextEncoder();

/** The kernel on a memory; `null` where there is no WebAssembly, or the processor lacks what it needs. */
function instanceIn(memory: WasmMemory): KernelExports | null {
  const wasm = webAssembly();
  if (wasm === undefined) return null;
  try {
    kernelModule ??= new wasm.Module(Buffer.from(kernelCode, 'base64'));
    return new wasm.Instance(kernelModule, { env: { memory } }).exports as KernelExports;
  } catch (error) {
    // Old processors lack its instructions on vectors.
    if (!(error instanceof Error) || error.name !== 'CompileError') throw error;
    return null;
  }
}

/** Computes products of a query with rows of bytes that lie in a memory; `null` where there is no kernel. */
export function productsIn(memory: WasmMemory): KernelExports['products'] | null {
  return instanceIn(memory)?.products ?? null;
}

/** A kernel for a segment; `null` where it has no room for one, or the processor lacks what it needs. */
export function createSearchKernel(segment: Segment): SearchKernel | null {
  const { memory } = segment;
  const kernel = memory === null ? null : instanceIn(memory);
  if (memory === null || kernel === null) return null;
  const { buffer } = memory;
  const places = placesOf(segment.bytes.byteLength, segment.rows, segment.lengths.length);
  kernel.place(
    segment.rows,
    segment.firstNumber,
    segment.numbers?.byteOffset ?? 0,
    segment.codes.byteOffset,
    segment.blockLasts.byteOffset,
    segment.blockWords.byteOffset,
    segment.blockBits.byteOffset,
    segment.blockOnce.byteOffset,
    segment.blockMore.byteOffset,
    segment.blockTop.byteOffset,
    segment.words.byteOffset,
    segment.dictionary.byteOffset,
    segment.dictionary.byteLength,
    segment.groupBytes.length,
    segment.groupBytes.byteOffset,
    segment.groupBlocks.byteOffset,
  );
  kernel.work(
    places.norms,
    segment.lengths.length,
    places.once,
    places.cursors,
    places.order,
    places.sums,
    places.touched,
    places.nearRows,
    places.nearScores,
    places.mask,
    places.bestScores,
    places.bestNumbers,
    places.terms,
    places.told,
  );
  // Checksums of the file may lie here.
  new Uint8Array(buffer, places.touched, 4_096 / 8).fill(0);
  new Float64Array(buffer, places.sums, 4_096).fill(0);
  const weights = new Float64Array(buffer, places.cursors, (cursorsMax * cursorBytes) / 8);
  const postings = new Int32Array(buffer, places.cursors, (cursorsMax * cursorBytes) / 4);
  const told = new Int32Array(buffer, places.told, 1);
  const bestScores = new Float64Array(buffer, places.bestScores, limitMax);
  const bestNumbers = new Float64Array(buffer, places.bestNumbers, limitMax);
  const maskWords = new Int32Array(buffer, places.mask, Math.ceil(segment.rows / 32));
  const termsRoom = new Uint8Array(buffer, places.terms, termsBytesMax);
  let terms = 0;

  return {
    norms: new Float64Array(buffer, places.norms, segment.lengths.length),
    find({ text, count }) {
      const { written } = encoder.encodeInto(text, termsRoom);
      terms = count;
      // A term that has a line feed itself makes more lines than there are terms.
      return kernel.find(count) === written;
    },
    frequencyOf: (place) => postings[place * (cursorBytes / 4) + frequencyWord] as number,
    weigh(place, idf, times) {
      weights[place * (cursorBytes / 8)] = idf;
      weights[place * (cursorBytes / 8) + 1] = times;
    },
    search(best, mask, isSparse) {
      const { size, limit, floor, floorNumber, scores, numbers } = best;
      if (mask !== null) maskWords.set(mask);
      for (let index = 0; index < size; index++) {
        bestScores[index] = scores[index] as number;
        bestNumbers[index] = numbers[index] as number;
      }
      const found = kernel.search(
        terms,
        limit,
        size,
        floor,
        floorNumber,
        mask === null ? 0 : 1,
        isSparse && mask !== null ? 1 : 0,
      );
      for (let index = 0; index < found; index++) {
        scores[index] = bestScores[index] as number;
        numbers[index] = bestNumbers[index] as number;
      }
      best.size = found;
      if (found === limit) {
        best.floor = scores[0] as number;
        best.floorNumber = numbers[0] as number;
      }
      work.blocks += told[0] as number;
    },
  };
}

/** Where a cursor has the rows of its term, as the kernel has it. */
const frequencyWord = 18;
