import type {
  MemoryRow,
  MemoryTier,
  RecordGroup,
  RecordRow,
  RecordWrite,
  RemovalReason,
  RowChanges,
  TierTable,
  WriteResult,
} from '@gemma-cli/contracts';
import { memoryTiers } from '@gemma-cli/contracts';
import { expiryOf, laterExpiry, recallScore, rolledTier } from '@gemma-cli/rag-core';
import type { AccessCounts } from './access-counts.ts';
import type { Connection } from './connection.ts';
import type { NamespaceState } from './namespace-state.ts';
import {
  checksum,
  rowColumns,
  rowValues,
  storedOrigin,
  storedTags,
  storedText,
  textChecksum,
  tierOf,
} from './row-codec.ts';
import type { StoredRow } from './row-codec.ts';
import { documentChecksum } from './documents.ts';
import { conditionOf } from './row-filter.ts';
import type { ReadRow, RowReader } from './row-reader.ts';
import { changeCodes, reasonCodes, tierCodes } from './schema.ts';
import { mergeMemories, nextTier, wordsKey } from './merge-memories.ts';
import type { MergedMemory } from './merge-memories.ts';
import { changeSourceRows, sourceNumber } from './sources.ts';
import type { Repairs } from './sources.ts';
import type { SqlRow } from './sql-driver.ts';
import { nextUuidV7, uuidBytes, uuidText } from './uuid-v7.ts';
import { checkChanges, checkDocument, checkFacts, checkImport, checkMemory } from './validate-rows.ts';
import type { CheckedRow } from './validate-rows.ts';

/** Changes that are kept at least, if the caller says nothing: more than a day of a busy memory, in some megabytes. */
export const changesKeptDefault = 100_000;

/** What writes of one transaction work on. */
export interface RowWriterParts {
  readonly connection: Connection;
  readonly reader: RowReader;
  readonly accesses: AccessCounts;
  readonly tiers: TierTable;
  /** Changes that are kept at least. */
  readonly changesKept: number;
  /** Read at the start of the transaction; written by the caller at its end. */
  readonly state: NamespaceState;
  /** The last number that this transaction gave; `null` = none yet. */
  readonly numbers: { last: number | null };
  readonly repairs: Repairs;
  /** Moves a damaged row aside. */
  readonly quarantine: (number: number, what: string) => void;
}

/** Applies the steps of a group, in order. The caller's transaction makes them durable. */
export function applyGroup(parts: RowWriterParts, { writes, now }: RecordGroup): readonly WriteResult[] {
  return writes.map((write) => applyWrite(parts, write, now));
}

