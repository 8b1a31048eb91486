import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { reportSample, reportTimeline } from '@gemma-cli/bench-kit';
import { ask, openEngine, readOrders } from './open-engine.ts';
import type { EngineOrders } from './open-engine.ts';
import { openRawBinding } from './raw-binding.ts';

/** One stretch of time. */
export interface Phase {
  /** Its metric is this name with `TokensPerSecond` behind it. */
  readonly name: string;
  readonly seconds: number;
  /** Processes that keep one core busy each meanwhile. */
  readonly hogs: number;
}

/** What one run is to do. */
export interface ContentionOrders extends EngineOrders {
  /** In place of the engine: the raw binding with its default number of threads. */
  readonly isLibraryDefault: boolean;
  readonly phases: readonly Phase[];
}

interface Mark {
  readonly at: number;
  readonly text: string;
}

const contextTokens = 2048;
const story = 'Once upon a time there was a keeper who lived alone by the sea. One morning';

const orders = readOrders() as ContentionOrders;
const tokensAt: number[] = [];
const marks: Mark[] = [];
const steps = { down: 0, up: 0 };

const hogModule = fileURLToPath(new URL('./hog.js', import.meta.url));
const lifeMs = orders.phases.reduce((sum, { seconds }) => sum + seconds, 30) * 1000;

if (orders.isLibraryDefault) await runLibrary();
else await runEngine();

async function runEngine(): Promise<void> {
  const engine = await openEngine(orders);
  try {
    await engine.describe({ path: orders.model }, { contextTokens });
    await throughPhases(async (signal) => {
      // One answer after the other: each ends by itself or with the last phase.
      while (!signal.aborted) {
        await ask(
          engine,
          orders.model,
          story,
          { contextTokens, maxTokens: contextTokens - 64 },
          {
            signal,
            onDelta: (at) => tokensAt.push(at),
            onThreads: ({ from, to }) => {
              steps[to < from ? 'down' : 'up'] += 1;
              marks.push({ at: performance.now(), text: `${from} → ${to} threads` });
            },
          },
        );
      }
    }, engine.implementation);
  } finally {
    await engine.close();
  }
}

async function runLibrary(): Promise<void> {
  const binding = await openRawBinding(orders.model, { contextTokens });
  await throughPhases(async (signal) => {
    while (!signal.aborted) {
      await binding.ask(story, contextTokens - 64, (at) => {
        tokensAt.push(at);
        return !signal.aborted;
      });
    }
  }, 'node-llama-cpp');
  await binding.close();
}

/** Lets `work` run through the phases while hogs come and go, then reports what it gave in each of them. */
async function throughPhases(work: (signal: AbortSignal) => Promise<void>, implementation: string): Promise<void> {
  const controller = new AbortController();
  const bounds: { readonly phase: Phase; readonly from: number; readonly to: number }[] = [];
  let startedAt = 0;
  let working: Promise<void> | undefined;
  for (const phase of orders.phases) {
    const hogs = await Promise.all(Array.from({ length: phase.hogs }, startHog));
    // A load that was there before the first token is there before the first token.
    if (working === undefined) {
      startedAt = performance.now();
      working = work(controller.signal);
      // Awaited below; a failure before that must not count as unhandled.
      working.catch(() => {});
    }
    const from = performance.now();
    if (phase.hogs > 0) marks.push({ at: from, text: phase.hogs === 1 ? 'a hog starts' : `${phase.hogs} hogs start` });
    await Promise.race([new Promise((resolve) => setTimeout(resolve, phase.seconds * 1000)), working]);
    bounds.push({ phase, from, to: performance.now() });
    if (phase.hogs > 0) marks.push({ at: performance.now(), text: phase.hogs === 1 ? 'it ends' : 'they end' });
    await Promise.all(hogs.map((hog) => hog.end()));
  }
  const endedAt = performance.now();
  controller.abort();
  await working;
  for (const { phase, from, to } of bounds) {
    const tokens = tokensAt.filter((at) => at >= from && at < to).length;
    reportSample({ metric: `${phase.name}TokensPerSecond`, value: (tokens * 1000) / (to - from), implementation });
  }
  reportSample({ metric: 'stepsDown', value: steps.down });
  reportSample({ metric: 'stepsUp', value: steps.up });
  reportTimeline({
    name: 'tokens in each second',
    unit: 'tokens/s',
    stepMs: 1000,
    values: Array.from({ length: Math.floor((endedAt - startedAt) / 1000) }, (_, second) => {
      const from = startedAt + second * 1000;
      return tokensAt.filter((at) => at >= from && at < from + 1000).length;
    }),
    marks: marks
      .toSorted((left, right) => left.at - right.at)
      .map(({ at, text }) => ({ atMs: Math.round(at - startedAt), text })),
  });
}

/** A process that keeps one core busy. It is ended by its own id. */
async function startHog(): Promise<{ end(): Promise<void> }> {
  const hog = spawn(process.execPath, [hogModule, String(lifeMs)], { stdio: 'ignore' });
  await once(hog, 'spawn');
  return {
    async end() {
      if (hog.exitCode !== null) return;
      const exited = once(hog, 'exit');
      hog.kill('SIGKILL');
      await exited;
    },
  };
}
