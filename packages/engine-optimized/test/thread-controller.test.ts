import { describe, expect, it } from 'vitest';
import { createThreadController } from '../src/thread-controller.ts';
import type { BatchObservation, ThreadController, ThreadStep } from '../src/thread-controller.ts';
import { batchMs, seededRandom } from './simulated-machine.ts';
import type { LoadPhase, SimulatedMachine } from './simulated-machine.ts';

/** The table of the measured Gemma 270M: 2 threads 34-40 tokens/s quiet and 0.6-1.4 busy, 1 thread 21-26 and 7-12. */
const gemmaOnTwo: SimulatedMachine = { cores: 2, tokenMs: 43, parallel: 0.75, stallMs: 1_000, noise: 0.06 };
const gemmaOnFour: SimulatedMachine = { ...gemmaOnTwo, cores: 4 };
const gemmaOnEight: SimulatedMachine = { ...gemmaOnTwo, cores: 8, parallel: 0.9 };
const largeOnSixteen: SimulatedMachine = { ...gemmaOnTwo, cores: 16, parallel: 0.95, tokenMs: 300 };
const largeOnTwo: SimulatedMachine = { ...gemmaOnTwo, tokenMs: 600, stallMs: 6_000 };

const phasesOf = (seconds: number, ...loads: readonly number[]): readonly LoadPhase[] =>
  loads.map((load) => ({ seconds, load }));

interface PhaseResult {
  /** Tokens per second, without the first ones that adaptation may take. */
  readonly speed: number;
  readonly steps: readonly ThreadStep[];
}

/** Decodes through the phases in simulated time. The first tokens of each phase are adaptation and not counted. */
function decodeThrough(
  machine: SimulatedMachine,
  phases: readonly LoadPhase[],
  seed: number,
  { meter = true, adaptationTokens = 12 }: { readonly meter?: boolean; readonly adaptationTokens?: number } = {},
): PhaseResult[] {
  const random = seededRandom(seed);
  let clock = 0;
  let load = phases[0]?.load ?? 0;
  let steps: ThreadStep[] = [];
  let computing = 0;
  const controller = createThreadController({
    threadsMax: machine.cores,
    now: () => clock,
    idleCores: () => (meter ? Math.max(0, machine.cores - load - computing) : undefined),
  });
  controller.resume();
  let context = 0;
  return phases.map((phase) => {
    load = phase.load;
    steps = [];
    const end = clock + phase.seconds * 1_000;
    let tokens = 0;
    let ms = 0;
    while (clock < end) {
      computing = controller.threads;
      const took = batchMs(machine, { threads: controller.threads, load, context }, random);
      clock += took;
      context = (context + 1) % 4_000;
      tokens += 1;
      if (tokens > adaptationTokens) ms += took;
      const step = controller.observe({ kind: 'decode', tokens: 1, ms: took });
      if (step !== undefined) steps.push(step);
    }
    return { speed: ((tokens - adaptationTokens) * 1_000) / ms, steps };
  });
}

/** Tokens per second of the best fixed number of threads, in the middle of the context. */
function bestFixed(machine: SimulatedMachine, load: number): number {
  const key = JSON.stringify([machine, load]);
  const known = bestSpeeds.get(key);
  if (known !== undefined) return known;
  const speeds = Array.from({ length: machine.cores }, (_, index) => {
    const random = seededRandom(index + 1);
    const batch = { threads: index + 1, load, context: 2_000 };
    const times = Array.from({ length: 400 }, () => batchMs(machine, batch, random));
    return 400_000 / times.reduce((sum, ms) => sum + ms, 0);
  });
  const best = Math.max(...speeds);
  bestSpeeds.set(key, best);
  return best;
}
const bestSpeeds = new Map<string, number>();

describe('the simulated machine', () => {
  it('has the speeds that were measured', () => {
    const speed = (threads: number, load: number): number => {
      const random = seededRandom(1);
      const times = Array.from({ length: 300 }, () => batchMs(gemmaOnTwo, { threads, load }, random));
      return 300_000 / times.reduce((sum, ms) => sum + ms, 0);
    };
    expect(speed(2, 0)).toBeGreaterThan(33);
    expect(speed(2, 0)).toBeLessThan(40);
    expect(speed(2, 1)).toBeLessThan(1.4);
    expect(speed(1, 0)).toBeGreaterThan(20);
    expect(speed(1, 2)).toBeGreaterThan(7);
  });
});