function applyWrite(parts: RowWriterParts, write: RecordWrite, now: number): WriteResult {
  switch (write.type) {
    case 'add': {
      const { tier, importance, expiresAt, ...row } = checkMemory(write.memory);
      const life = {
        tier,
        importance,
        accessedAt: now,
        accessCount: 0,
        // What will go on to another tier lives as long as there.
        expiresAt:
          expiresAt === undefined
            ? expiryOf(rolledTier({ tier, session: row.session }) ?? tier, now, parts.tiers)
            : expiresAt,
      };
      const added = insertRow(parts, row, { life, createdAt: now, updatedAt: now, id: null, countSource: true }, now);
      return { rows: [added], removed: enforceCapacity(parts, tier, now) };
    }
    case 'put-document': {
      const chunks = checkDocument(write.document);
      const removed = removeDocument(parts, write.document.uri, 'replaced', now);
      const rows = chunks.map((chunk) =>
        insertRow(parts, chunk, { life: null, createdAt: now, updatedAt: now, id: null, countSource: false }, now),
      );
      changeSourceRows(parts.connection, putFacts(parts, write.document, now), rows.length);
      return { rows, removed };
    }
    case 'remove-documents': {
      let removed = 0;
      for (const uri of new Set(write.uris)) removed += removeDocument(parts, uri, 'replaced', now);
      return { rows: [], removed };
    }
    case 'update':
      return update(parts, write, now);
    case 'remove': {
      const rows = [...new Set(write.ids)].flatMap((id) => findById(parts, id) ?? []);
      // What was left of a damaged row goes too when it is asked to.
      const purge = parts.connection.prepare('DELETE FROM quarantine WHERE namespace = ? AND id = ?');
      for (const id of write.ids) purge.run(parts.state.id, id);
      return { rows: [], removed: removeRows(parts, rows, write.reason, now) };
    }
    case 'remove-matching': {
      const { sql, parameters } = conditionOf(parts.connection, write.filter, parts.state.id, parts.repairs);
      const rows = parts.connection.prepare(`${selectKey} WHERE ${sql} ORDER BY number`).all(...parameters);
      return { rows: [], removed: removeRows(parts, rows.map(keyOf), write.reason, now) };
    }
    case 'sweep': {
      let removed = removeExpired(parts, now);
      const rolled = rollAged(parts, now);
      removed += rolled.removed;
      for (const tier of memoryTiers) removed += enforceCapacity(parts, tier, now);
      return { rows: rolled.rows, removed };
    }
    case 'merge':
      return merge(parts, write.ids, now);
    case 'promote': {
      const memory = livingMemory(parts, write.id, now);
      const tier = memory?.tier === write.from ? nextTier(memory) : null;
      return tier === null ? nothing : update(parts, { id: write.id, changes: { tier } }, now);
    }
    case 'consolidated': {
      const { runs, promoted } = parts.state.counts.consolidation;
      parts.state.counts.consolidation = { runs: runs + 1, promoted: promoted + write.promoted, lastAt: now };
      return nothing;
    }
    case 'import': {
      const row = checkImport(write.row);
      if (parts.reader.hasId(row.id)) return nothing;
      const { id, createdAt, updatedAt, tier } = row;
      const life =
        tier === null
          ? null
          : {
              tier,
              importance: row.importance ?? 0,
              accessedAt: row.accessedAt ?? createdAt,
              accessCount: row.accessCount ?? 0,
              expiresAt: row.expiresAt,
            };
      const added = insertRow(parts, row, { life, createdAt, updatedAt, id, countSource: true }, now);
      return { rows: [added], removed: tier === null ? 0 : enforceCapacity(parts, tier, now) };
    }
    case 'import-document': {
      checkFacts(write.document);
      if (!hasDocument(parts, write.document.uri)) putFacts(parts, write.document, write.document.ingestedAt);
      return { rows: [], removed: 0 };
    }
    default:
      return unknownWrite(write);
  }
}

function unknownWrite(write: never): never {
  throw new TypeError(`Not a write of a record: ${JSON.stringify(write)}`);
}

/** What a memory has beside what all rows have. */
interface Life {
  readonly tier: MemoryTier;
  readonly importance: number;
  readonly accessedAt: number;
  readonly accessCount: number;
  readonly expiresAt: number | null;
}

