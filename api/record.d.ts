// . = ./dist/index.d.ts

// dist/access-counts.d.ts
import type { StoredRow } from './row-codec.ts';
export interface AccessCounts {
    count(id: string, now: number): void;
    with(row: StoredRow): StoredRow;
    hide(isWritten: boolean): void;
    readonly size: number;
    ids(): readonly string[];
    settle(ids: readonly string[]): void;
}
export declare function createAccessCounts(): AccessCounts;
export declare const pendingRowsMax = 1000;
export declare const accessDelayMs = 5000;

// dist/ancestor-store.d.ts
import type { NewMemory } from '@gemma-cli/contracts';
export interface AncestorMemory {
    readonly memory: NewMemory;
    readonly createdAt: number;
}
export interface AncestorStore {
    readonly memories: readonly AncestorMemory[];
    readonly skipped: readonly string[];
}
export declare function readAncestorStore(path: string, now: number): Promise<AncestorStore>;

// dist/connection.d.ts
import type { MemoryDurability } from '@gemma-cli/contracts';
import type { SqlDatabase, SqlDriver, SqlStatement } from './sql-driver.ts';
export interface Connection {
    readonly path: string;
    prepare(sql: string): SqlStatement;
    exec(sql: string): void;
    read<Result>(body: () => Result): Result;
    write<Result>(durability: MemoryDurability, body: () => Result): Result;
    sync(): void;
    readonly isWriting: boolean;
    checkpoint(): boolean;
    checkPlace(): void;
    release(): void;
    close(): void;
}
export declare function openConnection({ folder, driver, log, onOpen, }: {
    readonly folder: string;
    readonly driver: SqlDriver;
    readonly log: (message: string) => void;
    readonly onOpen: (connection: Connection) => void;
}): Connection;
export declare function prepareDatabase(database: SqlDatabase, path: string): void;

// dist/index.d.ts
export { openRecord } from './open-record.ts';
export type { OpenRecordOptions } from './open-record.ts';
export { readAncestorStore } from './ancestor-store.ts';
export type { AncestorMemory, AncestorStore } from './ancestor-store.ts';
export { findSqlDriver, sqlDrivers } from './sql-driver.ts';
export type { SqlDatabase, SqlDriver, SqlRow, SqlStatement, SqlValue } from './sql-driver.ts';
export { changesKeptDefault } from './row-writer.ts';
export { createMemoryStore } from './store/memory-store.ts';
export type { MemoryStoreParts } from './store/memory-store.ts';
export type { CachedSearch, QueryCache } from './store/query-cache.ts';

// dist/namespace-state.d.ts
import type { MemoryStats, MemoryTier, RemovalReason } from '@gemma-cli/contracts';
import type { Connection } from './connection.ts';
export interface NamespaceCounts {
    chunks: number;
    documents: number;
    readonly tiers: Record<MemoryTier, number>;
    readonly removed: Record<RemovalReason, number>;
    quarantined: number;
    consolidation: MemoryStats['consolidation'];
}
export interface NamespaceState {
    readonly id: number;
    readonly name: string;
    seq: number;
    pruned: number;
    lastId: string | null;
    counts: NamespaceCounts;
}
export declare function namespaceNumber(connection: Connection, name: string): number;
export declare function readNamespace(connection: Connection, id: number): NamespaceState | null;
export declare function createNamespaceReader(connection: Connection): (id: number) => Readonly<NamespaceState> | null;
export declare function writeNamespace(connection: Pick<Connection, 'prepare'>, { id, name, seq, pruned, lastId, counts }: NamespaceState): void;
export declare function rebuildNamespace(connection: Connection, id: number, name: string): NamespaceState;
export declare function countRows(connection: Pick<Connection, 'prepare'>, id: number, before: NamespaceCounts): NamespaceCounts;
export declare function copyState(state: NamespaceState): NamespaceState;
export declare function noCounts(): NamespaceCounts;

// dist/open-record.d.ts
import type { MemoryDurability, RecordStore, TierTable } from '@gemma-cli/contracts';
import type { SqlDriver } from './sql-driver.ts';
export interface OpenRecordOptions {
    readonly folder: string;
    readonly namespace?: string | undefined;
    readonly tiers?: Partial<TierTable> | undefined;
    readonly log?: ((message: string) => void) | undefined;
    readonly now?: (() => number) | undefined;
    readonly durability?: MemoryDurability | undefined;
    readonly changesKept?: number | undefined;
    readonly driver?: SqlDriver | undefined;
}
export declare function openRecord(options: OpenRecordOptions): Promise<RecordStore>;

