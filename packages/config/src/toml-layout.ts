import { GemmaError } from '@gemma-cli/contracts';
import { parse } from 'smol-toml';

/** A `key = value` and where it stands. Offsets are indexes into the text. */
export interface TomlEntry {
  /** Full path: header, dots and inline tables included. */
  readonly path: readonly string[];
  readonly start: number;
  readonly valueStart: number;
  readonly valueEnd: number;
  /** The header it stands below; `null` at the top of the file. */
  readonly header: TomlHeader | null;
  /** The entry whose inline table holds it. */
  readonly inside: TomlEntry | null;
}

/** A `[table]` or `[[table]]` line. */
export interface TomlHeader {
  readonly path: readonly string[];
  readonly array: boolean;
  readonly start: number;
  /** After the closing bracket. */
  readonly end: number;
}

/** Where everything stands in a TOML text. */
export interface TomlLayout {
  readonly entries: readonly TomlEntry[];
  readonly headers: readonly TomlHeader[];
}

/**
 * Finds the keys, values and headers of a TOML text that a parser accepted. Only positions: values are not read. This is
 * what allows an edit to leave every other byte alone; the TOML editors tried rewrite line ends and header spacing.
 */
export function tomlLayout(text: string): TomlLayout {
  const entries: TomlEntry[] = [];
  const headers: TomlHeader[] = [];
  let position = text.startsWith('\uFEFF') ? 1 : 0;
  let header: TomlHeader | null = null;

  for (;;) {
    skipBlank();
    if (position >= text.length) return { entries, headers };
    if (text[position] === '[') header = readHeader();
    else readEntry(header === null ? [] : header.path, null);
  }

  function readHeader(): TomlHeader {
    const start = position;
    const array = text[position + 1] === '[';
    position += array ? 2 : 1;
    const path = readKey();
    expect(']');
    if (array) expect(']');
    const found = { path, array, start, end: position };
    headers.push(found);
    return found;
  }

  function readEntry(parent: readonly string[], inside: TomlEntry | null): void {
    const start = position;
    const path = [...parent, ...readKey()];
    expect('=');
    skipSpace();
    const valueStart = position;
    // An inline table's entries must name this one before its end is known.
    const entry = { path, start, valueStart, valueEnd: valueStart, header, inside };
    entries.push(entry);
    skipValue(entry);
    entry.valueEnd = position;
  }

  function readKey(): string[] {
    const path: string[] = [];
    for (;;) {
      skipSpace();
      const start = position;
      if (text[position] === '"' || text[position] === "'") {
        skipString();
        path.push(keyText(text.slice(start, position)));
      } else {
        while (position < text.length && !/[\s=.[\]{}"'#,]/.test(text[position] ?? '')) position++;
        if (position === start) throw lost();
        path.push(text.slice(start, position));
      }
      skipSpace();
      if (text[position] !== '.') return path;
      position++;
    }
  }

  function skipValue(entry: TomlEntry | null): void {
    const first = text[position];
    if (first === '"' || first === "'") return skipString();
    if (first === '[' || first === '{') return skipList(first === '[' ? ']' : '}', first === '{' ? entry : null);
    const start = position;
    while (position < text.length && !/[\n\r#,\]}]/.test(text[position] ?? '')) position++;
    while (position > start && /[ \t]/.test(text[position - 1] ?? '')) position--;
    if (position === start) throw lost();
  }

  function skipList(close: ']' | '}', entry: TomlEntry | null): void {
    position++;
    for (;;) {
      skipBlank();
      if (text[position] === close) {
        position++;
        return;
      }
      if (position >= text.length) throw lost();
      if (text[position] === ',') position++;
      else if (close === ']') skipValue(null);
      else if (entry === null) skipPair();
      else readEntry(entry.path, entry);
    }
  }

  /** A pair of an inline table inside an array: it has no path of its own. */
  function skipPair(): void {
    readKey();
    expect('=');
    skipSpace();
    skipValue(null);
  }

  function skipString(): void {
    const quote = text[position] ?? '';
    const triple = quote.repeat(3);
    const long = text.startsWith(triple, position);
    position += long ? 3 : 1;
    while (position < text.length) {
      if (quote === '"' && text[position] === '\\') position += 2;
      else if (text.startsWith(long ? triple : quote, position)) {
        position += long ? 3 : 1;
        // `""""` ends a long string with one quote inside it; at most two may precede the end.
        const most = long ? position + 2 : position;
        while (position < most && text[position] === quote) position++;
        return;
      } else position++;
    }
    throw lost();
  }

  function expect(character: string): void {
    skipSpace();
    if (text[position] !== character) throw lost();
    position++;
  }

  function skipSpace(): void {
    while (text[position] === ' ' || text[position] === '\t') position++;
  }

  function skipBlank(): void {
    while (position < text.length) {
      const character = text[position] ?? '';
      if (character === '#') position = lineEnd(text, position);
      else if (/[ \t\r\n]/.test(character)) position++;
      else return;
    }
  }

  function lost(): GemmaError {
    return new GemmaError({
      code: 'INTERNAL',
      message: `The layout of valid TOML was not understood at line ${lineOf(text, position)}. Please report it with the file.`,
      facts: { line: lineOf(text, position) },
    });
  }
}

/** The name that a quoted part of a key stands for. */
function keyText(quoted: string): string {
  const { name } = parse(`name = ${quoted}`);
  return typeof name === 'string' ? name : quoted;
}

/** Where the line that holds `offset` ends: before its line feed (and its carriage return), or at the end. */
export function lineEnd(text: string, offset: number): number {
  const feed = text.indexOf('\n', offset);
  if (feed === -1) return text.length;
  return feed > offset && text[feed - 1] === '\r' ? feed - 1 : feed;
}

/** Where the line that holds `offset` begins. */
export function lineStart(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1;
}

/** The number of the line that holds `offset`, from 1. */
export function lineOf(text: string, offset: number): number {
  let line = 1;
  for (let feed = text.indexOf('\n'); feed !== -1 && feed < offset; feed = text.indexOf('\n', feed + 1)) line++;
  return line;
}

/** A path as TOML writes it: parts that are not plain words are quoted. */
export function dottedKey(path: readonly string[]): string {
  return path.map((part) => (/^[A-Za-z0-9_-]+$/.test(part) ? part : JSON.stringify(part))).join('.');
}
