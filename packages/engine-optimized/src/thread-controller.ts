import { performance } from 'node:perf_hooks';

/** Decides on how many threads a model process computes, from what each batch took. */
export interface ThreadController {
  /** The number that the next batch should run on. */
  readonly threads: number;
  /** Why, in words with the numbers that decided. */
  readonly reason: string;
  /**
   * Learns from a batch that ran on `threads`, once for each batch. Returns the step that it decides on, or `undefined`.
   * A batch that was under way while the number changed is not to be observed.
   */
  observe(batch: BatchObservation): ThreadStep | undefined;
}

/** A batch that was computed. */
export interface BatchObservation {
  /** `decode`: one token of each sequence; `evaluate`: some of its tokens are part of a prompt. */
  readonly kind: 'decode' | 'evaluate';
  /** Tokens of the whole batch. */
  readonly tokens: number;
  /** Sequences that had tokens in it. */
  readonly sequences: number;
  /** Milliseconds that it took. */
  readonly ms: number;
}

/** A change of the number of threads. */
export interface ThreadStep {
  readonly from: number;
  readonly to: number;
  readonly reason: string;
}

/** What a controller needs. */
export interface ThreadControllerOptions {
  /** The cores really available: where it starts, and the most it uses. */
  readonly threadsMax: number;
  /** The least it uses. Default 1. */
  readonly threadsMin?: number | undefined;
  /** Milliseconds, monotonic. Default: the clock. */
  readonly now?: (() => number) | undefined;
  /** Cores that nothing has used lately; `undefined` where the system does not tell. Default: unknown. */
  readonly idleCores?: (() => number | undefined) | undefined;
  /** Called with each step, before `observe` returns it. */
  readonly onChange?: ((step: ThreadStep) => void) | undefined;
}

/** A batch is slow when it takes this many times the best of its kind at this number of threads. */
const slowFactor = 1.6;

/** Two slow ones among this many make a search; a single one is a page fault, a collection of garbage, a neighbour's cron. */
const windowBatches = 5;

/** A single batch that differs by this factor decides a trial; otherwise a second one is asked. */
const clearFactor = 1.5;

/** Another number of threads has to be this much faster to be kept: less is noise, and fewer threads leave room for others. */
const gainFactor = 0.95;

/** The best forgets by 0.3 % per batch, so that it follows a context that grows: attention to 4,000 more tokens is not contention. */
const forgetFactor = 1.003;

/** The first probe upwards comes this long after a step down; each failed one doubles the wait. */
const probeMsMin = 2_000;
const probeMsMax = 60_000;

/** Probes may cost a twentieth of the computing time: after one that lost 1 s the next comes 20 s later. */
const probeShare = 20;

/** Without a reason it tries fewer threads this rarely, and half as often each time that nothing comes of it. */
const exploreMsMin = 20_000;
const exploreMsMax = 600_000;

/** Threads that spin at a barrier leave about this much of a core idle where one more thread has room. */
const idleCoresMin = 0.75;

/** Trials at other numbers of threads, until one is chosen. */
interface Search {
  readonly direction: 'down' | 'up';
  readonly kind: string;
  readonly start: number;
  readonly why: string;
  /** What a batch takes, by number of threads; the start first. */
  readonly results: Map<number, number>;
  trial: number;
  samples: number[];
  /** Batches of other kinds that came meanwhile. */
  strays: number;
  lostMs: number;
}

/**
 * Makes the controller of one model process. It starts at `threadsMax` and searches, a batch or two at each number of
 * threads, (1) within the first four tokens, because a load may have been there before; (2) when batches take
 * `slowFactor` times their best; (3) upwards when waiting is over, when batches become faster by themselves, or when
 * cores are idle. A number that is not faster is left after one or two batches.
 */
