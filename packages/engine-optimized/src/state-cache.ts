import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, open, readFile, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { isGemmaError } from '@gemma-cli/contracts';
import { evaluationChunkTokens } from '@gemma-cli/model-process';
import type { ModelFile, RuntimeInfo, StateCacheStatus } from '@gemma-cli/contracts';

/**
 * Attention states of long stable prefixes, kept on disk.
 *
 * ```
 * folder/                      0700
 *   v1/                        the format's version
 *     tmp/                     what is being written or removed; leftovers of killed processes are swept
 *     <hash of the model key>/
 *       <tokens>-<hash of the tokens>-<a|f>/    a: aligned to the fixed schedule, f: free
 *         state                as the model process wrote it
 *         entry.json           what the state is, its length and checksum; its time of change is the entry's last use
 * ```
 *
 * An entry is one folder, because a folder appears under its name in one step: a state without its description, or one with
 * that of another process, cannot be seen.
 */
export interface StateCache {
  /**
   * The longest saved prefix of `tokens`, checked byte by byte. Give the most that may be taken: the prompt without its last
   * token. `undefined` = none. Never rejects.
   */
  find(modelKey: string, tokens: readonly number[], options: FindOptions): Promise<FoundState | undefined>;
  /**
   * Tokens of the longest prefix of `tokens` that was seen saved when last looked, not checked; 0 = none. Reads nothing:
   * tells whether a state would be a second copy.
   */
  coveredTokens(modelKey: string, tokens: readonly number[], options: { readonly alignedOnly: boolean }): number;
  /**
   * Counts a state that the model process could not use, and why. A damaged one is removed; any other is left to those who
   * can use it, and not found again. Never rejects.
   */
  discard(found: FoundState, reason: IgnoredReason): Promise<void>;
  /**
   * Saves the state of `tokens`. `write` is called before this returns its promise, so that the call to the model process
   * keeps its place among those of its sequence; everything else happens after. Not called for a state that is saved
   * already. Tells whether the state is saved now. Never rejects: what goes wrong is a line in the log, and the answer does not need it. Do not await it in an answer.
   */
  save(
    modelKey: string,
    tokens: readonly number[],
    options: { readonly aligned: boolean },
    write: (path: string) => Promise<{ readonly bytes: number }>,
  ): Promise<boolean>;
  status(): StateCacheStatus;
  /** Waits for saves under way. Saves nothing after. Safe to call twice. */
  close(): Promise<void>;
}

/** Which saved states a prompt can use. */
export interface FindOptions {
  /** Only states that were evaluated on the fixed schedule: the text must be reproducible. */
  readonly alignedOnly: boolean;
  /** Only states of more tokens than these, which are there without a state; shorter ones are not even read. Default 0. */
  readonly beyondTokens?: number | undefined;
}

/** A saved state that was checked. */
export interface FoundState {
  /** The file for `load-state`. */
  readonly path: string;
  /** Leading tokens that it holds. */
  readonly tokens: number;
  readonly bytes: number;
  /** It was evaluated on the fixed schedule, in whole chunks. */
  readonly aligned: boolean;
}

/** Why a state was found and not used. */
export type IgnoredReason = 'damaged' | 'foreign' | 'unreadable';

/** Where states are kept. */
export interface StateCacheOptions {
  /** Made if it is not there, for this user alone. */
  readonly folder: string;
  /** Most bytes of all states together. */
  readonly bytesMax: number;
  /** Called with one line for each thing that went wrong. */
  readonly log: (message: string) => void;
  /** Milliseconds since 1970. Default: the clock. */
  readonly now?: (() => number) | undefined;
}

/** What must be equal for a state to fit. */
export interface StateModelFacts {
  readonly model: Pick<ModelFile, 'path' | 'sha256'>;
  /** Of the model file: names it where its hash is not known. */
  readonly file: { readonly size: number; readonly mtimeMs: number; readonly ino: number };
  readonly contextTokens: number;
  readonly compactCache: boolean;
  readonly runtime: RuntimeInfo;
}

/** Tokens of one link of the hash chain: states of reproducible answers end where a chunk does. */
const blockTokens = evaluationChunkTokens;

