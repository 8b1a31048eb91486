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
  /**
   * Looks at the idle cores, for the first batch after a time without any: a load that came meanwhile is met with fewer
   * threads from the first token on, and one that went with more. `ownCores` is what the process itself has used in that
   * time: 1 after loading a model, otherwise 0. Changes nothing where the system does not tell.
   */
  resume(options?: { readonly ownCores?: number }): ThreadStep | undefined;
}

/** A batch that was computed. */
export interface BatchObservation {
  /** `decode`: one token of each sequence; `evaluate`: some of its tokens are part of a prompt. */
  readonly kind: 'decode' | 'evaluate';
  /** Tokens of the whole batch. */
  readonly tokens: number;
  /** Milliseconds that it took. */
  readonly ms: number;
}

/** A change of the number of threads: for a batch or two to compare with, or the choice that follows. */
export interface ThreadStep {
  readonly from: number;
  readonly to: number;
  /** Why, in words with the numbers that decided. */
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
}

/** A batch is slow when it takes this many times the best of its kind at this number of threads. */
const slowFactor = 1.6;

/**
 * Batches at this many times their best are contention for certain: threads that wait for one that is off its core. Less is
 * often the machine's own unsteadiness, so looking for its cause in vain makes the next look wait longer.
 */
const stallFactor = 4;

/** Two slow ones among this many make a search; a single one is a page fault, a collection of garbage, a neighbour's cron. */
const windowBatches = 5;

/** A single batch that differs by this factor decides a trial; otherwise a second one is asked. */
const clearFactor = 1.5;

/** Batches within a sixth of each other are held against each other three times before one number of threads is preferred. */
const nearFactor = 1.17;

/** Batches this much faster than when their number of threads was chosen say that a load has gone. */
const lighterFactor = 1.6;

/** Another number of threads has to be this much faster to be kept: less is noise, and fewer threads leave room for others. */
const gainFactor = 0.97;

/** The best forgets by 0.3 % per batch, so that it follows a context that grows: attention to 4,000 more tokens is not contention. */
const forgetFactor = 1.003;

/** The first probe upwards comes this long after a step down; each failed one doubles the wait. */
const probeMsMin = 2_000;
const probeMsMax = 60_000;

/**
 * Failed probes that cost little wait at most this long where the system does not tell of idle cores: a load that goes
 * unseen should not be waited out for minutes.
 */
const cheapProbeMsMax = 15_000;

/** Probes may cost a twelfth of the computing time: after one that lost 1 s the next comes 12 s later. */
const probeShare = 12;

/** Without a stall it tries fewer threads this rarely, and half as often each time that nothing comes of it. */
const exploreMsMin = 5_000;
const exploreMsMax = 600_000;

/** Slowness that is no stall is looked into after this time at the latest, however often nothing came of it. */
const mildMsMax = 60_000;

/** A search down that was undone this soon has found nothing: its slow batches were luck. */
const undoneMsMax = 30_000;

/** The usual cost follows by a tenth per batch: a few slow ones among many fast ones are what a batch costs. */
const usualShare = 0.1;

/** Threads that spin at a barrier leave about this much of a core idle where one more thread has room. */
const idleCoresMin = 0.75;

/** A number of threads is good when it comes this near to the bound that the best ones promise. */
const goodFactor = 1.3;

/** Half the threads take up to twice the time where nothing stalls, and about the same where everything does. */
const blindFactor = 1.2;

/** Asking for idle cores costs some tenths of a millisecond. */
const idleMsMin = 500;

/** A part of a prompt that takes this many times its best is slow without a second one: at a stall it takes seconds. */
const slowEvaluationFactor = 2.5;

/** A pause of this long between two batches separates them: what else the machine does may have changed. */
const staleMs = 3_000;

/** A shorter pause than this is the time between two requests, and no reason to look at the machine anew. */
const pauseMsMin = 1_000;

/** The kind of batches that evaluate parts of prompts. */
const evaluation = 'evaluate';