export function createThreadController({
  threadsMax,
  threadsMin = 1,
  now = () => performance.now(),
  idleCores = () => undefined,
  onChange = () => {},
}: ThreadControllerOptions): ThreadController {
  let threads = Math.max(threadsMin, threadsMax);
  let reason = `${threads}: the cores that are available`;
  /** The running best, by kind of batch and number of threads. */
  const bests = new Map<string, Map<number, number>>();
  let recent: { readonly kind: string; readonly cost: number; readonly isSlow: boolean }[] = [];
  let search: Search | undefined;
  let isExplored = threadsMax === threadsMin;
  let failures = 0;
  let probeAtMs = 0;
  let lastFailureMs = Number.NEGATIVE_INFINITY;
  let lastRiseMs = Number.NEGATIVE_INFINITY;
  let idleAtMs = 0;
  let exploreAtMs = Number.POSITIVE_INFINITY;
  let exploreMs = exploreMsMin;
  /** What a batch took when this number of threads was chosen: falling well below it means that a load has gone. */
  let chosen: { readonly kind: string; readonly cost: number } | undefined;

  function bestsOf(kind: string): Map<number, number> {
    let best = bests.get(kind);
    if (best === undefined) bests.set(kind, (best = new Map()));
    return best;
  }

  function step(to: number, why: string): ThreadStep | undefined {
    reason = `${to}: ${why}`;
    if (to === threads) return undefined;
    const change: ThreadStep = { from: threads, to, reason: why };
    threads = to;
    onChange(change);
    return change;
  }

  function begin(
    direction: 'down' | 'up',
    kind: string,
    cost: number,
    to: number,
    why: string,
  ): ThreadStep | undefined {
    search = {
      direction,
      kind,
      start: threads,
      why,
      results: new Map([[threads, cost]]),
      trial: to,
      samples: [],
      strays: 0,
      lostMs: 0,
    };
    recent = [];
    return step(to, why);
  }

  /** The next number to try, or `undefined` when the search has seen enough. */
  function nextTrial({ direction, kind, results, start }: Search): number | undefined {
    const tried = [...results.keys()];
    const [best, bestCost] = fastest(results);
    const lowest = Math.min(...tried);
    const highest = Math.max(...tried);
    if (direction === 'down' && best === lowest && lowest > threadsMin) {
      // Fewer threads helped. Is it as good as it was without other work?
      const known = bests.get(kind)?.get(lowest);
      const isGood = known !== undefined && bestCost <= known * 1.3;
      if (!isGood && lowest < start) return Math.max(threadsMin, Math.floor(lowest / 2));
    }
    if (direction === 'down' && best === start && lowest === start - 1 && start >= 4) {
      // One thread less may still be too many where several cores are taken.
      const known = bests.get(kind)?.get(start);
      if (known === undefined || (results.get(start) ?? 0) > known * slowFactor)
        return Math.max(threadsMin, Math.ceil(start / 2));
    }
    if (direction === 'up' && best === highest && highest < threadsMax) {
      return Math.min(threadsMax, highest + Math.max(1, highest - start) * 2);
    }
    const above = tried.filter((number) => number > best).toSorted((a, b) => a - b)[0];
    if (above !== undefined && above - best > 1) return best + Math.floor((above - best) / 2);
    return undefined;
  }

  function conclude(done: Search): ThreadStep | undefined {
    const [best, cost] = fastest(done.results);
    const startCost = done.results.get(done.start) as number;
    search = undefined;
    recent = [];
    isExplored = true;
    bestsOf(done.kind).set(best, cost);
    chosen = { kind: done.kind, cost };
    const at = now();
    const seen = [...done.results].map(([number, ms]) => `${show(ms)} at ${number}`).join(', ');
    if (done.direction === 'up' && best === done.start) {
      failures += 1;
      lastFailureMs = at;
      probeAtMs = at + waitMs(failures, done.lostMs);
    } else if (done.direction === 'up') {
      failures = Math.max(0, failures - 1);
      lastRiseMs = at;
      probeAtMs = at + probeMsMin;
    } else if (best < done.start) {
      // Down again soon after a rise: the rise was a mistake, and the next one waits longer.
      if (at - lastRiseMs < probeMsMax / 2) failures += 1;
      probeAtMs = at + waitMs(failures, 0);
      exploreMs = exploreMsMin;
    } else {
      exploreMs = Math.min(exploreMsMax, exploreMs * 2);
    }
    exploreAtMs = at + exploreMs;
    const verdict = best === done.start ? 'nothing was faster' : `${best} is fastest`;
    return step(best, `${done.why}; tried: ${seen}; ${verdict} (${show(startCost)} to ${show(cost)})`);
  }

  function continueSearch(current: Search, kind: string, cost: number, ms: number): ThreadStep | undefined {
    if (kind !== current.kind) {
      current.strays += 1;
      if (current.strays <= 8) return undefined;
      // Other work has come in between; the question can be asked again later.
      search = undefined;
      probeAtMs = now() + probeMsMin;
      return step(current.start, `the comparison with ${current.trial} was cut short by other work`);
    }
    current.samples.push(cost);
    const [, bestCost] = fastest(current.results);
    const isClear = cost >= bestCost * clearFactor || cost <= bestCost / clearFactor;
    current.lostMs += Math.max(0, ms - ms * (bestCost / cost));
    if (!isClear && current.samples.length < 2) return undefined;
    current.results.set(current.trial, Math.min(...current.samples));
    current.samples = [];
    const trial = nextTrial(current);
    if (trial === undefined || current.results.has(trial)) return conclude(current);
    current.trial = trial;
    return step(trial, `${current.why}; trying ${trial}`);
  }

  return {
    get threads() {
      return threads;
    },
    get reason() {
      return reason;
    },
    observe({ kind: work, tokens, ms }) {
      const kind = kindOf(work, tokens);
      if (kind === undefined || !(ms > 0)) return undefined;
      const cost = work === 'evaluate' ? ms / tokens : ms;
      if (search !== undefined) return continueSearch(search, kind, cost, ms);

      const best = bestsOf(kind);
      const before = best.get(threads);
      best.set(threads, Math.min(cost, (before ?? cost) * forgetFactor));
      const isSlow = before !== undefined && cost > before * slowFactor;
      recent = [...recent.filter((batch) => batch.kind === kind), { kind, cost, isSlow }].slice(-windowBatches);
      const level = mean(recent.map((batch) => batch.cost));
      const at = now();

      if (threads > threadsMin) {
        if (!isExplored && work === 'decode' && recent.length >= 2) {
          return begin(
            'down',
            kind,
            Math.min(...recent.map((batch) => batch.cost)),
            threads - 1,
            'no best is known yet',
          );
        }
        const slow = recent.filter((batch) => batch.isSlow);
        if (slow.length >= 2) {
          const why = `a ${nounOf(work)} takes ${show(level)}, at best ${show(before as number)}`;
          return begin('down', kind, mean(slow.map((batch) => batch.cost)), threads - 1, why);
        }
        if (work === 'decode' && at >= exploreAtMs && recent.length === windowBatches) {
          return begin(
            'down',
            kind,
            level,
            threads - 1,
            `a look at fewer threads after ${Math.round(exploreMs / 1000)} s`,
          );
        }
      }
      if (threads < threadsMax && recent.length >= 3) {
        const why = riseReason(kind, at);
        if (why !== undefined) {
          const to = Math.min(threadsMax, threads + why.by);
          chosen = { kind, cost: level };
          return begin('up', kind, median(recent.map((batch) => batch.cost)), to, why.text);
        }
      }
      return undefined;
    },
  };

  /** Why more threads should be tried now, or `undefined`. */
  function riseReason(kind: string, at: number): { readonly by: number; readonly text: string } | undefined {
    const level = median(recent.slice(-3).map(({ cost }) => cost));
    if (chosen?.kind === kind && level <= chosen.cost / clearFactor && at - lastFailureMs >= probeMsMin / 2) {
      return { by: 1, text: `a batch takes ${show(level)} after ${show(chosen.cost)}: a load has gone` };
    }
    let isTaken = false;
    if (at >= idleAtMs) {
      idleAtMs = at + 500;
      const idle = idleCores();
      if (idle !== undefined) {
        const waited = at - lastFailureMs >= Math.min(probeMsMax, probeMsMin * 2 ** Math.max(0, failures - 1));
        if (idle >= idleCoresMin && (waited || at >= probeAtMs)) {
          return { by: Math.max(1, Math.floor(idle + 1 - idleCoresMin)), text: `${idle.toFixed(1)} cores are idle` };
        }
        isTaken = idle < idleCoresMin / 2;
      }
    }
    if (isTaken && at < lastFailureMs + probeMsMax) return undefined;
    return at >= probeAtMs ? { by: 1, text: 'a probe, since the last step was a while ago' } : undefined;
  }
}

