export { seededRandom } from '@gemma-cli/testkit';

/** A competing load of this many cores from one second to another. */
export interface LoadPhase {
  readonly seconds: number;
  /** Cores that others keep busy, not whole where their work comes and goes. */
  readonly load: number;
}

/** A machine that computes batches in simulated time. */
export interface SimulatedMachine {
  readonly cores: number;
  /** Milliseconds of one token on one thread of a quiet machine, at an empty context. */
  readonly tokenMs: number;
  /** Share of the work that more threads make faster; the rest waits for memory. */
  readonly parallel: number;
  /** Milliseconds that a token costs when there are more threads than free cores. */
  readonly stallMs: number;
  /** Spread of the noise: 0.05 = a twentieth. */
  readonly noise: number;
  /** Share of tokens on several threads that take 2.2 times as long, because a helper thread comes late. Default: none. */
  readonly lateShare?: number;
}

/**
 * What a batch takes. Threads meet at a barrier for each node of the graph, so one that is off its core holds up all:
 * beyond the free cores a token costs a stall, however many threads there are. Down to one thread there is no barrier, and
 * a token only shares its core.
 */
export function batchMs(
  machine: SimulatedMachine,
  { threads, load, tokens = 1, context = 0 }: { threads: number; load: number; tokens?: number; context?: number },
  random: () => number,
): number {
  const { cores, tokenMs, parallel, stallMs, noise, lateShare = 0 } = machine;
  const work =
    tokenMs * (1 - parallel + parallel / threads) * (1 + context / 16_000) * tokens ** (tokens > 8 ? 0.8 : 0.15);
  const free = Math.max(0, cores - load);
  const spread = 1 + noise * (random() + random() + random() - 1.5) * 2;
  let ms = work;
  if (threads > free + 0.05) {
    const share = Math.max(1, (threads + load) / cores);
    // A part of a core in use stalls a part of the tokens.
    const crowding = Math.min(1, threads - free);
    ms = threads === 1 ? work * share : work * share + stallMs * (random() < crowding ? 0.6 + 0.8 * random() : 0);
  }
  if (lateShare > 0 && threads > 1 && random() < lateShare) ms *= 2.2;
  // A page fault, a collection of garbage, somebody's cron: one batch in 60 takes up to four times as long.
  if (random() < 1 / 60) ms *= 1 + 3 * random();
  return Math.max(0.01, ms * spread);
}
