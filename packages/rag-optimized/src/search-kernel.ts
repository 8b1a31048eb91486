import type { BestRows } from './best-rows.ts';
import { kernelCode } from './kernel-code.ts';
import { cursorBytes, cursorsMax, limitMax, placesOf, webAssembly } from './kernel-room.ts';
import { work } from './posting-blocks.ts';
import type { Segment } from './segment.ts';
import type { TermCursor } from './term-cursor.ts';

/**
 * Searches a segment in WebAssembly: what `search-segment.ts` does, for segments that lie in a memory of their own. It finds
 * the same, in a fraction of the time as long as a process is young, and in half of it later. Its source is
 * `kernel/search-kernel.as`.
 */
export interface SearchKernel {
  /** Offers rows. `false` = the query is too large for it, and nothing was done. */
  search(cursors: readonly TermCursor[], best: BestRows, mask: Int32Array | null, isSparse: boolean): boolean;
}

interface KernelExports {
  place(...places: readonly number[]): void;
  work(...places: readonly number[]): void;
  search(
    cursors: number,
    limit: number,
    size: number,
    floor: number,
    floorNumber: number,
    hasMask: number,
    isSparse: number,
  ): number;
  worst(): number;
  worstNumber(): number;
  takeBlocks(): number;
}

let kernelModule: object | null = null;

/** A kernel for a segment; `null` where it has no room for one, or the processor lacks what it needs. */
export function createSearchKernel(segment: Segment): SearchKernel | null {
  const wasm = webAssembly();
  const { memory } = segment;
  if (wasm === undefined || memory === null) return null;
  let kernel: KernelExports;
  try {
    kernelModule ??= new wasm.Module(Buffer.from(kernelCode, 'base64'));
    kernel = new wasm.Instance(kernelModule, { env: { memory } }).exports as KernelExports;
  } catch (error) {
    // Old processors lack its instructions on vectors.
    if (!(error instanceof Error) || error.name !== 'CompileError') throw error;
    return null;
  }
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
  );
  // Checksums of the file may lie here.
  new Uint8Array(buffer, places.touched, 4_096 / 8).fill(0);
  new Float64Array(buffer, places.sums, 4_096).fill(0);
  const norms = new Float64Array(buffer, places.norms, segment.lengths.length);
  const weights = new Float64Array(buffer, places.cursors, (cursorsMax * cursorBytes) / 8);
  const postings = new Int32Array(buffer, places.cursors, (cursorsMax * cursorBytes) / 4);
  const bestScores = new Float64Array(buffer, places.bestScores, limitMax);
  const bestNumbers = new Float64Array(buffer, places.bestNumbers, limitMax);
  const maskWords = new Int32Array(buffer, places.mask, Math.ceil(segment.rows / 32));

  return {
    search(cursors, best, mask, isSparse) {
      if (cursors.length > cursorsMax || best.limit > limitMax) return false;
      let at = 0;
      for (const cursor of cursors) {
        if (at === 0) norms.set(cursor.norms);
        const base = (at++ * cursorBytes) / 4;
        weights[base / 2] = cursor.idf;
        weights[base / 2 + 1] = cursor.times;
        postings[base + 4] = cursor.firstBlock;
        postings[base + 5] = cursor.blocks;
        postings[base + 6] = cursor.restCount;
        postings[base + 7] = cursor.restAt;
      }
      if (mask !== null) maskWords.set(mask);
      const { size, limit, floor, floorNumber, scores, numbers } = best;
      for (let index = 0; index < size; index++) {
        bestScores[index] = scores[index] as number;
        bestNumbers[index] = numbers[index] as number;
      }
      const found = kernel.search(
        cursors.length,
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
      best.floor = kernel.worst();
      best.floorNumber = kernel.worstNumber();
      work.blocks += kernel.takeBlocks();
      return true;
    },
  };
}
