import { withTemporaryFolder } from '@gemma-cli/testkit';
import type {
  MemoryTier,
  NewDocument,
  NewMemory,
  RecordStore,
  RecordWrite,
  RowSource,
  WriteResult,
} from '@gemma-cli/contracts';
import { join } from 'node:path';
import { openRecord } from '../src/index.ts';
import type { OpenRecordOptions, SqlDriver } from '../src/index.ts';

/** The present of all trials: the clock is an argument everywhere. */
export const start = Date.UTC(2026, 10, 23);

/** A record in a new folder, and what it logged. Records that a trial opens are closed at its end. */
export interface Trial {
  readonly folder: string;
  readonly log: string[];
  open(options?: Partial<OpenRecordOptions>): Promise<RecordStore>;
}

export async function withTrial(driver: SqlDriver, body: (trial: Trial) => Promise<void>): Promise<void> {
  await withTemporaryFolder(async (parent) => {
    const folder = join(parent, 'memory');
    const log: string[] = [];
    const opened: RecordStore[] = [];
    try {
      await body({
        folder,
        log,
        open: async (options) => {
          const record = await openRecord({ folder, driver, log: (line) => log.push(line), ...options });
          opened.push(record);
          return record;
        },
      });
    } finally {
      for (const record of opened) record.close();
    }
  });
}

/** Applies one group, and throws what refused it. */
export function write(record: RecordStore, writes: readonly RecordWrite[], now = start): readonly WriteResult[] {
  const [result] = record.commit([{ writes, now }]);
  if (result instanceof Error) throw result;
  return there(result);
}

/** Adds a memory; gives its row. */
export function add(record: RecordStore, memory: NewMemory, now = start) {
  const [result] = write(record, [{ type: 'add', memory }], now);
  return there(there(result).rows[0]);
}

export const hashOf = (digit: string): string => digit.repeat(64);

export function sourceOf(uri: string, digit = 'a', start = 0, end = 10): RowSource {
  return { uri, hash: hashOf(digit), start, end };
}

/** A document of some chunks. */
export function documentOf(uri: string, texts: readonly string[], digit = 'a'): NewDocument {
  return {
    uri,
    hash: hashOf(digit),
    bytes: texts.join('').length,
    chunks: texts.map((text, place) => ({ text, source: sourceOf(uri, digit, place * 10, place * 10 + 10) })),
  };
}

/** Rules with one tier smaller. */
export function capacityOf(tier: MemoryTier, capacity: number, ttlMs: number | null = null) {
  return { [tier]: { ttlMs, capacity } };
}

/** A value that a test counts on. */
export function there<Value>(value: Value | undefined | null): Value {
  if (value === undefined || value === null) throw new Error('Expected a value, and there is none.');
  return value;
}
