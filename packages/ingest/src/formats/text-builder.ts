import { skip } from '../skip.ts';

/** Puts a text together from blocks, and refuses to let it grow without a bound. */
export interface TextBuilder {
  /** More of the current block; white space at its ends does not count. */
  write(text: string): void;
  /** More of the current block, as it is. */
  writeExactly(text: string): void;
  /** A sign in front of a text, such as that of a heading: no line or block ends between the two. */
  mark(text: string): void;
  /** Ends the line: what follows is in the same block. */
  line(): void;
  /** Ends the block: a blank line comes before the next one. */
  block(): void;
  /** Characters written to here. */
  readonly length: number;
  /** All of it from a place on. */
  text(from?: number): string;
}

/** An empty text of at most `charactersMax`. */
export function createTextBuilder(charactersMax: number): TextBuilder {
  const parts: string[] = [];
  let length = 0;
  /** What must come before the next character: nothing, a space, a line's end, a block's end. */
  let gap: '' | ' ' | '\n' | '\n\n' = '';
  /** Whether a mark waits for its text. */
  let marked = false;

  function push(text: string): void {
    length += text.length;
    if (length > charactersMax) throw textTooLong(charactersMax);
    parts.push(text);
    marked = false;
  }
  function separate(): void {
    const double = gap === ' ' && parts.at(-1)?.endsWith(' ') === true;
    if (gap !== '' && length > 0 && !double) push(gap);
    gap = '';
  }

  return {
    write(text) {
      const words = text.replace(/[\s\u00A0]+/gu, ' ');
      if (words === '') return;
      if (words === ' ') {
        if (gap === '' && !marked) gap = ' ';
        return;
      }
      if (words.startsWith(' ') && gap === '' && !marked) gap = ' ';
      separate();
      push(words.trim());
      if (words.endsWith(' ')) gap = ' ';
    },
    writeExactly(text) {
      if (text === '') return;
      separate();
      push(text);
    },
    mark(text) {
      // A mark without a text, such as that of a point of a list that has only a picture, is not worth a line.
      if (marked) length -= parts.pop()?.length ?? 0;
      else separate();
      push(text);
      marked = true;
    },
    line() {
      if (gap !== '\n\n' && !marked) gap = '\n';
    },
    block() {
      if (!marked) gap = '\n\n';
    },
    get length() {
      return length;
    },
    text: (from = 0) => parts.join('').slice(from),
  };
}

/** The refusal of a text that is too long. */
export function textTooLong(charactersMax: number): Error {
  return skip('DOCUMENT_TOO_LARGE', `its text is longer than the ${charactersMax} characters that are read`);
}