function insertRow(
  parts: RowWriterParts,
  row: CheckedRow,
  facts: {
    readonly life: Life | null;
    readonly createdAt: number;
    readonly updatedAt: number;
    readonly id: string | null;
    /** Count the row for its source now; whoever adds many of one source counts them at once. */
    readonly countSource: boolean;
  },
  now: number,
): RecordRow {
  const { connection, state, reader } = parts;
  const { life } = facts;
  const id = facts.id ?? nextUuidV7(state.lastId, now);
  if (state.lastId === null || id > state.lastId) state.lastId = id;
  const words = storedText(row.title, row.text);
  // The number comes first: checksums are bound to it.
  const number = nextNumber(parts);
  const seq = appendChange(parts, { type: changeCodes.added, number, id, reason: 0 }, now);
  const stored: StoredRow = {
    number,
    namespace: state.id,
    id,
    tier: life === null ? 0 : tierCodes[life.tier],
    seq,
    createdAt: facts.createdAt,
    updatedAt: facts.updatedAt,
    importance: life?.importance ?? null,
    accessedAt: life?.accessedAt ?? null,
    accessCount: life?.accessCount ?? null,
    expiresAt: life?.expiresAt ?? null,
    tags: storedTags(row.tags),
    origin: storedOrigin(row.session, row.writer),
    source: row.source === null ? null : sourceNumber(connection, state.id, row.source),
    spanStart: row.source?.start ?? null,
    spanEnd: row.source?.end ?? null,
    textCrc: textChecksum(number, words),
  };
  connection.prepare(insertRowSql).run(...rowValues(stored));
  connection.prepare('INSERT INTO texts (number, title, text) VALUES (?, ?, ?)').run(number, words.title, words.text);
  if (stored.source !== null && facts.countSource) changeSourceRows(connection, stored.source, 1);
  if (life === null) state.counts.chunks += 1;
  else state.counts.tiers[life.tier] += 1;
  return reader.tell({ stored, words, source: row.source });
}

const insertRowSql = `INSERT INTO rows (${rowColumns}) VALUES (${rowColumns.replaceAll(/\w+/g, '?')})`;

/** One more than the greatest that was ever given: SQLite keeps it for AUTOINCREMENT. */
function nextNumber({ connection, numbers }: RowWriterParts): number {
  if (numbers.last === null) {
    const kept = connection.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'rows'").get()?.['seq'];
    const there = connection.prepare('SELECT max(number) AS number FROM rows').get()?.['number'];
    numbers.last = Math.max(Number(kept ?? 0), Number(there ?? 0));
  }
  numbers.last += 1;
  return numbers.last;
}

function update(
  parts: RowWriterParts,
  { id, changes, accesses }: { readonly id: string; readonly changes: RowChanges; readonly accesses?: MoreAccesses },
  now: number,
): WriteResult {
  const key = findById(parts, id);
  if (key === undefined) return nothing;
  const found = parts.reader.find(key.number);
  if (found === undefined) return nothing;
  if ('what' in found) {
    parts.quarantine(found.number, found.what);
    return nothing;
  }
  const before = found.stored;
  const checked = checkChanges(changes, before.tier === 0);
  if (before.expiresAt !== null && before.expiresAt <= now) return nothing;
  const tierBefore = tierOf(before.tier);
  const tier = checked.tier ?? tierBefore;
  const told = parts.reader.tell(found).row;
  const words =
    checked.text === undefined && checked.title === undefined
      ? found.words
      : storedText(checked.title === undefined ? told.title : checked.title, checked.text ?? told.text);
  const next: StoredRow = {
    ...before,
    tier: tier === null ? 0 : tierCodes[tier],
    importance: checked.importance ?? before.importance,
    expiresAt: expiryAfter(parts.tiers, before, tierBefore, checked, now),
    tags: checked.tags === undefined ? before.tags : storedTags(checked.tags),
    textCrc: textChecksum(before.number, words),
    ...accessesAfter(before, accesses),
  };
  if (isSame(before, next)) return { rows: [parts.reader.tell(found)], removed: 0 };
  const row = rewrite(parts, { stored: next, words, source: found.source }, before, now);
  if (tier !== tierBefore && tier !== null && tierBefore !== null) {
    parts.state.counts.tiers[tierBefore] -= 1;
    parts.state.counts.tiers[tier] += 1;
    return { rows: [row], removed: enforceCapacity(parts, tier, now) };
  }
  return { rows: [row], removed: 0 };
}

const nothing: WriteResult = { rows: [], removed: 0 };

/** Of memories that another one takes the place of. */
type MoreAccesses = MergedMemory['accesses'];

/**
 * Reads the memories within the transaction: what was changed, moved, used or forgotten since somebody saw that they say
 * the same counts as it is now.
 */