/** Ten minutes are longer than any save takes; what is older in `tmp` belongs to a process that is gone. */
const leftoverMsMin = 600_000;

/** After a full disk no save is tried for a minute, and twice as long after each further one, at most an hour. */
const troubleMsMin = 60_000;
const troubleMsMax = 3_600_000;

/** One mebibyte takes a checksum less than a millisecond, so that the event loop is not held up. */
const readBytes = 1024 ** 2;

/**
 * When a state is worth its bytes. Restoring costs some milliseconds (560 tokens: 9.6 MB, 19 ms; suite `restore`), so
 * what counts is the evaluation it replaces: below a quarter of a second nobody notices. And a state that is only a few
 * tokens longer than a saved one would be a second copy of it.
 */
const worthSavingMs = 250;
const worthSavingTokensMin = 64;

/** Whether evaluating the tokens that no saved state covers costs enough to save a state. */
export function isWorthSaving({
  tokens,
  foundTokens,
  msPerToken,
}: {
  /** Tokens of the stable prefix. */
  readonly tokens: number;
  /** Tokens of the longest saved prefix of it; 0 = none. */
  readonly foundTokens: number;
  /** What evaluating one token costs, as measured. */
  readonly msPerToken: number;
}): boolean {
  const fresh = tokens - foundTokens;
  return fresh >= worthSavingTokensMin && fresh * msPerToken >= worthSavingMs;
}

/** One text that is equal exactly where a state fits. */
export function stateModelKey({ model, file, contextTokens, compactCache, runtime }: StateModelFacts): string {
  const weights =
    model.sha256 === undefined
      ? [model.path, file.size, file.mtimeMs, file.ino]
      : [`sha256:${model.sha256.toLowerCase()}`];
  const { version, build = null } = runtime;
  return JSON.stringify([weights, contextTokens, compactCache, runtime.name, version, build]);
}

/** What `entry.json` says. */
interface EntryDescription {
  readonly modelKey: string;
  readonly tokens: number;
  readonly tokensHash: string;
  readonly aligned: boolean;
  readonly bytes: number;
  readonly crc32: number;
}

/**
 * Opens a cache of states. Several processes may share a folder: nothing is locked, entries appear and vanish in one step.
 * A folder that cannot be used is told in the log; the cache then finds and saves nothing.
 */
