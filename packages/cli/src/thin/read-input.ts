import { constants, openSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { PromptParts } from '@gemma-cli/app';
import type { Input } from '../command.ts';
import { UsageProblem } from './usage-problem.ts';

/** Far above every prompt limit; guards the memory against a disk image on standard input. */
const inputBytesMax = 64 * 1024 * 1024;

/** What {@link readPromptParts} reads from. */
export interface InputOptions {
  readonly words: readonly string[];
  /** Values of `-f`; `-` is standard input. */
  readonly files: readonly string[];
  readonly cwd: string;
  readonly stdin: Input;
  readonly signal: AbortSignal;
  /**
   * Called once when nothing has come from standard input for {@link quietStdinMs}: a pipe that nobody closes looks like
   * a program that hangs.
   */
  readonly onQuietStdin?: (() => void) | undefined;
  /** Default 2,000. */
  readonly quietStdinMs?: number | undefined;
  /** Whether nothing at all is a prompt, too. Default false. */
  readonly mayBeEmpty?: boolean | undefined;
}

/** A file that cannot be read; becomes `FILE_UNREADABLE`. */
export class InputUnreadable extends Error {
  override readonly name = 'InputUnreadable';
  readonly path: string;

  constructor(path: string, why: string, cause?: unknown) {
    super(`Expected to read ${path}: ${why}.`, { cause });
    this.path = path;
  }
}

/**
 * Reads what the prompt is made of: standard input when something is piped in, files, the words of the command line.
 * Files are read here and not by the warm process, so that `-f <(command)` works.
 *
 * @throws UsageProblem when there is nothing at all. InputUnreadable.
 */
export async function readPromptParts({
  words,
  files,
  cwd,
  stdin,
  signal,
  onQuietStdin = () => {},
  quietStdinMs = 2000,
  mayBeEmpty = false,
}: InputOptions): Promise<PromptParts> {
  const named = files.includes('-');
  let piped = '';
  if (named || stdin.isTTY !== true) {
    const timer = setTimeout(onQuietStdin, quietStdinMs);
    stdin.once('data', () => clearTimeout(timer));
    piped = await readStream(stdin, signal).finally(() => clearTimeout(timer));
  }
  const texts: string[] = [];
  for (const file of files)
    texts.push(file === '-' ? piped : await readFile(isAbsolute(file) ? file : join(cwd, file), signal));
  const parts: PromptParts = {
    ...(piped === '' || named ? {} : { input: piped }),
    ...(texts.length === 0 ? {} : { files: texts }),
    ...(words.length === 0 ? {} : { text: words.join(' ') }),
  };
  if (!mayBeEmpty && ![parts.input, parts.text, ...texts].some((text) => (text ?? '').trim() !== '')) {
    throw new UsageProblem('Expected a prompt: a text, -f FILE, or something on standard input. See `gemma --help`.');
  }
  return parts;
}

async function readFile(path: string, signal: AbortSignal): Promise<string> {
  try {
    if ((await stat(path)).isFIFO() && process.platform === 'linux') return await readPipe(path, signal);
    const handle = await open(path);
    try {
      return await readStream(handle.createReadStream({ autoClose: false }), signal, path);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw error instanceof InputUnreadable ? error : new InputUnreadable(path, (error as Error).message, error);
  }
}

/**
 * Reads a pipe that has a name. Opening one waits for its writer in a thread that nothing can stop, not even the end of
 * the process: so it is opened without waiting, and waited for as a socket is. Linux tells a pipe that had no writer yet
 * from one whose writer has gone; elsewhere that difference is lost, and the plain way has to do.
 */
async function readPipe(path: string, signal: AbortSignal): Promise<string> {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const { Socket } = await import('node:net');
  const socket = new Socket({ fd, readable: true, writable: false });
  try {
    return await readStream(socket, signal, path);
  } finally {
    socket.destroy();
  }
}

async function readStream(
  stream: AsyncIterable<unknown>,
  signal: AbortSignal | undefined,
  name = 'standard input',
): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of untilAborted(stream, signal)) {
    const buffer = typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Buffer);
    bytes += buffer.length;
    if (bytes > inputBytesMax) throw new InputUnreadable(name, `it has more than ${inputBytesMax} bytes`);
    chunks.push(buffer);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch (cause) {
    throw new InputUnreadable(name, 'it is not UTF-8 text', cause);
  }
}

/** Ends the loop at an abort: a terminal or an open pipe may never give another chunk. */
async function* untilAborted(stream: AsyncIterable<unknown>, signal: AbortSignal | undefined): AsyncGenerator {
  const iterator = stream[Symbol.asyncIterator]();
  let onAbort = (): void => undefined;
  const aborted = new Promise<'aborted'>((resolve) => {
    onAbort = () => resolve('aborted');
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted === true) onAbort();
  });
  try {
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted]);
      if (next === 'aborted' || next.done === true) return;
      yield next.value;
    }
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}
