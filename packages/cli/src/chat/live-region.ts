import type { TerminalOutput } from './line-editor.ts';
import { graphemeBoundary, layOut, withoutStyle } from './text-layout.ts';

/** The end of what a terminal shows, of which the last lines may still change. */
export interface LiveRegion {
  /** Makes the region show these lines; only what differs is written. The cursor stays at the end of the last one. */
  update(lines: readonly string[]): void;
  /** The first `count` lines will not change any more. */
  settle(count: number): void;
  /** Everything is settled: the cursor goes to a line of its own. */
  end(): void;
}

/** Makes a region that begins where the cursor is: at the beginning of a line. */
export function createLiveRegion(stdout: TerminalOutput): LiveRegion {
  let shown: readonly string[] = [];
  /** Rows that each of them takes at a width of `measuredAt`: measuring a line costs more than comparing it. */
  let heights: number[] = [];
  let measuredAt = 0;
  /** How many of the first lines have left the screen at its top, where nothing can reach them. */
  let gone = 0;

  /** Measures the lines from `first` on, or all of them when the width has changed. */
  function measure(lines: readonly string[], first: number): void {
    const columns = Math.max(2, stdout.columns || 80);
    const start = columns === measuredAt ? first : 0;
    heights = [...heights.slice(0, start), ...lines.slice(start).map((line) => heightOf(line, columns))];
    measuredAt = columns;
  }

  function rowsFrom(first: number): number {
    let rows = 0;
    for (let index = first; index < heights.length; index += 1) rows += heights[index] ?? 0;
    return rows;
  }

  function update(lines: readonly string[]): void {
    let first = 0;
    while (first < shown.length && first < lines.length && shown[first] === lines[first]) first += 1;
    if (first === shown.length && first === lines.length) return;
    // Fewer lines than before: the last one that stays is written again, so that the cursor ends up behind it.
    if (first === lines.length) first = Math.max(0, first - 1);
    first = Math.max(first, gone);
    const isLast = first === shown.length - 1;
    const last = shown[first] ?? '';
    const changed = lines.slice(first);
    if (first >= shown.length) stdout.write((shown.length === 0 ? '' : '\n') + changed.join('\n'));
    else if (isLast && changed[0] !== undefined && isContinued(last, changed[0])) {
      stdout.write(changed.join('\n').slice(last.length));
    } else {
      // The terminal has laid these rows out at its present width.
      measure(shown, shown.length);
      const rows = rowsFrom(first) - 1;
      stdout.write(`${rows > 0 ? `\u001B[${rows}A` : ''}\r\u001B[J${changed.join('\n')}`);
    }
    shown = lines;
    measure(shown, first);
    const rowsMax = Math.max(1, (stdout.rows || 24) - 1);
    for (let rows = rowsFrom(gone); rows > rowsMax && gone < shown.length - 1; gone += 1) rows -= heights[gone] ?? 0;
  }

  function clear(): void {
    if (shown.length > 0) stdout.write('\n');
    shown = [];
    heights = [];
    gone = 0;
  }

  return {
    update,
    settle(count) {
      if (count === 0) return;
      if (count >= shown.length) clear();
      else {
        shown = shown.slice(count);
        heights = heights.slice(count);
        gone = Math.max(0, gone - count);
      }
    },
    end: clear,
  };
}

/** Whether a line is an older one and something more. A character that was only begun must be written anew. */
function isContinued(before: string, line: string): boolean {
  return line.startsWith(before) && graphemeBoundary(line, before.length) === before.length;
}

/** Rows that a terminal gives a line. */
function heightOf(line: string, columns: number): number {
  if (/^[\x20-\x7e]*$/.test(line)) return Math.max(1, Math.ceil(line.length / columns));
  const { rows } = layOut('', withoutStyle(line), 0, columns);
  // A line that fills its last row exactly has not begun another one.
  return Math.max(1, rows.at(-1) === '' ? rows.length - 1 : rows.length);
}
