import type { PullEvent, PullProgress } from '@gemma-cli/models';
import type { CommandContext } from '../command.ts';
import { sanitizeTerminalText } from '../render/sanitize-terminal-text.ts';
import { formatBytes, formatSeconds, printLine } from './print.ts';

/** Shows what a pull does, on stderr. */
export interface PullReporter {
  show(event: PullEvent): void;
  /** Leaves the cursor on a line of its own. Safe to call twice. */
  end(): void;
}

/** Lines of a file or a log: one for each tenth of the way, or for each of this many bytes when its length is unknown. */
const plainStepBytes = 50_000_000;

/**
 * Makes the reporter of one pull. On a terminal one line is kept up to date with rate and time left; otherwise there are
 * plain lines, at most ten or so.
 */
export function createPullReporter({ stderr, options }: Pick<CommandContext, 'stderr' | 'options'>): PullReporter {
  const isLive = stderr.isTTY === true;
  let lineOpen = false;
  let stepShown = -1;

  function line(text: string): void {
    end();
    if (!options.quiet) printLine(stderr, text);
  }

  function progress(event: PullProgress): void {
    if (options.quiet) return;
    if (isLive) {
      const width = (stderr.columns ?? 80) - 1;
      stderr.write(`\r${sanitizeTerminalText(progressText(event)).slice(0, width)}\u001B[K`);
      lineOpen = true;
      return;
    }
    const { receivedBytes, totalBytes } = event;
    const step = Math.floor(totalBytes === null ? receivedBytes / plainStepBytes : (receivedBytes / totalBytes) * 10);
    if (step === stepShown) return;
    stepShown = step;
    printLine(stderr, progressText(event));
  }

  function end(): void {
    if (lineOpen) stderr.write('\n');
    lineOpen = false;
  }

  return {
    end,
    show(event) {
      switch (event.type) {
        case 'waiting':
          return line(`Process ${event.pid} is fetching this model; waiting for it.`);
        case 'source-trying':
          stepShown = -1;
          return line(`Trying ${event.source}`);
        case 'source-failed':
          return line(`${event.source} failed: ${event.reason} [${event.code}]`);
        case 'licence':
          // Terms are shown even with --quiet the first time: nobody can accept what was not shown.
          if (event.firstTime) {
            end();
            printLine(stderr, `\n${event.text}\n`);
          }
          return line(`Terms: ${event.name}${event.url === null ? '' : ` (${event.url})`}`);
        case 'progress':
          return progress(event);
        case 'resuming':
          return line(`Continuing at ${formatBytes(event.fromBytes)}`);
        case 'restarting':
          stepShown = -1;
          return line(`Beginning again: ${event.reason}`);
        case 'retrying':
          return line(`${event.reason}; retry ${event.attempt} in ${(event.waitMs / 1000).toFixed(1)} s`);
        case 'verifying':
          return line(`Verifying ${formatBytes(event.totalBytes)}`);
        case 'warning':
          return line(`gemma: ${event.message}`);
        case 'pulled':
          return end();
      }
    },
  };
}

function progressText({ receivedBytes, totalBytes, bytesPerSecond, remainingSeconds }: PullProgress): string {
  const share = totalBytes === null || totalBytes === 0 ? '' : `${Math.floor((receivedBytes / totalBytes) * 100)} %  `;
  const amount = `${formatBytes(receivedBytes)}${totalBytes === null ? '' : ` of ${formatBytes(totalBytes)}`}`;
  const left = remainingSeconds === null ? '' : `  ${formatSeconds(remainingSeconds)} left`;
  return `${share}${amount}  ${formatBytes(Math.round(bytesPerSecond))}/s${left}`;
}
