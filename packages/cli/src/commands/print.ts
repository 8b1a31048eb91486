import type { CommandContext, Output } from '../command.ts';
import { sanitizeTerminalText } from '../render/sanitize-terminal-text.ts';
import { stringifyJson } from '../render/stringify-json.ts';

/** Writes one line. Names and paths come from files and servers, so control sequences are taken out. */
export function printLine(output: Output, line: string): void {
  output.write(`${sanitizeTerminalText(line)}\n`);
}

/** Writes one JSON object on one line. */
export function printJson(output: Output, value: unknown): void {
  output.write(`${stringifyJson(value)}\n`);
}

/** Writes a comment on stderr, unless `--quiet`. */
export function printNotice({ stderr, options }: Pick<CommandContext, 'stderr' | 'options'>, line: string): void {
  if (!options.quiet) printLine(stderr, line);
}

/** Writes rows below a header in columns, two spaces apart. */
export function printTable(output: Output, header: readonly string[], rows: readonly (readonly string[])[]): void {
  const cells = [header, ...rows].map((row) => row.map((cell) => sanitizeTerminalText(cell).replaceAll('\n', ' ')));
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  for (const row of cells) {
    output.write(
      `${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    );
  }
}

/** A number of things, as people write it: `1 row`, `2 rows`. */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** A size as people read it: decimal units, three digits. */
export function formatBytes(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toPrecision(Math.max(2, Math.min(3, String(Math.round(value)).length)))} ${units[unit]}`;
}

/** Seconds as `0:07` or `1:02:03`. */
export function formatSeconds(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const minutes = Math.floor(whole / 60);
  const rest = String(whole % 60).padStart(2, '0');
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}:${rest}`;
}
