import { median, reportSample } from '@gemma-cli/bench-kit';
import { ask, decodeRate, openEngine, readOrders, ttftOf } from './open-engine.ts';
import type { EngineOrders } from './open-engine.ts';
import { logbook, shortPrompts } from './texts.ts';

/** What one run is to do; the peers get the same orders. */
export interface DecodeOrders extends EngineOrders {
  readonly threads: number;
  readonly contextTokens: number;
  readonly decodeTokens: number;
  /** Tokens of the long prompt, roughly. */
  readonly promptTokens: number;
}

const orders = readOrders() as DecodeOrders;
const { model, contextTokens } = orders;
const startedAt = performance.now();
const engine = await openEngine(orders);
const { implementation } = engine;
try {
  const report = (metric: string, value: number | null): void => reportSample({ metric, value, implementation });
  await engine.describe({ path: model }, { contextTokens });
  report('readyMs', performance.now() - startedAt);
  const cold = await ask(engine, model, 'Hello, my name is', { contextTokens, maxTokens: 2 });
  report('coldFirstTokenMs', (cold.deltasAt[0] ?? Number.NaN) - startedAt);

  const short: number[] = [];
  for (const text of shortPrompts) short.push(ttftOf(await ask(engine, model, text, { contextTokens, maxTokens: 4 })));
  report('firstTokenMs', median(short));
  const told = await ask(engine, model, 'Once upon a time there was', {
    contextTokens,
    maxTokens: orders.decodeTokens,
  });
  report('decodeTokensPerSecond', decodeRate(told));
  const long = logbook('Logbook to read', orders.promptTokens);
  const read = await ask(engine, model, long, { contextTokens, maxTokens: 2 });
  report('promptTokensPerSecond', ((read.end.usage.evaluatedTokens ?? Number.NaN) * 1000) / ttftOf(read));
  const again = await ask(engine, model, `${long} And then`, { contextTokens, maxTokens: 2 });
  report('prefixHitMs', ttftOf(again));
} finally {
  await engine.close();
}
