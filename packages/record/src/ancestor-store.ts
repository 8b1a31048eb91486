import { readFile } from 'node:fs/promises';
import { GemmaError, memoryDefaults, memoryTiers } from '@gemma-cli/contracts';
import type { MemoryTier, NewMemory } from '@gemma-cli/contracts';
import { tagLimits } from './validate-rows.ts';
import { wellFormed } from './well-formed.ts';

/** A memory of the ancestor, and when it was made. */
export interface AncestorMemory {
  readonly memory: NewMemory;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** What is in a file of the ancestor. */
export interface AncestorStore {
  /** In the order in which they were made. */
  readonly memories: readonly AncestorMemory[];
  /** What was left out, and why: one sentence each. */
  readonly skipped: readonly string[];
}

/**
 * Reads `embedded_store.json` of the ancestor: an array of entries. The ancestor's embedded store never let anything
 * expire, so that nothing is lost here either: what its tier would have let go keeps no expiry.
 *
 * @param now - What a tier's time to live is counted to.
 * @throws GemmaError `FILE_UNREADABLE`, `MEMORY_FORMAT`.
 */
export async function readAncestorStore(path: string, now: number): Promise<AncestorStore> {
  const entries = parse(await read(path), path);
  const memories: AncestorMemory[] = [];
  const skipped: string[] = [];
  for (const [place, entry] of entries.entries()) {
    const found = memoryOf(entry, now);
    if (typeof found === 'string') skipped.push(`Entry ${place + 1}: ${found}`);
    else memories.push(found);
  }
  return { memories: memories.toSorted((one, other) => one.createdAt - other.createdAt), skipped };
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new GemmaError({
      code: 'FILE_UNREADABLE',
      message: `The file ${path} cannot be read: ${(error as Error).message}. Look at its path and its permissions.`,
      facts: { path },
      cause: error,
    });
  }
}

function parse(text: string, path: string): readonly unknown[] {
  const refuse = (came: string, cause?: unknown): GemmaError =>
    new GemmaError({
      code: 'MEMORY_FORMAT',
      message: `Expected ${path} to be an embedded_store.json, an array of entries, and it is ${came}. Look for it in the folder .gemma_cli of the old version.`,
      facts: { path },
      cause,
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refuse('not valid JSON', error);
  }
  if (!Array.isArray(value)) throw refuse('something else');
  return value as readonly unknown[];
}

/** The memory, or why there is none. */
function memoryOf(entry: unknown, now: number): AncestorMemory | string {
  if (typeof entry !== 'object' || entry === null) return 'it is not an object.';
  const { content, memory_type: type, importance, created_at: created, tags } = entry as Record<string, unknown>;
  if (typeof content !== 'string' || !/\S/u.test(content)) return 'it has no content.';
  const text = wellFormed(content);
  const { textCharsMax } = memoryDefaults;
  if (text.length > textCharsMax)
    return `its content is longer than ${textCharsMax} characters; ingest it as a document.`;
  const tier = memoryTiers.find((name) => name === type) ?? memoryDefaults.tier;
  const createdAt = timeOf(created) ?? now;
  return {
    createdAt,
    memory: {
      text,
      tier,
      importance: typeof importance === 'number' ? Math.min(1, Math.max(0, importance)) : memoryDefaults.importance,
      tags: tagsOf(tags),
      writer: 'gemma-cli (Python)',
      expiresAt: expiryOfAncestor(tier, createdAt, now),
    },
  };
}

/** That of its tier, counted from when it was made; none where that is over. */
function expiryOfAncestor(tier: MemoryTier, createdAt: number, now: number): number | null {
  const { ttlMs } = memoryDefaults.tiers[tier];
  return ttlMs === null || createdAt + ttlMs <= now ? null : createdAt + ttlMs;
}

/** The ancestor wrote UTC, mostly without saying so. */
function timeOf(value: unknown): number | null {
  if (typeof value !== 'string') return null;
  const time = Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/u.test(value) ? value : `${value}Z`);
  return Number.isNaN(time) || time < 0 ? null : time;
}

function tagsOf(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [];
  const tags = value.filter((tag): tag is string => typeof tag === 'string' && tag !== '');
  return [...new Set(tags.map((tag) => wellFormed(tag).slice(0, tagLimits.charsMax)))].slice(0, tagLimits.tagsMax);
}