export async function openStateCache({
  folder,
  bytesMax,
  log,
  now = Date.now,
}: StateCacheOptions): Promise<StateCache> {
  const root = join(folder, 'v1');
  const tmp = join(root, 'tmp');
  const counts = { entries: 0, bytes: 0, hits: 0, misses: 0, saves: 0 };
  const ignored: Record<string, number> = {};
  const saving = new Set<Promise<unknown>>();
  /** Names of the entries of a model, as last seen. Other processes may know better. */
  const seen = new Map<string, Set<string>>();
  /** Entries that the model process cannot use, and others perhaps can. */
  const setAside = new Set<string>();
  let isClosed = false;
  let trouble: { readonly untilMs: number; readonly waitMs: number } | undefined;
  /** Saves finish one after the other: two at once would both make room for themselves. */
  let last: Promise<unknown> = Promise.resolve();

  function noteTrouble(what: string, error: unknown): void {
    const waitMs = Math.min(troubleMsMax, trouble === undefined ? troubleMsMin : trouble.waitMs * 2);
    trouble = { untilMs: now() + waitMs, waitMs };
    log(`${what} (${reasonOf(error)}); no state is saved for ${Math.round(waitMs / 1000)} s.`);
  }

  /** Takes an entry away in one step, whoever else looks at it. */
  async function remove(path: string): Promise<void> {
    const gone = join(tmp, temporaryName());
    seen.get(basename(dirname(path)))?.delete(basename(path));
    try {
      await rename(path, gone);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return;
      throw error;
    }
    await rm(gone, { recursive: true, force: true });
  }

  async function ignore(path: string, reason: IgnoredReason, why: string): Promise<void> {
    ignored[reason] = (ignored[reason] ?? 0) + 1;
    log(`A saved state is ${reason} and not used: ${why}. It is removed.`);
    try {
      await remove(path);
      await count();
    } catch (error) {
      log(`The state in ${path} cannot be removed (${reasonOf(error)}). Remove it, or use another folder.`);
    }
  }

  /** Every entry with its size and last use. Entries that vanish meanwhile are left out. */
  async function list(): Promise<{ path: string; bytes: number; usedMs: number }[]> {
    const entries: { path: string; bytes: number; usedMs: number }[] = [];
    for (const model of await namesIn(root)) {
      if (model === 'tmp') continue;
      for (const name of await namesIn(join(root, model))) {
        const path = join(root, model, name);
        const [state, entry] = await Promise.all([
          stat(join(path, 'state')).catch(() => undefined),
          stat(join(path, 'entry.json')).catch(() => undefined),
        ]);
        const bytes = (state?.size ?? 0) + (entry?.size ?? 0);
        if (parseName(name) !== undefined) entries.push({ path, bytes, usedMs: entry?.mtimeMs ?? 0 });
      }
    }
    return entries;
  }

  async function count(): Promise<void> {
    const entries = await list();
    counts.entries = entries.length;
    counts.bytes = entries.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Removes the entries used longest ago until `bytes` more fit. */
  async function makeRoom(bytes: number): Promise<void> {
    const entries = (await list()).toSorted((a, b) => a.usedMs - b.usedMs);
    let total = entries.reduce((sum, entry) => sum + entry.bytes, 0);
    for (const entry of entries) {
      if (total + bytes <= bytesMax) return;
      await remove(entry.path);
      total -= entry.bytes;
    }
  }

  async function sweep(): Promise<void> {
    for (const name of await namesIn(tmp)) {
      const path = join(tmp, name);
      const facts = await stat(path).catch(() => undefined);
      if (facts !== undefined && now() - facts.mtimeMs >= leftoverMsMin)
        await rm(path, { recursive: true, force: true });
    }
  }

  async function finishSave(
    modelKey: string,
    tokens: readonly number[],
    aligned: boolean,
    file: string,
    writtenBytes: number,
  ): Promise<boolean> {
    await chmod(file, 0o600);
    const { bytes, crc32: checksum } = await checksumOf(file, true);
    if (bytes !== writtenBytes) throw new Error(`${writtenBytes} bytes were written and ${bytes} are there`);
    if (bytes > bytesMax) {
      log(`A state of ${bytes} bytes is not saved: all states together may take ${bytesMax}.`);
      return false;
    }
    const tokensHash = hashAt(tokens, [tokens.length])(tokens.length);
    const description: EntryDescription = {
      modelKey,
      tokens: tokens.length,
      tokensHash,
      aligned,
      bytes,
      crc32: checksum,
    };
    const prepared = `${file}.entry`;
    await mkdir(prepared, { mode: 0o700 });
    await rename(file, join(prepared, 'state'));
    await writeDurably(join(prepared, 'entry.json'), sealed(description));
    await syncFolder(prepared);
    await makeRoom(bytes);
    const modelName = modelFolderName(modelKey);
    const modelFolder = join(root, modelName);
    await mkdir(modelFolder, { recursive: true, mode: 0o700 });
    const name = entryName(tokens.length, tokensHash, aligned);
    const path = join(modelFolder, name);
    try {
      await rename(prepared, path);
    } catch (error) {
      await rm(prepared, { recursive: true, force: true });
      // Another process was first, with the same state.
      if (await isThere(path)) return false;
      throw error;
    }
    await syncFolder(modelFolder);
    seen.set(modelName, (seen.get(modelName) ?? new Set()).add(name));
    return true;
  }

  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await mkdir(tmp, { recursive: true, mode: 0o700 });
    await sweep();
    await count();
  } catch (error) {
    noteTrouble(`The state cache in ${folder} cannot be used`, error);
  }

  return {
    async find(modelKey, tokens, { alignedOnly, beyondTokens = 0 }) {
      const modelName = modelFolderName(modelKey);
      const modelFolder = join(root, modelName);
      const names = await namesIn(modelFolder);
      seen.set(modelName, new Set(names));
      const candidates = candidatesFor(tokens, names, alignedOnly).filter(
        (entry) => entry.tokens > beyondTokens && !setAside.has(join(modelFolder, entry.name)),
      );
      for (const entry of candidates) {
        const path = join(modelFolder, entry.name);
        const checked = await check(path, { modelKey, ...entry });
        if (checked === 'vanished') continue;
        if ('reason' in checked) {
          await ignore(path, checked.reason, checked.why);
          continue;
        }
        const date = new Date(now());
        // Whoever cannot note the use may still use it.
        await utimes(join(path, 'entry.json'), date, date).catch(() => undefined);
        counts.hits += 1;
        return { path: join(path, 'state'), tokens: entry.tokens, bytes: checked.bytes, aligned: entry.aligned };
      }
      counts.misses += 1;
      return undefined;
    },

    coveredTokens: (modelKey, tokens, { alignedOnly }) =>
      candidatesFor(tokens, seen.get(modelFolderName(modelKey)) ?? [], alignedOnly)[0]?.tokens ?? 0,

    async discard(found, reason) {
      const path = dirname(found.path);
      if (reason === 'damaged') {
        await ignore(path, reason, 'the model process does not take it');
        return;
      }
      setAside.add(path);
      ignored[reason] = (ignored[reason] ?? 0) + 1;
      log(`A saved state is ${reason} to the model process and not used: ${path}.`);
    },

    save(modelKey, tokens, { aligned }, write) {
      if (isClosed || (trouble !== undefined && now() < trouble.untilMs)) return Promise.resolve(false);
      const name = entryName(tokens.length, hashAt(tokens, [tokens.length])(tokens.length), aligned);
      if (seen.get(modelFolderName(modelKey))?.has(name) === true) return Promise.resolve(false);
      const file = join(tmp, temporaryName());
      // Called now, see the contract; what it throws is a rejection like any other.
      const writing = (async () => write(file))();
      const work = (async () => {
        try {
          const { bytes } = await writing;
          const turn = last.then(() => finishSave(modelKey, tokens, aligned, file, bytes));
          last = turn.catch(() => undefined);
          const isSaved = await turn;
          if (isSaved) counts.saves += 1;
          trouble = undefined;
          return isSaved;
        } catch (error) {
          // A process that is closed, aborted or gone says nothing about the disk: the next state may be saved.
          const isOfProcess = isGemmaError(error) && error.code !== 'DISK_FULL';
          if (!isOfProcess) noteTrouble('A state could not be saved', error);
          else if (!isClosed) log(`A state could not be saved (${error.message}).`);
          return false;
        } finally {
          await rm(file, { force: true }).catch(() => undefined);
          await count();
        }
      })();
      saving.add(work);
      void work.finally(() => saving.delete(work));
      return work;
    },

    status: () => ({ ...counts, bytesMax, ignored: { ...ignored } }),

    async close() {
      isClosed = true;
      await Promise.all(saving);
    },
  };
}

