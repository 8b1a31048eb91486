import { median, reportSample } from '@gemma-cli/bench-kit';
import type { Engine } from '@gemma-cli/contracts';
import { ask as askEngine } from './open-engine.ts';
import type { EngineOrders } from './open-engine.ts';
import { logbook, shortPrompts } from './texts.ts';

/** What every peer of the decode suite is to do. */
export interface PeerOrders extends EngineOrders {
  readonly threads: number;
  readonly contextTokens: number;
  /** Tokens of the answer whose rate counts. */
  readonly decodeTokens: number;
  /** Tokens of the long prompt, roughly. */
  readonly promptTokens: number;
}

/** What came of one prompt. Times are of `performance.now()`. */
export interface PeerAnswer {
  readonly startedAt: number;
  /** When the model was loaded, if this question had to wait for it. Default: it was there. */
  readonly loadedAt?: number | undefined;
  /** When each piece of the answer was there. */
  readonly tokensAt: readonly number[];
  /** Tokens of the answer. */
  readonly outputTokens: number;
  /** Tokens of the prompt that were computed. */
  readonly evaluatedTokens: number;
}

/** Whatever answers prompts. */
export interface Peer {
  /** The implementation that is reported. */
  readonly implementation: string;
  /** Greedy. */
  ask(text: string, maxTokens: number): Promise<PeerAnswer>;
}

/**
 * Asks a peer that is ready what every peer is asked, and reports what the decode suite declares.
 *
 * @param startedAt - When the peer was told to get ready, of `performance.now()`.
 */
export async function measurePeer(orders: PeerOrders, startedAt: number, { implementation, ask }: Peer): Promise<void> {
  const report = (metric: string, value: number): void => reportSample({ metric, value, implementation });
  report('readyMs', performance.now() - startedAt);
  const cold = await ask('Hello, my name is', 2);
  report('coldFirstTokenMs', waitOf(cold) + cold.startedAt - startedAt);
  const short: number[] = [];
  for (const text of shortPrompts) short.push(waitOf(await ask(text, 2)));
  report('firstTokenMs', median(short));
  const told = await ask('Once upon a time there was', orders.decodeTokens);
  report('decodeTokensPerSecond', rateOf(told));
  report('answerTokens', told.outputTokens);
  const long = logbook('Logbook to read', orders.promptTokens);
  const read = await ask(long, 2);
  report('promptTokensPerSecond', readingRateOf(read));
  report('promptTokens', read.evaluatedTokens);
  report('prefixHitMs', waitOf(await ask(`${long} And then`, 2)));
}

/** An engine with its model, as one of the peers. */
export function engineAsPeer(
  engine: Engine,
  { model, contextTokens }: Pick<PeerOrders, 'model' | 'contextTokens'>,
): Peer {
  return {
    implementation: engine.implementation,
    async ask(text, maxTokens) {
      let loadedAt: number | undefined;
      const onLoaded = (): number => (loadedAt = performance.now());
      const settings = { contextTokens, maxTokens };
      const { startedAt, deltasAt, end } = await askEngine(engine, model, text, settings, { onLoaded });
      const { outputTokens, evaluatedTokens } = end.usage;
      if (outputTokens === null || evaluatedTokens === null) throw new Error('The engine does not count its tokens.');
      return { startedAt, loadedAt, tokensAt: deltasAt, outputTokens, evaluatedTokens };
    },
  };
}

/** From the question to the first token of an answer, which must have one. */
export function waitOf({ startedAt, tokensAt }: Pick<PeerAnswer, 'startedAt' | 'tokensAt'>): number {
  if (tokensAt[0] === undefined) throw new Error('An answer had no token.');
  return tokensAt[0] - startedAt;
}

/** Tokens of the prompt per second, from the question, or from the end of the load it waited for, to the first token. */
export function readingRateOf(answer: PeerAnswer): number {
  const { startedAt, loadedAt = startedAt, evaluatedTokens } = answer;
  return (evaluatedTokens * 1000) / (waitOf(answer) + startedAt - loadedAt);
}

/** Tokens per second after the first one. */
export function rateOf({ tokensAt, outputTokens }: Pick<PeerAnswer, 'tokensAt' | 'outputTokens'>): number {
  const [first = Number.NaN, last = Number.NaN] = [tokensAt[0], tokensAt.at(-1)];
  if (!(last > first)) throw new Error(`An answer of ${outputTokens} tokens came in one piece; it has no rate.`);
  return ((outputTokens - 1) * 1000) / (last - first);
}