describe.each([
  ['2 cores, a hog that comes and goes', gemmaOnTwo, phasesOf(20, 0, 1, 0)],
  ['2 cores, two hogs that come and go', gemmaOnTwo, phasesOf(20, 0, 2, 0)],
  ['2 cores, a hog that was there before', gemmaOnTwo, phasesOf(20, 1, 0, 1)],
  ['2 cores, a model of two tokens a second', largeOnTwo, phasesOf(200, 0, 1, 0)],
  ['4 cores, partial loads', gemmaOnFour, phasesOf(20, 0, 1, 3, 0)],
  ['8 cores, partial loads', gemmaOnEight, phasesOf(20, 5, 0, 2, 0)],
  ['16 cores, partial loads', largeOnSixteen, phasesOf(20, 0, 8, 1, 0)],
])('on %s', (_name, machine, phases) => {
  it.each([1, 2, 3, 4, 5])('decodes within 20 % of the best fixed number in each phase (seed %i)', (seed) => {
    const results = decodeThrough(machine, phases, seed);
    const shares = results.map(({ speed }, index) => speed / bestFixed(machine, phases[index]?.load ?? 0));
    expect(Math.min(...shares), `shares ${shares.join(', ')}`).toBeGreaterThan(0.8);
    const chosen = results.flatMap(({ steps }) => steps);
    expect(chosen.filter(({ from, to }) => to < from).length).toBeGreaterThanOrEqual(1);
    expect(chosen.filter(({ from, to }) => to > from).length).toBeGreaterThanOrEqual(1);
    // Few trials: less than one, and the step back, in two seconds of each phase, on average.
    const seconds = phases.reduce((sum, phase) => sum + phase.seconds, 0);
    expect(chosen.length).toBeLessThan(seconds);
  });
});

describe.each([
  ['steady', 0],
  ['slow for one token in seven', 0.15],
  ['slow for three tokens in ten', 0.3],
])('on a quiet machine with 2 cores, %s', (_name, lateShare) => {
  const quietOnTwo: SimulatedMachine = { ...gemmaOnTwo, tokenMs: 28.5, parallel: 0.6, noise: 0.1, lateShare };
  it.each([1, 2, 3, 4, 5])('keeps to two threads, before and after a hog, with few looks at one (seed %i)', (seed) => {
    const [before, during, after] = decodeThrough(quietOnTwo, phasesOf(60, 0, 1, 0), seed);
    const best = bestFixed(quietOnTwo, 0);
    for (const phase of [before, after]) {
      expect(phase?.speed).toBeGreaterThan(0.9 * best);
      // A look and the way back after 0, 5, 15, 35 s; a few more that slow tokens began.
      expect(phase?.steps.length).toBeLessThanOrEqual(15);
    }
    expect(during?.speed).toBeGreaterThan(0.8 * bestFixed(quietOnTwo, 1));
  });
});

describe.each([
  ['2 cores', gemmaOnTwo, phasesOf(90, 0, 1, 0)],
  ['4 cores', gemmaOnFour, phasesOf(90, 0, 1, 3, 0)],
  ['8 cores', gemmaOnEight, phasesOf(60, 5, 0, 2, 0)],
])('on %s where the system does not tell idle cores', (_name, machine, phases) => {
  it('decodes within 20 % of the best fixed number on average of the seeds, and within 35 % always', () => {
    const shares = [1, 2, 3, 4].map((seed) =>
      decodeThrough(machine, phases, seed, { meter: false }).map(
        ({ speed }, index) => speed / bestFixed(machine, phases[index]?.load ?? 0),
      ),
    );
    for (const index of phases.keys()) {
      const ofPhase = shares.map((all) => all[index] ?? 0);
      expect(Math.min(...ofPhase), `phase ${index}: ${ofPhase.join(', ')}`).toBeGreaterThan(0.65);
      expect(ofPhase.reduce((sum, share) => sum + share, 0) / ofPhase.length).toBeGreaterThan(0.8);
    }
  });
});

/** Drives a controller by hand: what a token takes by number of threads. */
function tokensOf(controller: ThreadController, count: number, ms: (threads: number) => number): number[] {
  return Array.from({ length: count }, () => {
    const { threads } = controller;
    clock += ms(threads);
    controller.observe({ kind: 'decode', tokens: 1, ms: ms(threads) });
    return threads;
  });
}
let clock = 0;
const quiet = (threads: number): number => (threads === 2 ? 27 : 42);
const busy = (threads: number): number => (threads === 2 ? 1_000 : 60);
const twoThreads = (options: { idleCores?: () => number | undefined } = {}): ThreadController =>
  createThreadController({ threadsMax: 2, now: () => clock, ...options });

