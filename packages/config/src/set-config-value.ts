import { isDeepStrictEqual } from 'node:util';
import { GemmaError } from '@gemma-cli/contracts';
import { fileValueOf, valueOfText } from './config-keys.ts';
import type { ConfigFileValue } from './config-keys.ts';
import { parseConfigText, readConfigFile, writeConfigFile } from './config-file.ts';
import type { ConfigOrigin, LoadedConfig } from './gemma-config.ts';
import { readValue, requireKeyDefinition } from './read-value.ts';
import { lineEnd, lineStart, tomlLayout } from './toml-layout.ts';

/** One value and where it came from. */
export interface ConfigValue {
  readonly key: string;
  /** As a file would write it: durations as text. */
  readonly value: ConfigFileValue;
  readonly origin: ConfigOrigin;
}

/**
 * One value of a loaded configuration.
 *
 * @throws GemmaError `CONFIG_UNKNOWN_KEY`.
 */
export function getConfigValue(loaded: LoadedConfig, key: string): ConfigValue {
  const definition = requireKeyDefinition(key);
  const section = loaded.config[definition.section] as unknown as Readonly<Record<string, unknown>>;
  return {
    key,
    value: fileValueOf(definition, section[definition.property]),
    origin: loaded.origins[key] ?? { source: 'default' },
  };
}

/** What {@link setConfigValue} takes. */
export interface SetConfigValueOptions {
  /** Absolute path. Made if it does not exist; its folder must. */
  readonly file: string;
  readonly key: string;
  /** A typed value, or text that is read as a variable's text is. */
  readonly value: unknown;
  /** The file is a project file: keys that one may not set are refused. Default false. */
  readonly project?: boolean;
}

/** What {@link setConfigValue} did. */
export interface SetConfigResult {
  readonly key: string;
  /** The value that the file has now. */
  readonly value: ConfigFileValue;
  /** The value that the file had. Absent when the key was not in it. */
  readonly previous?: unknown;
}

/**
 * Sets one key in a file. Everything else, comments, order, line ends and spacing, stays as it is. The file is replaced
 * as a whole and becomes private to its owner. Of two at the same time the later one wins, whole.
 *
 * @throws GemmaError `CONFIG_UNKNOWN_KEY`, `CONFIG_INVALID`, `CONFIG_UNREADABLE`, `FILE_UNREADABLE`.
 */
export async function setConfigValue(options: SetConfigValueOptions): Promise<SetConfigResult> {
  const { file, key, project = false } = options;
  const definition = requireKeyDefinition(key);
  const typed = typeof options.value === 'string' ? valueOfText(definition, options.value) : options.value;
  const place = { words: `to be set in ${file}`, facts: { file } };
  const value = fileValueOf(definition, readValue(definition, typed, place, project));
  const before = (await readConfigFile(file)) ?? { file, text: '', values: {} };
  const path = key.split('.');
  const [section = '', name = ''] = path;
  const text = withValue(before.text, section, name, value);
  checkEdit(file, before.values, text, section, name, value);
  await writeConfigFile(file, text);
  const previous = (before.values[section] as Record<string, unknown> | undefined)?.[name];
  return previous === undefined ? { key, value } : { key, value, previous };
}

/** The text with `section.name = value`: its value replaced, or a new line where it belongs. */
export function withValue(text: string, section: string, name: string, value: ConfigFileValue): string {
  const written = tomlValue(value);
  const { entries, headers } = tomlLayout(text);

  const present = entries.find((entry) => isAt(entry.path, [section, name]));
  if (present !== undefined) return splice(text, present.valueStart, present.valueEnd, written);

  const table = headers.find((header) => !header.array && isAt(header.path, [section]));
  if (table !== undefined) {
    const last = entries.findLast((entry) => entry.header === table && entry.inside === null);
    const indent = last === undefined ? '' : indentOf(text, last.start);
    return insertLine(text, last?.valueEnd ?? table.end, `${indent}${name} = ${written}`);
  }
  const inline = entries.find((entry) => isAt(entry.path, [section]));
  if (inline !== undefined && text[inline.valueStart] === '{') {
    const last = entries.findLast((entry) => entry.inside === inline);
    if (last !== undefined) return splice(text, last.valueEnd, last.valueEnd, `, ${name} = ${written}`);
    return splice(text, inline.valueStart, inline.valueEnd, `{ ${name} = ${written} }`);
  }
  const dotted = entries.findLast(
    (entry) => entry.path[0] === section && entry.header === null && entry.inside === null,
  );
  if (dotted !== undefined) return insertLine(text, dotted.valueEnd, `${section}.${name} = ${written}`);

  const end = lineBreakOf(text);
  const blank =
    text === '' || text === '\uFEFF' || /\n[ \t]*\r?\n$/.test(text) ? '' : text.endsWith('\n') ? end : end + end;
  return `${text}${blank}[${section}]${end}${name} = ${written}${end}`;
}

function isAt(path: readonly string[], wanted: readonly string[]): boolean {
  return isDeepStrictEqual(path, wanted);
}

/** Puts a line after the line that holds `offset`. */
function insertLine(text: string, offset: number, line: string): string {
  const end = lineEnd(text, offset);
  const lineBreak = /^\r?\n/.exec(text.slice(end, end + 2))?.[0];
  // The last line of a file may have no break; then the new one has none either.
  if (lineBreak === undefined) return splice(text, end, end, lineBreakOf(text) + line);
  const next = end + lineBreak.length;
  return splice(text, next, next, line + lineBreak);
}

/** Replaces a stretch of the text. */
export function splice(text: string, start: number, end: number, replacement: string): string {
  return text.slice(0, start) + replacement + text.slice(end);
}

/** The line break that the file uses first; a line feed where there is none. */
function lineBreakOf(text: string): string {
  return /\r?\n/.exec(text)?.[0] ?? '\n';
}

/** The edit must parse, set the key and change nothing else; otherwise nothing is written. */
function checkEdit(
  file: string,
  before: Readonly<Record<string, unknown>>,
  text: string,
  section: string,
  name: string,
  value: ConfigFileValue,
): void {
  const table = before[section] ?? {};
  if (typeof table !== 'object' || Array.isArray(table)) {
    throw new GemmaError({
      code: 'CONFIG_INVALID',
      message: `Expected ${section} in ${file} to be a section, so that ${section}.${name} can be set. Correct the file first: \`gemma config edit\`.`,
      facts: { file, key: `${section}.${name}` },
    });
  }
  const expected = { ...before, [section]: { ...table, [name]: value ?? '' } };
  if (!isDeepStrictEqual(plain(parseConfigText(file, text)), plain(expected))) {
    throw new GemmaError({
      code: 'INTERNAL',
      message: `Setting ${section}.${name} would have changed something else in ${file}; nothing was written. Set it by hand with \`gemma config edit\`.`,
      facts: { file, key: `${section}.${name}` },
    });
  }
}

/** The parser's tables have no prototype and a literal has one: made equal for the comparison. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return new Map(
    Object.entries(value)
      .map(([key, inner]) => [key, plain(inner)] as const)
      .toSorted(([left], [right]) => (left < right ? -1 : 1)),
  );
}

function indentOf(text: string, offset: number): string {
  const before = text.slice(lineStart(text, offset), offset).replace('\uFEFF', '');
  return /^[ \t]*$/.test(before) ? before : '';
}

/** A value as TOML. */
function tomlValue(value: ConfigFileValue): string {
  if (value === null) return '""';
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
