import { reportSample } from '@gemma-cli/bench-kit';
import type { GenerationEnd } from '@gemma-cli/contracts';
import { ask, openEngine, readOrders, ttftOf } from './open-engine.ts';
import type { EngineOrders } from './open-engine.ts';

/** What one run is to do. */
export interface ConcurrencyOrders extends EngineOrders {
  /** Requests at the same time. */
  readonly requests: number;
  readonly maxTokens: number;
}

const orders = readOrders() as ConcurrencyOrders;
const engine = await openEngine(orders);
const { implementation } = engine;
const settings = { contextTokens: 2048, maxTokens: orders.maxTokens };
try {
  // The optimized engine is loaded before the clock starts; legacy loads for every request, which is what it costs.
  await ask(engine, orders.model, 'Hello, my name is', { ...settings, maxTokens: 2 });
  const startedAt = performance.now();
  const answers = await Promise.all(
    Array.from({ length: orders.requests }, (_, request) =>
      ask(engine, orders.model, `Story number ${request + 1}. Once upon a time there was`, settings),
    ),
  );
  const ends = answers.map(({ endedAt }) => endedAt - startedAt).toSorted((left, right) => left - right);
  const [first, last] = [ends[0] ?? Number.NaN, ends.at(-1) ?? Number.NaN];
  const tokens = answers.reduce((sum, { end }) => sum + tokensOf(end), 0);
  const report = (metric: string, value: number): void => reportSample({ metric, value, implementation });
  report('totalTokensPerSecond', (tokens * 1000) / last);
  report('firstEndMs', first);
  report('lastEndMs', last);
  report('endSpread', (last - first) / last);
  report('worstTtftMs', Math.max(...answers.map(ttftOf)));
} finally {
  await engine.close();
}

function tokensOf({ usage }: GenerationEnd): number {
  if (usage.outputTokens === null) throw new Error('The engine does not count its tokens.');
  return usage.outputTokens;
}