/** Entries that hold a prefix of the tokens by their names, the longest first and the aligned one of two as long. */
function candidatesFor(tokens: readonly number[], names: Iterable<string>, alignedOnly: boolean): NamedEntry[] {
  const fitting = [...names]
    .flatMap((name) => parseName(name) ?? [])
    .filter((entry) => entry.tokens <= tokens.length && (entry.aligned || !alignedOnly));
  const hashes = hashAt(
    tokens,
    fitting.map((entry) => entry.tokens),
  );
  return fitting
    .filter((entry) => hashes(entry.tokens) === entry.hash)
    .toSorted((a, b) => b.tokens - a.tokens || Number(b.aligned) - Number(a.aligned));
}

/** What an entry has to be. */
type Expected = Pick<NamedEntry, 'tokens' | 'hash' | 'aligned'> & { readonly modelKey: string };

/** What is there: a sound state, one that must not be used, or none. */
type Checked = { readonly bytes: number } | { readonly reason: IgnoredReason; readonly why: string } | 'vanished';

/**
 * Reads a whole entry and holds it against what its name and its description promise. One that looks damaged is looked at
 * twice: between two reads other processes may have removed it and saved it anew, which is whole.
 */
async function check(path: string, expected: Expected): Promise<Checked> {
  const first = await look(path, expected);
  return first !== 'vanished' && 'reason' in first && first.reason === 'damaged' ? look(path, expected) : first;
}

