import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { reportSample } from '@gemma-cli/bench-kit';
import type { PeerOrders } from './measure-peer.ts';
import { readOrders } from './open-engine.ts';

/** The orders of the engines, and the program. */
export interface LlamaBenchOrders extends PeerOrders {
  /** Absolute path of `llama-bench`. */
  readonly bench: string;
}

const orders = readOrders() as LlamaBenchOrders;
const { stdout } = await promisify(execFile)(
  orders.bench,
  [
    ['--model', orders.model, '--threads', String(orders.threads), '--repetitions', '1', '--output', 'json'],
    ['--n-prompt', String(orders.promptTokens), '--n-gen', String(orders.decodeTokens)],
    ['--n-gpu-layers', '0'],
  ].flat(),
  { env: { ...process.env, LD_LIBRARY_PATH: dirname(orders.bench) }, maxBuffer: 2 ** 24 },
);
const tests = JSON.parse(stdout) as readonly {
  readonly n_prompt: number;
  readonly n_gen: number;
  readonly avg_ts: number;
}[];
const report = (metric: string, value: number | null): void =>
  reportSample({ metric, value, implementation: 'llama-bench' });
// It neither samples nor answers: what is left are two rates.
for (const metric of ['readyMs', 'coldFirstTokenMs', 'firstTokenMs', 'prefixHitMs']) report(metric, null);
const told = tests.find(({ n_gen: generated }) => generated > 0);
const read = tests.find(({ n_prompt: tokens }) => tokens > 0);
if (told === undefined || read === undefined) throw new Error(`${orders.bench} did not run both of its tests.`);
report('decodeTokensPerSecond', told.avg_ts);
report('answerTokens', told.n_gen);
report('promptTokensPerSecond', read.avg_ts);
report('promptTokens', read.n_prompt);
