import { join } from 'node:path';
import type { RecordStore } from '@gemma-cli/contracts';
import { isGemmaError } from '@gemma-cli/contracts';
import { crc32 } from 'node:zlib';
import { codeOf, filesOf, fingerprintOf, messageOf, removeIfThere, writeChecked } from './index-files.ts';
import type { LiveSegment } from './live-segment.ts';
import { manifestFile, readIndex, writeManifest } from './manifest.ts';

/** Keeps an index on disk. Of several processes one at a time may build it. */
export interface IndexKeeper {
  /** What is on disk; `null` where there is nothing that can be used: the reason is logged. */
  read(known: readonly LiveSegment[]): { readonly segments: LiveSegment[]; readonly seq: number } | null;
  /** Becomes or stays the one that builds. */
  mayBuild(): boolean;
  /** Somebody else has kept another index since it was read or kept here. */
  isReplaced(): boolean;
  /** Writes segments that have no file yet, and the list of all, in steps. What cannot be written is logged and tried again later. */
  keep(segments: readonly LiveSegment[], seq: number): Generator<void>;
  /** Names of the files that are kept, as they were given. */
  keptFiles(): string;
  keptSeq(): number;
  fileBytes(): number;
  /** Reads everything on disk back. Tells what is damaged; `null` = nothing. */
  check(): string | null;
  /** Forgets what is on disk. */
  discard(): void;
  close(): void;
}

/** What {@link createIndexKeeper} takes. */
export interface IndexKeeperParts {
  readonly folder: string;
  /** Names all that terms depend on. */
  readonly analyzer: string;
  readonly record: RecordStore;
  readonly log: (message: string) => void;
  /** Milliseconds from any point on. */
  readonly clock: () => number;
}

/** Nobody else builds for so long after the last sign of life. */
const leaseTtlMs = 60_000;

/** How long an answer about the lease is good for. */
const leaseAskMs = 5_000;

/** Bytes whose checksum is computed in one step. */
const stepBytes = 2 ** 20;

/** How long to wait after a write that failed. */
const retryMs = 30_000;

export function createIndexKeeper({ folder, analyzer, record, log, clock }: IndexKeeperParts): IndexKeeper {
  const leaseName = `index ${record.namespace}`;
  let fingerprint: string | null = null;
  let files = '';
  let keptAt = -Infinity;
  let bytes = 0;
  let lease: { readonly isMine: boolean; readonly at: number } | null = null;
  let retryAt = -Infinity;

  /** The change that the segments end with, by which another record, or an older copy of this one, is told apart. */
  function changeAt(seq: number): { readonly id: string; readonly at: number } | null {
    if (seq <= 0) return null;
    try {
      const [change] = record.changes(seq - 1, 1);
      return change === undefined ? null : { id: change.id, at: change.at };
    } catch (error) {
      if (isGemmaError(error) && error.code === 'MEMORY_CHANGES_GONE') return null;
      throw error;
    }
  }

  return {
    read(known) {
      fingerprint = fingerprintOf(folder, manifestFile);
      files = '';
      keptAt = -Infinity;
      bytes = 0;
      const stored = readIndex(folder, analyzer, known);
      if (stored.state === 'absent') return null;
      if (stored.state !== 'sound') {
        log(`The index of the memory cannot be used and is built anew from the record: ${stored.what}.`);
        return null;
      }
      const { manifest, segments, fileBytes } = stored;
      const change = changeAt(manifest.seq);
      if (change?.id !== manifest.change?.id || change?.at !== manifest.change?.at) {
        log('The index of the memory is that of another record, or too old, and is built anew.');
        return null;
      }
      files = segments.map(({ file }) => file ?? '').join(' ');
      keptAt = manifest.seq;
      bytes = fileBytes;
      return { segments, seq: manifest.seq };
    },

    mayBuild() {
      if (clock() < retryAt) return false;
      if (lease === null || clock() - lease.at >= leaseAskMs)
        lease = { isMine: record.lease(leaseName, leaseTtlMs), at: clock() };
      return lease.isMine;
    },

    isReplaced: () => fingerprintOf(folder, manifestFile) !== fingerprint,

    *keep(segments, seq) {
      try {
        bytes = 0;
        for (const live of segments) {
          live.file ??= yield* keepSegment(live, seq);
          bytes += live.segment.bytes.byteLength;
        }
        bytes += yield* writeManifest(folder, { analyzer, seq, change: changeAt(seq), segments });
      } catch (error) {
        if (codeOf(error) === undefined) throw error;
        retryAt = clock() + retryMs;
        log(
          `The index of the memory cannot be kept on disk, and is built anew by the next process: ${messageOf(error)}`,
        );
        return;
      }
      fingerprint = fingerprintOf(folder, manifestFile);
      files = segments.map(({ file }) => file ?? '').join(' ');
      keptAt = seq;
      const wanted = new Set([manifestFile, ...files.split(' ')]);
      for (const name of filesOf(folder)) if (!wanted.has(name)) removeIfThere(join(folder, name));
    },

    keptFiles: () => files,
    keptSeq: () => keptAt,
    fileBytes: () => bytes,

    check() {
      const stored = readIndex(folder, analyzer, []);
      return stored.state === 'damaged' ? stored.what : null;
    },

    discard() {
      files = '';
      keptAt = -Infinity;
      bytes = 0;
    },

    close() {
      if (lease?.isMine === true) record.release(leaseName);
    },
  };

  function* keepSegment({ segment }: LiveSegment, seq: number): Generator<void, string> {
    const body = segment.bytes;
    let checksum = 0;
    for (let at = 0; at < body.length; at += stepBytes) {
      checksum = crc32(body.subarray(at, at + stepBytes), checksum);
      yield;
    }
    const name = `${seq}-${segment.rows}-${checksum.toString(16).padStart(8, '0')}.segment`;
    yield* writeChecked(folder, name, body);
    return name;
  }
}
