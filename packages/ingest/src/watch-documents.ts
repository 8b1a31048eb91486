import { watch } from 'node:fs';
import type { FSWatcher } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createExtractor } from './create-extractor.ts';
import type { DocumentRead, DocumentSkipped, DocumentUnchanged } from './ingest-event.ts';
import { toPageUrl } from './page-url.ts';
import { readFoundFile, readingOf } from './read-documents.ts';
import type { ReadDocumentsOptions } from './read-documents.ts';
import { throwIfAborted } from './skip.ts';
import { walkInputs } from './walk-inputs.ts';

/** All files that are there were told; from now on only changes come. */
export interface WatchReady {
  readonly type: 'ready';
  readonly files: number;
}

/** A file is no longer there, or is left out now. */
export interface DocumentRemoved {
  readonly type: 'removed';
  readonly uri: string;
}

/** What `watchDocuments` tells. */
export type WatchEvent = WatchReady | DocumentRead | DocumentUnchanged | DocumentSkipped | DocumentRemoved;

/** What watching takes. */
export interface WatchDocumentsOptions extends Omit<ReadDocumentsOptions, 'stdin' | 'allowUrls' | 'privateOrigins'> {
  /** Silence after a change before files are looked at, in milliseconds: programs write in several steps. Default 200. */
  readonly settleMs?: number | undefined;
  /** Time between two looks where the system tells no changes, in milliseconds. Default 5,000. */
  readonly pollMs?: number | undefined;
}

/**
 * Keeps telling what becomes of files and folders: first every file that is there, as `readDocuments` does, then `ready`,
 * then each file that changed, appeared or went. A stop by the signal ends it without an error.
 *
 * The system only rings; what changed is found by searching the folders again, so that no lost, doubled or misnamed event
 * of any platform matters, nor a change of the files with patterns.
 *
 * @param inputs - Paths of files and folders, and patterns.
 */
export async function* watchDocuments(
  inputs: readonly string[],
  options: WatchDocumentsOptions,
): AsyncGenerator<WatchEvent, void, undefined> {
  const settings = readingOf(options);
  const { signal } = settings;
  const paths = inputs.filter((input) => input !== '-' && toPageUrl(input) === null);
  const extractor = createExtractor(settings.limits);
  const bell = createBell(options.settleMs ?? 200, options.pollMs ?? 5_000);
  /** What is known of each file that is there. */
  let before: ReadonlyMap<string, string> = new Map();
  let toldProblems: ReadonlySet<string> = new Set();
  let ready = false;
  try {
    for (;;) {
      if (signal?.aborted === true) return;
      bell.silence();
      const walk = await walkInputs(paths, settings);
      // Listened to before they are read: a change while they are read rings again.
      bell.listen(walk.watched);
      const now = new Map(walk.files.map((file) => [file.uri, file.stamp]));
      const problems = new Set<string>();
      for (const { shown, uri, code, reason } of walk.leftOut) {
        const problem = [shown, code, reason].join('\n');
        problems.add(problem);
        if (!toldProblems.has(problem)) yield { type: 'skipped', path: shown, uri, code, reason };
      }
      for (const [uri, stamp] of before) {
        if (now.has(uri)) continue;
        // A folder that cannot be searched for a moment takes nothing out of a memory that is still there.
        if (!walk.complete && (await isThere(uri))) now.set(uri, stamp);
        else yield { type: 'removed', uri };
      }
      for (const file of walk.files) {
        if (before.get(file.uri) === file.stamp) continue;
        const { event } = await readFoundFile(file, settings, extractor);
        yield event;
      }
      before = now;
      toldProblems = problems;
      if (!ready) yield { type: 'ready', files: now.size };
      ready = true;
      await bell.wait(signal);
    }
  } catch (error) {
    if (signal?.aborted === true) return;
    throwIfAborted(signal);
    throw error;
  } finally {
    bell.close();
    await extractor.close();
  }
}

/** Whether a file is there, or may be. */
async function isThere(uri: string): Promise<boolean> {
  try {
    await lstat(fileURLToPath(uri));
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code !== 'ENOENT' && code !== 'ENOTDIR';
  }
}

/** Rings when something in a folder may have changed. */
interface Bell {
  /** Folders to listen to from now on, and no others. */
  listen(folders: ReadonlySet<string>): void;
  /** Forgets what rang to here. */
  silence(): void;
  /** Until something rang and it was quiet for a while after, or the signal. */
  wait(signal: AbortSignal | undefined): Promise<void>;
  close(): void;
}

function createBell(settleMs: number, pollMs: number): Bell {
  const watchers = new Map<string, FSWatcher>();
  /** Folders that something was renamed, made or removed in: it may have been they themselves. */
  const stale = new Set<string>();
  /** Folders that the system would not watch: it has no more watches, or the file system has no such thing. */
  const deaf = new Set<string>();
  let rang = false;
  let onRing: (() => void) | null = null;

  function ring(): void {
    rang = true;
    onRing?.();
  }
  function drop(folder: string): void {
    watchers.get(folder)?.close();
    watchers.delete(folder);
  }
  function listenTo(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: true, recursive: false }, (event) => {
        if (event === 'rename') stale.add(folder);
        ring();
      });
      watcher.on('error', () => {
        drop(folder);
        deaf.add(folder);
        ring();
      });
      watchers.set(folder, watcher);
      // What changed in it between the search and now rang nowhere: it is searched once more.
      ring();
    } catch {
      // Whatever the reason, looking from time to time takes its place.
      deaf.add(folder);
    }
  }

  return {
    listen(folders) {
      // One that was removed and made again is another folder: who listens to the old one hears nothing more.
      // Its path and even its number may be the same.
      for (const folder of watchers.keys()) if (!folders.has(folder) || stale.has(folder)) drop(folder);
      stale.clear();
      for (const folder of deaf) if (!folders.has(folder)) deaf.delete(folder);
      for (const folder of folders) if (!watchers.has(folder) && !deaf.has(folder)) listenTo(folder);
    },
    silence() {
      rang = false;
    },
    async wait(signal) {
      let poll: NodeJS.Timeout | undefined;
      let quiet: NodeJS.Timeout | undefined;
      let latest: NodeJS.Timeout | undefined;
      let done: (() => void) | undefined;
      await new Promise<void>((resolve) => {
        done = () => {
          resolve();
        };
        onRing = () => {
          clearTimeout(quiet);
          quiet = setTimeout(resolve, settleMs);
          // A file that is written to all the time is looked at all the same.
          latest ??= setTimeout(resolve, settleMs * 10);
        };
        if (rang) onRing();
        if (deaf.size > 0) poll = setTimeout(resolve, pollMs);
        signal?.addEventListener('abort', done);
        if (signal?.aborted === true) resolve();
      });
      for (const timer of [poll, quiet, latest]) clearTimeout(timer);
      if (done !== undefined) signal?.removeEventListener('abort', done);
      onRing = null;
    },
    close() {
      for (const watcher of watchers.values()) watcher.close();
      watchers.clear();
      onRing = null;
    },
  };
}
