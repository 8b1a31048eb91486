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

/**
 * Chunks are multiples of this. At one thread 512 tokens of Gemma 270M cost the same CPU in chunks of 32, 64, 128, 256 and
 * 512 (3.2 to 3.8 s, November 2026, the native addon); below 32 a batch reads all weights for little work. Through the
 * whole engine, prompts of 1,200 tokens were read a fifth faster in long chunks: docs/benchmarks.md, suite `decode`.
 */
const stepTokens = 32;

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
 * step and at most doubles from one chunk to the next; a slow chunk counts at once, a fast one by half.
 */
export function createChunkPolicy({ chunkMsMax, batchTokens }: ChunkPolicyOptions): ChunkPolicy {
  /** By number of threads. */
  const speeds = new Map<number, { msPerToken: number; tokensMax: number }>();
  const tokensMost = Math.max(1, batchTokens);

  /** The speed at this number of threads, or a careful guess from the nearest number that is known. */
  function speedAt(threads: number): { readonly msPerToken: number; readonly tokensMax: number } | undefined {
    const known = speeds.get(threads);
    if (known !== undefined) return known;
    const nearest = [...speeds.keys()].toSorted((a, b) => Math.abs(a - threads) - Math.abs(b - threads))[0];
    const speed = nearest === undefined ? undefined : speeds.get(nearest);
    if (nearest === undefined || speed === undefined) return undefined;
    // Fewer threads are slower in proportion; more threads may bring nothing.
    return { msPerToken: speed.msPerToken * Math.max(1, nearest / threads), tokensMax: speed.tokensMax };
  }

  /** The least that is evaluated at once: a step, or what of it fits where a step takes too long for an abort to wait. */
  function leastAt(threads: number): number {
    const speed = speedAt(threads);
    if (speed === undefined || speed.msPerToken * stepTokens <= chunkMsMax) return stepTokens;
    return Math.min(stepTokens, Math.max(smallestTokens, Math.floor((chunkMsMax * aim) / speed.msPerToken)));
  }

  return {
    next({ at, remainingTokens, threads, othersDecoding, reproducible }) {
      if (reproducible) return Math.min(fixedChunkEnd(at, at + remainingTokens) - at, tokensMost);
      const msMax = othersDecoding ? Math.min(sharedChunkMsMax, chunkMsMax) : chunkMsMax;
      const speed = speedAt(threads);
      let size = leastAt(threads);
      if (speed !== undefined) {
        const fits = Math.floor((msMax * aim) / speed.msPerToken / stepTokens) * stepTokens;
        size = Math.max(size, Math.min(fits, speed.tokensMax * 2));
      }
      return Math.min(remainingTokens, size, tokensMost);
    },

    observe({ tokens, threads, ms }) {
      // A batch below the least is all overhead, and tells nothing about a larger one.
      if (tokens < leastAt(threads) || !(ms >= 0)) return;
      const msPerToken = ms / tokens;
      const before = speeds.get(threads);
      const proven = Math.max(stepTokens, Math.floor(tokens / stepTokens) * stepTokens);
      if (before === undefined || msPerToken > before.msPerToken * slowFactor) {
        speeds.set(threads, { msPerToken, tokensMax: proven });
      } else {
        // The short last chunk of a prompt takes nothing back from what longer ones have shown.
        const tokensMax = Math.max(before.tokensMax, proven);
        const mean = (before.msPerToken + msPerToken) / 2;
        speeds.set(threads, { msPerToken: Math.max(mean, msPerToken), tokensMax });
      }
    },
  };
}
