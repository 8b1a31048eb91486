import type { IngestOperationEvent } from '@gemma-cli/app/memory';
import type { CommandContext } from '../../command.ts';
import { sanitizeTerminalText } from '../../render/sanitize-terminal-text.ts';
import { formatBytes, formatSeconds, printLine } from '../print.ts';

/** Shows what an ingest does, on stderr. */
export interface IngestReporter {
  show(event: Exclude<IngestOperationEvent, { readonly type: 'ingest-end' }> | { readonly type: 'ingest-end' }): void;
  /** Leaves the cursor on a line of its own. Safe to call twice. */
  end(): void;
}

/** Makes the reporter of one ingest. On a terminal one line is kept up to date, with rate and time left. */
export function createIngestReporter({ stderr, options }: Pick<CommandContext, 'stderr' | 'options'>): IngestReporter {
  const isLive = stderr.isTTY === true && !options.quiet;
  const startedMs = performance.now();
  let lineOpen = false;

  function end(): void {
    if (lineOpen) stderr.write('\r\u001B[K');
    lineOpen = false;
  }

  return {
    end,
    show(event) {
      if (event.type === 'skipped') {
        end();
        if (!options.quiet) printLine(stderr, `Skipped ${event.path}: ${event.reason} [${event.code}]`);
      } else if (event.type === 'progress' && isLive) {
        const { filesDone, filesTotal, bytesDone, bytesTotal } = event;
        const seconds = (performance.now() - startedMs) / 1000;
        const rate = seconds > 0 ? bytesDone / seconds : 0;
        const files = `${filesDone}${filesTotal === null ? '' : ` of ${filesTotal}`} files`;
        const left =
          bytesTotal === null || rate === 0 ? '' : `  ${formatSeconds((bytesTotal - bytesDone) / rate)} left`;
        const text = `${files}  ${formatBytes(bytesDone)}  ${formatBytes(Math.round(rate))}/s${left}`;
        stderr.write(`\r${sanitizeTerminalText(text).slice(0, (stderr.columns ?? 80) - 1)}\u001B[K`);
        lineOpen = true;
      }
    },
  };
}
