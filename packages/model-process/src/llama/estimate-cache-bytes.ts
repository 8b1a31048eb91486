import { open } from 'node:fs/promises';
import { readGgufHead } from './gguf-metadata.ts';

/** What a context is made for. */
export interface CacheWishes {
  /** Tokens of each sequence. */
  readonly contextTokens: number;
  readonly sequences: number;
  /** Attention cache in 8 bits. */
  readonly compactCache: boolean;
}

/** The facts about a model come first in its file; the vocabulary after them takes megabytes. */
const headBytes = 64 * 1024;

/** Of every so many layers one attends to everything, the others to a window: what files do not always tell. */
const layersByWholeOne: Readonly<Record<string, number>> = { gemma2: 2, gemma3: 6, gemma3n: 5 };

/** llama.cpp keeps the window and one physical batch of 512 tokens of a sliding layer, and rounds cells up to 256. */
const physicalBatchTokens = 512;
const cellsStep = 256;

/** Two bytes of a 16-bit number; 34 bytes for 32 numbers of 8 bits (`block_q8_0`). */
const bytesOfNumber = { whole: 2, compact: 34 / 32 } as const;

/**
 * About how many bytes of attention cache a model takes: for each layer, key-value heads × (size of a key + size of a
 * value) × bytes of a number × cells, where the cells are the context's, or the window's for layers that slide
 * (`llama_kv_cache_iswa` in llama.cpp's src/llama-kv-cache-iswa.cpp). 0 where the file does not tell, or not for each layer
 * alike: too little is known then to refuse a model for it.
 */
export async function estimateCacheBytes(
  path: string,
  { contextTokens, sequences, compactCache }: CacheWishes,
): Promise<number> {
  const values = readGgufHead(await readHead(path));
  const architecture = String(values.get('general.architecture') ?? '');
  const number = (key: string): number => {
    const value = values.get(`${architecture}.${key}`);
    return typeof value === 'number' ? value : 0;
  };
  const layers = number('block_count');
  const heads = number('attention.head_count');
  // A list, one number for each layer, is not read.
  const keyHeads = number('attention.head_count_kv');
  const headSize = heads === 0 ? 0 : number('embedding_length') / heads;
  const keySize = number('attention.key_length') || headSize;
  const valueSize = number('attention.value_length') || headSize;
  const window = number('attention.sliding_window');
  const train = number('context_length') || contextTokens;
  const context = roundUp(Math.min(contextTokens, train));
  const group = number('attention.sliding_window_pattern') || layersByWholeOne[architecture];
  if (window > 0 && group === undefined) return 0;
  const wholeLayers = group === undefined || window === 0 ? layers : Math.floor(layers / group);
  const slidingCells = Math.min(context, roundUp(window + physicalBatchTokens));
  const cells = wholeLayers * context + (layers - wholeLayers) * slidingCells;
  const cellBytes = keyHeads * (keySize + valueSize) * (compactCache ? bytesOfNumber.compact : bytesOfNumber.whole);
  return Math.ceil(cells * cellBytes * sequences);
}

/** The beginning of a file; nothing of one that cannot be read, which is for the loader to report. */
async function readHead(path: string): Promise<Buffer> {
  try {
    const file = await open(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch {
    return Buffer.alloc(0);
  }
}

function roundUp(tokens: number): number {
  return Math.ceil(tokens / cellsStep) * cellsStep;
}
