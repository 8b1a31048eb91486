import { readChecked, writeChecked } from './index-files.ts';
import { createRoom } from './kernel-room.ts';
import type { LiveSegment } from './live-segment.ts';
import { createLiveSegment, isLive, removeRow } from './live-segment.ts';
import { openSegment, segmentVersion } from './segment.ts';

/** Raised when what the manifest says changes. */
const manifestVersion = 1;

/** Name of the file that says which segments there are. It is replaced as a whole: before it and after it the index is whole. */
export const manifestFile = 'manifest';

/** Which segments there are, and what they were made of. */
export interface Manifest {
  readonly format: 'gemma-index';
  readonly version: number;
  readonly segmentVersion: number;
  /** Names all that terms depend on. */
  readonly analyzer: string;
  /** Changes of the record up to this one are in the segments. */
  readonly seq: number;
  /** That change, by which the record is recognised. `null` where there was none. */
  readonly change: { readonly id: string; readonly at: number } | null;
  readonly segments: readonly {
    readonly file: string;
    readonly rows: number;
    /** Rows that are there, a bit each, in Base64. `null` = all. */
    readonly live: string | null;
  }[];
}

/** What the files of an index hold. */
export type StoredIndex =
  | {
      readonly state: 'sound';
      readonly manifest: Manifest;
      readonly segments: LiveSegment[];
      readonly fileBytes: number;
    }
  | { readonly state: 'absent' }
  /** Whole, and of another format or analyzer: to be made anew, and no damage. */
  | { readonly state: 'outdated'; readonly what: string }
  | { readonly state: 'damaged'; readonly what: string };

/** How often it is read again when a file goes while others are read: whoever builds the index removes old ones. */
const readsMax = 5;

/**
 * Reads an index and compares all checksums.
 *
 * @param known - Segments that are in memory: those of the same file are not read again.
 */
export function readIndex(folder: string, analyzer: string, known: readonly LiveSegment[]): StoredIndex {
  let result: StoredIndex = { state: 'absent' };
  for (let read = 0; read < readsMax; read++) {
    const { stored, isTorn } = readOnce(folder, analyzer, known);
    result = stored;
    if (!isTorn) break;
  }
  return result;
}

function readOnce(
  folder: string,
  analyzer: string,
  known: readonly LiveSegment[],
): { readonly stored: StoredIndex; readonly isTorn: boolean } {
  const damaged = (what: string, isTorn = false) => ({ stored: { state: 'damaged' as const, what }, isTorn });
  const file = readChecked(folder, manifestFile, (size) => ({ bytes: new Uint8Array(size), memory: null }));
  if (file.state !== 'sound') return { stored: file, isTorn: false };
  const manifest = parseManifest(file.room.bytes);
  const outdated = (what: string) => ({ stored: { state: 'outdated' as const, what }, isTorn: false });
  if (manifest === null) return outdated('the manifest is of another format');
  if (manifest.analyzer !== analyzer)
    return outdated(`it was made by the analyzer ${manifest.analyzer}, and this is ${analyzer}`);
  const segments: LiveSegment[] = [];
  let { fileBytes } = file;
  for (const entry of manifest.segments) {
    const found = known.find((live) => live.file === entry.file);
    let segment = found?.segment ?? null;
    if (segment === null) {
      const stored = readChecked(folder, entry.file, createRoom);
      if (stored.state === 'absent') return damaged(`${entry.file} is missing`, true);
      if (stored.state === 'damaged') return damaged(stored.what);
      segment = openSegment(stored.room);
    }
    if (segment?.rows !== entry.rows) return damaged(`${entry.file} is of another format`);
    const live = createLiveSegment(segment, entry.file);
    if (entry.live !== null) applyLive(live, Buffer.from(entry.live, 'base64'));
    segments.push(live);
    fileBytes += segment.bytes.byteLength;
  }
  return { stored: { state: 'sound', manifest, segments, fileBytes }, isTorn: false };
}

function parseManifest(body: Uint8Array): Manifest | null {
  // Its checksum fits: it is what was written, by this version or by another one, or another file that was put in its place.
  const manifest = jsonOf(Buffer.from(body).toString('utf8')) as Partial<Manifest> | null;
  return manifest?.format === 'gemma-index' &&
    manifest.version === manifestVersion &&
    manifest.segmentVersion === segmentVersion
    ? (manifest as Manifest)
    : null;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function applyLive(live: LiveSegment, bits: Buffer): void {
  for (let row = 0; row < live.segment.rows; row++)
    if ((((bits[row >>> 3] ?? 0) >>> (row & 7)) & 1) === 0) removeRow(live, row);
}

function liveBits(live: LiveSegment): string | null {
  if (live.live === null) return null;
  const bits = Buffer.alloc((live.segment.rows + 7) >>> 3);
  for (let row = 0; row < live.segment.rows; row++)
    if (isLive(live, row)) bits[row >>> 3] = (bits[row >>> 3] ?? 0) | (1 << (row & 7));
  return bits.toString('base64');
}

/** Writes the manifest of segments that are all on disk. */
export function writeManifest(
  folder: string,
  parts: Pick<Manifest, 'analyzer' | 'seq' | 'change'> & { readonly segments: readonly LiveSegment[] },
): Generator<void, number> {
  const manifest: Manifest = {
    format: 'gemma-index',
    version: manifestVersion,
    segmentVersion,
    analyzer: parts.analyzer,
    seq: parts.seq,
    change: parts.change,
    segments: parts.segments.map((live) => ({ file: live.file ?? '', rows: live.segment.rows, live: liveBits(live) })),
  };
  return writeChecked(folder, manifestFile, Buffer.from(JSON.stringify(manifest)));
}