/** Trials at other numbers of threads, until one is chosen. */
interface Search {
  readonly direction: 'down' | 'up';
  readonly kind: string;
  readonly start: number;
  readonly why: string;
  /** No best is known that the results could be held against. */
  readonly isBlind: boolean;
  /** Begun because of a stall. */
  readonly isStall: boolean;
  /** Begun because cores are idle. */
  readonly isIdle: boolean;
  /** The most threads to try. */
  readonly highestMax: number;
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
}: ThreadControllerOptions): ThreadController {
  let threads = Math.max(threadsMin, threadsMax);
  let reason = `${threads}: the cores that are available`;
  /** The running best, by kind of batch and number of threads. */
  const bests = new Map<string, Map<number, number>>();
  /** What a batch usually costs, by kind of batch and number of threads. */
  const usuals = new Map<string, number>();
  let recent: { readonly kind: string; readonly cost: number; readonly isSlow: boolean }[] = [];
  let search: Search | undefined;
  let isExplored = threadsMax === threadsMin;
  let isEvaluationExplored = isExplored;
  let failures = 0;
  let probeAtMs = 0;
  /** When the last batch ended. */
  let observedAtMs: number | undefined;
  let lastFailureMs = Number.NEGATIVE_INFINITY;
  let lastRiseMs = Number.NEGATIVE_INFINITY;
  /** When the idle cores were read. */
  let readAtMs = now();
  let idle: number | undefined;
  let exploreAtMs = Number.POSITIVE_INFINITY;
  let exploreMs = exploreMsMin;
  /** Until then slowness that is no stall is taken for unsteadiness. */
  let mildAtMs = 0;
  /** When fewer threads were chosen without a stall. */
  let mildFallMs = Number.NEGATIVE_INFINITY;
  /** What a batch took when this number of threads was chosen: falling well below it means that a load has gone. */
  let chosenAtMs = now();
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
    return change;
  }

  function begin(
    trial: number,
    start: Pick<Search, 'direction' | 'kind' | 'why' | 'isBlind' | 'isStall' | 'isIdle' | 'highestMax'>,
    cost: number,
  ): ThreadStep | undefined {
    search = {
      ...start,
      start: threads,
      results: new Map([[threads, cost]]),
      trial,
      samples: [],
      strays: 0,
      lostMs: 0,
    };
    recent = [];
    return step(trial, start.why);
  }

  /** What a batch should take at most at this number of threads without other work, from what is known of any number. */
  function boundOf(kind: string, number: number): number {
    const known = [...bestsOf(kind)].map(([other, ms]) => (other > number ? (ms * other) / number : ms));
    return Math.min(...known);
  }

  /** The next number to try, or `undefined` when the search has seen enough. */
  function nextTrial({ direction, kind, results, start, isBlind, highestMax }: Search): number | undefined {
    const tried = [...results.keys()];
    const [best] = fastest(results);
    const lowest = Math.min(...tried);
    const highest = Math.max(...tried);
    if (direction === 'down' && lowest > threadsMin && lowest < start) {
      const lowestCost = results.get(lowest) as number;
      const bound = isBlind ? undefined : boundOf(kind, lowest);
      // With a known best: on until it is as good as that promises. Without one: on until fewer threads are slower twice
      // in a row, as they are where nothing stalls.
      const [second = 0, third = 0] = tried
        .toSorted((a, b) => a - b)
        .slice(1)
        .map((number) => results.get(number) as number);
      const isRising = results.size > 2 && lowestCost > second * blindFactor && second > third;
      const isFound = bound === undefined ? isRising : lowestCost <= bound * goodFactor;
      if (!isFound) return Math.max(threadsMin, Math.floor(lowest / 2));
    }
    // Further up in small steps: each number that is too many costs a stall.
    if (direction === 'up' && best === highest && highest < highestMax) {
      return Math.min(highestMax, highest + Math.max(1, Math.floor(highest / 8)));
    }
    const above = tried.filter((number) => number > best).toSorted((a, b) => a - b)[0];
    if (above !== undefined && above - best > 1) return best + Math.floor((above - best) / 2);
    return undefined;
  }

  function readIdleCores(at: number): void {
    readAtMs = at;
    idle = idleCores();
  }

  /** What was measured before a pause is no measure for what comes after it. */
  function forget(): ThreadStep | undefined {
    const left = search;
    search = undefined;
    recent = [];
    return left === undefined
      ? undefined
      : step(left.start, `the comparison with ${left.trial} was cut short by a pause`);
  }

  function conclude(done: Search): ThreadStep | undefined {
    const startCost = done.results.get(done.start) as number;
    const [lowest, lowestCost] = fastest(done.results);
    // Parts of prompts that cost the same on any number say nothing about the tokens that follow: only a stall counts.
    const isSame = done.kind === evaluation && done.isBlind && startCost < lowestCost * nearFactor;
    const [best, cost] = isSame ? [done.start, startCost] : [lowest, lowestCost];
    search = undefined;
    recent = [];
    isExplored = true;
    bestsOf(done.kind).set(best, cost);
    chosen = { kind: done.kind, cost };
    const at = now();
    chosenAtMs = at;
    // What was idle during the trials says nothing about the choice.
    readIdleCores(at);
    idle = undefined;
    const seen = [...done.results].map(([number, ms]) => `${show(ms)} at ${number}`).join(', ');
    exploreAtMs = at + exploreMs;
    if (done.direction === 'up' && best === done.start) {
      failures += 1;
      lastFailureMs = at;
      // Where idle cores are seen, what comes of them is known; without a meter a load that has gone goes unseen.
      probeAtMs = at + waitMs(failures, done.lostMs, done.isIdle ? probeMsMax : cheapProbeMsMax);
    } else if (done.direction === 'up') {
      failures = Math.max(0, failures - 1);
      lastRiseMs = at;
      probeAtMs = at + probeMsMin;
      if (at - mildFallMs < undoneMsMax) lookLater(at);
    } else if (best < done.start) {
      // Down again soon after a rise: the rise was a mistake, and the next one waits longer.
      if (at - lastRiseMs < probeMsMax / 2) failures += 1;
      probeAtMs = at + waitMs(failures, 0);
      if (done.isStall) exploreAtMs = at + (exploreMs = exploreMsMin);
      mildFallMs = done.isStall ? Number.NEGATIVE_INFINITY : at;
    } else {
      lookLater(at);
    }
    const verdict = best === done.start ? 'nothing was faster' : `${best} is fastest`;
    return step(best, `${done.why}; tried: ${seen}; ${verdict} (${show(startCost)} to ${show(cost)})`);
  }

  /** Nothing came of fewer threads: the next look at them without a stall waits, and the one after it twice as long. */
  function lookLater(at: number): void {
    exploreAtMs = at + exploreMs;
    mildAtMs = at + Math.min(mildMsMax, exploreMs);
    exploreMs = Math.min(exploreMsMax, exploreMs * 2);
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
    // More threads are unsteady where fewer are not: one that is slower, and no stall, may be luck.
    const slowerFactor = current.direction === 'up' ? stallFactor : clearFactor;
    const isClear = cost >= bestCost * slowerFactor || cost <= bestCost / clearFactor;
    const isNear = cost < bestCost * nearFactor && cost > bestCost / nearFactor;
    current.lostMs += Math.max(0, ms - ms * (bestCost / cost));
    if (current.samples.length < (isClear ? 1 : isNear ? 3 : 2)) return undefined;
    current.results.set(
      current.trial,
      current.samples.length < 3 ? Math.min(...current.samples) : median(current.samples),
    );
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
    resume({ ownCores = 0 } = {}) {
      const back = forget();
      const at = now();
      // A moment ago the threads were what they should be, and the meter would tell of our own batches.
      if (observedAtMs !== undefined && at - observedAtMs < pauseMsMin) return back;
      // Since the last reading some of our own batches may have been computed.
      const ownShare = Math.max(0, ((observedAtMs ?? readAtMs) - readAtMs) / Math.max(1, at - readAtMs));
      readIdleCores(at);
      if (idle === undefined) return back;
      const free = idle + ownCores + threads * ownShare;
      const told = `${free.toFixed(1)} of ${threadsMax} cores are free before the first batch`;
      if (free >= threadsMax - idleCoresMin / 2) {
        // Nothing else runs, so fewer threads need not be tried while a prompt is evaluated.
        isEvaluationExplored = true;
        return at >= probeAtMs ? (step(threadsMax, told) ?? back) : back;
      }
      const fits = Math.max(threadsMin, Math.floor(free + idleCoresMin / 2));
      if (fits >= threads) return back;
      probeAtMs = Math.max(probeAtMs, at + probeMsMin);
      return step(fits, told);
    },
    observe({ kind: work, tokens, ms }) {
      const kind = kindOf(work, tokens);
      if (kind === undefined || !(ms > 0)) return undefined;
      const cost = work === 'evaluate' ? ms / tokens : ms;
      const at = now();
      const isLate = at - (observedAtMs ?? at) - ms > staleMs;
      observedAtMs = at;
      if (at - readAtMs >= idleMsMin) readIdleCores(at);
      if (isLate && search !== undefined) return forget();
      if (isLate) recent = [];
      if (search !== undefined) return continueSearch(search, kind, cost, ms);

      const best = bestsOf(kind);
      const before = best.get(threads);
      best.set(threads, Math.min(cost, (before ?? cost) * forgetFactor));
      const isSlow = before !== undefined && cost > before * slowFactor;
      const place = `${kind} at ${threads}`;
      const usualBefore = usuals.get(place) ?? cost;
      const bounded = Math.min(cost, (before ?? cost) * stallFactor);
      usuals.set(place, usualBefore + (bounded - usualBefore) * usualShare);
      recent = [...recent.filter((batch) => batch.kind === kind), { kind, cost, isSlow }].slice(-windowBatches);
      const level = usual(recent.map((batch) => batch.cost));

      if (threads > threadsMin) {
        const fewer = threads - 1;
        const down = { direction: 'down', kind, isStall: false, isIdle: false, highestMax: threads } as const;
        if (!isExplored && work === 'decode' && recent.length >= 2) {
          const why = 'no best is known yet';
          return begin(fewer, { ...down, why, isBlind: true }, Math.min(...recent.map((batch) => batch.cost)));
        }
        if (!isEvaluationExplored && work === 'evaluate') {
          isEvaluationExplored = true;
          return begin(fewer, { ...down, why: 'no best is known yet', isBlind: true }, cost);
        }
        const isSlowed = recent.filter((batch) => batch.isSlow).length >= 2 && level > (before ?? level) * slowFactor;
        const isStalled = work === 'evaluate' && before !== undefined && cost > before * slowEvaluationFactor;
        const isStall = isStalled || (isSlowed && level > (before ?? level) * stallFactor);
        if (isStall || (isSlowed && at >= mildAtMs)) {
          const why = `a ${nounOf(kind)} takes ${show(level)}, at best ${show(before as number)}`;
          return begin(fewer, { ...down, why, isBlind: false, isStall }, Math.max(level, isStalled ? cost : 0));
        }
        if (work === 'decode' && at >= exploreAtMs && recent.length === windowBatches) {
          const why = `a look at fewer threads after ${Math.round((at - chosenAtMs) / 1000)} s`;
          return begin(fewer, { ...down, why, isBlind: false }, usuals.get(place) as number);
        }
      }
      if (threads < threadsMax && recent.length >= 3) {
        const rise = riseReason(kind, at);
        if (rise !== undefined) {
          chosen = { kind, cost: level };
          const highestMax = Math.min(threadsMax, rise.highestMax);
          const { trial, why, isIdle } = rise;
          return begin(
            trial,
            { direction: 'up', kind, why, isBlind: false, isStall: false, isIdle, highestMax },
            level,
          );
        }
      }
      return undefined;
    },
  };

  /** Whether more threads should be tried now: which number first, how many at most, and why. */
  function riseReason(
    kind: string,
    at: number,
  ): { trial: number; highestMax: number; why: string; isIdle: boolean } | undefined {
    const next = { trial: threads + 1, highestMax: threadsMax, isIdle: false };
    if (idle !== undefined && idle >= idleCoresMin) {
      const room = Math.min(threadsMax, threads + Math.floor(idle + 1 - idleCoresMin));
      const waited = at - lastFailureMs >= waitMs(failures - 1, 0, probeMsMax);
      const why = `${idle.toFixed(1)} cores are idle`;
      if (waited || at >= probeAtMs) return { trial: room, highestMax: room, why, isIdle: true };
    }
    // Every core is taken: a probe would meet a stall, and faster batches are luck.
    const isTaken = idle !== undefined && idle < idleCoresMin / 2;
    if (isTaken && at < Math.max(chosenAtMs, lastFailureMs) + probeMsMax) return undefined;
    const level = median(recent.slice(-3).map(({ cost }) => cost));
    const costBefore = chosen?.kind === kind ? chosen.cost : 0;
    // Even a good sign waits for a quarter of what the last failure has cost to wait.
    const isLighter = level <= costBefore / lighterFactor;
    if (isLighter && at - lastFailureMs >= Math.max(probeMsMin / 2, (probeAtMs - lastFailureMs) / 4)) {
      return { ...next, why: `a ${nounOf(kind)} takes ${show(level)} after ${show(costBefore)}: a load has gone` };
    }
    // A blind probe that fails costs a stall: with a part of a prompt, many seconds.
    if (kind === evaluation || at < probeAtMs) return undefined;
    return { ...next, why: `a probe, ${Math.round((at - chosenAtMs) / 1000)} s after the last choice` };
  }
}

/** Batches that can be compared with each other; `undefined` = with none. */
function kindOf(work: 'decode' | 'evaluate', tokens: number): string | undefined {
  // The time of few tokens is that of reading the weights, the same for 2 and 3 but not for 1 and 8.
  if (work === 'decode') return tokens <= 16 ? `decode ${tokens}` : undefined;
  // Below 32 tokens the weights' reading dominates: its cost per token says nothing about longer parts.
  return tokens >= 32 ? evaluation : undefined;
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
function waitMs(failures: number, lostMs: number, cheapMsMax = cheapProbeMsMax): number {
  return Math.min(probeMsMax, Math.max(Math.min(cheapMsMax, probeMsMin * 2 ** failures), lostMs * probeShare));
}

/** The mean without the largest, of more than one: a single slow batch says nothing. */
function usual(values: readonly number[]): number {
  const kept = values.toSorted((a, b) => a - b).slice(0, Math.max(1, values.length - 1));
  return kept.reduce((sum, value) => sum + value, 0) / kept.length;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}

function nounOf(kind: string): string {
  return kind === evaluation ? 'prompt token' : 'token';
}

function show(ms: number): string {
  return `${ms >= 100 ? Math.round(ms) : ms.toFixed(1)} ms`;
}
