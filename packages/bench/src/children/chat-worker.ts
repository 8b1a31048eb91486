import { median, reportSample } from '@gemma-cli/bench-kit';
import { ask, openEngine, readOrders, ttftOf } from './open-engine.ts';
import type { EngineOrders } from './open-engine.ts';
import { logbook } from './texts.ts';

/** What one run is to do. */
export interface ChatOrders extends EngineOrders {
  /** Tokens of the text that the conversation is about, roughly. */
  readonly prefixTokens: number;
  readonly turns: number;
  /**
   * Turns that are asked, counted from 1. Default: all. For an engine that keeps nothing between them: the others get the
   * answer of the turn before, and are as long.
   */
  readonly askedTurns?: readonly number[];
}

const orders = readOrders() as ChatOrders;
const engine = await openEngine(orders);
const { implementation } = engine;
try {
  const report = (metric: string, value: number | null): void => reportSample({ metric, value, implementation });
  const later: number[] = [];
  let lastAnswer = '';
  let conversation = logbook('Logbook of the chat', orders.prefixTokens);
  for (let turn = 1; turn <= orders.turns; turn += 1) {
    conversation += `\nQuestion ${turn}: what did the keeper see on day ${turn}?\nAnswer:`;
    if (orders.askedTurns?.includes(turn) === false) {
      conversation += lastAnswer;
      report(`turn${turn}CachedTokens`, null);
      report(`turn${turn}EvaluatedTokens`, null);
      continue;
    }
    const answer = await ask(engine, orders.model, conversation, { maxTokens: 16 });
    lastAnswer = answer.text;
    conversation += lastAnswer;
    if (turn > 1) later.push(ttftOf(answer));
    else report('turn1TtftMs', ttftOf(answer));
    report(`turn${turn}CachedTokens`, answer.end.usage.cachedTokens);
    report(`turn${turn}EvaluatedTokens`, answer.end.usage.evaluatedTokens);
  }
  report('laterTtftMs', median(later));
} finally {
  await engine.close();
}
