import { reportSample } from '@gemma-cli/bench-kit';
import { ask, decodeRate, openEngine, readOrders } from './open-engine.ts';
import type { EngineOrders } from './open-engine.ts';
import { logbook } from './texts.ts';

/** What one run is to do. */
export interface SpeculationOrders extends EngineOrders {
  readonly speculation: 'prompt-lookup' | null;
  readonly maxTokens: number;
}

/** Work in which what comes next was often there before, and work in which it was not. */
const tasks: Readonly<Record<'copy' | 'edit' | 'prose', string>> = {
  copy: `${logbook('Logbook to copy', 250)}\n\nThe same text once more:\n${logbook('Logbook to copy', 30)}\n`,
  edit: `Before:\n${logbook('Logbook to edit', 160)}\n\nAfter, with "lighthouse" in capital letters:\n${logbook('Logbook to edit', 30).replaceAll('lighthouse', 'LIGHTHOUSE')}\n`,
  prose: 'Once upon a time there was a keeper who lived alone by the sea. One morning',
};

const orders = readOrders() as SpeculationOrders;
const engine = await openEngine(orders);
try {
  await ask(engine, orders.model, 'Hello, my name is', { maxTokens: 2 });
  for (const [task, text] of Object.entries(tasks)) {
    const answer = await ask(engine, orders.model, text, {
      maxTokens: orders.maxTokens,
      ...(orders.speculation === null ? {} : { speculation: { type: orders.speculation } }),
    });
    const { draftedTokens = 0, acceptedTokens = 0 } = answer.end.usage;
    reportSample({
      metric: `${task}TokensPerSecond`,
      value: decodeRate(answer),
      implementation: engine.implementation,
    });
    reportSample({
      metric: `${task}AcceptedShare`,
      value: draftedTokens === 0 ? null : acceptedTokens / draftedTokens,
    });
  }
} finally {
  await engine.close();
}