describe('a thread controller', () => {
  it('tries one thread less within the first four tokens, and goes back where that is slower', () => {
    const controller = twoThreads();
    expect(tokensOf(controller, 6, quiet)).toEqual([2, 2, 1, 2, 2, 2]);
    expect(controller.reason).toContain('27.0 ms at 2, 42.0 ms at 1');
  });

  it('stays below a load that was there before the first token', () => {
    expect(tokensOf(twoThreads(), 6, busy)).toEqual([2, 2, 1, 1, 1, 1]);
  });

  it('starts below a load that the idle cores tell of, and above it when it has gone', () => {
    let idle = 0;
    const controller = twoThreads({ idleCores: () => idle });
    expect(controller.resume({ ownCores: 1 })).toMatchObject({ from: 2, to: 1 });
    expect(tokensOf(controller, 4, busy)).toEqual([1, 1, 1, 1]);
    clock += 60_000;
    idle = 2;
    expect(controller.resume()).toMatchObject({ from: 1, to: 2 });
    expect(controller.reason).toBe('2: 2.0 of 2 cores are free before the first batch');
  });

  it('does not compare across a pause: the search begins again after it', () => {
    const controller = twoThreads();
    expect(tokensOf(controller, 2, busy)).toEqual([2, 2]);
    expect(controller.threads).toBe(1);
    clock += 600_000;
    // The first batch after the pause belongs to the search that is given up.
    expect(tokensOf(controller, 5, quiet)).toEqual([1, 2, 2, 1, 2]);
    expect(controller.threads).toBe(2);
    const resumed = twoThreads();
    tokensOf(resumed, 2, busy);
    expect(resumed.resume()).toMatchObject({
      from: 1,
      to: 2,
      reason: 'the comparison with 1 was cut short by a pause',
    });
  });

  it('does not take its own last batches for the work of others', () => {
    let cpuMs = 0;
    let readAt = clock;
    // A meter as the machine has it: the mean since the last reading, with our own threads in it.
    const idleCores = (): number | undefined => {
      const passed = clock - readAt;
      if (passed < 200) return undefined;
      const idle = 2 - cpuMs / passed;
      [cpuMs, readAt] = [0, clock];
      return idle;
    };
    const controller = twoThreads({ idleCores });
    const work = (threads: number): number => {
      cpuMs += threads * quiet(threads);
      return quiet(threads);
    };
    const pauses = Array.from({ length: 20 }, (_, index) =>
      [5, 150, 900, 1_100, 3_000, 60_000].map((ms) => ms + index),
    );
    for (const [index, pauseMs] of pauses.flat().entries()) {
      // Answers of many lengths, so that the meter was read long and shortly before their ends.
      for (let token = 0; token < 40 + (index % 19); token += 1) {
        const ms = work(controller.threads);
        clock += ms;
        controller.observe({ kind: 'decode', tokens: 1, ms });
      }
      clock += pauseMs;
      expect(controller.resume(), `after ${pauseMs} ms`).toBeUndefined();
      expect(controller.threads).toBe(2);
    }
  });

  it('steps down after two slow tokens, and tells the numbers', () => {
    const controller = twoThreads();
    tokensOf(controller, 30, quiet);
    expect(tokensOf(controller, 5, busy)).toEqual([2, 2, 1, 1, 1]);
    expect(controller.threads).toBe(1);
    expect(controller.reason).toMatch(/^1: a token takes \d+ ms, at best 27\.\d ms; tried: .*1 is fastest/);
  });

  it.each([80, 500, 5_000])('does not mind a single token of %i ms', (ms) => {
    // No time passes, so that no look at fewer threads is due.
    const controller = createThreadController({ threadsMax: 2, now: () => 0 });
    tokensOf(controller, 30, quiet);
    for (let round = 0; round < 20; round += 1) {
      tokensOf(controller, 1, () => ms);
      expect(new Set(tokensOf(controller, 8, quiet))).toEqual(new Set([2]));
    }
  });

  it('goes back to where it was when fewer threads do not help', () => {
    const controller = twoThreads();
    tokensOf(controller, 30, quiet);
    // A longer context, or a machine that is throttled: slower on any number of threads.
    tokensOf(controller, 8, (threads) => quiet(threads) * 2);
    expect(controller.threads).toBe(2);
    expect(new Set(tokensOf(controller, 60, (threads) => quiet(threads) * 2))).toEqual(new Set([2]));
  });

  it('undoes a probe that is bad after one token, and waits so long that probes cost a twelfth at most', () => {
    const controller = twoThreads();
    const threads = tokensOf(controller, 5_000, busy);
    const bad = threads.filter((number, index) => number === 2 && index > 2).length;
    expect(bad).toBeGreaterThan(5);
    expect(bad * 1_000).toBeLessThan((5_000 * 60) / 11);
    expect(threads.some((number, index) => index > 2 && number === 2 && threads[index + 1] === 2)).toBe(false);
  });

  it('does not probe for a minute while every core is taken', () => {
    const controller = twoThreads({ idleCores: () => 0 });
    tokensOf(controller, 30, quiet);
    tokensOf(controller, 6, busy);
    expect(controller.threads).toBe(1);
    expect(new Set(tokensOf(controller, 980, busy))).toEqual(new Set([1]));
  });

  it('comes back within five tokens of a core becoming idle', () => {
    let idle = 0;
    const controller = twoThreads({ idleCores: () => idle });
    tokensOf(controller, 30, quiet);
    tokensOf(controller, 40, busy);
    idle = 1;
    // The meter is asked twice a second.
    clock += 500;
    expect(tokensOf(controller, 5, quiet)).toContain(2);
    tokensOf(controller, 3, quiet);
    expect(controller.threads).toBe(2);
  });

  it('takes tokens that become faster by themselves for the end of a load', () => {
    const controller = twoThreads();
    tokensOf(controller, 30, quiet);
    tokensOf(controller, 8, (threads) => (threads === 2 ? 1_000 : 100));
    expect(controller.threads).toBe(1);
    const before = clock;
    while (controller.threads === 1 && clock - before < 10_000) tokensOf(controller, 1, quiet);
    expect(clock - before).toBeLessThan(500);
  });

  it('follows a context that grows without a step', () => {
    const steps: ThreadStep[] = [];
    const controller = createThreadController({ threadsMax: 2, now: () => 0 });
    for (let token = 0; token < 8_000; token += 1) {
      const ms = quiet(controller.threads) * (1 + token / 2_000);
      steps.push(...[controller.observe({ kind: 'decode', tokens: 1, ms })].filter((step) => step !== undefined));
    }
    // Only the first trial: no time passes, so that nothing is due.
    expect(steps.map(({ to }) => to)).toEqual([1, 2]);
  });

  it('keeps batches of several sequences and parts of prompts apart from single tokens', () => {
    const controller = twoThreads();
    tokensOf(controller, 30, quiet);
    const others: readonly BatchObservation[] = [
      { kind: 'decode', tokens: 4, ms: 60 },
      { kind: 'evaluate', tokens: 12, ms: 90 },
      { kind: 'decode', tokens: 40, ms: 400 },
    ];
    for (let round = 0; round < 20; round += 1) for (const batch of others) controller.observe(batch);
    expect(controller.threads).toBe(2);
  });

  it('leaves a stall after one part of a prompt, because the next would take seconds again', () => {
    const controller = twoThreads();
    const evaluate = (tokens: number, ms: number): ThreadStep | undefined =>
      controller.observe({ kind: 'evaluate', tokens, ms });
    evaluate(64, 130);
    evaluate(64, 250);
    expect(controller.threads).toBe(2);
    expect(evaluate(128, 270)).toBeUndefined();
    expect(evaluate(128, 9_000)).toMatchObject({ to: 1 });
    expect(evaluate(128, 700)).toBeUndefined();
    expect(controller.threads).toBe(1);
  });

  it('keeps its threads when the parts of the first prompt cost the same on any number', () => {
    const controller = createThreadController({ threadsMax: 4, now: () => (clock += 10) });
    for (let part = 0; part < 20; part += 1) controller.observe({ kind: 'evaluate', tokens: 64, ms: 64 });
    expect(controller.threads).toBe(4);
    expect(controller.reason).toContain('nothing was faster');
  });

  it('never leaves its bounds, whatever comes', () => {
    const random = seededRandom(7);
    for (const [threadsMin, threadsMax] of [
      [1, 1],
      [1, 2],
      [2, 5],
      [3, 64],
    ] as const) {
      const controller = createThreadController({
        threadsMin,
        threadsMax,
        now: () => (clock += 200),
        idleCores: () => random() * 70 - 1,
      });
      for (let batch = 0; batch < 2_000; batch += 1) {
        if (random() < 0.02) controller.resume({ ownCores: 1 });
        const tokens = Math.ceil(random() ** 4 * 512);
        const kind = random() < 0.5 ? 'decode' : 'evaluate';
        controller.observe({ kind, tokens, ms: random() ** 6 * 5_000 });
        const isSound = controller.threads >= threadsMin && controller.threads <= threadsMax;
        if (!isSound || !Number.isInteger(controller.threads)) expect.fail(`${controller.threads} threads`);
      }
    }
  });
});
