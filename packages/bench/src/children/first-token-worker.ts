import { reportSample } from '@gemma-cli/bench-kit';
import { ask, decodeRate, openEngine, readOrders, ttftOf } from './open-engine.ts';
import type { EngineOrders } from './open-engine.ts';
import { peakRssMiBOf } from './process-memory.ts';
import { logbook } from './texts.ts';

/** What one run is to do. */
export interface FirstTokenOrders extends EngineOrders {
  /** Lengths of the prefixes that two questions share, in tokens, roughly. */
  readonly sharedTokens: readonly number[];
  /** Whether the first prompts, cold and warm, are reported too. */
  readonly reportsShort: boolean;
}

const orders = readOrders() as FirstTokenOrders;
const { model } = orders;
const engine = await openEngine(orders);
const { implementation } = engine;
try {
  const report = (metric: string, value: number | null): void => reportSample({ metric, value, implementation });
  const cold = await ask(engine, model, 'The capital of France is', { maxTokens: 8 });
  if (orders.reportsShort) {
    const other = await ask(engine, model, 'Once upon a time there was', { maxTokens: 48 });
    report('coldTtftMs', ttftOf(cold));
    report('otherTtftMs', ttftOf(other));
    report('decodeTokensPerSecond', decodeRate(other));
  }
  let peakRssMiB: number | null = null;
  for (const tokens of orders.sharedTokens) {
    const prefix = logbook(`Logbook of ${tokens}`, tokens);
    // Legacy keeps nothing between prompts: what comes before its question makes no difference to it.
    if (implementation === 'optimized')
      await ask(engine, model, `${prefix}\nOn the first day the keeper`, { maxTokens: 8 });
    const answer = await ask(
      engine,
      model,
      `${prefix}\nOn the last day the ships`,
      { maxTokens: 8 },
      { onDelta: () => (peakRssMiB = peakRssMiBOf(engine.status().processes[0]?.pid) ?? peakRssMiB) },
    );
    const { promptTokens, evaluatedTokens } = answer.end.usage;
    report(`shared${tokens}TtftMs`, ttftOf(answer));
    report(`shared${tokens}PromptTokens`, promptTokens);
    report(`shared${tokens}EvaluatedTokens`, evaluatedTokens);
  }
  report('modelPeakRssMiB', peakRssMiB);
} finally {
  await engine.close();
}
