import { GemmaError, memoryDefaults, memoryTiers } from '@gemma-cli/contracts';
import type {
  DocumentFacts,
  MemoryRow,
  MemoryTier,
  NewChunk,
  NewDocument,
  NewMemory,
  RowChanges,
  RowSource,
} from '@gemma-cli/contracts';
import { isUuidV7, uuidTime } from './uuid-v7.ts';
import { wellFormed } from './well-formed.ts';

/** Most tags of a row, and the greatest length of one. */
export const tagLimits = { tagsMax: 64, charsMax: 128 } as const;

/** Longest title, name of a session or writer, and address of a source, in characters. */
export const nameCharsMax = 8_192;

/** What all new rows have, with every default in place. */
export interface CheckedRow {
  readonly text: string;
  readonly title: string | null;
  readonly tags: readonly string[];
  readonly source: RowSource | null;
  readonly session: string | null;
  readonly writer: string | null;
}

/** A memory to add, with every default but the expiry in place: `undefined` = that of its tier. */
export interface CheckedMemory extends CheckedRow {
  readonly tier: MemoryTier;
  readonly importance: number;
  readonly expiresAt: number | null | undefined;
}

/**
 * Checks a new memory.
 *
 * @throws GemmaError `REQUEST_INVALID`.
 */
export function checkMemory(memory: NewMemory): CheckedMemory {
  return {
    ...checkRow(memory),
    tier: checkTier(memory.tier ?? memoryDefaults.tier),
    importance: checkImportance(memory.importance ?? memoryDefaults.importance),
    expiresAt: memory.expiresAt === undefined ? undefined : checkTimeOrNull(memory.expiresAt, 'expiry'),
  };
}

/**
 * Checks a document; gives its chunks.
 *
 * @throws GemmaError `REQUEST_INVALID`.
 */
export function checkDocument(document: NewDocument): readonly CheckedRow[] {
  checkFacts(document);
  if (document.chunks.length === 0) {
    throw invalid(
      'Expected a document with at least one chunk, got none. Leave it out, or remove what its source had.',
      {
        uri: document.uri,
      },
    );
  }
  return document.chunks.map((chunk: NewChunk) => {
    const { source } = chunk;
    if (source.uri !== document.uri || source.hash !== document.hash) {
      throw invalid(
        `Expected chunks of ${document.uri} whose source has the address and hash of the document, got one of ${source.uri}. Give both the same.`,
        { uri: document.uri, chunkUri: source.uri },
      );
    }
    return checkRow(chunk);
  });
}

/**
 * Checks the facts of a document.
 *
 * @throws GemmaError `REQUEST_INVALID`.
 */
export function checkFacts(facts: Pick<DocumentFacts, 'uri' | 'hash' | 'bytes'>): void {
  checkUri(facts.uri);
  checkHash(facts.hash);
  if (!Number.isSafeInteger(facts.bytes) || facts.bytes < 0) {
    throw invalid(`Expected the size of a document in whole bytes, got ${String(facts.bytes)}.`, { uri: facts.uri });
  }
}

/**
 * Checks a row of an export.
 *
 * @throws GemmaError `REQUEST_INVALID`.
 */
export function checkImport(row: MemoryRow): MemoryRow {
  if (!isUuidV7(row.id) || uuidTime(row.id) > latestTime) {
    throw invalid(`Expected a row whose id is a UUID of version 7 in lower case, got ${quoted(row.id)}.`, {
      id: row.id,
    });
  }
  const checked = checkRow(row);
  const times = { createdAt: checkTime(row.createdAt, 'creation'), updatedAt: checkTime(row.updatedAt, 'last change') };
  if (row.kind === 'document') {
    if (checked.source === null)
      throw invalid(`Expected a chunk of a document with its source, got ${row.id} without.`);
    return {
      ...row,
      ...checked,
      ...times,
      tier: null,
      importance: null,
      accessedAt: null,
      accessCount: null,
      expiresAt: null,
    };
  }
  if ((row.kind as string) !== 'memory') {
    throw invalid(`Expected a row of kind document or memory, got ${quoted(row.kind)}.`, { id: row.id });
  }
  const { accessCount } = row;
  if (accessCount === null || !Number.isSafeInteger(accessCount) || accessCount < 0) {
    throw invalid(`Expected how often a memory was accessed, 0 or more, got ${String(accessCount)}.`, { id: row.id });
  }
  return {
    ...row,
    ...checked,
    ...times,
    tier: checkTier(row.tier),
    importance: checkImportance(row.importance),
    accessedAt: checkTime(row.accessedAt, 'last access'),
    expiresAt: checkTimeOrNull(row.expiresAt, 'expiry'),
  };
}

/**
 * Checks what shall be changed of a row.
 *
 * @throws GemmaError `REQUEST_INVALID`.
 */
export function checkChanges(changes: RowChanges, isDocument: boolean): RowChanges {
  const { text, title, tags, importance, tier, expiresAt } = changes;
  if (isDocument && [text, title, importance, tier, expiresAt].some((value) => value !== undefined)) {
    throw invalid(
      "Expected only tags to be changed of a document's chunk, got more. Ingest the document again, or add a memory of your own.",
    );
  }
  return {
    ...(text === undefined ? {} : { text: checkText(text) }),
    ...(title === undefined ? {} : { title: checkTitle(title) }),
    ...(tags === undefined ? {} : { tags: checkTags(tags) }),
    ...(importance === undefined ? {} : { importance: checkImportance(importance) }),
    ...(tier === undefined ? {} : { tier: checkTier(tier) }),
    ...(expiresAt === undefined ? {} : { expiresAt: checkTimeOrNull(expiresAt, 'expiry') }),
  };
}

