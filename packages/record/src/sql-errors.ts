import { dirname } from 'node:path';
import { GemmaError, isGemmaError } from '@gemma-cli/contracts';
import { hasNoRoom } from './disk-room.ts';

/** Primary result codes of SQLite that this package tells apart. */
const codes = {
  perm: 3,
  busy: 5,
  locked: 6,
  noMemory: 7,
  readOnly: 8,
  ioError: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  protocol: 15,
  notADatabase: 26,
} as const;

/** What SQLite says for each: @photostructure/sqlite gives no code with errors of a statement that was under way. */
const messages: Readonly<Record<string, number>> = {
  'access permission denied': codes.perm,
  'database is locked': codes.busy,
  'database table is locked': codes.locked,
  'out of memory': codes.noMemory,
  'attempt to write a readonly database': codes.readOnly,
  'disk I/O error': codes.ioError,
  'database disk image is malformed': codes.corrupt,
  'database or disk is full': codes.full,
  'unable to open database file': codes.cannotOpen,
  'locking protocol': codes.protocol,
  'file is not a database': codes.notADatabase,
};

/** The primary result code of an error of SQLite, 1 where it is none of these; `null` for other errors. */
export function sqlCodeOf(error: unknown): number | null {
  if (!(error instanceof Error)) return null;
  const { errcode, code } = error as { errcode?: unknown; code?: unknown };
  if (typeof errcode === 'number') return errcode & 0xff;
  return code === 'ERR_SQLITE_ERROR' ? (messages[error.message] ?? 1) : null;
}

/** Whether somebody else holds a lock: trying again helps. */
export function isBusy(error: unknown): boolean {
  const code = sqlCodeOf(error);
  return code === codes.busy || code === codes.locked || code === codes.protocol;
}

/** Whether the file itself is damaged. */
export function isCorrupt(error: unknown): boolean {
  const code = sqlCodeOf(error);
  return code === codes.corrupt || code === codes.notADatabase;
}

/** Whether the disk failed, so that nothing is known of what was being written. */
export function isIoError(error: unknown): boolean {
  return sqlCodeOf(error) === codes.ioError;
}

/** An error of SQLite or of the file system as one of this project, with what to do about it. */
export function toRecordError(error: unknown, path: string): GemmaError {
  if (isGemmaError(error)) return error;
  const code = sqlCodeOf(error);
  const system = (error as { code?: unknown }).code;
  const said = error instanceof Error ? error.message : String(error);
  const facts = { path, ...(code === null ? {} : { sqliteCode: code }) };
  const isFull = code === codes.full || system === 'ENOSPC' || system === 'EDQUOT';
  if (isFull || ((code === codes.ioError || code === codes.cannotOpen) && hasNoRoom(dirname(path)))) {
    return new GemmaError({
      code: 'DISK_FULL',
      message: `The memory cannot be written, there is no space left for ${path}. What was acknowledged is safe. Free some space and try again.`,
      facts,
      cause: error,
    });
  }
  if (code === codes.corrupt || code === codes.notADatabase) {
    return new GemmaError({
      code: 'MEMORY_DAMAGED',
      message: `The file ${path} is damaged (${said}). Run \`gemma memory verify\`, which repairs what can be repaired; a copy made by \`gemma memory export\` can be imported into a new memory.`,
      facts,
      cause: error,
    });
  }
  if (code === null && typeof system !== 'string') {
    return new GemmaError({ code: 'INTERNAL', message: said, facts, cause: error });
  }
  return new GemmaError({
    code: 'MEMORY_UNAVAILABLE',
    message: unavailable(code, system, said, path),
    facts,
    cause: error,
  });
}

function unavailable(code: number | null, system: unknown, said: string, path: string): string {
  const begin = `The memory ${path} cannot be used: ${said}.`;
  if (code === codes.busy || code === codes.locked || code === codes.protocol) {
    return `${begin} Another process has held it locked for a minute. End that process, or wait for it.`;
  }
  if (
    code === codes.readOnly ||
    code === codes.perm ||
    system === 'EACCES' ||
    system === 'EPERM' ||
    system === 'EROFS'
  ) {
    return `${begin} It must be writable for its user: look at the permissions of the file and its folder, and at whether the disk is mounted read-only.`;
  }
  if (code === codes.ioError) {
    return `${begin} The disk failed while it was read or written. What was acknowledged before is kept; look at the disk, then try again.`;
  }
  return `${begin} Look whether the folder is there and writable, and whether too many files are open.`;
}