function merge(parts: RowWriterParts, ids: readonly string[], now: number): WriteResult {
  const memories = [...new Set(ids)].flatMap((id) => livingMemory(parts, id, now) ?? []);
  const [first] = memories;
  if (first === undefined) return nothing;
  const words = wordsKey(first);
  const merged = mergeMemories(memories.filter((memory) => wordsKey(memory) === words));
  if (merged === null) return nothing;
  const { kept, others, tags, importance, expiresAt, accesses } = merged;
  const { rows } = update(parts, { id: kept.id, changes: { tags, importance, expiresAt }, accesses }, now);
  if (rows.length === 0) return nothing;
  const keys = others.flatMap(({ id }) => findById(parts, id) ?? []);
  return { rows, removed: removeRows(parts, keys, 'consolidated', now) };
}

/** A memory that is there and has not expired. */
function livingMemory({ reader, quarantine }: RowWriterParts, id: string, now: number): MemoryRow | undefined {
  const found = reader.findId(id);
  if (found === undefined) return undefined;
  if ('what' in found) {
    quarantine(found.number, found.what);
    return undefined;
  }
  const { accessCount, expiresAt } = found.stored;
  return accessCount === null || (expiresAt !== null && expiresAt <= now) ? undefined : reader.tell(found).row;
}

function isSame(one: StoredRow, other: StoredRow): boolean {
  return (
    one.tier === other.tier &&
    one.importance === other.importance &&
    one.expiresAt === other.expiresAt &&
    one.tags === other.tags &&
    one.accessCount === other.accessCount &&
    one.accessedAt === other.accessedAt &&
    one.textCrc === other.textCrc
  );
}

function accessesAfter(
  { accessCount, accessedAt }: StoredRow,
  more: MoreAccesses | undefined,
): Pick<StoredRow, 'accessCount' | 'accessedAt'> {
  if (more === undefined || accessCount === null) return { accessCount, accessedAt };
  return { accessCount: accessCount + more.count, accessedAt: Math.max(accessedAt ?? 0, more.at) };
}

/** What was asked for counts; otherwise moving up never shortens a life, and moving down gives that of the tier. */
function expiryAfter(
  tiers: TierTable,
  before: StoredRow,
  tierBefore: MemoryTier | null,
  { tier, expiresAt }: RowChanges,
  now: number,
): number | null {
  if (expiresAt !== undefined) return expiresAt;
  if (tier === undefined || tierBefore === null || tier === tierBefore) return before.expiresAt;
  const ofTier = expiryOf(tier, now, tiers);
  const isUp = memoryTiers.indexOf(tier) > memoryTiers.indexOf(tierBefore);
  return isUp ? laterExpiry(before.expiresAt, ofTier) : ofTier;
}

function rewrite(parts: RowWriterParts, row: ReadRow, before: StoredRow, now: number): RecordRow {
  const { connection } = parts;
  const { number, id } = before;
  const seq = appendChange(parts, { type: changeCodes.updated, number, id, reason: 0 }, now);
  const stored = { ...row.stored, seq, updatedAt: now };
  writeStored(connection, stored);
  if (stored.textCrc !== before.textCrc) {
    connection
      .prepare('UPDATE texts SET title = ?, text = ? WHERE number = ?')
      .run(row.words.title, row.words.text, number);
    connection.prepare('DELETE FROM vectors WHERE number = ?').run(number);
  }
  return parts.reader.tell({ ...row, stored });
}

function writeStored(connection: Connection, stored: StoredRow): void {
  connection.prepare(updateRowSql).run(...rowValues(stored), stored.number);
}

const updateRowSql = `UPDATE rows SET ${rowColumns
  .split(', ')
  .map((column) => `${column} = ?`)
  .join(', ')} WHERE number = ?`;

