/** Room for the bytes of a segment, which a kernel can search where there is one. */
export interface SegmentRoom {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** `null` = there is no WebAssembly here, or no room for more of its memories. */
  readonly memory: WasmMemory | null;
}

/** A memory of WebAssembly: what is used of it. */
export interface WasmMemory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

/** What is used of WebAssembly, which the types of Node leave to those of browsers. */
export interface WebAssemblyParts {
  readonly Memory: new (size: { readonly initial: number }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: { readonly env: { readonly memory: WasmMemory } },
  ) => { readonly exports: unknown };
}

/** Of WebAssembly. */
const pageBytes = 65_536;

/** Smaller segments are searched as fast without: a memory of their own costs more than it saves. */
const roomBytesMin = 65_536;

/** Terms of a query that there is room for. Queries of more are texts, and come seldom. */
export const cursorsMax = 64;

/** Bytes of the terms of a query that there is room for. */
export const termsBytesMax = 8_192;

/** Hits that there is room for. */
export const limitMax = 1_024;

/** Different lengths up to which shares of rows that have a term once are kept for each term. */
const onceCodesMax = 512;

/** Rows of a window, as the kernel has it. */
const windowRows = 4_096;

/** Bytes of a cursor, as the kernel has it. */
export const cursorBytes = 1_152;

/** WebAssembly of this Node; `undefined` where it was started without. */
export function webAssembly(): WebAssemblyParts | undefined {
  return (globalThis as { readonly WebAssembly?: WebAssemblyParts }).WebAssembly;
}

/** Room for so many bytes, all 0. */
export function createRoom(size: number): SegmentRoom {
  const memory = size < roomBytesMin ? null : createMemory(size);
  if (memory === null) return { bytes: new Uint8Array(size), memory };
  return { bytes: new Uint8Array(memory.buffer, 0, size), memory };
}

/** A memory of so many bytes at least; `null` where there is none to be had: what works with it works without. */
export function createMemory(bytes: number): WasmMemory | null {
  const wasm = webAssembly();
  if (wasm === undefined) return null;
  try {
    return new wasm.Memory({ initial: Math.ceil(bytes / pageBytes) });
  } catch (error) {
    // Each reserves some gigabytes of addresses, which a process may not have.
    if (!(error instanceof RangeError)) throw error;
    return null;
  }
}

/** Room behind a segment for what a search works with. Called before there are views of the memory: it may move. */
export function growForKernel(memory: WasmMemory, segmentBytes: number, rows: number, lengths: number): boolean {
  return growMemory(memory, placesOf(segmentBytes, rows, lengths).end);
}

/** Makes a memory so large at least; tells whether there was room. Views of it are void then. */
export function growMemory(memory: WasmMemory, bytes: number): boolean {
  const missing = bytes - memory.buffer.byteLength;
  if (missing <= 0) return true;
  try {
    memory.grow(Math.ceil(missing / pageBytes));
    return true;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return false;
  }
}

/** Where a search keeps what it works with: behind the segment, one after the other. */
export function placesOf(segmentBytes: number, rows: number, lengths: number) {
  let at = segmentBytes;
  const take = (bytes: number): number => {
    const start = Math.ceil(at / 16) * 16;
    at = start + bytes;
    return start;
  };
  // What is written by every search comes first, so that few pages of it are.
  const norms = take(lengths * 8);
  const order = take(cursorsMax * 4);
  const told = take(16);
  const bestScores = take(limitMax * 8);
  const bestNumbers = take(limitMax * 8);
  const terms = take(termsBytesMax);
  const touched = take(windowRows / 8);
  const sums = take(windowRows * 8);
  const nearRows = take(windowRows * 4);
  const nearScores = take(windowRows * 8);
  const cursors = take(cursorsMax * cursorBytes);
  const once = lengths <= onceCodesMax ? take(cursorsMax * lengths * 8) : 0;
  const mask = take(Math.ceil(rows / 32) * 4);
  return {
    norms,
    order,
    told,
    bestScores,
    bestNumbers,
    terms,
    touched,
    sums,
    nearRows,
    nearScores,
    cursors,
    once,
    mask,
    end: at,
  };
}
