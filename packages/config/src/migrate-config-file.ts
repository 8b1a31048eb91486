import { constants } from 'node:fs';
import { chmod, copyFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { GemmaError } from '@gemma-cli/contracts';
import { findAncestorKey } from './ancestor-keys.ts';
import type { AncestorKey } from './ancestor-keys.ts';
import { requireKeyDefinition } from './read-value.ts';
import { leavesOf, parseConfigText, readConfigFile, writeConfigFile } from './config-file.ts';
import { checkConfigText } from './load-config.ts';
import { splice, withValue } from './set-config-value.ts';
import { dottedKey, lineEnd, lineOf, lineStart, tomlLayout } from './toml-layout.ts';
import type { TomlEntry, TomlHeader } from './toml-layout.ts';

/** What became of one key. */
export interface MigrationStep {
  readonly key: string;
  /** Line in the file as it was, from 1. */
  readonly line: number;
  /** `renamed`: the value is now below `to`. `disabled`: the line is a comment now. `removed`: cut from an inline table. */
  readonly action: 'renamed' | 'disabled' | 'removed';
  readonly to?: string;
  readonly reason: string;
}

/** What {@link migrateConfigFile} did. */
export interface MigrationReport {
  readonly file: string;
  /** Where the file as it was is kept. `null` when nothing had to be changed. */
  readonly backup: string | null;
  readonly steps: readonly MigrationStep[];
}

/**
 * Rewrites the keys of the Python `gemma_cli` in a file: renamed ones move to their new name, ones without effect become
 * comments. Everything else stays byte for byte, and the file as it was is kept beside it.
 *
 * @throws GemmaError `CONFIG_UNREADABLE`, `FILE_UNREADABLE`.
 */
export async function migrateConfigFile(file: string): Promise<MigrationReport> {
  const before = await readConfigFile(file);
  if (before === null) return { file, backup: null, steps: [] };
  const planned = planMigration(file, before.text);
  if (planned.steps.length === 0) return { file, backup: null, steps: [] };
  const backup = await keepBackup(file);
  await writeConfigFile(file, planned.text);
  return { file, backup, steps: planned.steps };
}

/** The migrated text and the steps. Pure. */
function planMigration(file: string, before: string): { text: string; steps: readonly MigrationStep[] } {
  const { entries, headers } = tomlLayout(before);
  const steps: MigrationStep[] = [];
  const renames: { key: string; value: unknown }[] = [];
  let text = before;
  // From the end, so that offsets before an edit stay right.
  const places = [
    ...entries.map((entry) => ({ entry, header: null })),
    ...headers.map((header) => ({ entry: null, header })),
  ];
  for (const { entry, header } of places.toSorted((left, right) => startOf(right) - startOf(left))) {
    const place = entry ?? header;
    const ancestor = entry === null ? findAncestorTable(header, entries) : findAncestorKey(entry.path);
    // What stands inside an entry that goes, goes with it.
    if (ancestor === undefined || (entry?.inside != null && findAncestorKey(entry.inside.path) !== undefined)) continue;
    const key = dottedKey(place.path);
    const line = lineOf(before, place.start);
    if (entry !== null && ancestor.type === 'renamed') {
      renames.push({ key: ancestor.to, value: valueAt(file, before, entry) });
    }
    text =
      entry?.inside == null
        ? comment(text, place.start, entry === null ? (header?.end ?? 0) : entry.valueEnd)
        : cut(text, entry, entries);
    // A header is part of its keys' story unless it stands alone.
    if (header !== null && entries.some((other) => other.header === header)) continue;
    const action = entry?.inside == null ? 'disabled' : 'removed';
    steps.unshift(
      ancestor.type === 'renamed'
        ? { key, line, action: 'renamed', to: ancestor.to, reason: `it is called ${ancestor.to} now` }
        : { key, line, action, reason: ancestor.reason },
    );
  }
  for (const { key, value } of renames) {
    const definition = requireKeyDefinition(key);
    const [section = '', name = ''] = key.split('.');
    const values = parseConfigText(file, text);
    const taken = (values[section] as Record<string, unknown> | undefined)?.[name] !== undefined;
    // The key's own name wins over its old one; a value that it cannot take stays a comment.
    if (taken || !definition.schema.safeParse(value).success) continue;
    text = withValue(text, section, name, value as string | number | boolean);
  }
  checkMigration(file, before, text);
  return { text, steps };
}

function startOf(place: { entry: { start: number } | null; header: { start: number } | null }): number {
  return place.entry?.start ?? place.header?.start ?? 0;
}

/** What became of a table: nothing of today can stand below its header, and nothing unknown does. */
function findAncestorTable(header: TomlHeader, entries: readonly TomlEntry[]): AncestorKey | undefined {
  const below = entries.filter((entry) => entry.header === header);
  if (below.some((entry) => findAncestorKey(entry.path) === undefined)) return undefined;
  return findAncestorKey(header.path) ?? findAncestorKey([...header.path, 'any']);
}

/** Puts `# ` before every line of the stretch. */
function comment(text: string, start: number, end: number): string {
  const from = lineStart(text, start) + (lineStart(text, start) === 0 && text.startsWith('\uFEFF') ? 1 : 0);
  const to = lineEnd(text, end);
  return splice(text, from, to, text.slice(from, to).replaceAll(/^/gm, '# '));
}

/** Takes a pair out of an inline table, with one comma beside it. */
function cut(text: string, entry: TomlEntry, entries: readonly TomlEntry[]): string {
  const pairs = entries.filter((other) => other.inside === entry.inside);
  const index = pairs.indexOf(entry);
  const next = pairs[index + 1];
  // The pairs after it that also go were cut already, the comma before them included.
  if (next !== undefined && text.slice(entry.valueEnd).trimStart().startsWith(',')) {
    const comma = text.indexOf(',', entry.valueEnd) + 1;
    return splice(text, entry.start, comma + (/^[ \t]*/.exec(text.slice(comma))?.[0].length ?? 0), '');
  }
  const previous = pairs[index - 1];
  const brace = entry.inside?.valueStart ?? entry.start;
  // The only one left: what remains is `{}`.
  if (previous === undefined && /^\s*\}/.test(text.slice(entry.valueEnd))) {
    return splice(text, brace, text.indexOf('}', entry.valueEnd) + 1, '{}');
  }
  return splice(text, previous?.valueEnd ?? entry.start, entry.valueEnd, '');
}