/** Writes accesses that were counted in memory. They are no change of the record: its sequence stays. */
export function writeAccesses(
  parts: Pick<RowWriterParts, 'connection' | 'reader' | 'accesses' | 'quarantine'> & { readonly namespace: number },
): readonly string[] {
  const { connection, reader, accesses } = parts;
  const ids = accesses.ids();
  for (const id of ids) {
    const number = reader.numberOf(id);
    const found = number === undefined ? undefined : reader.find(number);
    if (found === undefined) continue;
    if ('what' in found) parts.quarantine(found.number, found.what);
    else if (found.stored.accessCount !== null) writeStored(connection, accesses.with(found.stored));
  }
  return ids;
}

/** What removing needs to know of a row. */
interface RowKey {
  readonly number: number;
  readonly id: string;
  readonly tier: number;
  readonly source: number | null;
}

const selectKey = 'SELECT number, id, tier, source FROM rows';

function keyOf(sql: SqlRow): RowKey {
  const id = sql['id'];
  return {
    number: sql['number'] as number,
    id: id instanceof Uint8Array ? uuidText(id) : String(id),
    tier: sql['tier'] as number,
    source: sql['source'] as number | null,
  };
}

function findById({ connection, reader }: RowWriterParts, id: string): RowKey | undefined {
  const number = reader.numberOf(id);
  const sql = number === undefined ? undefined : connection.prepare(`${selectKey} WHERE number = ?`).get(number);
  return sql === undefined ? undefined : keyOf(sql);
}

function removeRows(parts: RowWriterParts, rows: readonly RowKey[], reason: RemovalReason, now: number): number {
  const { connection, state, accesses } = parts;
  const sources = new Map<number, number>();
  for (const { number, id, tier: code, source } of rows) {
    deleteRow(connection, number);
    appendChange(parts, { type: changeCodes.removed, number, id, reason: reasonCodes[reason] }, now);
    const tier = tierOf(code);
    if (tier === null) state.counts.chunks -= 1;
    else state.counts.tiers[tier] -= 1;
    if (source !== null) sources.set(source, (sources.get(source) ?? 0) + 1);
  }
  accesses.settle(rows.map(({ id }) => id));
  state.counts.removed[reason] += rows.length;
  for (const [source, gone] of sources) {
    changeSourceRows(connection, source, -gone);
    dropEmptyDocument(parts, source);
  }
  return rows.length;
}

/** Takes a row out of every table. */
export function deleteRow(connection: Connection, number: number): void {
  connection.prepare('DELETE FROM rows WHERE number = ?').run(number);
  connection.prepare('DELETE FROM texts WHERE number = ?').run(number);
  connection.prepare('DELETE FROM vectors WHERE number = ?').run(number);
}

function removeExpired(parts: RowWriterParts, now: number): number {
  const expired = parts.connection
    .prepare(`${selectKey} WHERE namespace = ? AND expiresAt <= ? ORDER BY number`)
    .all(parts.state.id, now);
  return removeRows(parts, expired.map(keyOf), 'expired', now);
}

/**
 * Removes what has expired, lets the oldest go on that have another tier to go to, and then removes what is worth least,
 * until a tier is within its capacity.
 */
function enforceCapacity(parts: RowWriterParts, tier: MemoryTier, now: number): number {
  const { counts } = parts.state;
  const { capacity } = parts.tiers[tier];
  if (counts.tiers[tier] <= capacity) return 0;
  const expired = removeExpired(parts, now);
  const rolled = roll(parts, tier, { most: counts.tiers[tier] - capacity, addedUntil: now, now });
  const excess = counts.tiers[tier] - capacity;
  const gone = expired + rolled.removed;
  return excess <= 0 ? gone : gone + removeRows(parts, leastWorth(parts, tier, excess, now), 'evicted', now);
}

/** Lets go on what was in a tier for as long as the tier keeps things. */
function rollAged(parts: RowWriterParts, now: number): WriteResult {
  const results = memoryTiers.map((tier) => {
    const { ttlMs } = parts.tiers[tier];
    if (ttlMs === null) return nothing;
    return roll(parts, tier, { most: parts.state.counts.tiers[tier], addedUntil: now - ttlMs, now });
  });
  return {
    rows: results.flatMap(({ rows }) => rows),
    removed: results.reduce((sum, { removed }) => sum + removed, 0),
  };
}

