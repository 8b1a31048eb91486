import { reportSample } from '@gemma-cli/bench-kit';
import { ask, openEngine, readOrders, ttftOf } from './open-engine.ts';
import type { EngineOrders } from './open-engine.ts';
import { logbook } from './texts.ts';

/** What one run is to do. */
export interface AbortOrders extends EngineOrders {
  /** Aborts of each kind; the worst is reported. */
  readonly times: number;
  /** Tokens of the long prompt, roughly. */
  readonly promptTokens: number;
}

/** Into the evaluation of the prompt. */
const waitMs = 200;

const orders = readOrders() as AbortOrders;
const engine = await openEngine(orders);
const { implementation } = engine;
const isCold = implementation === 'legacy';
try {
  await ask(engine, orders.model, 'Hello, my name is', { maxTokens: 2 });
  const prompt: number[] = [];
  const decode: number[] = [];
  const next: number[] = [];
  for (let time = 0; time < orders.times; time += 1) {
    prompt.push(await abortPrompt(logbook(`Logbook to abort ${time}`, orders.promptTokens)));
    next.push(ttftOf(await ask(engine, orders.model, `Number ${time} is`, { maxTokens: 2 })));
    decode.push(await abortDecoding(`Once upon a time there were ${time + 2}`));
  }
  const report = (metric: string, values: readonly number[]): void =>
    reportSample({ metric, value: Math.max(...values), implementation });
  report('promptAbortMs', prompt);
  report('decodeAbortMs', decode);
  report('nextTtftMs', next);
} finally {
  await engine.close();
}

/** From an abort in the middle of a long prompt to the end of the answer. */
async function abortPrompt(text: string): Promise<number> {
  const controller = new AbortController();
  let abortedAt = Number.NaN;
  const abortSoon = (): void => {
    setTimeout(() => {
      abortedAt = performance.now();
      controller.abort();
    }, waitMs);
  };
  if (!isCold) abortSoon();
  const { endedAt, end, deltasAt } = await ask(
    engine,
    orders.model,
    text,
    { maxTokens: 8 },
    { signal: controller.signal, onLoaded: () => (isCold ? abortSoon() : undefined) },
  );
  if (end.reason !== 'aborted' || deltasAt.length > 0) {
    throw new Error(
      `The prompt was evaluated before it was aborted (${end.reason}): it is too short for this machine.`,
    );
  }
  return endedAt - abortedAt;
}

/** From an abort after the eighth piece of an answer to its end. */
async function abortDecoding(text: string): Promise<number> {
  const controller = new AbortController();
  let pieces = 0;
  let abortedAt = Number.NaN;
  const { endedAt, end } = await ask(
    engine,
    orders.model,
    text,
    { maxTokens: 200 },
    {
      signal: controller.signal,
      onDelta: (at) => {
        pieces += 1;
        if (pieces !== 8) return;
        abortedAt = at;
        controller.abort();
      },
    },
  );
  if (end.reason !== 'aborted') throw new Error(`The answer ended by itself (${end.reason}).`);
  return endedAt - abortedAt;
}
