/** Something that the user did on the keyboard. */
export type KeyEvent =
  /** Printable characters that were typed. */
  | { readonly type: 'text'; readonly text: string }
  /** What the terminal marked as pasted, newlines as `\n`, control characters taken out. */
  | { readonly type: 'paste'; readonly text: string }
  /** A key such as `enter`, `up`, `ctrl-a`, `alt-b`, `ctrl-left`, `alt-enter`. */
  | { readonly type: 'key'; readonly key: string };

/** Makes key events of what a terminal in raw mode sends. */
export interface KeyDecoder {
  /** Gives the events that are complete. What is not is kept for the next call. */
  push(text: string): readonly KeyEvent[];
  /** Whether something incomplete is kept that is no paste: call `flush` when nothing follows for a moment. */
  readonly isWaiting: boolean;
  /** Nothing followed: a lone escape character was the Escape key. */
  flush(): readonly KeyEvent[];
}

/** A paste that is longer is cut: no prompt may be that long. */
const pasteCharsMax = 4_000_000;

const pasteEnd = '\u001B[201~';

/** Makes a decoder. */
export function createKeyDecoder(): KeyDecoder {
  /** What is not understood yet. */
  let rest = '';
  /** `undefined` outside a paste. */
  let pasted: string | undefined;

  function takePaste(events: KeyEvent[]): boolean {
    const end = rest.indexOf(pasteEnd);
    // The end mark may be cut by the end of the chunk.
    const take = end < 0 ? Math.max(0, rest.length - pasteEnd.length + 1) : end;
    pasted = ((pasted ?? '') + rest.slice(0, take)).slice(0, pasteCharsMax);
    rest = rest.slice(take);
    if (end < 0) return false;
    rest = rest.slice(pasteEnd.length);
    events.push({ type: 'paste', text: cleanPaste(pasted) });
    pasted = undefined;
    return true;
  }

  /** Takes one event from the beginning of `rest`. Gives false when it is incomplete. */
  function takeEvent(events: KeyEvent[]): boolean {
    // oxlint-disable-next-line no-control-regex -- control characters are keys
    const printable = /^[^\u0000-\u001F\u007F-\u009F]+/.exec(rest)?.[0];
    if (printable !== undefined) {
      events.push({ type: 'text', text: printable });
      rest = rest.slice(printable.length);
      return true;
    }
    if (rest.startsWith('\u001B')) return takeEscape(events);
    const key = controlKey(rest.charCodeAt(0));
    rest = rest.slice(1);
    if (key !== undefined) events.push({ type: 'key', key });
    return true;
  }

  function takeEscape(events: KeyEvent[]): boolean {
    if (rest.length === 1) return false;
    if (rest.startsWith('\u001B[')) {
      // oxlint-disable-next-line no-control-regex -- the escape character begins what is read
      const [all, parameters = '', final = ''] = /^\u001B\[([0-?]*)[ -/]*([@-~])/.exec(rest) ?? [];
      if (all === undefined) {
        // oxlint-disable-next-line no-control-regex -- the escape character begins what is read
        if (/^\u001B\[[0-?]*[ -/]*$/.test(rest) && rest.length < 64) return false;
        rest = rest.slice(2);
        return true;
      }
      rest = rest.slice(all.length);
      if (final === '~' && parameters === '200') pasted = '';
      else {
        const key = sequenceKey(parameters, final);
        if (key !== undefined) events.push({ type: 'key', key });
      }
      return true;
    }
    if (rest.startsWith('\u001BO')) {
      if (rest.length === 2) return false;
      const key = finalKeys[rest.charAt(2)];
      rest = rest.slice(3);
      if (key !== undefined) events.push({ type: 'key', key });
      return true;
    }
    if (rest.startsWith('\u001B\u001B')) {
      events.push({ type: 'key', key: 'escape' });
      rest = rest.slice(1);
      return true;
    }
    const character = String.fromCodePoint(rest.codePointAt(1) ?? 0);
    rest = rest.slice(1 + character.length);
    const code = character.charCodeAt(0);
    const key = code < 0x20 || code === 0x7f ? controlKey(code) : character.toLowerCase();
    if (key !== undefined) events.push({ type: 'key', key: `alt-${key}` });
    return true;
  }

  return {
    push(text) {
      const events: KeyEvent[] = [];
      rest += text;
      while (rest !== '' && (pasted === undefined ? takeEvent(events) : takePaste(events)));
      return events;
    },
    get isWaiting() {
      return rest !== '' && pasted === undefined;
    },
    flush() {
      if (rest === '' || pasted !== undefined) return [];
      const isEscape = rest === '\u001B';
      rest = '';
      return isEscape ? [{ type: 'key', key: 'escape' }] : [];
    },
  };
}

/** Pasted text as a message may hold it: no escape sequences, no control characters but newline and tab. */
export function cleanPaste(text: string): string {
  return (
    text
      .replaceAll(/\r\n?/g, '\n')
      // oxlint-disable-next-line no-control-regex -- control characters are what is removed
      .replaceAll(/\u001B\[[0-?]*[ -/]*[@-~]|\u001B[\]PX^_][^\u0007\u001B]*(?:\u0007|\u001B\\)?/g, '')
      // oxlint-disable-next-line no-control-regex -- control characters are what is removed
      .replaceAll(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g, '')
  );
}

function controlKey(code: number): string | undefined {
  if (code === 0x0d) return 'enter';
  if (code === 0x09) return 'tab';
  if (code === 0x7f || code === 0x08) return 'backspace';
  if (code >= 1 && code <= 26) return `ctrl-${String.fromCharCode(code + 0x60)}`;
  return code === 0x1f ? 'ctrl-_' : undefined;
}

const finalKeys: Readonly<Record<string, string>> = {
  A: 'up',
  B: 'down',
  C: 'right',
  D: 'left',
  F: 'end',
  H: 'home',
  M: 'enter',
  Z: 'shift-tab',
};

const tildeKeys: Readonly<Record<string, string>> = {
  1: 'home',
  3: 'delete',
  4: 'end',
  7: 'home',
  8: 'end',
};

/** The key of a control sequence. `undefined` for what is no key, such as a report of the terminal. */
function sequenceKey(parameters: string, final: string): string | undefined {
  const numbers = parameters.split(';').map((part) => Number.parseInt(part, 10));
  if (final === 'u') return codeKey(numbers[0], numbers[1]);
  if (final === '~' && numbers[0] === 27) return codeKey(numbers[2], numbers[1]);
  const key = final === '~' ? tildeKeys[numbers[0] ?? 0] : finalKeys[final];
  return key === undefined ? undefined : `${modifiers(numbers[1])}${key}`;
}

/** A key that a terminal reports as a code and modifiers: how some tell Shift-Enter from Enter. */
function codeKey(code: number | undefined, modifier: number | undefined): string | undefined {
  if (code === undefined || !Number.isInteger(code) || code < 1 || code > 0x10_ff_ff) return undefined;
  const prefix = modifiers(modifier);
  const key = code === 27 ? 'escape' : (controlKey(code) ?? String.fromCodePoint(code).toLowerCase());
  return prefix + key;
}

/** Terminals count shift 1, alt 2, ctrl 4, and add one. */
function modifiers(parameter: number | undefined): string {
  const bits = parameter === undefined || Number.isNaN(parameter) ? 0 : parameter - 1;
  if ((bits & 4) !== 0) return 'ctrl-';
  if ((bits & 2) !== 0) return 'alt-';
  return (bits & 1) !== 0 ? 'shift-' : '';
}
