import { median, reportSample } from '@gemma-cli/bench-kit';
import type { DecodeOrders } from './decode-worker.ts';
import { readOrders } from './open-engine.ts';
import { openRawBinding } from './raw-binding.ts';
import type { RawAnswer } from './raw-binding.ts';
import { logbook, shortPrompts } from './texts.ts';

/** The same as those of the engines. */
export type RawBindingOrders = DecodeOrders;

const orders = readOrders() as RawBindingOrders;
const startedAt = performance.now();
const binding = await openRawBinding(orders.model, orders);
const report = (metric: string, value: number): void =>
  reportSample({ metric, value, implementation: 'node-llama-cpp' });
const ttftOf = ({ startedAt: from, tokensAt }: RawAnswer): number => (tokensAt[0] ?? Number.NaN) - from;

report('readyMs', performance.now() - startedAt);
const cold = await binding.ask('Hello, my name is', 2);
report('coldFirstTokenMs', (cold.tokensAt[0] ?? Number.NaN) - startedAt);
const short: number[] = [];
for (const text of shortPrompts) short.push(ttftOf(await binding.ask(text, 4)));
report('firstTokenMs', median(short));
const { tokensAt } = await binding.ask('Once upon a time there was', orders.decodeTokens);
report(
  'decodeTokensPerSecond',
  ((tokensAt.length - 1) * 1000) / ((tokensAt.at(-1) ?? Number.NaN) - (tokensAt[0] ?? Number.NaN)),
);
const long = logbook('Logbook to read', orders.promptTokens);
const read = await binding.ask(long, 2);
report('promptTokensPerSecond', (read.evaluatedTokens * 1000) / ttftOf(read));
report('prefixHitMs', ttftOf(await binding.ask(`${long} And then`, 2)));
await binding.close();
