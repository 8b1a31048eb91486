import { appendFile, chmod, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

/** What was typed before, oldest first. */
export interface History {
  readonly entries: readonly string[];
  /**
   * Adds an entry, unless it is empty, begins with a space (a secret) or repeats the last one. Never fails: the first
   * problem with the file is told once.
   */
  add(text: string): Promise<void>;
}

/** What {@link openHistory} takes. */
export interface HistoryOptions {
  /** The file, made when the first entry comes. `undefined` keeps everything in memory. */
  readonly file: string | undefined;
  /** Most entries that are kept. Default 1,000. */
  readonly entriesMax?: number;
  /** Called once when the file cannot be read or written. */
  readonly warn: (message: string) => void;
}

/** A longer message is kept while the chat runs, but not in the file: it stays far below a megabyte or two. */
const entryCharsMax = 20_000;

/** A file beyond this is cut to its last entries before anything else is done with it. */
const fileBytesMax = 4 * 1024 * 1024;

/**
 * Opens the history. Each line of its file is `{"v":1,"text":"…"}`, so that a message of several lines is one entry, and
 * a line of another version or a damaged one is passed over. Several chats may append at the same time; one that opens
 * the file when it holds twice the entries cuts it, and may lose what another wrote in that moment.
 */
export async function openHistory({ file, entriesMax = 1000, warn }: HistoryOptions): Promise<History> {
  let warned = false;
  function tell(error: unknown): void {
    if (!warned) warn(`the history is not kept: ${(error as Error).message}`);
    warned = true;
  }

  let entries: string[] = [];
  if (file !== undefined) {
    try {
      entries = await readEntries(file, entriesMax);
    } catch (error) {
      tell(error);
    }
  }

  return {
    get entries() {
      return entries;
    },
    async add(text) {
      if (text.trim() === '' || text.startsWith(' ') || text === entries.at(-1)) return;
      entries.push(text);
      if (entries.length > entriesMax) entries.shift();
      if (file === undefined || warned || text.length > entryCharsMax) return;
      try {
        await mkdir(dirname(file), { recursive: true, mode: 0o700 });
        await appendFile(file, `${lineOf(text)}\n`, { mode: 0o600 });
      } catch (error) {
        tell(error);
      }
    },
  };
}

async function readEntries(file: string, entriesMax: number): Promise<string[]> {
  const { size } = await stat(file).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { size: -1 };
    throw error;
  });
  if (size < 0) return [];
  await chmod(file, 0o600);
  const lines = (await readTail(file, size)).split('\n').filter((line) => line !== '');
  const parsed = lines.map(parseLine);
  const entries = parsed.filter((text) => text !== undefined).slice(-entriesMax);
  // Lines of a later version are not ours to drop.
  const isForeign = lines.some((line, index) => parsed[index] === undefined && /"v":[2-9]/.test(line));
  if ((lines.length > 2 * entriesMax || size > fileBytesMax) && !isForeign) await rewrite(file, entries);
  return entries;
}

async function readTail(file: string, size: number): Promise<string> {
  if (size <= fileBytesMax) return readFile(file, 'utf8');
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read({
      buffer: Buffer.alloc(fileBytesMax),
      position: size - fileBytesMax,
    });
    const text = buffer.toString('utf8', 0, bytesRead);
    return text.slice(text.indexOf('\n') + 1);
  } finally {
    await handle.close();
  }
}

async function rewrite(file: string, entries: readonly string[]): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    const handle = await open(temporary, 'w', 0o600);
    try {
      await handle.writeFile(entries.map((text) => `${lineOf(text)}\n`).join(''));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

function lineOf(text: string): string {
  return JSON.stringify({ v: 1, text });
}

function parseLine(line: string): string | undefined {
  try {
    const { v, text } = JSON.parse(line) as { v?: unknown; text?: unknown };
    return v === 1 && typeof text === 'string' ? text : undefined;
  } catch {
    return undefined;
  }
}
