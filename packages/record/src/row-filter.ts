import type { RowFilter } from '@gemma-cli/contracts';
import type { Connection } from './connection.ts';
import { tierCodes } from './schema.ts';
import type { SqlValue } from './sql-driver.ts';
import type { Repairs } from './sources.ts';
import { sourcesOf } from './sources.ts';
import { wellFormed } from './well-formed.ts';

/** A condition on `rows`, and its parameters. */
export interface SqlCondition {
  readonly sql: string;
  readonly parameters: readonly SqlValue[];
}

/**
 * What a filter asks for, in a namespace. The plus signs keep SQLite from walking the index of ids, which has the rows
 * in another order, where the table itself or the index of a tier or source is nearer.
 */
export function conditionOf(
  connection: Connection,
  filter: RowFilter,
  namespace: number,
  repairs: Repairs,
): SqlCondition {
  const parts: string[] = [];
  const parameters: SqlValue[] = [];
  const add = (sql: string, ...values: readonly SqlValue[]): void => {
    parts.push(sql);
    parameters.push(...values);
  };
  const { kind, tiers, tags, source, since, until, importanceMin } = filter;
  add(tiers === undefined ? '+namespace = ?' : 'namespace = ?', namespace);
  if (kind !== undefined) add(kind === 'document' ? '+tier = 0' : '+tier > 0');
  if (tiers !== undefined) {
    const codes = [...new Set(tiers)].map((tier) => tierCodes[tier]);
    add(codes.length === 0 ? '0' : `tier > 0 AND tier IN (${codes.join(', ')})`);
  }
  for (const tag of tags ?? []) add('instr(tags, ?) > 0', `\n${JSON.stringify(wellFormed(tag))}`);
  if (source !== undefined) {
    add('source IN (SELECT value FROM json_each(?))', sourceNumbers(connection, namespace, source, repairs));
  }
  if (since !== undefined) add('createdAt >= ?', since);
  if (until !== undefined) add('createdAt < ?', until);
  if (importanceMin !== undefined) add('importance >= ?', importanceMin);
  return { sql: parts.join(' AND '), parameters };
}

/** As JSON: their count would make statements of their own. */
function sourceNumbers(connection: Connection, namespace: number, uriPrefix: string, repairs: Repairs): string {
  const sources = sourcesOf(connection, namespace, uriPrefix, repairs);
  const numbers = JSON.stringify(sources.map(({ id }) => id));
  const found = connection
    .prepare('SELECT count(*) AS rows FROM rows WHERE source IN (SELECT value FROM json_each(?))')
    .get(numbers)?.['rows'];
  if (found !== sources.reduce((sum, { rows }) => sum + rows, 0)) repairs.index('rowsBySource');
  return numbers;
}