// dist/row-codec.d.ts
import type { MemoryTier, RecordRow, RowSource } from '@gemma-cli/contracts';
import type { SqlRow, SqlValue } from './sql-driver.ts';
export interface StoredRow {
    readonly number: number;
    readonly namespace: number;
    readonly id: string;
    readonly tier: number;
    readonly seq: number;
    readonly createdAt: number;
    readonly updatedAt: number;
    readonly importance: number | null;
    readonly accessedAt: number | null;
    readonly accessCount: number | null;
    readonly expiresAt: number | null;
    readonly tags: string;
    readonly origin: string | null;
    readonly source: number | null;
    readonly spanStart: number | null;
    readonly spanEnd: number | null;
    readonly textCrc: number;
}
export interface StoredText {
    readonly title: Uint8Array | null;
    readonly text: Uint8Array;
}
export declare const rowColumns = "number, namespace, id, tier, seq, createdAt, updatedAt, importance, accessedAt, accessCount, expiresAt, tags, origin, source, spanStart, spanEnd, textCrc, crc";
export declare const selectRow: string;
export declare function rowValues(row: StoredRow): readonly SqlValue[];
export declare function storedRowOf(sql: SqlRow): StoredRow;
export declare function damageOf(stored: StoredRow, sql: SqlRow): string | null;
export declare function recordRowOf(stored: StoredRow, { title, text }: StoredText, source: RowSource | null): RecordRow;
export declare function recordRowWith(stored: StoredRow, title: string | null, text: string, source: RowSource | null): RecordRow;
export declare function tierOf(code: number): MemoryTier | null;
export declare function storedTags(tags: readonly string[]): string;
export declare function storedOrigin(session: string | null, writer: string | null): string | null;
export declare function storedText(title: string | null, text: string): StoredText;
export declare function textChecksum(number: number, { title, text }: StoredText): number;
export declare function textChecksumOf(number: number, title: string | null, text: string): number;
export declare function checksum(values: readonly (string | number | null)[]): number;

// dist/row-reader.d.ts
import type { RecordRow, RowSource } from '@gemma-cli/contracts';
import type { AccessCounts } from './access-counts.ts';
import type { Connection } from './connection.ts';
import type { StoredRow, StoredText } from './row-codec.ts';
import type { Repairs } from './sources.ts';
import type { SqlRow } from './sql-driver.ts';
export interface ReadRow {
    readonly stored: StoredRow;
    readonly words: StoredText;
    readonly source: RowSource | null;
}
export interface DamagedRow {
    readonly number: number;
    readonly what: string;
}
export interface RowReader {
    check(rows: readonly SqlRow[]): {
        readonly sound: readonly ReadRow[];
        readonly damaged: readonly DamagedRow[];
    };
    find(number: number): ReadRow | DamagedRow | undefined;
    findAll(numbers: readonly number[]): readonly (RecordRow | DamagedRow | undefined)[];
    tell(row: ReadRow): RecordRow;
    findId(id: string): ReadRow | DamagedRow | undefined;
    numberOf(id: string): number | undefined;
    hasId(id: string): boolean;
    reset(): void;
}
export declare function createRowReader(connection: Connection, accesses: AccessCounts, namespaceNumber: () => number, repairs: Repairs): RowReader;

