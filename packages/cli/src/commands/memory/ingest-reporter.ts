import type { WatchOperationEvent } from '@gemma-cli/app/memory';
import type { CommandContext } from '../../command.ts';
import { sanitizeTerminalText } from '../../render/sanitize-terminal-text.ts';
import { formatBytes, formatSeconds, printLine } from '../print.ts';

/** Shows what an ingest does, on stderr. */
export interface IngestReporter {
  show(event: WatchOperationEvent): void;
  /** Leaves the cursor on a line of its own. Safe to call twice. */
  end(): void;
}

type IngestProgress = Extract<WatchOperationEvent, { readonly type: 'progress' }>;

/** Time between two pictures of a terminal: more of them nobody sees, and a folder of small files would be slowed down. */
const liveStepMs = 100;
/** Time between two lines of a file or a log: a short ingest has none. */
const plainStepMs = 10_000;

/**
 * Makes the reporter of one ingest. On a terminal one line is kept up to date with rate and time left; otherwise there is a
 * plain line from time to time.
 *
 * @param now - Milliseconds since some moment.
 */
export function createIngestReporter(
  { stderr, options }: Pick<CommandContext, 'stderr' | 'options'>,
  now: () => number = () => performance.now(),
): IngestReporter {
  const isLive = stderr.isTTY === true;
  const startedMs = now();
  let shownMs = isLive ? Number.NEGATIVE_INFINITY : startedMs;
  let lineOpen = false;

  function end(): void {
    if (lineOpen) stderr.write('\r\u001B[K');
    lineOpen = false;
  }

  function progress(event: IngestProgress): void {
    const atMs = now();
    if (options.quiet || atMs - shownMs < (isLive ? liveStepMs : plainStepMs)) return;
    shownMs = atMs;
    const text = sanitizeTerminalText(progressText(event, (atMs - startedMs) / 1000));
    if (isLive) {
      stderr.write(`\r${text.slice(0, (stderr.columns ?? 80) - 1)}\u001B[K`);
      lineOpen = true;
    } else printLine(stderr, text);
  }

  return {
    end,
    show(event) {
      if (event.type === 'progress') return progress(event);
      end();
      if (event.type === 'skipped' && !options.quiet)
        printLine(stderr, `Skipped ${event.path}: ${event.reason} [${event.code}]`);
    },
  };
}

function progressText({ filesDone, filesTotal, bytesDone, bytesTotal }: IngestProgress, seconds: number): string {
  if (filesTotal === null) return 'Searching for files';
  const rate = seconds > 0 ? bytesDone / seconds : 0;
  const left = bytesTotal === null || rate === 0 ? '' : `  ${formatSeconds((bytesTotal - bytesDone) / rate)} left`;
  return `${filesDone} of ${filesTotal} files  ${formatBytes(bytesDone)}  ${formatBytes(Math.round(rate))}/s${left}`;
}
