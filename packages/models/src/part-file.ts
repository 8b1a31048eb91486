import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readFile, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { throwIfAborted } from './aborted-error.ts';
import { fileError, orWhenMissing, writeDurably } from './fs-tools.ts';

/** How many bytes are written between two syncs, in bytes: at most so much is fetched again after a power cut. */
const syncBytes = 32 * 1024 * 1024;
const stateVersion = 1;

/** What is kept beside a part, so that another run can continue it. */
export interface PartState {
  /** Names the file on its source; a part of another is never continued, unless the same hash is expected. */
  readonly sourceKey: string;
  /** Strong validator of the file. `null` = the server gave none. */
  readonly etag: string | null;
  readonly lastModified: string | null;
  /** `null` = not known. */
  readonly totalBytes: number | null;
  readonly expectedSha256: string | null;
}

/** A file that grows while it is hashed. */
export interface PartFile {
  readonly path: string;
  /** Bytes that it has. */
  readonly sizeBytes: number;
  readonly state: PartState | null;
  append(chunk: Buffer): Promise<void>;
  /** Throws away what it has. */
  restart(): Promise<void>;
  setState(state: PartState): Promise<void>;
  /** Makes it durable, closes it, and gives its SHA-256. */
  finish(): Promise<string>;
  /** Keeps it for another run, unless it is empty. Safe to call at any time. */
  keep(): Promise<void>;
  /** Removes it and its state. */
  remove(): Promise<void>;
}

/**
 * Opens a part, and hashes what an earlier run left of it if `accept` says that it can be continued; else it is empty.
 * Where no hash will tell a damaged part, only the bytes that were synced are kept.
 */
export async function openPart(
  path: string,
  accept: (state: PartState) => boolean,
  signal: AbortSignal | undefined,
): Promise<PartFile> {
  const statePath = `${path}.json`;
  const before = await readState(statePath);
  const isAccepted = before !== null && accept(before);
  let file: FileHandle;
  let hash: Hash = createHash('sha256');
  let sizeBytes = 0;
  let syncedBytes = 0;
  let state: PartState | null = isAccepted ? before : null;
  let isOpen = true;
  try {
    file = await open(path, 'a', 0o600);
    const { size } = await file.stat();
    sizeBytes = isAccepted ? Math.min(size, before.expectedSha256 === null ? before.syncedBytes : size) : 0;
    if (sizeBytes !== size) await file.truncate(sizeBytes);
  } catch (error) {
    throw fileError(error, 'writing', path);
  }
  if (sizeBytes > 0) {
    try {
      for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024, end: sizeBytes - 1 })) {
        throwIfAborted(signal);
        hash.update(chunk as Buffer);
      }
    } catch (error) {
      await file.close();
      throw error;
    }
  }
  syncedBytes = sizeBytes;

  async function guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw fileError(error, 'writing', path);
    }
  }
  async function writeState(): Promise<void> {
    if (state === null) return;
    await writeDurably(`${statePath}.new`, `${JSON.stringify({ version: stateVersion, ...state, syncedBytes })}\n`);
    await rename(`${statePath}.new`, statePath);
  }
  async function sync(): Promise<void> {
    await file.datasync();
    syncedBytes = sizeBytes;
    await writeState();
  }
  async function close(): Promise<void> {
    if (!isOpen) return;
    isOpen = false;
    await file.close();
  }

  return {
    path,
    get sizeBytes() {
      return sizeBytes;
    },
    get state() {
      return state;
    },
    append: (chunk) =>
      guard(async () => {
        await file.writeFile(chunk);
        hash.update(chunk);
        sizeBytes += chunk.length;
        if (sizeBytes - syncedBytes >= syncBytes) await sync();
      }),
    restart: () =>
      guard(async () => {
        await file.truncate(0);
        hash = createHash('sha256');
        sizeBytes = 0;
        syncedBytes = 0;
        state = null;
        await rm(statePath, { force: true });
      }),
    setState: (next) =>
      guard(async () => {
        state = next;
        await writeState();
      }),
    finish: () =>
      guard(async () => {
        await file.sync();
        // A process that slept may have lost its lock to another one, which then appended too.
        const { size } = await file.stat();
        if (size !== sizeBytes) {
          await close();
          await rm(path, { force: true });
          await rm(statePath, { force: true });
          throw new Error(
            `it has ${size} bytes and ${sizeBytes} were written: another process wrote to it. Pull it again`,
          );
        }
        await close();
        return hash.digest('hex');
      }),
    keep: () =>
      guard(async () => {
        if (!isOpen) return;
        if (sizeBytes > 0) await sync();
        await close();
        // An empty part is of no use to anyone.
        if (sizeBytes === 0) await rm(path, { force: true });
        if (sizeBytes === 0) await rm(statePath, { force: true });
      }),
    remove: () =>
      guard(async () => {
        await close();
        await rm(path, { force: true });
        await rm(statePath, { force: true });
      }),
  };
}

async function readState(path: string): Promise<(PartState & { readonly syncedBytes: number }) | null> {
  const text = await readFile(path, 'utf8').catch(orWhenMissing(null));
  if (text === null) return null;
  try {
    const state = JSON.parse(text) as PartState & { readonly version: number; readonly syncedBytes: number };
    const isKnown = state.version === stateVersion && Number.isSafeInteger(state.syncedBytes);
    return isKnown ? state : null;
  } catch (error) {
    // A state that was cut off says nothing; the part is fetched anew.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
