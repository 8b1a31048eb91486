export { openRecord } from './open-record.ts';
export type { OpenRecordOptions } from './open-record.ts';
export { findSqlDriver, sqlDrivers } from './sql-driver.ts';
export type { SqlDatabase, SqlDriver, SqlRow, SqlStatement, SqlValue } from './sql-driver.ts';
export { changesKept } from './row-writer.ts';
export { createMemoryStore } from './store/memory-store.ts';
export type { MemoryStoreParts } from './store/memory-store.ts';
export type { CachedSearch, QueryCache } from './store/query-cache.ts';