// dist/row-writer.d.ts
import type { RecordGroup, TierTable, WriteResult } from '@gemma-cli/contracts';
import type { AccessCounts } from './access-counts.ts';
import type { Connection } from './connection.ts';
import type { NamespaceState } from './namespace-state.ts';
import type { RowReader } from './row-reader.ts';
import type { Repairs } from './sources.ts';
export declare const changesKeptDefault = 100000;
export interface RowWriterParts {
    readonly connection: Connection;
    readonly reader: RowReader;
    readonly accesses: AccessCounts;
    readonly tiers: TierTable;
    readonly changesKept: number;
    readonly state: NamespaceState;
    readonly numbers: {
        last: number | null;
    };
    readonly repairs: Repairs;
    readonly quarantine: (number: number, what: string) => void;
}
export declare function applyGroup(parts: RowWriterParts, { writes, now }: RecordGroup): readonly WriteResult[];
export declare function writeAccesses(parts: Pick<RowWriterParts, 'connection' | 'reader' | 'accesses' | 'quarantine'> & {
    readonly namespace: number;
}): readonly string[];
export declare function deleteRow(connection: Connection, number: number): void;
export declare function appendChange({ connection, state, changesKept }: Pick<RowWriterParts, 'connection' | 'state' | 'changesKept'>, change: {
    readonly type: number;
    readonly number: number;
    readonly id: string;
    readonly reason: number;
}, at: number): number;
export declare function changeChecksum(namespace: number, change: {
    readonly seq: number;
    readonly type: number;
    readonly number: number;
    readonly id: string;
    readonly at: number;
    readonly reason: number;
}): number;

// dist/sources.d.ts
import type { RowSource } from '@gemma-cli/contracts';
import type { Connection } from './connection.ts';
import type { SqlRow } from './sql-driver.ts';
export interface Repairs {
    index(name: string): void;
    tell(what: string): void;
}
export interface StoredSource {
    readonly id: number;
    readonly namespace: number;
    readonly uri: string;
    readonly hash: string;
    readonly rows: number;
}
export declare function readSource(connection: Pick<Connection, 'prepare'>, id: number): StoredSource | null;
export declare function sourcesOf(connection: Connection, namespace: number, uriPrefix: string, repairs: Pick<Repairs, 'tell'>): readonly StoredSource[];
export declare function sourceNumber(connection: Connection, namespace: number, { uri, hash }: Pick<RowSource, 'uri' | 'hash'>): number;
export declare function changeSourceRows(connection: Connection, id: number, more: number): boolean;
export declare function recountSources(connection: Connection, namespace: number): number;
export declare function writeSourceRows(connection: Pick<Connection, 'prepare'>, id: number, rows: number): void;
export declare function storedSourceOf(sql: SqlRow): StoredSource | null;

// dist/sql-driver.d.ts
export type SqlValue = string | number | Uint8Array | null;
export type SqlRow = Readonly<Record<string, SqlValue>>;
export interface SqlStatement {
    run(...parameters: readonly SqlValue[]): {
        readonly changes: number;
        readonly lastInsertRowid: number;
    };
    get(...parameters: readonly SqlValue[]): SqlRow | undefined;
    all(...parameters: readonly SqlValue[]): readonly SqlRow[];
}
export interface SqlDatabase {
    exec(sql: string): void;
    prepare(sql: string): SqlStatement;
    close(): void;
}
export interface SqlDriver {
    readonly name: 'node:sqlite' | '@photostructure/sqlite';
    open(path: string): SqlDatabase;
}
export declare function sqlDrivers(): Promise<readonly SqlDriver[]>;
export declare function findSqlDriver(): Promise<SqlDriver>;

// dist/store/memory-store.d.ts
import type { ImplementationName, MemoryStore, MemoryStoreOptions, RecordGroup, RecordStore, Retriever, WriteResult } from '@gemma-cli/contracts';
import type { Analyzer } from '@gemma-cli/rag-core';
import type { QueryCache } from './query-cache.ts';
export interface MemoryStoreParts {
    readonly implementation: ImplementationName;
    readonly record: RecordStore;
    readonly retriever: Retriever;
    readonly analyzer: Analyzer;
    readonly commit: (group: RecordGroup) => Promise<readonly WriteResult[]>;
    readonly pendingWrites: () => number;
    readonly queryCache: QueryCache | null;
    readonly options: Pick<MemoryStoreOptions, 'embedder' | 'embedInBackground' | 'consolidateEveryMs' | 'now' | 'log'>;
}
export declare function createMemoryStore(parts: MemoryStoreParts): MemoryStore;

// dist/store/query-cache.d.ts
import type { MemoryStats, ScoredRow } from '@gemma-cli/contracts';
export interface CachedSearch {
    readonly rows: readonly ScoredRow[];
}
export interface QueryCache {
    get(key: string): CachedSearch | undefined;
    set(key: string, value: CachedSearch, tookMs: number): void;
    stats(): MemoryStats['cache'];
}
