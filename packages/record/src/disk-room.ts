import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** What SQLite needs at least to open a file with a log: the first piece of its shared memory, and a page or two. */
const probeBytes = 65_536;

/**
 * Whether a disk has no room, found out by writing to it. SQLite says only of a write that the disk is full; where a file
 * cannot be made, grown or synced for the same reason, it tells of a file that cannot be opened, or of a failing disk.
 */
export function hasNoRoom(folder: string): boolean {
  const path = join(folder, `room.${process.pid}.tmp`);
  let error: unknown = null;
  let file: number | null = null;
  try {
    file = openSync(path, 'w', 0o600);
    for (let written = 0; written < probeBytes;) written += writeSync(file, new Uint8Array(probeBytes - written));
    fsyncSync(file);
  } catch (caught) {
    error = caught;
  }
  if (file !== null) {
    try {
      // Some disks tell only here that they are full.
      closeSync(file);
    } catch (caught) {
      error ??= caught;
    }
    try {
      rmSync(path, { force: true });
    } catch (caught) {
      error ??= caught;
    }
  }
  const code = (error as { code?: unknown } | null)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT';
}