function valueAt(file: string, text: string, entry: TomlEntry): unknown {
  return parseConfigText(file, `value = ${text.slice(entry.valueStart, entry.valueEnd)}`)['value'];
}

/** Every value that is no ancestor's must be as it was; otherwise nothing is written. */
function checkMigration(file: string, before: string, after: string): void {
  const kept = (text: string): ReadonlyMap<string, unknown> =>
    new Map(
      leavesOf({ file, text, values: parseConfigText(file, text) })
        .filter((leaf) => findAncestorKey(leaf.path) === undefined)
        .map((leaf) => [leaf.key, leaf.value]),
    );
  const was = kept(before);
  const is = kept(after);
  const values = parseConfigText(file, after);
  const ancestors = leavesOf({ file, text: after, values }).filter((leaf) => findAncestorKey(leaf.path) !== undefined);
  const changed = [...was].some(([key, value]) => !is.has(key) || !isDeepStrictEqual(is.get(key), value));
  const { problems } = checkConfigText({ file, text: after, values }, false);
  const problemsBefore = checkConfigText({ file, text: before, values: parseConfigText(file, before) }, false).problems;
  if (ancestors.length === 0 && !changed && problems.length <= problemsBefore.length) return;
  throw new GemmaError({
    code: 'INTERNAL',
    message: `Migrating ${file} would have changed more than the old keys; nothing was written. Remove the keys that \`gemma config validate\` names by hand.`,
    facts: { file, keys: ancestors.map((leaf) => leaf.key) },
  });
}

/** Copies the file to the first free of `FILE.bak`, `FILE.bak.1`, … */
async function keepBackup(file: string): Promise<string> {
  for (let number = 0; number < 1000; number++) {
    const backup = number === 0 ? `${file}.bak` : `${file}.bak.${number}`;
    try {
      await copyFile(file, backup, constants.COPYFILE_EXCL);
      await chmod(backup, 0o600);
      return backup;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'EEXIST') continue;
      throw new GemmaError({
        code: 'FILE_UNREADABLE',
        message: `Expected to keep a copy of ${file} as ${backup}: ${(cause as Error).message}. Nothing was changed.`,
        facts: { file, backup },
        cause,
      });
    }
  }
  throw new GemmaError({
    code: 'FILE_UNREADABLE',
    message: `Expected a free name for a copy of ${file}, but there are 1,000 copies. Remove some. Nothing was changed.`,
    facts: { file },
  });
}
