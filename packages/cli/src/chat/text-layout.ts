import { eastAsianWidth } from 'get-east-asian-width';
import { sanitizeTerminalText } from '../render/sanitize-terminal-text.ts';

/** What a reader takes for one character. */
export interface Grapheme {
  readonly text: string;
  /** What a terminal is given for it: the same, but a tab as spaces and an invisible character as `\u{202E}`. */
  readonly shown: string;
  /** Cells that `shown` takes. */
  readonly width: number;
}

/** A place on the terminal, counted from where the text begins. */
export interface Cell {
  readonly row: number;
  readonly column: number;
}

/** Where a text stands on a terminal that wraps it by itself. */
export interface TextLayout {
  /** What each row of the terminal shows. */
  readonly rows: readonly string[];
  /** Whether the row ends with a newline of the text, and not because it is full. */
  readonly endsLine: readonly boolean[];
  /** Cells that each row takes. */
  readonly widths: readonly number[];
  readonly cursor: Cell;
}

/** A tab in the line that is edited: its true width would depend on where it stands. */
const tabShown = '    ';

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Cuts a text into graphemes. */
export function* graphemesOf(text: string): Generator<Grapheme> {
  // Most text is plain; the segmenter costs a hundred times as much.
  if (/^[\x20-\x7e]*$/.test(text)) {
    for (const character of text) yield { text: character, shown: character, width: 1 };
    return;
  }
  for (const { segment } of segmenter.segment(text)) yield grapheme(segment);
}

function grapheme(text: string): Grapheme {
  if (text === '\n') return { text, shown: '\n', width: 0 };
  const shown = text === '\t' ? tabShown : sanitizeTerminalText(text);
  return { text, shown, width: shown === text ? graphemeWidth(text) : shown.length };
}

/** Start of the grapheme before `index`; 0 at the beginning. */
export function graphemeBefore(text: string, index: number): number {
  return index <= 0 ? 0 : (segmenter.segment(text).containing(index - 1)?.index ?? 0);
}

/** End of the grapheme at `index`; the length of the text at its end. */
export function graphemeAfter(text: string, index: number): number {
  const found = segmenter.segment(text).containing(index);
  return found === undefined ? text.length : found.index + found.segment.length;
}

/** `index`, or the end of the grapheme that it would cut in two. */
export function graphemeBoundary(text: string, index: number): number {
  if (index >= text.length) return text.length;
  // Nothing joins what is before it to plain text.
  if (text.charCodeAt(index) < 0x300 && text[index] !== '\n') return index;
  const found = segmenter.segment(text).containing(index);
  return found === undefined || found.index === index
    ? Math.min(index, text.length)
    : found.index + found.segment.length;
}

/** Cells that a text takes on a line, its control sequences for style not counted. */
export function textWidth(text: string): number {
  let width = 0;
  for (const part of graphemesOf(withoutStyle(text))) width += part.width;
  return width;
}

/** The text without the sequences that a `TerminalStyle` makes, and those of links. */
export function withoutStyle(text: string): string {
  // oxlint-disable-next-line no-control-regex -- escape sequences are what is removed
  return text.replaceAll(/\u001B\[[\d;]*m|\u001B\]8;;[^\u0007\u001B]*\u001B\\/g, '');
}

/**
 * Lays a text out after a prompt as a terminal with so many columns does by itself: a character that does not fit goes to
 * the next row. `cursorIndex` is an index of the text.
 */
export function layOut(prompt: string, text: string, cursorIndex: number, columns: number): TextLayout {
  const rows: string[] = [];
  const endsLine: boolean[] = [];
  const widths: number[] = [];
  let row = '';
  let column = 0;
  let cursor: Cell | undefined;

  function endRow(ends: boolean): void {
    rows.push(row);
    endsLine.push(ends);
    widths.push(column);
    row = '';
    column = 0;
  }

  function put({ shown, width }: Grapheme): void {
    // An escaped character is as long as its notation and breaks like text.
    const pieces = width > 2 ? Array.from(shown, (piece) => ({ piece, cells: 1 })) : [{ piece: shown, cells: width }];
    for (const { piece, cells } of pieces) {
      if (column + cells > columns) endRow(false);
      row += piece;
      column += cells;
    }
  }

  for (const part of graphemesOf(prompt)) put(part);
  let index = 0;
  for (const part of graphemesOf(text)) {
    if (index === cursorIndex) {
      // On a full row the cursor stands on its last cell when a newline follows, otherwise where the next character goes.
      if (part.text === '\n') cursor = { row: rows.length, column: Math.min(column, columns - 1) };
      else cursor = column + part.width > columns ? { row: rows.length + 1, column: 0 } : { row: rows.length, column };
    }
    if (part.text === '\n') endRow(true);
    else put(part);
    index += part.text.length;
  }
  if (column >= columns) endRow(false);
  cursor ??= { row: rows.length, column };
  endRow(true);
  return { rows, endsLine, widths, cursor };
}

function graphemeWidth(text: string): number {
  if (emojiCluster.test(text)) return 2;
  let width = 0;
  for (const character of text) {
    if (!zeroWidth.test(character)) width += eastAsianWidth(character.codePointAt(0) ?? 0);
  }
  return width;
}

/** Shown as one picture: an emoji, a text symbol that a selector makes one, a keycap, a flag. */
const emojiCluster =
  /^(?:\p{Emoji_Presentation}|\p{Extended_Pictographic}\u{FE0F}|[\d#*]\u{FE0F}?\u{20E3}|\p{Regional_Indicator}{2})/u;

const zeroWidth = /^[\p{Mark}\p{Default_Ignorable_Code_Point}]$/u;
