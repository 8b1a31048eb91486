import { reportSample } from '@gemma-cli/bench-kit';
import { engineAsPeer, rateOf, readingRateOf, waitOf } from './measure-peer.ts';
import type { Peer } from './measure-peer.ts';
import { openEngine, readOrders } from './open-engine.ts';
import type { EngineOrders } from './open-engine.ts';
import { anonBytesOf } from './process-memory.ts';
import { openRawBinding } from './raw-binding.ts';
import { logbook } from './texts.ts';

/** What one run is to do. */
export interface CacheOrders extends EngineOrders {
  readonly contextTokens: number;
  /** Tokens of the prompt, roughly. */
  readonly promptTokens: number;
  readonly decodeTokens: number;
  /** The engine with cells of 8 or of 16 bits. Default: 16. */
  readonly compactCache?: boolean;
  /**
   * In place of the engine the public interface of node-llama-cpp, whose settings go further: with every cell, or with
   * Gemma's sliding window. Default: the engine.
   */
  readonly swaFullCache?: boolean;
}

const orders = readOrders() as CacheOrders;
const { model, contextTokens, swaFullCache, compactCache = false } = orders;
const text = logbook('Logbook to read', orders.promptTokens);
/** The same up to its middle: further back than the sliding window reaches. */
const edited = `${text.slice(0, text.length / 2)} And then`;

if (swaFullCache === undefined) {
  const engine = await openEngine(orders, { compactCache });
  try {
    await measure(engineAsPeer(engine, orders), () => engine.status().processes[0]?.pid);
  } finally {
    await engine.close();
  }
} else {
  const binding = await openRawBinding(model, { threads: orders.threads, contextTokens, swaFullCache });
  const ask: Peer['ask'] = (prompt, maxTokens) => binding.ask(prompt, maxTokens);
  await measure({ implementation: 'node-llama-cpp', ask }, () => process.pid);
  reportSample({ metric: 'contextMiB', value: mebibytes(binding.contextBytes) });
  await binding.close();
}

/** @param pidOf - The process that holds the model, once it has answered. */
async function measure({ implementation, ask }: Peer, pidOf: () => number | undefined): Promise<void> {
  const report = (metric: string, value: number | null): void => reportSample({ metric, value, implementation });
  // The first answer pays for loading.
  await ask('Hello, my name is', 2);
  const read = await ask(text, orders.decodeTokens);
  const anonBytes = anonBytesOf(pidOf());
  const cut = await ask(edited, 2);
  report('promptTokensPerSecond', readingRateOf(read));
  report('decodeTokensPerSecond', rateOf(read));
  report('processMiB', mebibytes(anonBytes));
  report('cutFirstTokenMs', waitOf(cut));
  report('cutEvaluatedTokens', cut.evaluatedTokens);
}

function mebibytes(bytes: number | null): number | null {
  return bytes === null ? null : bytes / 2 ** 20;
}
