import { graphemeAfter, graphemeBefore, graphemeBoundary, textWidth } from './text-layout.ts';

/** The text that is being edited, and where. An index counts UTF-16 units and never cuts a grapheme. */
export interface LineBuffer {
  readonly text: string;
  readonly cursor: number;
  /** Replaces everything. Default cursor: the end. */
  set(text: string, cursor?: number): void;
  insert(text: string): void;
  /** Replaces the part from `start` to the cursor. */
  replaceBefore(start: number, text: string): void;
  backspace(): void;
  deleteForward(): void;
  left(): void;
  right(): void;
  wordLeft(): void;
  wordRight(): void;
  lineStart(): void;
  lineEnd(): void;
  /** One line up or down, in the same column where there is one. Gives false on the first or last line. */
  up(): boolean;
  down(): boolean;
  /** To the end of the line, or the newline at its end. What these four take away, `yank` brings back. */
  killToEnd(): void;
  killToStart(): void;
  /** Back to the last white space. */
  killSpacedWord(): void;
  /** A word of letters and digits. */
  killWordBack(): void;
  killWordForward(): void;
  yank(): void;
  /** Swaps the two characters around the cursor. */
  transpose(): void;
}

/** Makes an empty buffer. */
export function createLineBuffer(): LineBuffer {
  let text = '';
  let cursor = 0;
  let killed = '';

  function set(next: string, nextCursor = next.length): void {
    text = next;
    cursor = graphemeBoundary(text, Math.max(0, Math.min(nextCursor, text.length)));
  }

  function splice(start: number, end: number, put: string): void {
    set(text.slice(0, start) + put + text.slice(end), start + put.length);
  }

  function kill(start: number, end: number): void {
    if (start === end) return;
    killed = text.slice(start, end);
    splice(start, end, '');
  }

  function startOfLine(): number {
    return lineStartBefore(text, cursor);
  }

  function endOfLine(): number {
    const end = text.indexOf('\n', cursor);
    return end < 0 ? text.length : end;
  }

  function wordStart(): number {
    return back(
      back(cursor, (part) => !isWord(part)),
      isWord,
    );
  }

  /** The beginning of the graphemes before `index` that all fit. */
  function back(index: number, fits: (part: string) => boolean): number {
    let start = index;
    while (start > 0) {
      const before = graphemeBefore(text, start);
      if (!fits(text.slice(before, start))) break;
      start = before;
    }
    return start;
  }

  function wordEnd(): number {
    return forth(
      forth(cursor, (part) => !isWord(part)),
      isWord,
    );
  }

  /** The end of the graphemes from `index` on that all fit. */
  function forth(index: number, fits: (part: string) => boolean): number {
    let end = index;
    while (end < text.length) {
      const after = graphemeAfter(text, end);
      if (!fits(text.slice(end, after))) break;
      end = after;
    }
    return end;
  }

  /** Puts the cursor on the line that begins at `start`, as far right as `width` cells. */
  function goToColumn(start: number, width: number): void {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    cursor = start;
    while (cursor < end) {
      const next = graphemeAfter(text, cursor);
      if (textWidth(text.slice(start, next)) > width) break;
      cursor = next;
    }
  }

  return {
    get text() {
      return text;
    },
    get cursor() {
      return cursor;
    },
    set,
    insert: (put) => splice(cursor, cursor, put),
    replaceBefore: (start, put) => splice(start, cursor, put),
    backspace: () => splice(graphemeBefore(text, cursor), cursor, ''),
    deleteForward: () => splice(cursor, graphemeAfter(text, cursor), ''),
    left() {
      cursor = graphemeBefore(text, cursor);
    },
    right() {
      cursor = graphemeAfter(text, cursor);
    },
    wordLeft() {
      cursor = wordStart();
    },
    wordRight() {
      cursor = wordEnd();
    },
    lineStart() {
      cursor = startOfLine();
    },
    lineEnd() {
      cursor = endOfLine();
    },
    up() {
      const start = startOfLine();
      if (start === 0) return false;
      const width = textWidth(text.slice(start, cursor));
      goToColumn(lineStartBefore(text, start - 1), width);
      return true;
    },
    down() {
      const end = endOfLine();
      if (end === text.length) return false;
      goToColumn(end + 1, textWidth(text.slice(startOfLine(), cursor)));
      return true;
    },
    killToEnd() {
      const end = endOfLine();
      kill(cursor, end === cursor ? Math.min(cursor + 1, text.length) : end);
    },
    killToStart: () => kill(startOfLine(), cursor),
    killSpacedWord: () =>
      kill(
        back(back(cursor, isSpace), (part) => !isSpace(part)),
        cursor,
      ),
    killWordBack: () => kill(wordStart(), cursor),
    killWordForward() {
      const start = cursor;
      kill(start, wordEnd());
    },
    yank: () => splice(cursor, cursor, killed),
    transpose() {
      const right = cursor === text.length ? cursor : graphemeAfter(text, cursor);
      const middle = graphemeBefore(text, right);
      const left = graphemeBefore(text, middle);
      if (left === middle) return;
      const swapped = text.slice(middle, right) + text.slice(left, middle);
      set(text.slice(0, left) + swapped + text.slice(right), right);
    },
  };
}

/** Where the line begins on which `index` stands. `lastIndexOf` takes a negative place for 0, and would look at that. */
function lineStartBefore(text: string, index: number): number {
  return index === 0 ? 0 : text.lastIndexOf('\n', index - 1) + 1;
}

function isWord(part: string): boolean {
  return /^[\p{L}\p{N}_]/u.test(part);
}

function isSpace(part: string): boolean {
  return /^\s/.test(part);
}
