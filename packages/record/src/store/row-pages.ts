import type { MemoryRow, RecordStore, RowFilter } from '@gemma-cli/contracts';

/** Rows that are read, or steps that are written, before others get their turn. Even: some steps go in pairs. */
export const pageRows = 500;

/** Rows that pass and have not expired, by id, in pages; what is added meanwhile comes at the end. */
export function* rowPages(record: RecordStore, filter: RowFilter, now: () => number): Generator<readonly MemoryRow[]> {
  let afterId: string | null = null;
  do {
    const page: readonly MemoryRow[] = record.list({ filter, afterId, limit: pageRows, now: now() });
    yield page;
    afterId = page.length < pageRows ? null : (page.at(-1)?.id ?? null);
  } while (afterId !== null);
}
