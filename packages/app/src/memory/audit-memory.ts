import type { MemoryRow, MemoryStore } from '@gemma-cli/contracts';
import { createAnalyzer, findNearDuplicates, nearDuplicateSimilarity, searchedText } from '@gemma-cli/rag-core';
import { readSource, type SourceState } from './read-source.ts';

/** Rows that say exactly the same, but for white space. */
export interface ExactDuplicates {
  /** The oldest first. */
  readonly ids: readonly string[];
  /** The beginning of what they say. */
  readonly text: string;
}

/** Two rows that say nearly the same. */
export interface NearDuplicates {
  /** The older one first. */
  readonly ids: readonly [string, string];
  /** Share of word triples that both have, 0..1. */
  readonly similarity: number;
  /** The beginnings of what they say. */
  readonly texts: readonly [string, string];
}

/** A memory that never came to anybody's mind. */
export interface NeverRecalled {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly text: string;
}

/** A document whose file is no longer what was read. */
export interface StaleSource {
  readonly uri: string;
  readonly state: 'changed' | 'gone';
  /** What was read. */
  readonly hash: string;
  /** What is there now; `null` = nothing. */
  readonly hashNow: string | null;
  readonly chunks: number;
}

/**
 * A memory that was recalled and then written again, not by its user: each round makes the same thing look better known.
 */
export interface RecallLoop {
  /** What was there first, and what was written after it was recalled, in the order of time. */
  readonly rows: readonly {
    readonly id: string;
    readonly createdAt: number;
    readonly writer: string | null;
    readonly accessCount: number;
    readonly text: string;
  }[];
}

/** What {@link auditMemory} finds. */
export interface MemoryAudit {
  readonly exactDuplicates: readonly ExactDuplicates[];
  readonly nearDuplicates: readonly NearDuplicates[];
  readonly neverRecalled: readonly NeverRecalled[];
  readonly staleSources: readonly StaleSource[];
  readonly recallLoops: readonly RecallLoop[];
  /** Rows that were looked at. */
  readonly rows: number;
}

/** What an audit takes. */
export interface AuditOptions {
  /** ISO 639-1. Default `en`. */
  readonly language?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Looks at a source again. Default: files are read. */
  readonly readSource?: ((uri: string) => Promise<SourceState>) | undefined;
}

/**
 * Looks through a memory for what makes its answers worse: the same thing twice, memories that nobody needs, documents that
 * have changed since, memories that feed themselves. Changes nothing.
 */
export async function auditMemory(
  memory: MemoryStore,
  { language, signal, readSource: read = readSource }: AuditOptions = {},
): Promise<MemoryAudit> {
  const rows: MemoryRow[] = [];
  let cursor: string | undefined;
  do {
    signal?.throwIfAborted();
    const page = await memory.list({ limit: 1_000, ...(cursor === undefined ? {} : { cursor }) });
    rows.push(...page.rows);
    cursor = page.next ?? undefined;
  } while (cursor !== undefined);

  const exact = exactGroups(rows);
  const copies = new Set(exact.flatMap((group) => group.slice(1)));
  const distinct = rows.filter((row) => !copies.has(row));
  const analyzer = await createAnalyzer({ language });
  const near = findNearDuplicates(
    distinct.map((row) => analyzer.analyze(searchedText(row))),
    nearDuplicateSimilarity,
  ).flatMap(({ one, other, similarity }) => {
    const [first, second] = [distinct[one], distinct[other]];
    return first === undefined || second === undefined ? [] : [{ first, second, similarity }];
  });
  const memories = rows.filter(({ kind }) => kind === 'memory');
  return {
    exactDuplicates: exact.map((group) => ({ ids: group.map(({ id }) => id), text: beginning(group[0]) })),
    nearDuplicates: near.map(({ first, second, similarity }) => ({
      ids: [first.id, second.id],
      similarity,
      texts: [beginning(first), beginning(second)],
    })),
    neverRecalled: memories
      .filter(({ accessCount }) => accessCount === 0)
      .map((row) => ({ id: row.id, createdAt: row.createdAt, text: beginning(row) })),
    staleSources: await staleSources(memory, read, signal),
    recallLoops: recallLoops([
      ...exact.map((group) => group.filter(({ kind }) => kind === 'memory')),
      ...near.map(({ first, second }) => [first, second].filter(({ kind }) => kind === 'memory')),
    ]),
    rows: rows.length,
  };
}

/** Rows of one kind with the same words; each group by age. */
function exactGroups(rows: readonly MemoryRow[]): readonly (readonly MemoryRow[])[] {
  const groups = new Map<string, MemoryRow[]>();
  for (const row of rows) {
    const key = `${row.kind}\n${row.text.replaceAll(/\s+/g, ' ').trim()}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return [...groups.values()].filter(({ length }) => length > 1);
}

async function staleSources(
  memory: MemoryStore,
  read: (uri: string) => Promise<SourceState>,
  signal: AbortSignal | undefined,
): Promise<readonly StaleSource[]> {
  const stale: StaleSource[] = [];
  for (const { uri, hash, chunks } of await memory.documents()) {
    signal?.throwIfAborted();
    const state = await read(uri);
    if (state === 'unknown' || (state !== 'gone' && state.hash === hash)) continue;
    const isGone = state === 'gone';
    stale.push({ uri, state: isGone ? 'gone' : 'changed', hash, hashNow: isGone ? null : state.hash, chunks });
  }
  return stale;
}

/** Groups of the same thing in which something was recalled, and later written again by somebody who is not the user. */
function recallLoops(groups: readonly (readonly MemoryRow[])[]): readonly RecallLoop[] {
  return groups.flatMap((group) => {
    const byAge = group.toSorted((one, other) => one.createdAt - other.createdAt);
    const recalled = byAge.findIndex(({ accessCount }) => (accessCount ?? 0) > 0);
    if (recalled < 0) return [];
    const again = byAge.slice(recalled + 1).filter(({ writer }) => writer !== 'user');
    const first = byAge[recalled];
    if (again.length === 0 || first === undefined) return [];
    const loop = [first, ...again].map((row) => ({
      id: row.id,
      createdAt: row.createdAt,
      writer: row.writer,
      accessCount: row.accessCount ?? 0,
      text: beginning(row),
    }));
    return [{ rows: loop }];
  });
}

/** Enough of a text to know it again. */
function beginning(row: MemoryRow | undefined): string {
  const text = (row?.text ?? '').replaceAll(/\s+/g, ' ').trim();
  return text.length <= 120 ? text : `${text.slice(0, 119).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
