import { crc32 } from 'node:zlib';
import { memoryTiers } from '@gemma-cli/contracts';
import type { MemoryRow, MemoryTier, RecordRow, RowSource } from '@gemma-cli/contracts';
import { tierCodes } from './schema.ts';
import type { SqlRow, SqlValue } from './sql-driver.ts';
import { uuidBytes, uuidText } from './uuid-v7.ts';

/** A row as its table has it, without its words. */
export interface StoredRow {
  readonly number: number;
  readonly namespace: number;
  readonly id: string;
  /** 0 = a document's chunk. */
  readonly tier: number;
  readonly seq: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly importance: number | null;
  readonly accessedAt: number | null;
  readonly accessCount: number | null;
  readonly expiresAt: number | null;
  /** Each as JSON behind a line end, which JSON itself never has: `instr` of that finds exactly the tag. */
  readonly tags: string;
  /** Session and writer as JSON; `null` when both are. */
  readonly origin: string | null;
  readonly source: number | null;
  readonly spanStart: number | null;
  readonly spanEnd: number | null;
  readonly textCrc: number;
}

/** Words of a row as bytes. */
export interface StoredText {
  readonly title: Uint8Array | null;
  readonly text: Uint8Array;
}

/** Columns of `rows` in the order in which {@link rowValues} gives them. */
export const rowColumns =
  'number, namespace, id, tier, seq, createdAt, updatedAt, importance, accessedAt, accessCount, expiresAt, tags, origin, source, spanStart, spanEnd, textCrc, crc';

/** `SELECT … FROM rows r LEFT JOIN texts t` of all that a row is made of. */
export const selectRow = `SELECT ${rowColumns
  .split(', ')
  .map((column) => `r.${column}`)
  .join(', ')}, t.title, t.text FROM rows r LEFT JOIN texts t ON t.number = r.number`;

/** Values of the columns, the checksum last. */
export function rowValues(row: StoredRow): readonly SqlValue[] {
  return [
    row.number,
    row.namespace,
    uuidBytes(row.id),
    row.tier,
    row.seq,
    row.createdAt,
    row.updatedAt,
    row.importance,
    row.accessedAt,
    row.accessCount,
    row.expiresAt,
    row.tags,
    row.origin,
    row.source,
    row.spanStart,
    row.spanEnd,
    row.textCrc,
    rowChecksum(row),
  ];
}

/** The stored row of a result, whatever its checksum. */
export function storedRowOf(sql: SqlRow): StoredRow {
  const id = sql['id'];
  return {
    number: sql['number'] as number,
    namespace: sql['namespace'] as number,
    id: id instanceof Uint8Array ? uuidText(id) : String(id),
    tier: sql['tier'] as number,
    seq: sql['seq'] as number,
    createdAt: sql['createdAt'] as number,
    updatedAt: sql['updatedAt'] as number,
    importance: sql['importance'] as number | null,
    accessedAt: sql['accessedAt'] as number | null,
    accessCount: sql['accessCount'] as number | null,
    expiresAt: sql['expiresAt'] as number | null,
    tags: sql['tags'] as string,
    origin: sql['origin'] as string | null,
    source: sql['source'] as number | null,
    spanStart: sql['spanStart'] as number | null,
    spanEnd: sql['spanEnd'] as number | null,
    textCrc: sql['textCrc'] as number,
  };
}

/** What is wrong with a row as it was read; `null` = nothing. */
export function damageOf(stored: StoredRow, sql: SqlRow): string | null {
  if (rowChecksum(stored) !== sql['crc']) return 'The checksum of the row does not fit.';
  const { title, text } = sql;
  if (!(text instanceof Uint8Array) || !(title instanceof Uint8Array || title === null))
    return 'The text is not there.';
  if (textChecksum(stored.number, { title, text }) !== stored.textCrc) return 'The checksum of the text does not fit.';
  return null;
}

/** A row whose checksums fit. */
export function recordRowOf(stored: StoredRow, { title, text }: StoredText, source: RowSource | null): RecordRow {
  return recordRowWith(stored, title === null ? null : textOf(title), textOf(text), source);
}

/** The same, whose words are strings already. */
export function recordRowWith(
  stored: StoredRow,
  title: string | null,
  text: string,
  source: RowSource | null,
): RecordRow {
  const [session, writer] = stored.origin === null ? [null, null] : (JSON.parse(stored.origin) as (string | null)[]);
  const row: MemoryRow = {
    id: stored.id,
    kind: stored.tier === 0 ? 'document' : 'memory',
    text,
    title,
    tags: tagsOf(stored.tags),
    source,
    session: session ?? null,
    writer: writer ?? null,
    createdAt: stored.createdAt,
    updatedAt: stored.updatedAt,
    tier: tierOf(stored.tier),
    importance: stored.importance,
    accessedAt: stored.accessedAt,
    accessCount: stored.accessCount,
    expiresAt: stored.expiresAt,
    seq: stored.seq,
  };
  return { number: stored.number, row };
}

/** A tier by its code; `null` for a document's chunk. */
export function tierOf(code: number): MemoryTier | null {
  return code === 0 ? null : (memoryTiers.find((tier) => tierCodes[tier] === code) ?? null);
}

/** Tags as they are stored. */
export function storedTags(tags: readonly string[]): string {
  return tags.map((tag) => `\n${JSON.stringify(tag)}`).join('');
}

function tagsOf(stored: string): readonly string[] {
  return stored === ''
    ? []
    : stored
        .slice(1)
        .split('\n')
        .map((tag) => JSON.parse(tag) as string);
}

/** Session and writer as they are stored. */
export function storedOrigin(session: string | null, writer: string | null): string | null {
  return session === null && writer === null ? null : JSON.stringify([session, writer]);
}

/** Title and text as they are stored. */
export function storedText(title: string | null, text: string): StoredText {
  return { title: title === null ? null : Buffer.from(title), text: Buffer.from(text) };
}

/** CRC-32 of a row's words, bound to its number and to where the title ends. */
export function textChecksum(number: number, { title, text }: StoredText): number {
  const head = crc32(`${number} ${title === null ? '-' : title.byteLength} ${text.byteLength}\n`);
  return crc32(text, title === null ? head : crc32(title, head));
}

/** The same, of strings. */
export function textChecksumOf(number: number, title: string | null, text: string): number {
  const titleBytes = title === null ? '-' : Buffer.byteLength(title);
  return crc32(`${number} ${titleBytes} ${Buffer.byteLength(text)}\n${title ?? ''}${text}`);
}

/** CRC-32 of values in their order. What comes back from the file as anything else gives another one. */
export function checksum(values: readonly (string | number | null)[]): number {
  return crc32(JSON.stringify(values));
}

/** CRC-32 of all columns of a row. */
function rowChecksum(row: StoredRow): number {
  return checksum([
    row.number,
    row.namespace,
    row.id,
    row.tier,
    row.seq,
    row.createdAt,
    row.updatedAt,
    row.importance,
    row.accessedAt,
    row.accessCount,
    row.expiresAt,
    row.tags,
    row.origin,
    row.source,
    row.spanStart,
    row.spanEnd,
    row.textCrc,
  ]);
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
}
