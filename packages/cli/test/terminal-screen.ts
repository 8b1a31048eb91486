import { PassThrough } from 'node:stream';
import type { TerminalOutput } from '../src/chat/line-editor.ts';
import { graphemesOf } from '../src/chat/text-layout.ts';

/** A terminal of the tests: understands what the chat writes, and nothing more. */
export interface TerminalScreen {
  readonly output: TerminalOutput;
  /** Everything that was ever shown, the rows that left at the top included; rows without the spaces at their end. */
  readonly lines: readonly string[];
  readonly cursor: { readonly row: number; readonly column: number };
  /** Everything that was written, as it came. */
  readonly written: string;
  /** Changes the size without laying anything out anew: give it before something is shown. */
  readonly size: { columns: number; rows: number };
}

/** Makes a terminal that wraps by itself, scrolls, and moves its cursor only on the screen. Throws at what it does not know. */
export function createTerminalScreen({ columns = 80, rows = 24 } = {}): TerminalScreen {
  const size = { columns, rows };
  const cells: string[][] = [[]];
  let row = 0;
  let column = 0;
  let written = '';

  function top(): number {
    return Math.max(0, cells.length - size.rows);
  }

  function down(): void {
    row += 1;
    while (cells.length <= row) cells.push([]);
  }

  function put(text: string, width: number): void {
    if (column + width > size.columns) {
      down();
      column = 0;
    }
    const line = cells[row] ?? [];
    while (line.length < column) line.push(' ');
    line.splice(column, width, text, ...Array.from({ length: width - 1 }, () => ''));
    column += width;
  }

  function sequence(parameters: string, final: string): void {
    const count = Math.max(1, Number.parseInt(parameters, 10) || 1);
    if (final === 'm' || parameters.startsWith('?2004')) return;
    // A full row keeps its cursor on the last cell until something else is written.
    if (final !== 'K' && final !== 'J') column = Math.min(column, size.columns - 1);
    if (final === 'A') row = Math.max(top(), row - count);
    else if (final === 'C') column = Math.min(size.columns - 1, column + count);
    else if (final === 'H') [row, column] = [top(), 0];
    else if (final === 'K') cells[row]?.splice(Math.min(column, size.columns - 1));
    else if (final === 'J' && parameters === '2')
      for (let index = top(); index < cells.length; index += 1) cells[index] = [];
    else if (final === 'J') {
      cells[row]?.splice(Math.min(column, size.columns - 1));
      for (let index = row + 1; index < cells.length; index += 1) cells[index] = [];
    } else throw new Error(`The terminal does not know ${JSON.stringify(`${parameters}${final}`)}`);
  }

  function take(text: string): void {
    written += text;
    let rest = text;
    while (rest !== '') {
      // oxlint-disable-next-line no-control-regex -- the sequences of a terminal
      const [all, parameters = '', final = ''] = /^\u001B\[([\d;?]*)([A-Za-z])/.exec(rest) ?? [];
      if (all !== undefined) {
        sequence(parameters, final);
        rest = rest.slice(all.length);
      } else if (rest.startsWith('\r')) {
        column = 0;
        rest = rest.slice(1);
      } else if (rest.startsWith('\n')) {
        // As a terminal in raw mode does for a program of Node: a newline begins a line.
        column = 0;
        down();
        rest = rest.slice(1);
      } else if (rest.startsWith('\b')) {
        column = Math.max(0, column - 1);
        rest = rest.slice(1);
      } else {
        // oxlint-disable-next-line no-control-regex -- the sequences of a terminal
        const plain = /^[^\u0000-\u001F]+/.exec(rest)?.[0];
        if (plain === undefined) throw new Error(`The terminal does not know ${JSON.stringify(rest.slice(0, 20))}`);
        for (const { text: shown, width } of graphemesOf(plain)) put(shown, width);
        rest = rest.slice(plain.length);
      }
    }
  }

  const output = Object.assign(new PassThrough(), { isTTY: true, columns, rows });
  Object.defineProperties(output, { columns: { get: () => size.columns }, rows: { get: () => size.rows } });
  output.write = (chunk: unknown) => {
    take(String(chunk));
    return true;
  };
  return {
    output,
    size,
    get lines() {
      const lines = cells.map((line) => line.join('').trimEnd());
      while (lines.length > 0 && lines.at(-1) === '') lines.pop();
      return lines;
    },
    get cursor() {
      return { row: row - top(), column };
    },
    get written() {
      return written;
    },
  };
}
