import { UnsupportedError } from '@gemma-cli/contracts';

/** What a column holds. Numbers beyond what JavaScript can hold exactly come rounded. */
export type SqlValue = string | number | Uint8Array | null;

/** A row of a result, by column. */
export type SqlRow = Readonly<Record<string, SqlValue>>;

/** A prepared statement. Parameters stand in the order of the question marks. */
export interface SqlStatement {
  run(...parameters: readonly SqlValue[]): { readonly changes: number; readonly lastInsertRowid: number };
  /** The first row; `undefined` when there is none. */
  get(...parameters: readonly SqlValue[]): SqlRow | undefined;
  all(...parameters: readonly SqlValue[]): readonly SqlRow[];
}

/** An open database. Errors are those of SQLite, with the extended result code as `errcode`. */
export interface SqlDatabase {
  /** Runs statements that give nothing. */
  exec(sql: string): void;
  /** Prepares a statement, or gives the one that was prepared from the same words before. */
  prepare(sql: string): SqlStatement;
  close(): void;
}

/** A way to SQLite: synchronous, on the caller's thread. */
export interface SqlDriver {
  readonly name: 'node:sqlite' | '@photostructure/sqlite';
  /** Opens a file, which is made when it is not there. */
  open(path: string): SqlDatabase;
}

/** The drivers that work here, the best first: Node's own, then the one with binaries in its package. */
export async function sqlDrivers(): Promise<readonly SqlDriver[]> {
  return (await tryDrivers()).drivers;
}

/**
 * The best driver that works here.
 *
 * @throws UnsupportedError when none does.
 */
export async function findSqlDriver(): Promise<SqlDriver> {
  const { drivers, cause } = await tryDrivers();
  const [driver] = drivers;
  if (driver === undefined) {
    throw new UnsupportedError({
      message:
        `The memory needs SQLite: Node 22.13 or later has it, and for others the package @photostructure/sqlite brings it. ` +
        `This is Node ${process.versions.node} on ${process.platform}-${process.arch}, where the package does not load. Use a newer Node.`,
      facts: { node: process.versions.node, platform: process.platform, architecture: process.arch },
      cause,
    });
  }
  return driver;
}

async function tryDrivers(): Promise<{ readonly drivers: readonly SqlDriver[]; readonly cause: unknown }> {
  const drivers: SqlDriver[] = [];
  const own = nodeSqlite();
  if (own !== null) drivers.push(driverOf('node:sqlite', own));
  try {
    const module = (await import('@photostructure/sqlite')) as unknown as SqliteModule;
    drivers.push(driverOf('@photostructure/sqlite', module));
    return { drivers, cause: undefined };
  } catch (error) {
    // No binary for this platform. That matters only where Node has no SQLite either.
    return { drivers, cause: error };
  }
}

/** The part of the interface of `node:sqlite` that is used; `@photostructure/sqlite` has the same. */
interface SqliteModule {
  readonly DatabaseSync: new (path: string) => {
    exec(sql: string): void;
    prepare(sql: string): SqliteStatement;
    close(): void;
  };
}

interface SqliteStatement {
  run(...parameters: readonly SqlValue[]): {
    readonly changes: number | bigint;
    readonly lastInsertRowid: number | bigint;
  };
  get(...parameters: readonly SqlValue[]): Readonly<Record<string, unknown>> | undefined;
  all(...parameters: readonly SqlValue[]): readonly Readonly<Record<string, unknown>>[];
  setReadBigInts(enabled: boolean): void;
}

/** SQLite of this Node, from 22.13 on without a flag; `null` where it has none. */
function nodeSqlite(): SqliteModule | null {
  if (process.getBuiltinModule === undefined) return null;
  // Node tells once that its SQLite may change. Who runs a command cannot do anything about it, and stderr is theirs.
  const emitWarning = process.emitWarning;
  process.emitWarning = () => undefined;
  try {
    return (process.getBuiltinModule('node:sqlite') as SqliteModule | undefined) ?? null;
  } finally {
    process.emitWarning = emitWarning;
  }
}

function driverOf(name: SqlDriver['name'], { DatabaseSync }: SqliteModule): SqlDriver {
  return {
    name,
    open(path) {
      const database = new DatabaseSync(path);
      const prepared = new Map<string, SqlStatement>();
      return {
        exec: (sql) => {
          database.exec(sql);
        },
        prepare(sql) {
          let statement = prepared.get(sql);
          if (statement === undefined) {
            statement = statementOf(database.prepare(sql));
            prepared.set(sql, statement);
          }
          return statement;
        },
        close() {
          prepared.clear();
          database.close();
        },
      };
    },
  };
}

function statementOf(statement: SqliteStatement): SqlStatement {
  return {
    run(...parameters) {
      const { changes, lastInsertRowid } = statement.run(...parameters);
      return { changes: Number(changes), lastInsertRowid: Number(lastInsertRowid) };
    },
    get: (...parameters) => exactly(statement, () => statement.get(...parameters)) as SqlRow | undefined,
    all: (...parameters) => exactly(statement, () => statement.all(...parameters)) as readonly SqlRow[],
  };
}

/**
 * Reads, and reads again with big integers where one is beyond a number: nothing is written so, but a flipped bit can
 * make it, and then the checksum of the row must get to see it.
 */
function exactly<Result>(statement: SqliteStatement, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (!isBeyondNumbers(error)) throw error;
  }
  statement.setReadBigInts(true);
  try {
    return rounded(read()) as Result;
  } finally {
    statement.setReadBigInts(false);
  }
}

/** @photostructure/sqlite has a code of its own for this only where one row is read. */
function isBeyondNumbers(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return (
    code === 'ERR_OUT_OF_RANGE' ||
    String(message).startsWith('Value is too large to be represented as a JavaScript number')
  );
}

function rounded(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(rounded);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([column, part]) => [column, rounded(part)]));
}