/** Batches that can be compared with each other; `undefined` = with none. */
function kindOf(work: 'decode' | 'evaluate', tokens: number): string | undefined {
  // The time of few tokens is that of reading the weights, the same for 2 and 3 but not for 1 and 8.
  if (work === 'decode') return tokens <= 16 ? `decode ${tokens}` : undefined;
  // Below 32 tokens the weights' reading dominates: its cost per token says nothing about longer parts.
  return tokens >= 32 ? 'evaluate' : undefined;
}

/** The number with the lowest cost; fewer threads win within `gainFactor`. */
function fastest(results: ReadonlyMap<number, number>): readonly [number, number] {
  const sorted = [...results].toSorted(([a], [b]) => a - b);
  let [best, bestCost] = sorted[0] as [number, number];
  for (const [number, cost] of sorted) {
    if (cost < bestCost * gainFactor) [best, bestCost] = [number, cost];
  }
  return [best, bestCost];
}

/** How long the next probe waits after some failed ones, the last of which lost `lostMs`. */
function waitMs(failures: number, lostMs: number): number {
  return Math.min(probeMsMax, Math.max(probeMsMin * 2 ** failures, lostMs * probeShare));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}

function nounOf(work: 'decode' | 'evaluate'): string {
  return work === 'decode' ? 'token' : 'prompt token';
}

function show(ms: number): string {
  return `${ms >= 100 ? Math.round(ms) : ms.toFixed(1)} ms`;
}
