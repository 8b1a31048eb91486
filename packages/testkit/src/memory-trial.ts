import { join } from 'node:path';
import { it } from 'vitest';
import type {
  ImplementationName,
  MemoryRow,
  MemoryStore,
  MemoryStoreOptions,
  NewDocument,
  NewMemory,
  SearchRequest,
  SearchResult,
} from '@gemma-cli/contracts';
import { withTemporaryFolder } from './temporary-folder.ts';

/** Opens a memory. */
export type CreateMemory = (options: MemoryStoreOptions) => Promise<MemoryStore>;

/** What the memory suites are told about a memory. */
export interface MemorySubject {
  /** The title of the suite. */
  readonly name: string;
  readonly implementation: ImplementationName;
  /** The factory under test. */
  readonly create: CreateMemory;
  /** The same factory as a module with `create`, for processes of their own. */
  readonly module: URL;
  /** The other implementation, which stands on the same record; or why it is not there. */
  readonly other: CreateMemory | string;
}

/** A clock that moves when it is told to. */
export interface HandClock {
  /** Milliseconds since 1970. */
  now: number;
}

/** One memory in a new folder, under a clock that is driven by hand. */
export interface MemoryTrial {
  readonly store: MemoryStore;
  /** The folder of the memory. */
  readonly folder: string;
  readonly clock: HandClock;
  /** Opens another store, on the same folder where nothing else is said. It is closed at the end. */
  open(options?: Partial<MemoryStoreOptions>, create?: CreateMemory): Promise<MemoryStore>;
  /** What the store and those that were opened told the log. */
  readonly log: readonly string[];
}

/** The clock of a trial begins here: a day in 2026. */
export const trialStart = Date.UTC(2026, 2, 14, 9, 26, 53);

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

/** Declares one promise about a memory of its own. */
export function memoryPromise(
  { create }: MemorySubject,
  title: string,
  body: (trial: MemoryTrial) => Promise<void>,
  options: Partial<MemoryStoreOptions> = {},
): void {
  it(title, () => tryMemory(create, options, body));
}

/** Runs `body` on a new memory, and closes all that it opened. */
export async function tryMemory(
  create: CreateMemory,
  options: Partial<MemoryStoreOptions>,
  body: (trial: MemoryTrial) => Promise<void>,
): Promise<void> {
  await withTemporaryFolder(async (temporary) => {
    const folder = join(temporary, 'memory');
    const clock = { now: trialStart };
    const log: string[] = [];
    const stores: MemoryStore[] = [];
    const open: MemoryTrial['open'] = async (rest = {}, factory = create) => {
      const store = await factory({
        folder,
        now: () => clock.now,
        log: (line) => {
          log.push(line);
        },
        ...options,
        ...rest,
      });
      stores.push(store);
      return store;
    };
    try {
      await body({ store: await open(), folder, clock, open, log });
    } finally {
      for (const store of stores) await store.close();
    }
  });
}

/** A document whose chunks are these texts, one after the other. */
export function documentOf(
  uri: string,
  texts: readonly string[],
  rest: { readonly hash?: string; readonly tags?: readonly string[] } = {},
): NewDocument {
  const hash = rest.hash ?? 'a'.repeat(64);
  let start = 0;
  const chunks = texts.map((text) => {
    const source = { uri, hash, start, end: start + text.length };
    start = source.end + 1;
    return { text, source, ...(rest.tags === undefined ? {} : { tags: rest.tags }) };
  });
  return { uri, hash, bytes: start, chunks };
}

/** Adds memories, and gives a row for each of them. */
export async function addAll<const Memories extends readonly NewMemory[]>(
  store: MemoryStore,
  memories: Memories,
): Promise<{ readonly [Index in keyof Memories]: MemoryRow }> {
  return (await store.addMany(memories)) as { readonly [Index in keyof Memories]: MemoryRow };
}

/** Puts a document of one chunk. */
export async function putOne(store: MemoryStore, uri: string, text: string): Promise<MemoryRow> {
  const [row] = await store.putDocument(documentOf(uri, [text]));
  if (row === undefined) throw new Error('A document of one chunk gave no row.');
  return row;
}

/** A row without some of its parts, which are different in each run. */
export function without<Subject extends object, Part extends keyof Subject>(
  subject: Subject,
  ...parts: readonly Part[]
): Omit<Subject, Part> {
  const rest = { ...subject };
  for (const part of parts) delete rest[part];
  return rest;
}

/** The texts that a search finds, the best first. */
export async function textsFound(store: MemoryStore, request: SearchRequest | string): Promise<readonly string[]> {
  return textsOf(await store.search(typeof request === 'string' ? { query: request } : request));
}

export function textsOf({ hits }: SearchResult): readonly string[] {
  return hits.map(({ row }) => row.text);
}
