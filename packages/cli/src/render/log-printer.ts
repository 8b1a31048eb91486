import type { CommandInput, Output } from '../command.ts';
import { sanitizeTerminalText } from './sanitize-terminal-text.ts';

/** A line for the log. */
export interface LogLine {
  /** `warn`: about the configuration, for every user. `info`: for who asks with `--verbose`. */
  readonly level: 'warn' | 'info';
  readonly message: string;
}

/** Shows lines of the log. */
export type LogPrinter = (line: LogLine) => void;

/** Prints warnings on stderr unless `--quiet`, and everything else with `--verbose`. */
export function createLogPrinter({ options }: Pick<CommandInput, 'options'>, stderr: Output): LogPrinter {
  return ({ level, message }) => {
    const isShown = level === 'warn' ? options['quiet'] !== true : options['verbose'] === true;
    if (isShown) stderr.write(`gemma: ${sanitizeTerminalText(message)}\n`);
  };
}
