import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, link, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { sendable, type AnswerOptions, type SessionMessage } from '@gemma-cli/app';
import { GemmaError } from '@gemma-cli/contracts';

/** A conversation as its file holds it. */
export interface SavedChat {
  readonly format: 'gemma-chat';
  readonly version: 1;
  /** ISO 8601. */
  readonly savedAt: string;
  /** Name or path of the model that answered last. */
  readonly model: string;
  /** `null` = none. */
  readonly system: string | null;
  readonly options: AnswerOptions;
  readonly messages: readonly SessionMessage[];
}

/** Where conversations are kept and what relative paths are relative to. */
export interface SavedChatPlaces {
  /** Folder of the saved conversations, absolute. */
  readonly folder: string;
  readonly cwd: string;
}

/** Far above every conversation that fits a context. */
const fileBytesMax = 64 * 1024 * 1024;

/**
 * The file that a user means: a name stands for a file in the folder of saved conversations; what has a slash, or ends
 * with `.json`, is a path.
 *
 * @throws GemmaError `USAGE` for a name that could not be a file on every system.
 */
export function savedChatPath(reference: string, { folder, cwd }: SavedChatPlaces): string {
  if (/^~[\\/]/.test(reference)) return join(homedir(), reference.slice(2));
  if (/[\\/]/.test(reference) || reference.endsWith('.json')) return resolve(cwd, reference);
  const isSafe =
    /^[\p{L}\p{N}](?:[\p{L}\p{N} ._-]{0,98}[\p{L}\p{N}_-])?$/u.test(reference) &&
    !/^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i.test(reference);
  if (!isSafe) {
    throw new GemmaError({
      code: 'USAGE',
      message: `Expected a name of letters, digits, spaces, ".", "_" and "-" (at most 100), got ${JSON.stringify(reference)}.`,
      facts: { name: reference },
    });
  }
  return join(folder, `${reference}.json`);
}

/**
 * Writes a conversation, open to its owner alone: to a file beside it first, so that a crash leaves the old one or the
 * new one. Gives false, and writes nothing, when there is a file already and `force` is not said.
 *
 * @throws GemmaError `FILE_UNREADABLE`
 */
export async function saveChat(
  path: string,
  chat: SavedChat,
  { force }: { readonly force: boolean },
): Promise<boolean> {
  const temporary = join(dirname(path), `.gemma-${randomUUID()}.tmp`);
  try {
    if (!force && (await isThere(path))) return false;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(`${JSON.stringify(chat, null, 2)}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (force) await rename(temporary, path);
    else await putNew(temporary, path);
    return true;
  } catch (cause) {
    if (!force && (cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw fileError(path, `the conversation could not be saved: ${(cause as Error).message}`, cause);
  } finally {
    await rm(temporary, { force: true });
  }
}

/**
 * Gives a file a second name that nothing has yet. Where the file system knows no such thing (FAT, some network mounts),
 * the file is copied: a crash in mid-copy may leave a part of it.
 *
 * @throws Error `EEXIST` when there is something of that name.
 */
export async function putNew(from: string, to: string, makeLink: typeof link = link): Promise<void> {
  try {
    await makeLink(from, to);
  } catch (error) {
    if (!linklessCodes.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await copyFile(from, to, constants.COPYFILE_EXCL);
  }
}

/** What a file system without hard links says. */
const linklessCodes: ReadonlySet<string> = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/**
 * Reads a saved conversation. A stranger may have written it: its texts come without the characters that a prompt may
 * not have; its model and its options are for the caller to judge.
 *
 * @throws GemmaError `FILE_UNREADABLE` when there is none, or the file is something else or of a later version.
 */
export async function loadChat(path: string): Promise<SavedChat> {
  let value: unknown;
  try {
    const { size } = await stat(path);
    if (size > fileBytesMax) throw new Error(`it has ${size} bytes`);
    value = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const why = isMissing ? 'there is none. /list shows what was saved' : (cause as Error).message;
    throw fileError(path, `the conversation could not be read: ${why}`, cause);
  }
  const chat = value as Partial<Record<keyof SavedChat, unknown>> | null;
  if (chat === null || typeof chat !== 'object' || chat.format !== 'gemma-chat')
    throw fileError(path, 'it is not a conversation that this program saved');
  if (chat.version !== 1) {
    throw fileError(
      path,
      `it has version ${JSON.stringify(chat.version)} and this program reads 1. Update gemma to load it`,
    );
  }
  const { savedAt, model, system, options, messages } = chat;
  const isWhole =
    typeof savedAt === 'string' &&
    typeof model === 'string' &&
    (system === null || typeof system === 'string') &&
    typeof options === 'object' &&
    options !== null &&
    Array.isArray(messages) &&
    messages.every(isMessage);
  if (!isWhole) throw fileError(path, 'a part of it is missing or has another form');
  const saved = chat as SavedChat;
  return {
    ...saved,
    system: saved.system === null ? null : sendable(saved.system),
    messages: saved.messages.map(({ role, content, partial, context }) => ({
      role,
      content: sendable(content),
      ...(partial === true ? { partial } : {}),
      ...(context === undefined ? {} : { context: sendable(context) }),
    })),
  };
}

/** The names of the saved conversations, last one first. */
export async function listChats(
  folder: string,
): Promise<readonly { readonly name: string; readonly savedMs: number }[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw fileError(folder, (error as Error).message, error);
  });
  const files = names.filter((name) => name.endsWith('.json') && !name.startsWith('.'));
  const chats = await Promise.all(
    files.map(async (file) => {
      // One that is gone by now, or leads nowhere, is no saved chat.
      const facts = await stat(join(folder, file)).catch(() => undefined);
      return facts === undefined ? [] : [{ name: file.slice(0, -'.json'.length), savedMs: facts.mtimeMs }];
    }),
  );
  return chats.flat().toSorted((left, right) => right.savedMs - left.savedMs || left.name.localeCompare(right.name));
}

function isMessage(value: unknown): value is SessionMessage {
  const { role, content, partial, context } = (value ?? {}) as Partial<Record<keyof SessionMessage, unknown>>;
  return (
    (role === 'user' || role === 'assistant') &&
    typeof content === 'string' &&
    (partial === undefined || partial === true) &&
    (context === undefined || typeof context === 'string')
  );
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function fileError(path: string, why: string, cause?: unknown): GemmaError {
  return new GemmaError({ code: 'FILE_UNREADABLE', message: `${path}: ${why}.`, facts: { path }, cause });
}
