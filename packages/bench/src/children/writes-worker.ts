import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { quantile, reportSample } from '@gemma-cli/bench-kit';
import type { ImplementationName } from '@gemma-cli/contracts';
import { findSqlDriver } from '@gemma-cli/record';
import { openMemory } from '../quality/search-collection.ts';
import { readOrders } from './open-engine.ts';
import { logbook } from './texts.ts';

/** What one run is to do. */
export interface WritesOrders {
  readonly writes: ImplementationName | 'sqlite';
  /** How many write at a time, each waiting for its write before the next. */
  readonly writers: number;
  /** Writes of all of them together. */
  readonly count: number;
}

/** Something that keeps texts. */
interface Keeper {
  /** Settles when the text is durable. */
  write(text: string): Promise<void>;
  close(): Promise<void>;
}

const orders = readOrders() as WritesOrders;
const folder = mkdtempSync(join(tmpdir(), 'gemma-writes-'));
try {
  const keeper = orders.writes === 'sqlite' ? await openRaw() : await openStore(orders.writes);
  const report = (metric: string, value: number): void =>
    reportSample({ metric, value, implementation: orders.writes });
  // The first write makes files and compiles statements.
  await keeper.write(logbook('Warm-up', 40));
  const tookMs: number[] = [];
  let next = 0;
  const writer = async (): Promise<void> => {
    while (next < orders.count) {
      const text = logbook(`Book ${next}`, 40);
      next += 1;
      const at = performance.now();
      await keeper.write(text);
      tookMs.push(performance.now() - at);
    }
  };
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: orders.writers }, writer));
  const wallMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpuBefore);
  report('writesPerSecond', (tookMs.length * 1000) / wallMs);
  report('writeMsP50', quantile(tookMs, 0.5));
  report('writeMsP99', quantile(tookMs, 0.99));
  report('cpuMsPerWrite', (user + system) / 1000 / tookMs.length);
  await keeper.close();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function openStore(implementation: ImplementationName): Promise<Keeper> {
  const store = await openMemory(implementation, { folder });
  return {
    async write(text) {
      // A tier that evicts nothing meanwhile.
      await store.add({ text, tier: 'semantic' });
    },
    async close() {
      const { rows } = await store.stats();
      if (rows.total !== orders.count + 1) throw new Error(`Expected ${orders.count + 1} rows, got ${rows.total}.`);
      await store.close();
    },
  };
}

/** The least that a durable row costs: one table, one transaction a row, synced as the record's are. */
async function openRaw(): Promise<Keeper> {
  const database = (await findSqlDriver()).open(join(folder, 'raw.sqlite'));
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  database.exec('CREATE TABLE kept (number INTEGER PRIMARY KEY, text TEXT NOT NULL, hash BLOB NOT NULL) STRICT');
  const insert = database.prepare('INSERT INTO kept (text, hash) VALUES (?, ?)');
  return {
    async write(text) {
      insert.run(text, createHash('sha256').update(text).digest());
    },
    async close() {
      database.close();
    },
  };
}
