import { StringDecoder } from 'node:string_decoder';
import type { Input, Output } from '../command.ts';
import { renderErrorText, typedError } from '../render/render-error.ts';
import { sanitizeTerminalText } from '../render/sanitize-terminal-text.ts';
import type { Completion } from './completion.ts';
import type { History } from './history.ts';
import { createKeyDecoder, type KeyEvent } from './key-decoder.ts';
import { createLineBuffer } from './line-buffer.ts';
import { layOut, textWidth } from './text-layout.ts';

/** A terminal that gives every key at once. */
export type TerminalInput = Input & { setRawMode?(raw: boolean): unknown };

/** A terminal and its size. */
export type TerminalOutput = Output & { readonly rows?: number };

/** What {@link createLineEditor} takes. */
export interface LineEditorOptions {
  readonly stdin: TerminalInput;
  readonly stdout: TerminalOutput;
  readonly history: History;
  /** The terminal knows no control sequences: nothing is moved, lines are only added to. */
  readonly dumb: boolean;
  /** What the text before the cursor could become. */
  readonly complete: (before: string) => Promise<Completion>;
  /** Lets the user write in a program of their own. Gives the text, or `undefined` when it could not be. */
  readonly compose: (text: string) => Promise<string | undefined>;
  /** Whether the message goes on: Enter then makes a new line. */
  readonly isOpen: (text: string) => boolean;
  /** Stops this process until the shell lets it go on. */
  readonly suspend: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** One line, or one message of several lines. */
export interface ReadOptions {
  readonly prompt: string;
}

/** Reads what a user types, between answers; and listens for Ctrl-C during them. */
export interface LineEditor {
  /** The next message; `undefined` when the user leaves. */
  read(options: ReadOptions): Promise<string | undefined>;
  /** Registers who stops when Ctrl-C comes while nothing is read. Gives a function that ends the registration. */
  onInterrupt(stop: () => void): () => void;
  /** Writes whole lines; those above the line that is edited when there is one. */
  print(text: string): void;
  /** Runs `work` with the terminal as it was found. */
  release<T>(work: () => Promise<T>): Promise<T>;
  /** Leaves the terminal as it was found. Safe to call twice. */
  close(): void;
}

/** Escape alone is a key, but also how every sequence begins: what follows comes within this time, even over a slow line. */
const escapeMsMax = 60;

/** Keys that are typed during an answer and kept for after it. */
const waitingMax = 10_000;

const pasteOn = '\u001B[?2004h';
const pasteOff = '\u001B[?2004l';

/** Makes the editor and takes the terminal. */
export function createLineEditor(options: LineEditorOptions): LineEditor {
  const { stdin, stdout, history, dumb, signal } = options;
  const buffer = createLineBuffer();
  const decoder = createKeyDecoder();
  const waiting: KeyEvent[] = [];
  let bytes = new StringDecoder('utf8');
  let escapeTimer: NodeJS.Timeout | undefined;
  let working = false;
  let held = false;
  let closed = false;
  let stopAnswer: (() => void) | undefined;
  let interrupts = 0;

  /** The message that is being read. */
  let current: { readonly prompt: string; readonly resolve: (text: string | undefined) => void } | undefined;
  /** Place in the history: its length = what is being written. */
  let place = 0;
  let draft = '';
  let search: { query: string; place: number; readonly before: string } | undefined;

  /** What the terminal shows of it, counted from the row where the prompt stands or the first row that is shown. */
  let shown = { text: '', cursorRow: 0, first: 0, lastRow: 0 };

  function columns(): number {
    return Math.max(2, stdout.columns || 80);
  }

  function promptNow(): string {
    return search === undefined ? (current?.prompt ?? '') : `(search: ${search.query}) `;
  }

  function draw(): void {
    if (current === undefined || closed || held) return;
    const { text, cursor } = buffer;
    const prompt = promptNow();
    if (dumb) {
      drawDumb(sanitizeTerminalText(prompt + text));
      return;
    }
    const width = columns();
    const added = text.startsWith(shown.text.slice(prompt.length)) ? text.slice(shown.text.length - prompt.length) : '';
    const isAppended =
      added !== '' && shown.text.startsWith(prompt) && cursor === text.length && !/[^\x20-\x7e]/.test(added);
    const layout = layOut(prompt, text, cursor, width);
    const rowsMax = Math.max(1, (stdout.rows || 24) - 1);
    const { rows, widths, endsLine } = layout;
    if (isAppended && shown.lastRow === rows.length - 1 && shown.cursorRow === shown.lastRow && shown.first === 0) {
      stdout.write(added);
      shown = { ...shown, text: prompt + text };
      return;
    }
    // More rows than the terminal has: those around the cursor.
    const first = Math.max(
      0,
      Math.min(shown.first, layout.cursor.row, rows.length - rowsMax),
      layout.cursor.row - rowsMax + 1,
    );
    const last = Math.min(rows.length, first + rowsMax) - 1;
    let output = `${up(shown.cursorRow)}\r`;
    for (let index = first; index <= last; index += 1) {
      output += rows[index] ?? '';
      // After a full row an erasure would take its last character. Below a full last row there is nothing: it is full
      // only when as many rows are shown as ever are.
      if ((widths[index] ?? 0) < width) output += index === last ? '\u001B[J' : '\u001B[K';
      if (index === last) break;
      // A row that is full, or has no room for the next character, is left to the terminal: it joins such rows again
      // when its width changes, or when they are copied.
      if (endsLine[index] === true || rows[index + 1] === '') output += '\r\n';
    }
    output += `${up(last - layout.cursor.row)}\r${right(layout.cursor.column)}`;
    stdout.write(output);
    shown = { text: prompt + text, cursorRow: layout.cursor.row - first, first, lastRow: last - first };
  }

  function drawDumb(text: string): void {
    const before = shown.text;
    const isSame = before.startsWith(text) && !before.slice(text.length).includes('\n');
    if (text.startsWith(before)) stdout.write(text.slice(before.length).replaceAll('\n', '\r\n'));
    else if (isSame) stdout.write('\b \b'.repeat(textWidth(before.slice(text.length))));
    else stdout.write(`\r\n${text.replaceAll('\n', '\r\n')}`);
    shown = { ...shown, text };
  }

  /** Goes below the text, and leaves all of it on the terminal. */
  function leaveText(): void {
    const rowsMax = Math.max(1, (stdout.rows || 24) - 1);
    if (!dumb) {
      const isClipped = layOut(promptNow(), buffer.text, 0, columns()).rows.length > rowsMax;
      if (isClipped) {
        stdout.write(
          `${up(shown.cursorRow)}\r\u001B[J${sanitizeTerminalText(promptNow() + buffer.text).replaceAll('\n', '\r\n')}`,
        );
      } else if (buffer.cursor < buffer.text.length) {
        buffer.set(buffer.text);
        draw();
      }
    }
    stdout.write('\r\n');
    shown = nothingShown;
  }

  function erase(): void {
    if (dumb) stdout.write('\r\n');
    else stdout.write(`${up(shown.cursorRow)}\r\u001B[J`);
    shown = nothingShown;
  }

  function settle(text: string | undefined): void {
    const reading = current;
    search = undefined;
    leaveText();
    current = undefined;
    buffer.set('');
    reading?.resolve(text);
  }

  function print(text: string): void {
    if (current === undefined || held) {
      stdout.write(text);
      return;
    }
    erase();
    stdout.write(text);
    draw();
  }

  function goTo(next: number): void {
    const { entries } = history;
    if (next < 0 || next > entries.length) return;
    if (place === entries.length) draft = buffer.text;
    place = next;
    buffer.set(place === entries.length ? draft : (entries[place] ?? ''));
  }

  async function completeWord(): Promise<void> {
    const before = buffer.text.slice(0, buffer.cursor);
    // What cannot be looked up is not offered.
    const found = await options.complete(before).catch(() => undefined);
    if (found === undefined) return;
    const { start } = found;
    // Names of files may hold anything.
    const candidates = found.candidates.map((name) => sanitizeTerminalText(name).replaceAll(/[\n\t]/g, ' '));
    if (buffer.text.slice(0, buffer.cursor) !== before || candidates.length === 0) return;
    const word = before.slice(start);
    const [only] = candidates;
    if (candidates.length === 1 && only !== undefined) buffer.replaceBefore(start, `${only} `);
    else {
      const common = commonPrefix(candidates);
      if (common.length > word.length) buffer.replaceBefore(start, common);
      else print(`${columnsOf(candidates, columns())}\n`);
    }
  }

  async function composeText(): Promise<void> {
    leaveText();
    const text = await release(() => options.compose(buffer.text));
    if (text !== undefined) buffer.set(text);
  }

  async function suspend(): Promise<void> {
    leaveText();
    await release(options.suspend);
  }

  function interrupt(): void {
    if (buffer.text !== '' || search !== undefined) {
      interrupts = 0;
      search = undefined;
      leaveText();
      buffer.set('');
      place = history.entries.length;
      return;
    }
    interrupts += 1;
    if (interrupts >= 2) settle(undefined);
    else {
      leaveText();
      stdout.write('(Ctrl-C once more, or Ctrl-D, leaves.)\n');
    }
  }

  function submit(): void {
    if (options.isOpen(buffer.text)) buffer.insert('\n');
    else settle(buffer.text);
  }

  const actions: Readonly<Record<string, () => void | Promise<void>>> = {
    enter: submit,
    'ctrl-m': submit,
    'ctrl-j': () => buffer.insert('\n'),
    'alt-enter': () => buffer.insert('\n'),
    'alt-ctrl-j': () => buffer.insert('\n'),
    'shift-enter': () => buffer.insert('\n'),
    'ctrl-enter': () => buffer.insert('\n'),
    backspace: () => buffer.backspace(),
    'shift-backspace': () => buffer.backspace(),
    delete: () => buffer.deleteForward(),
    left: () => buffer.left(),
    'ctrl-b': () => buffer.left(),
    right: () => buffer.right(),
    'ctrl-f': () => buffer.right(),
    'ctrl-left': () => buffer.wordLeft(),
    'alt-left': () => buffer.wordLeft(),
    'alt-b': () => buffer.wordLeft(),
    'ctrl-right': () => buffer.wordRight(),
    'alt-right': () => buffer.wordRight(),
    'alt-f': () => buffer.wordRight(),
    home: () => buffer.lineStart(),
    'ctrl-a': () => buffer.lineStart(),
    end: () => buffer.lineEnd(),
    'ctrl-e': () => buffer.lineEnd(),
    'ctrl-home': () => buffer.set(buffer.text, 0),
    'ctrl-end': () => buffer.set(buffer.text),
    'ctrl-k': () => buffer.killToEnd(),
    'ctrl-u': () => buffer.killToStart(),
    'ctrl-w': () => buffer.killSpacedWord(),
    'alt-backspace': () => buffer.killWordBack(),
    'ctrl-backspace': () => buffer.killWordBack(),
    'alt-d': () => buffer.killWordForward(),
    'ctrl-delete': () => buffer.killWordForward(),
    'ctrl-y': () => buffer.yank(),
    'ctrl-t': () => buffer.transpose(),
    up: () => {
      if (!buffer.up()) goTo(place - 1);
    },
    down: () => {
      if (!buffer.down()) goTo(place + 1);
    },
    'ctrl-p': () => goTo(place - 1),
    'ctrl-n': () => goTo(place + 1),
    'ctrl-r': () => {
      search = { query: '', place: history.entries.length, before: buffer.text };
    },
    'ctrl-g': composeText,
    'ctrl-l': () => {
      stdout.write(dumb ? '\r\n' : '\u001B[H\u001B[2J');
      shown = nothingShown;
    },
    'ctrl-c': interrupt,
    'ctrl-d': () => {
      if (buffer.text === '') settle(undefined);
      else buffer.deleteForward();
    },
    'ctrl-z': suspend,
    tab: completeWord,
  };

  /** Looks from `from` on, towards older (-1) or newer (1) entries. What is not found leaves everything as it is. */
  function find(from: number, direction: -1 | 1): void {
    if (search === undefined) return;
    const query = search.query.toLowerCase();
    for (let index = from; index >= 0 && index < history.entries.length; index += direction) {
      const entry = history.entries[index] ?? '';
      const at = entry.toLowerCase().indexOf(query);
      if (at < 0) continue;
      search.place = index;
      buffer.set(entry, at);
      return;
    }
  }

  /** Whether the search took the event; another one ends it and is done to what was found. */
  function searchTakes(event: KeyEvent): boolean {
    if (search === undefined) return false;
    if (event.type !== 'key') {
      search.query += event.text.replaceAll('\n', ' ');
      find(Math.min(search.place, history.entries.length - 1), -1);
      return true;
    }
    switch (event.key) {
      case 'ctrl-r':
        find(search.place - 1, -1);
        return true;
      case 'ctrl-s':
        find(search.place + 1, 1);
        return true;
      case 'backspace':
        search.query = Array.from(search.query).slice(0, -1).join('');
        find(history.entries.length - 1, -1);
        return true;
      case 'ctrl-g':
      case 'ctrl-c':
        buffer.set(search.before);
        search = undefined;
        return true;
      case 'escape':
        place = search.place;
        search = undefined;
        return true;
      default:
        place = search.place;
        search = undefined;
        buffer.set(buffer.text);
        return false;
    }
  }

  async function handle(event: KeyEvent): Promise<void> {
    if (event.type !== 'key' || event.key !== 'ctrl-c') interrupts = 0;
    if (!searchTakes(event)) {
      if (event.type === 'key') await actions[event.key]?.();
      else buffer.insert(event.text);
    }
    draw();
  }

  /** Handles what waits while a message is read, one event after the other. What fails is told, and the line stays. */
  async function work(): Promise<void> {
    if (working) return;
    working = true;
    try {
      for (;;) {
        const event = current === undefined || held ? undefined : waiting.shift();
        if (event === undefined) break;
        try {
          await handle(event);
        } catch (error) {
          print(renderErrorText(typedError(error).toJSON()));
        }
      }
    } finally {
      working = false;
    }
  }

  function take(events: readonly KeyEvent[]): void {
    for (const event of events) {
      const isKey = (key: string): boolean => event.type === 'key' && event.key === key;
      if (current === undefined && stopAnswer !== undefined && isKey('ctrl-c')) {
        // What was typed ahead was meant for an answer that is no longer wanted.
        waiting.length = 0;
        stopAnswer();
      } else {
        if (current === undefined && isKey('ctrl-d') && waiting.length === 0) stopAnswer?.();
        if (waiting.length < waitingMax) waiting.push(event);
      }
    }
    void work();
  }

  function onData(chunk: Buffer | string): void {
    clearTimeout(escapeTimer);
    take(decoder.push(typeof chunk === 'string' ? chunk : bytes.write(chunk)));
    if (decoder.isWaiting) escapeTimer = setTimeout(() => take(decoder.flush()), escapeMsMax);
  }

  function onResize(): void {
    if (current === undefined || dumb || held) return;
    // The terminal has laid its rows out anew: the cursor stands where this layout says.
    shown = {
      ...shown,
      cursorRow: Math.max(0, layOut(promptNow(), buffer.text, buffer.cursor, columns()).cursor.row - shown.first),
    };
    draw();
  }

  function onEnd(): void {
    closed = true;
    current?.resolve(undefined);
    current = undefined;
    stopAnswer?.();
  }

  function hold(): void {
    held = true;
    stdin.off('data', onData);
    stdin.pause();
    if (!dumb) stdout.write(pasteOff);
    stdin.setRawMode?.(false);
  }

  function takeTerminal(): void {
    held = false;
    bytes = new StringDecoder('utf8');
    stdin.setRawMode?.(true);
    if (!dumb) stdout.write(pasteOn);
    stdin.on('data', onData);
    stdin.resume();
  }

  async function release<T>(body: () => Promise<T>): Promise<T> {
    hold();
    try {
      return await body();
    } finally {
      if (!closed) takeTerminal();
    }
  }

  takeTerminal();
  stdin.on('end', onEnd);
  stdout.on('resize', onResize);
  signal.addEventListener('abort', onEnd, { once: true });
  if (signal.aborted) onEnd();

  return {
    read({ prompt }) {
      if (closed) return Promise.resolve(undefined);
      return new Promise((resolve) => {
        buffer.set('');
        place = history.entries.length;
        draft = '';
        shown = nothingShown;
        current = { prompt, resolve };
        draw();
        void work();
      });
    },
    onInterrupt(stop) {
      interrupts = 0;
      stopAnswer = stop;
      if (closed) stop();
      return () => {
        stopAnswer = undefined;
      };
    },
    print,
    release,
    close() {
      clearTimeout(escapeTimer);
      signal.removeEventListener('abort', onEnd);
      stdin.off('end', onEnd);
      stdout.off('resize', onResize);
      if (!held) hold();
      closed = true;
    },
  };
}

const nothingShown = { text: '', cursorRow: 0, first: 0, lastRow: 0 };

function up(rows: number): string {
  return rows > 0 ? `\u001B[${rows}A` : '';
}

function right(cells: number): string {
  return cells > 0 ? `\u001B[${cells}C` : '';
}

function commonPrefix(texts: readonly string[]): string {
  const [first = '', ...others] = texts;
  let length = first.length;
  for (const other of others) while (!other.startsWith(first.slice(0, length))) length -= 1;
  return first.slice(0, length);
}

/** As many columns as fit, filled row by row. */
function columnsOf(texts: readonly string[], width: number): string {
  const cell = Math.max(...texts.map((text) => textWidth(text))) + 2;
  const perRow = Math.max(1, Math.floor(width / cell));
  const rows: string[] = [];
  for (let index = 0; index < texts.length; index += perRow) {
    rows.push(
      texts
        .slice(index, index + perRow)
        .map((text) => text + ' '.repeat(cell - textWidth(text)))
        .join('')
        .trimEnd(),
    );
  }
  return rows.join('\n');
}
