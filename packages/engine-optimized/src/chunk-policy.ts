import { fixedChunkEnd } from '@gemma-cli/model-process';

/** Sizes of the chunks in which a prompt is evaluated. One for each model process: what it learns is the process's speed. */
export interface ChunkPolicy {
  /** How many tokens to evaluate next; `remainingTokens` when the rest of the prompt fits into one batch. */
  next(chunk: ChunkRequest): number;
  /** Learns from a batch that evaluated prompt tokens. */
  observe(batch: ChunkObservation): void;
}

/** What the size of the next chunk depends on. */
export interface ChunkRequest {
  /** Tokens that the sequence holds already. */
  readonly at: number;
  /** Tokens of the prompt that are left, at least 1. */
  readonly remainingTokens: number;
  /** Threads that will compute. */
  readonly threads: number;
  /** Other sequences are decoding: a chunk makes each of them wait for its next token. */
  readonly othersDecoding: boolean;
  /** Keeps to the one fixed schedule. */
  readonly reproducible: boolean;
}

/** A batch that evaluated prompt tokens. */
export interface ChunkObservation {
  /** Tokens of the whole batch. */
  readonly tokens: number;
  /** Threads that computed it. */
  readonly threads: number;
  /** Milliseconds that it took. */
  readonly ms: number;
}

/** How chunks are sized. */
export interface ChunkPolicyOptions {
  /** The longest that one chunk should take, in milliseconds. */
  readonly chunkMsMax: number;
  /** Most tokens of one batch of the model process. */
  readonly batchTokens: number;
}

/** What batches at one number of threads have shown. */
interface Speed {
  readonly msPerToken: number;
  /** Most tokens that were evaluated at once. */
  readonly tokensMax: number;
  /** The last batch was computed in tiles. */
  readonly isOfTiles: boolean;
}

/** Chunks are multiples of this; below it a batch reads all weights for little work. */
const stepTokens = 32;

/**
 * The tile of llama.cpp's attention on processors: a batch of at least so many tokens is computed in tiles, a smaller one
 * token by token. Native addon, 1 thread, prompts of 1,100 tokens of Gemma 270M: 125 to 137 tokens/s in chunks of 32 to
 * 56, 148 to 163 in chunks of 64, no more in longer ones (November 2026; `docs/decisions/2026-11-23-chunks-of-a-tile.md`).
 */
const tileTokens = 64;

/** What a token costs in a tile, by what it costs in smaller chunks. */
const tileCost = 0.85;

/** Where a step alone takes longer than it may, chunks go down to this: below it most of the time is the weights' reading. */
const smallestTokens = 8;

/** While others decode, a chunk may hold them up for a tenth of a second: the eye sees a pause of more. */
const sharedChunkMsMax = 100;

/** Aim at this share of the bound, because the next chunk attends to more tokens and the machine is never quite steady. */
const aim = 0.85;

/** A chunk that is slower than this many times the speed before means that the machine has changed: sizes start over from it. */
const slowFactor = 1.5;

/**
 * Makes the policy that sizes prompt chunks: as large as fits into `chunkMsMax` at the speed last measured, because each
 * chunk has a price of its own, and no larger, because llama.cpp hears an abort only between batches. It starts with one
 * tile and at most doubles from one chunk to the next; a slow chunk counts at once, a fast one by half.
 */
export function createChunkPolicy({ chunkMsMax, batchTokens }: ChunkPolicyOptions): ChunkPolicy {
  /** By number of threads. */
  const speeds = new Map<number, Speed>();
  const tokensMost = Math.max(1, batchTokens);

  /** The speed at this number of threads, or a careful guess from the nearest number that is known. */
  function speedAt(threads: number): Speed | undefined {
    const known = speeds.get(threads);
    if (known !== undefined) return known;
    const nearest = [...speeds.keys()].toSorted((a, b) => Math.abs(a - threads) - Math.abs(b - threads))[0];
    const speed = nearest === undefined ? undefined : speeds.get(nearest);
    if (nearest === undefined || speed === undefined) return undefined;
    // Fewer threads are slower in proportion; more threads may bring nothing.
    return { ...speed, msPerToken: speed.msPerToken * Math.max(1, nearest / threads) };
  }

  /**
   * The least that is evaluated at once: a tile where nobody else waits and it is quick enough, otherwise a step, or what
   * of it fits where a step takes too long for an abort to wait.
   */
  function leastAt(threads: number, othersDecoding: boolean): number {
    const speed = speedAt(threads);
    if (speed === undefined) return othersDecoding ? stepTokens : tileTokens;
    const msOfTile = speed.msPerToken * tileTokens * (speed.isOfTiles ? 1 : tileCost);
    if (!othersDecoding && msOfTile <= chunkMsMax) return tileTokens;
    if (speed.msPerToken * stepTokens <= chunkMsMax) return stepTokens;
    return Math.min(stepTokens, Math.max(smallestTokens, Math.floor((chunkMsMax * aim) / speed.msPerToken)));
  }

  return {
    next({ at, remainingTokens, threads, othersDecoding, reproducible }) {
      if (reproducible) return Math.min(fixedChunkEnd(at, at + remainingTokens) - at, tokensMost);
      const msMax = othersDecoding ? Math.min(sharedChunkMsMax, chunkMsMax) : chunkMsMax;
      const speed = speedAt(threads);
      let size = leastAt(threads, othersDecoding);
      if (speed !== undefined) {
        const fits = Math.floor((msMax * aim) / speed.msPerToken / stepTokens) * stepTokens;
        size = Math.max(size, Math.min(fits, speed.tokensMax * 2));
      }
      return Math.min(remainingTokens, size, tokensMost);
    },

    observe({ tokens, threads, ms }) {
      // A batch below the least is all overhead, and tells nothing about a larger one.
      if (tokens < Math.min(stepTokens, leastAt(threads, true)) || !(ms >= 0)) return;
      const msPerToken = ms / tokens;
      const before = speeds.get(threads);
      const isOfTiles = tokens >= tileTokens;
      const proven = Math.max(stepTokens, Math.floor(tokens / stepTokens) * stepTokens);
      if (before === undefined || msPerToken > before.msPerToken * slowFactor) {
        speeds.set(threads, { msPerToken, tokensMax: proven, isOfTiles });
      } else {
        // The short last chunk of a prompt takes nothing back from what longer ones have shown.
        const tokensMax = Math.max(before.tokensMax, proven);
        const mean = (before.msPerToken + msPerToken) / 2;
        speeds.set(threads, { msPerToken: Math.max(mean, msPerToken), tokensMax, isOfTiles });
      }
    },
  };
}