/** Halves of surrogate pairs that stand alone cannot be written as UTF-8: each becomes U+FFFD, of the same length. */
function checkRow(row: NewMemory | NewChunk | MemoryRow): CheckedRow {
  return {
    text: checkText(row.text),
    title: checkTitle(row.title ?? null),
    tags: checkTags(row.tags ?? []),
    source: row.source === undefined || row.source === null ? null : checkSource(row.source),
    session: checkName(row.session ?? null, 'session'),
    writer: checkName(row.writer ?? null, 'writer'),
  };
}

function checkText(text: string): string {
  if (typeof text !== 'string' || !/\S/u.test(text)) {
    throw invalid('Expected a text with at least one character that is not white space, got none.');
  }
  const { textCharsMax } = memoryDefaults;
  if (text.length > textCharsMax) {
    throw invalid(
      `Expected a text of at most ${textCharsMax} characters, got ${text.length}. Ingest it as a document, which is cut into chunks.`,
      { characters: text.length, charactersMax: textCharsMax },
    );
  }
  return wellFormed(text);
}

/** An empty title is none. */
function checkTitle(title: string | null): string | null {
  return title === '' ? null : checkName(title, 'title');
}

function checkName(name: string | null, what: string): string | null {
  if (name === null) return null;
  if (typeof name !== 'string' || name.length > nameCharsMax) {
    throw invalid(`Expected a ${what} of at most ${nameCharsMax} characters, got ${describe(name)}.`);
  }
  return wellFormed(name);
}

function checkTags(tags: readonly string[]): readonly string[] {
  if (!Array.isArray(tags)) throw invalid(`Expected a list of tags, got ${describe(tags)}.`);
  const checked = tags.map((tag) => {
    if (typeof tag !== 'string' || tag.length === 0 || tag.length > tagLimits.charsMax) {
      throw invalid(`Expected tags of 1 to ${tagLimits.charsMax} characters, got ${describe(tag)}.`);
    }
    return wellFormed(tag);
  });
  const unique = [...new Set(checked)].toSorted((one, other) => (one < other ? -1 : 1));
  if (unique.length > tagLimits.tagsMax) {
    throw invalid(`Expected at most ${tagLimits.tagsMax} tags, got ${unique.length}. Leave some out.`);
  }
  return unique;
}

function checkSource({ uri, hash, start, end }: RowSource): RowSource {
  checkUri(uri);
  checkHash(hash);
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start) {
    throw invalid(
      `Expected a span of ${uri} that begins at 0 or later and does not end before, got ${start} to ${end}.`,
    );
  }
  return { uri, hash, start, end };
}

function checkUri(uri: string): void {
  if (
    typeof uri !== 'string' ||
    uri === '' ||
    uri.length > nameCharsMax ||
    uri.includes('\0') ||
    wellFormed(uri) !== uri
  ) {
    throw invalid(
      `Expected the address of a source, 1 to ${nameCharsMax} characters without NUL, got ${describe(uri)}.`,
    );
  }
}

function checkHash(hash: string): void {
  if (typeof hash !== 'string' || !/^[0-9a-f]{64}$/.test(hash)) {
    throw invalid(`Expected the SHA-256 of a source, 64 hexadecimal digits in lower case, got ${describe(hash)}.`);
  }
}

function checkTier(tier: MemoryTier | null): MemoryTier {
  if (tier !== null && memoryTiers.includes(tier)) return tier;
  throw invalid(`Expected a tier, one of ${memoryTiers.join(', ')}, got ${quoted(tier)}.`);
}

function checkImportance(importance: number | null): number {
  if (typeof importance === 'number' && importance >= 0 && importance <= 1) {
    // @photostructure/sqlite binds a number so near to a whole one as that one, and the checksum would not fit.
    return importance < 1e-12 ? 0 : importance;
  }
  throw invalid(`Expected an importance from 0 to 1, got ${String(importance)}.`);
}

function checkTimeOrNull(time: number | null, what: string): number | null {
  return time === null ? null : checkTime(time, what);
}

/** The end of the year 9999. Ids carry a time too, and must have room above them. */
const latestTime = 253_402_300_799_999;

function checkTime(time: number | null, what: string): number {
  if (typeof time === 'number' && time >= 0 && time <= latestTime) return Math.floor(time);
  throw invalid(`Expected the time of the ${what} in milliseconds since 1970, got ${String(time)}.`);
}

function invalid(message: string, facts: Readonly<Record<string, unknown>> = {}): GemmaError {
  return new GemmaError({ code: 'REQUEST_INVALID', message, facts });
}

function quoted(value: unknown): string {
  return typeof value === 'string' ? `"${value.slice(0, 100)}"` : String(value);
}

function describe(value: unknown): string {
  return typeof value === 'string' ? `${value.length} characters (${quoted(value)})` : String(value);
}