/** Moves memories of a tier to the tier that they go on to, the oldest first. Those that have none stay. */
function roll(
  parts: RowWriterParts,
  tier: MemoryTier,
  { most, addedUntil, now }: { readonly most: number; readonly addedUntil: number; readonly now: number },
): WriteResult {
  // No tier rolls but for conversations: the others need not be looked through.
  if (most <= 0 || rolledTier({ tier, session: '' }) === null) return nothing;
  const rows: RecordRow[] = [];
  let removed = 0;
  const members = parts.connection
    .prepare(
      'SELECT number FROM rows WHERE namespace = ? AND tier > 0 AND tier = ? AND createdAt <= ? ORDER BY +number',
    )
    .all(parts.state.id, tierCodes[tier], addedUntil);
  for (const sql of members) {
    if (rows.length >= most) break;
    const found = parts.reader.find(sql['number'] as number);
    if (found === undefined) continue;
    if ('what' in found) {
      parts.quarantine(found.number, found.what);
      continue;
    }
    const { id, session } = parts.reader.tell(found).row;
    const next = rolledTier({ tier, session });
    if (next === null) continue;
    const result = update(parts, { id, changes: { tier: next } }, now);
    rows.push(...result.rows);
    removed += result.removed;
  }
  return { rows, removed };
}

/**
 * The rows of a tier with the lowest recall score, the older first where two are equal. Rows come by importance, then by
 * last access: what is left of a class of importance cannot be lower than its importance and recency alone, and no later
 * class lower than its importance, so that a full tier need not be read as a whole.
 */
function leastWorth(
  { connection, state }: RowWriterParts,
  tier: MemoryTier,
  count: number,
  now: number,
): readonly RowKey[] {
  const code = tierCodes[tier];
  const worst: { readonly key: RowKey; readonly score: number }[] = [];
  const bar = (): number => (worst.length < count ? Number.POSITIVE_INFINITY : (worst.at(-1)?.score ?? 0));
  const classes = connection.prepare(
    'SELECT importance FROM rows WHERE namespace = ? AND tier > 0 AND tier = ? AND importance > ? ORDER BY importance LIMIT 1',
  );
  const members = connection.prepare(
    `SELECT number, id, tier, source, accessedAt, accessCount FROM rows
     WHERE namespace = ? AND tier > 0 AND tier = ? AND importance = ? AND accessedAt >= ?
     ORDER BY accessedAt, number LIMIT ? OFFSET ?`,
  );
  let importance = -1;
  for (;;) {
    const next = classes.get(state.id, code, importance)?.['importance'];
    if (typeof next !== 'number' || scoreOf(next, Number.POSITIVE_INFINITY, 0) > bar())
      return worst.map(({ key }) => key);
    importance = next;
    collect(importance);
  }

  function collect(value: number): void {
    // Mostly the first rows are enough.
    let page = count + 3;
    for (let offset = 0; ;) {
      const rows = members.all(state.id, code, value, -1, page, offset);
      for (const sql of rows) {
        const idleMs = now - Number(sql['accessedAt']);
        if (scoreOf(value, idleMs, 0) > bar()) return;
        keep({ key: keyOf(sql), score: scoreOf(value, idleMs, Number(sql['accessCount'])) });
      }
      if (rows.length < page) return;
      offset += page;
      page = Math.min(page * 2, 1_000);
    }
  }

  function keep(entry: { readonly key: RowKey; readonly score: number }): void {
    if (worst.length >= count && !isBefore(entry, worst.at(-1))) return;
    let place = worst.length;
    while (place > 0 && isBefore(entry, worst[place - 1])) place -= 1;
    worst.splice(place, 0, entry);
    if (worst.length > count) worst.pop();
  }
}

