import type { Benchmark } from '@gemma-cli/bench-kit';
import { findSqlDriver } from '@gemma-cli/record';
import type { WritesOrders } from '../children/writes-worker.ts';
import type { Suite } from '../suite.ts';
import { childVariant, reported } from '../suite-parts.ts';

/** What durable writes cost: group commit beside a transaction each and beside SQLite alone. */
export function writesSuite(): Suite {
  return {
    name: 'writes',
    summary: 'durable writes of one writer and of eight: group commit, legacy and SQLite alone',
    async plan({ quick = false }) {
      const { name } = await findSqlDriver();
      return {
        benchmarks: [1, 8].map((writers) => benchmark(writers, quick)),
        notes: { SQLite: `${name}, for all of them` },
        leftOut: [],
      };
    },
  };
}

function benchmark(writers: number, quick: boolean): Benchmark {
  const orders = { writers, count: quick ? 40 : 2_000 };
  const variant = (name: string, writes: WritesOrders['writes']) =>
    childVariant(name, 'writes-worker.js', { ...orders, writes } satisfies WritesOrders, writes);
  return {
    name: `writes-${writers}`,
    summary: `${orders.count} memories of about 40 tokens, ${writers === 1 ? 'one writer that waits' : `${writers} writers in one process that each wait`} until a memory is durable before the next. SQLite is one table and a transaction each, without a change sequence, tiers or an index.`,
    variants: [variant('legacy', 'legacy'), variant('optimized', 'optimized'), variant('SQLite', 'sqlite')],
    metrics: [
      reported('writesPerSecond', 'writes/s', 'higher'),
      reported('writeMsP50', 'ms', 'lower'),
      reported('writeMsP99', 'ms', 'lower'),
      reported('cpuMsPerWrite', 'ms', 'lower'),
    ],
    rounds: 5,
    warmups: 0,
    timeoutMs: 300_000,
    aims: [],
  };
}
