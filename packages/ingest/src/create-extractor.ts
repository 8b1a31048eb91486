import { Worker } from 'node:worker_threads';
import { GemmaError } from '@gemma-cli/contracts';
import type { DocumentKind } from './document-kind.ts';
import { extractText } from './extract-text.ts';
import type { ExtractionAnswer } from './extract-worker.ts';
import type { ExtractedText, ExtractionJob } from './extracted-text.ts';
import type { IngestLimits } from './ingest-limits.ts';
import { skip, throwIfAborted } from './skip.ts';

/** Turns documents into text, one after the other. */
export interface Extractor {
  /** @throws GemmaError whose code and message tell why the document is left out, or `ABORTED`. */
  extract(job: ExtractionJob, signal: AbortSignal | undefined): Promise<ExtractedText>;
  close(): Promise<void>;
}

/** Formats that need no parser, and so no thread. */
const plain: ReadonlySet<DocumentKind> = new Set(['text', 'markdown', 'code']);

// Beside this file once it is built; from the sources, tests find the built one.
const workerModule = new URL('../dist/extract-worker.js', import.meta.url);

/**
 * An extractor whose parsers run in a thread that starts with the first document that needs one. A document that takes too
 * long or too much memory costs the thread, and the next one starts another.
 */
export function createExtractor(limits: Pick<IngestLimits, 'extractMsMax' | 'extractMemoryMiBMax'>): Extractor {
  let thread: ParserThread | null = null;

  async function stop(): Promise<void> {
    const stopped = thread;
    thread = null;
    await stopped?.worker.terminate();
  }

  async function ask(job: ExtractionJob, signal: AbortSignal | undefined): Promise<ExtractionAnswer> {
    thread ??= startThread(limits.extractMemoryMiBMax);
    const fresh = thread.jobs === 0;
    try {
      return await askThread({
        thread,
        job,
        msMax: limits.extractMsMax,
        memoryMiBMax: limits.extractMemoryMiBMax,
        signal,
      });
    } catch (error) {
      // Whatever went wrong, the next document gets a parser that nothing happened to.
      await stop();
      throwIfAborted(signal);
      // What an earlier document left behind may have ended the thread: this one is asked again, alone.
      if (!fresh && error instanceof ThreadEnd) return ask(job, signal);
      throw error;
    }
  }

  return {
    async extract(job, signal) {
      throwIfAborted(signal);
      if (plain.has(job.kind)) return extractText(job);
      const answer = await ask(job, signal);
      if ('extracted' in answer) return answer.extracted;
      throw skip(answer.skip.code, answer.skip.reason);
    },
    close: stop,
  };
}

/** Time between two looks at the memory, in which a stream unpacks to some ten megabytes. */
const memoryLookMs = 50;

function tooMuchMemory(cause?: unknown): Error {
  return skip('DOCUMENT_TOO_LARGE', 'turning it into text takes more memory than is allowed', cause);
}

/** The thread ended before it answered. */
class ThreadEnd extends GemmaError {}

interface ParserThread {
  readonly worker: Worker;
  /** Jobs that it was given. */
  jobs: number;
  /** Why it is of no use any more. */
  ended: Error | null;
  /** Told of an answer or an end. */
  onNews: ((news: ExtractionAnswer | Error) => void) | null;
}

function startThread(memoryMiBMax: number): ParserThread {
  const worker = new Worker(workerModule, {
    // Parsers of strangers' files get neither the environment nor a way to the console.
    env: {},
    execArgv: [],
    stdin: false,
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: memoryMiBMax },
  });
  worker.unref();
  const thread: ParserThread = { worker, jobs: 0, ended: null, onNews: null };
  // Heard for as long as it lives: an error between two documents that nobody hears would end this process.
  function end(reason: Error): void {
    thread.ended ??= reason;
    thread.onNews?.(thread.ended);
  }
  worker.on('message', (answer: ExtractionAnswer) => thread.onNews?.(answer));
  worker.on('messageerror', end);
  worker.on('error', (error: NodeJS.ErrnoException) => {
    end(
      error.code === 'ERR_WORKER_OUT_OF_MEMORY'
        ? tooMuchMemory(error)
        : new ThreadEnd({ code: 'DOCUMENT_UNREADABLE', message: `its parser failed (${error.message})`, cause: error }),
    );
  });
  worker.on('exit', () => {
    end(new ThreadEnd({ code: 'DOCUMENT_UNREADABLE', message: 'its parser ended' }));
  });
  return thread;
}

async function askThread({
  thread,
  job,
  msMax,
  memoryMiBMax,
  signal,
}: {
  readonly thread: ParserThread;
  readonly job: ExtractionJob;
  readonly msMax: number;
  readonly memoryMiBMax: number;
  readonly signal: AbortSignal | undefined;
}): Promise<ExtractionAnswer> {
  let timer: NodeJS.Timeout | undefined;
  let look: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  // The thread keeps the process alive while it works, and only then.
  thread.worker.ref();
  thread.jobs++;
  try {
    return await new Promise<ExtractionAnswer>((resolve, reject) => {
      thread.onNews = (news) => {
        if (news instanceof Error) reject(news);
        else resolve(news);
      };
      if (thread.ended !== null) reject(thread.ended);
      timer = setTimeout(() => {
        reject(skip('DOCUMENT_TOO_LARGE', `turning it into text took longer than ${msMax} ms`));
      }, msMax);
      // The bound of the thread holds for its heap alone, and what is unpacked lies outside of it.
      const rss = process.memoryUsage.rss();
      look = setInterval(() => {
        if (process.memoryUsage.rss() - rss > memoryMiBMax * 1024 * 1024) reject(tooMuchMemory());
      }, memoryLookMs);
      onAbort = () => {
        reject(new Error('aborted'));
      };
      signal?.addEventListener('abort', onAbort);
      // eslint-disable-next-line unicorn/require-post-message-target-origin -- a thread of Node has no origin
      thread.worker.postMessage(job);
    });
  } finally {
    clearTimeout(timer);
    clearInterval(look);
    if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
    thread.onNews = null;
    thread.worker.unref();
  }
}