function scoreOf(importance: number, idleMs: number, accessCount: number): number {
  return recallScore({ relevance: 0, importance, idleMs, accessCount });
}

function isBefore(
  one: { readonly key: RowKey; readonly score: number },
  other: { readonly key: RowKey; readonly score: number } | undefined,
): boolean {
  if (other === undefined) return true;
  return one.score < other.score || (one.score === other.score && one.key.number < other.key.number);
}

function removeDocument(parts: RowWriterParts, uri: string, reason: RemovalReason, now: number): number {
  const { connection, state } = parts;
  const sources = connection.prepare('SELECT id FROM sources WHERE namespace = ? AND uri = ?').all(state.id, uri);
  let removed = 0;
  for (const { id } of sources) {
    const source = id as number;
    dropFacts(parts, source);
    const rows = connection.prepare(`${selectKey} WHERE source = ? AND tier = 0 ORDER BY number`).all(source);
    removed += removeRows(parts, rows.map(keyOf), reason, now);
    if (rows.length === 0) changeSourceRows(connection, source, 0);
  }
  return removed;
}

function hasDocument({ connection, state }: RowWriterParts, uri: string): boolean {
  const found = connection
    .prepare('SELECT d.source FROM documents d JOIN sources s ON s.id = d.source WHERE s.namespace = ? AND s.uri = ?')
    .get(state.id, uri);
  return found !== undefined;
}

function putFacts(
  parts: RowWriterParts,
  { uri, hash, bytes }: { readonly uri: string; readonly hash: string; readonly bytes: number },
  at: number,
): number {
  const { connection, state } = parts;
  const source = sourceNumber(connection, state.id, { uri, hash });
  connection
    .prepare('INSERT INTO documents (source, namespace, bytes, ingestedAt, crc) VALUES (?, ?, ?, ?, ?)')
    .run(source, state.id, bytes, at, documentChecksum(source, state.id, bytes, at));
  state.counts.documents += 1;
  return source;
}

function dropFacts({ connection, state }: RowWriterParts, source: number): void {
  const { changes } = connection.prepare('DELETE FROM documents WHERE source = ?').run(source);
  state.counts.documents -= changes;
}

/** A document goes with its last chunk, so that it is read anew when it comes again. */
function dropEmptyDocument(parts: RowWriterParts, source: number): void {
  const chunk = parts.connection.prepare('SELECT 1 FROM rows WHERE source = ? AND tier = 0 LIMIT 1').get(source);
  if (chunk === undefined) dropFacts(parts, source);
}

/** Appends to the sequence, and cuts what is too old. */
export function appendChange(
  { connection, state, changesKept }: Pick<RowWriterParts, 'connection' | 'state' | 'changesKept'>,
  change: { readonly type: number; readonly number: number; readonly id: string; readonly reason: number },
  at: number,
): number {
  state.seq += 1;
  const { seq } = state;
  connection
    .prepare('INSERT INTO changes (namespace, seq, type, number, id, at, reason, crc) VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
    .run(
      state.id,
      seq,
      change.type,
      change.number,
      uuidBytes(change.id) ?? new Uint8Array(16),
      at,
      change.reason,
      changeChecksum(state.id, { ...change, seq, at }),
    );
  // A twentieth more gathers before it is removed at once.
  if (seq - state.pruned >= changesKept * 1.05 + 1) {
    state.pruned = seq - changesKept;
    connection.prepare('DELETE FROM changes WHERE namespace = ? AND seq <= ?').run(state.id, state.pruned);
  }
  return seq;
}

/** CRC-32 of a change's columns. */
export function changeChecksum(
  namespace: number,
  change: {
    readonly seq: number;
    readonly type: number;
    readonly number: number;
    readonly id: string;
    readonly at: number;
    readonly reason: number;
  },
): number {
  return checksum([namespace, change.seq, change.type, change.number, change.id, change.at, change.reason]);
}
