import { GemmaError, nearestNames } from '@gemma-cli/contracts';
import { parseConfigText } from './config-file.ts';
import type { Role, RoleOption } from './role.ts';

/** The keys of a role file, and what each takes. */
const roleKeys = {
  summary: 'text',
  system: 'text',
  prompt: 'text',
  model: 'text',
  schema: 'text',
  schema_list: 'true or false',
  extract: '"first" or "last"',
  options: 'a table',
  defaults: 'a table of texts',
} as const;

/** What a role file may name as a model: an installed name, never a path. */
const modelPattern = /^(?!.*\.(?:gguf|sbs)$)[a-z0-9][\w.-]*(?:\/[a-z0-9][\w.-]*)*(?::[a-z0-9][\w.-]*)?$/i;

/** Whether a role may have this name: safe as a file on every system. */
export function isRoleName(name: string): boolean {
  return /^[a-z0-9][a-z0-9_-]{0,63}$/.test(name) && !/^(?:con|prn|aux|nul|com\d|lpt\d)$/.test(name);
}

/**
 * Reads a role. It is text and numbers alone: a role names no file, runs nothing and reads nothing, whoever wrote it.
 *
 * @throws GemmaError `CONFIG_UNREADABLE`, `CONFIG_UNKNOWN_KEY`, `CONFIG_INVALID`, with file and key.
 */
export function readRole(text: string, { name, source, file }: Pick<Role, 'name' | 'source'> & { file: string }): Role {
  const values = parseConfigText(file, text);
  for (const key of Object.keys(values)) {
    if (Object.hasOwn(roleKeys, key)) continue;
    const [nearest] = nearestNames(key, Object.keys(roleKeys));
    throw new GemmaError({
      code: 'CONFIG_UNKNOWN_KEY',
      message: `There is no key ${JSON.stringify(key)} in a role, as in ${file}. ${nearest === undefined ? `The keys are ${Object.keys(roleKeys).join(', ')}.` : `Did you mean ${nearest}?`}`,
      facts: { file, key, ...(nearest === undefined ? {} : { nearest }) },
    });
  }
  const read = <Value>(key: keyof typeof roleKeys, none: Value, fits: (value: unknown) => value is Value): Value => {
    const value = values[key];
    if (value === undefined) return none;
    if (!fits(value)) throw invalid(file, key, roleKeys[key], value);
    return value;
  };
  const readText = (key: keyof typeof roleKeys): string | null => read<string | null>(key, null, isText);
  const model = readText('model');
  if (model !== null && !modelPattern.test(model)) throw invalid(file, 'model', 'the name of a model, no path', model);
  const options = read<Readonly<Record<string, unknown>>>('options', {}, isTable);
  for (const [key, value] of Object.entries(options)) {
    if (!isOption(value))
      throw invalid(file, `options.${key}`, 'text, a number, true or false, or a list of texts', value);
  }
  const defaults = read<Readonly<Record<string, unknown>>>('defaults', {}, isTable);
  for (const [key, value] of Object.entries(defaults)) {
    if (!isText(value)) throw invalid(file, `defaults.${key}`, 'text', value);
    if (!/^[A-Za-z_][\w-]*$/.test(key) || key === 'input')
      throw invalid(file, 'defaults', 'names of letters, digits, "_" and "-", but not "input"', key);
  }
  return Object.freeze({
    name,
    source,
    summary: readText('summary') ?? '',
    system: readText('system'),
    prompt: readText('prompt'),
    model,
    schema: readText('schema'),
    schemaList: read('schema_list', false, (value) => typeof value === 'boolean'),
    extract: read<'first' | 'last' | null>('extract', null, (value) => value === 'first' || value === 'last'),
    options: options as Readonly<Record<string, RoleOption>>,
    defaults: defaults as Readonly<Record<string, string>>,
  });
}

/** What a role is written with; see {@link Role}. */
export type RoleContent = {
  readonly [Key in Exclude<keyof Role, 'name' | 'source'>]?: Role[Key] | undefined;
};

/** A role as the text of its file. */
export function formatRole({
  summary,
  system,
  prompt,
  model,
  schema,
  schemaList,
  extract,
  options = {},
  defaults = {},
}: RoleContent): string {
  const lines = [
    ...(summary === undefined || summary === '' ? [] : [`summary = ${tomlText(summary)}`]),
    ...(model === undefined || model === null ? [] : [`model = ${tomlText(model)}`]),
    ...(system === undefined || system === null ? [] : [`system = ${tomlText(system)}`]),
    ...(prompt === undefined || prompt === null ? [] : [`prompt = ${tomlText(prompt)}`]),
    ...(schema === undefined || schema === null ? [] : [`schema = ${tomlText(schema)}`]),
    ...(schemaList === true ? ['schema_list = true'] : []),
    ...(extract === undefined || extract === null ? [] : [`extract = ${tomlText(extract)}`]),
    ...tomlTable('defaults', defaults),
    ...tomlTable('options', options),
  ];
  return `${lines.join('\n')}\n`;
}

function tomlTable(name: string, table: Readonly<Record<string, RoleOption>>): readonly string[] {
  const entries = Object.entries(table);
  if (entries.length === 0) return [];
  const value = (option: RoleOption): string =>
    typeof option === 'string'
      ? tomlText(option)
      : Array.isArray(option)
        ? `[${option.map((text: string) => tomlText(text)).join(', ')}]`
        : String(option);
  return ['', `[${name}]`, ...entries.map(([key, option]) => `${tomlText(key)} = ${value(option)}`)];
}

/** JSON writes a text as TOML reads it, but for DEL; one of several lines is easier to edit between triple quotes. */
function tomlText(text: string): string {
  const quoted = (line: string): string => JSON.stringify(line).replaceAll('\u007F', '\\u007F');
  if (!text.includes('\n')) return quoted(text);
  const lines = text.split('\n').map((line) => quoted(line).slice(1, -1));
  return `"""\n${lines.join('\n')}"""`;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

function isOption(value: unknown): value is RoleOption {
  return ['string', 'number', 'boolean'].includes(typeof value) || (Array.isArray(value) && value.every(isText));
}

function invalid(file: string, key: string, expected: string, value: unknown): GemmaError {
  return new GemmaError({
    code: 'CONFIG_INVALID',
    message: `Expected ${key} in ${file} to be ${expected}, got ${shown(value)}.`,
    facts: { file, key },
  });
}

function shown(value: unknown): string {
  return typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? String(value));
}
