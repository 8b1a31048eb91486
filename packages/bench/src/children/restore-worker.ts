import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { median, reportSample } from '@gemma-cli/bench-kit';
import type { Engine } from '@gemma-cli/contracts';
import { openModel, resolveEngineOptions } from '@gemma-cli/model-process';
import { ask, openEngine, readOrders, ttftOf } from './open-engine.ts';
import type { EngineOrders } from './open-engine.ts';
import { logbook } from './texts.ts';

/** What one run is to do. */
export interface RestoreOrders extends EngineOrders {
  /** Tokens of the prefix, roughly. */
  readonly prefixTokens: number;
  readonly contextTokens: number;
}

/** Longest wait for a state to be written. */
const saveMsMax = 20_000;

const orders = readOrders() as RestoreOrders;
const { model, contextTokens } = orders;
const prefix = logbook('Logbook to keep', orders.prefixTokens);
const stable = { contextTokens, maxTokens: 4, stablePrefix: { characters: prefix.length } } as const;
const folder = await mkdtemp(join(tmpdir(), 'gemma-bench-states-'));
try {
  await reportPrimitives();
  await withEngine(true, async (engine) => {
    await ask(engine, model, `${prefix}\nOn the first day the keeper`, stable);
    await untilSaved(engine);
  });
  await withEngine(true, async (engine) => {
    await ask(engine, model, 'The capital of France is', { contextTokens, maxTokens: 2 });
    const restored = await ask(engine, model, `${prefix}\nOn the last day the ships`, stable);
    const { restoredTokens = 0 } = restored.end.usage;
    // Otherwise the wait would be that of an evaluation.
    if (restoredTokens < orders.prefixTokens / 2) throw new Error(`Only ${restoredTokens} tokens were restored.`);
    reportSample({ metric: 'restoredTtftMs', value: ttftOf(restored), implementation: engine.implementation });
    reportSample({ metric: 'restoredTokens', value: restoredTokens });
  });
  await withEngine(false, async (engine) => {
    await ask(engine, model, 'The capital of France is', { contextTokens, maxTokens: 2 });
    const evaluated = await ask(engine, model, `${prefix}\nOn the last day the ships`, stable);
    reportSample({ metric: 'evaluatedTtftMs', value: ttftOf(evaluated), implementation: engine.implementation });
  });
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function untilSaved(engine: Engine): Promise<void> {
  const deadline = performance.now() + saveMsMax;
  for (;;) {
    const { stateCache } = engine.status();
    if (stateCache === null) throw new Error('The engine has no state cache.');
    if (stateCache.saves > 0) return;
    if (performance.now() > deadline) throw new Error(`No state was saved within ${saveMsMax} ms.`);
    await sleep(10);
  }
}

async function withEngine(keepsStates: boolean, body: (engine: Engine) => Promise<void>): Promise<void> {
  const engine = await openEngine(orders, keepsStates ? { stateCache: { folder } } : {});
  try {
    await body(engine);
  } finally {
    await engine.close();
  }
}

/** The two ways to the same attention state, without an engine around them. */
async function reportPrimitives(): Promise<void> {
  const settings = resolveEngineOptions({ threads: orders.threads });
  const { process: worker, model: loaded } = await openModel({
    path: model,
    contextTokens,
    settings,
    signal: new AbortController().signal,
  });
  try {
    const { tokens } = await worker.call('tokenize', { input: { type: 'text', text: prefix } });
    const path = join(folder, 'primitive.state');
    const evaluateStart = performance.now();
    for (let start = 0; start < tokens.length; start += loaded.batchTokens) {
      const chunk = tokens.slice(start, start + loaded.batchTokens);
      await worker.call('evaluate', { sequence: 0, tokens: chunk, alone: false });
    }
    const evaluateMs = performance.now() - evaluateStart;
    const saveStart = performance.now();
    const { bytes } = await worker.call('save-state', { sequence: 0, path });
    const saveMs = performance.now() - saveStart;
    const restores: number[] = [];
    for (let time = 0; time < 5; time += 1) {
      await worker.call('truncate', { sequence: 0, tokens: 0 });
      const start = performance.now();
      const { kept } = await worker.call('load-state', { sequence: 0, path, tokens });
      restores.push(performance.now() - start);
      if (kept !== tokens.length) throw new Error(`Restored ${kept} of ${tokens.length} tokens.`);
    }
    const restoreMs = median(restores);
    reportSample({ metric: 'prefixTokens', value: tokens.length });
    reportSample({ metric: 'stateMiB', value: bytes / 2 ** 20 });
    reportSample({ metric: 'evaluateMs', value: evaluateMs });
    reportSample({ metric: 'saveMs', value: saveMs });
    reportSample({ metric: 'restoreMs', value: restoreMs });
    reportSample({ metric: 'restoreGain', value: evaluateMs / restoreMs });
    await rm(path);
  } finally {
    await worker.close();
  }
}