async function look(path: string, expected: Expected): Promise<Checked> {
  try {
    const description = unsealed(await readFile(join(path, 'entry.json'), 'utf8'));
    if (description === undefined) return { reason: 'damaged', why: 'its description does not fit its checksum' };
    const isOurs =
      description.modelKey === expected.modelKey &&
      description.tokens === expected.tokens &&
      description.tokensHash === expected.hash &&
      description.aligned === expected.aligned;
    if (!isOurs) return { reason: 'foreign', why: 'it belongs to another model, other settings or other tokens' };
    const state = await checksumOf(join(path, 'state'), false);
    if (state.bytes !== description.bytes) {
      return { reason: 'damaged', why: `it has ${state.bytes} bytes instead of ${description.bytes}` };
    }
    if (state.crc32 !== description.crc32) return { reason: 'damaged', why: 'its bytes do not fit their checksum' };
    return { bytes: state.bytes };
  } catch (error) {
    if (codeOf(error) === 'ENOENT' && !(await isThere(path))) return 'vanished';
    if (codeOf(error) === 'ENOENT') return { reason: 'damaged', why: 'a part of it is missing' };
    return { reason: 'unreadable', why: reasonOf(error) };
  }
}

/** Length and CRC-32 of a file, read in pieces; `sync` makes it durable too. */
async function checksumOf(path: string, sync: boolean): Promise<{ readonly bytes: number; readonly crc32: number }> {
  const file = await open(path, sync ? 'r+' : 'r');
  try {
    const buffer = Buffer.allocUnsafe(readBytes);
    let bytes = 0;
    let checksum = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, bytes);
      if (bytesRead === 0) break;
      checksum = crc32(buffer.subarray(0, bytesRead), checksum);
      bytes += bytesRead;
    }
    if (sync) await file.sync();
    return { bytes, crc32: checksum };
  } finally {
    await file.close();
  }
}

/**
 * Hashes of prefixes: a chain over blocks, and the rest of the prefix on top of the last whole block. One pass over the
 * tokens serves every length asked for.
 */
function hashAt(tokens: readonly number[], lengths: readonly number[]): (length: number) => string {
  const chain: Buffer[] = [Buffer.alloc(32)];
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  const link = (before: Buffer, from: number, to: number): Buffer =>
    createHash('sha256')
      .update(before)
      .update(Uint32Array.from(tokens.slice(from, to)))
      .digest();
  for (let end = blockTokens; end <= longest; end += blockTokens) {
    chain.push(link(chain.at(-1) as Buffer, end - blockTokens, end));
  }
  return (length) => {
    const blocks = Math.floor(length / blockTokens);
    return link(chain[blocks] as Buffer, blocks * blockTokens, length)
      .toString('hex')
      .slice(0, 32);
  };
}

function modelFolderName(modelKey: string): string {
  return createHash('sha256').update(modelKey).digest('hex').slice(0, 32);
}

function entryName(tokens: number, hash: string, aligned: boolean): string {
  return `${tokens}-${hash}-${aligned ? 'a' : 'f'}`;
}

/** What the name of an entry says. */
interface NamedEntry {
  readonly name: string;
  readonly tokens: number;
  readonly hash: string;
  readonly aligned: boolean;
}

function parseName(name: string): NamedEntry | undefined {
  const [, tokens, hash, schedule] = /^(\d{1,9})-([0-9a-f]{32})-([af])$/.exec(name) ?? [];
  if (tokens === undefined || hash === undefined) return undefined;
  return { name, tokens: Number(tokens), hash, aligned: schedule === 'a' };
}

function temporaryName(): string {
  return `${process.pid}-${randomBytes(8).toString('hex')}`;
}

/** A description with its own checksum on the first line. */
function sealed(description: EntryDescription): string {
  const text = JSON.stringify(description);
  return `${crc32(text)}\n${text}\n`;
}

function unsealed(content: string): EntryDescription | undefined {
  const [checksum, text = ''] = content.split('\n');
  if (checksum !== String(crc32(text))) return undefined;
  return JSON.parse(text) as EntryDescription;
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes new names in a folder durable. Windows opens no folders; its file system journals names by itself. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Names in a folder; none where there is no folder. */
async function namesIn(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch {
    // Not there yet, removed by another process, or not readable: nothing can be found in it.
    return [];
  }
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | null)?.code;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
