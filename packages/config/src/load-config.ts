import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GemmaError, isGemmaError, nearestNames } from '@gemma-cli/contracts';
import { ancestorSectionNames, ancestorVariables, findAncestorKey } from './ancestor-keys.ts';
import { configKeys, findKeyDefinition, keyDefinitions, valueOfText } from './config-keys.ts';
import type { KeyDefinition } from './config-keys.ts';
import { leavesOf, readConfigFile } from './config-file.ts';
import type { ConfigText } from './config-file.ts';
import type { ConfigOrigin, ConfigSource, GemmaConfig, LoadedConfig } from './gemma-config.ts';
import { homeLayout } from './home.ts';
import { readValue, requireKeyDefinition, unknownKey } from './read-value.ts';

/** What {@link loadConfig} reads. Nothing else is read. */
export interface LoadConfigOptions {
  /** Home folder of gemma, absolute. It need not exist. */
  readonly home: string;
  /** Absolute folder; the project file is looked for here and in the folders above. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Dotted key to value; text is read as a variable's text is. `undefined` = not given. Default: none. */
  readonly flags?: Readonly<Record<string, unknown>>;
}

/** The name of a project file. */
export const projectFileName = '.gemma.toml';

/** `GEMMA_` names that are not configuration: no warning for them, nor for `GEMMA_TEST_…`, which the test runs of this project use. */
const otherVariables: readonly string[] = ['GEMMA_HOME'];

/** Nobody reads on; a hostile file may have a hundred thousand. */
const problemsMax = 100;

/** Values of one layer: resolved value and place, by key. */
type Layer = ReadonlyMap<string, { readonly value: unknown; readonly where?: string }>;

/** What a check of one file found. */
export interface FileFindings {
  readonly layer: Layer;
  readonly problems: readonly GemmaError[];
  readonly warnings: readonly string[];
}

/**
 * Gathers the configuration: flag over environment over project file over user file over built-in.
 *
 * @throws GemmaError `CONFIG_UNREADABLE`, `CONFIG_UNKNOWN_KEY`, `CONFIG_INVALID`: the first problem, with `problems`
 *   counting all of them.
 */
export async function loadConfig({ home, cwd, env, flags = {} }: LoadConfigOptions): Promise<LoadedConfig> {
  const userFile = homeLayout(home).config;
  const warnings: string[] = [];
  const { file: projectFile, warning } = await findProjectFile(cwd);
  if (warning !== null) warnings.push(warning);
  const user = await readConfigFile(userFile);
  const project = projectFile === null ? null : await readConfigFile(projectFile);

  const fromFlags = readFlags(flags);
  const fromEnvironment = readEnvironment(env);
  const fromProject = checkConfigText(project, true);
  const fromUser = checkConfigText(user, false);
  const problems = [fromFlags, fromEnvironment, fromProject, fromUser].flatMap((findings) => findings.problems);
  const [first] = problems;
  if (first !== undefined) throw problems.length === 1 ? first : withCount(first, problems.length);

  const layers: readonly [ConfigSource, Layer][] = [
    ['flag', fromFlags.layer],
    ['environment', fromEnvironment.layer],
    ['project', fromProject.layer],
    ['user', fromUser.layer],
  ];
  const config: Record<string, Record<string, unknown>> = {};
  const origins: Record<string, ConfigOrigin> = {};
  for (const definition of keyDefinitions) {
    const { value, origin } = strongest(definition, layers);
    (config[definition.section] ??= {})[definition.property] = value;
    origins[definition.key] = Object.freeze(origin);
  }
  for (const section of Object.values(config)) Object.freeze(section);
  for (const findings of [fromEnvironment, fromProject, fromUser]) warnings.push(...findings.warnings);
  return Object.freeze({
    // The table of definitions is typed by GemmaConfig, section by section and property by property.
    config: Object.freeze(config) as unknown as GemmaConfig,
    origins: Object.freeze(origins),
    warnings: Object.freeze(warnings),
    files: Object.freeze({ user: userFile, project: projectFile }),
  });
}

/** Checks the keys and values of a file. `null` = there is no file. */
export function checkConfigText(config: ConfigText | null, project: boolean): FileFindings {
  const layer = new Map<string, { value: unknown; where: string }>();
  const problems: GemmaError[] = [];
  const warnings: string[] = [];
  for (const leaf of config === null ? [] : leavesOf(config)) {
    if (problems.length >= problemsMax) break;
    const where = `${config?.file ?? ''}:${leaf.line}`;
    const place = { words: `in ${where}`, facts: { file: config?.file, line: leaf.line } };
    const definition = findKeyDefinition(leaf.key);
    // `[engine]` with nothing below it.
    if (definition === undefined && leaf.path.length === 1 && isEmptySection(leaf.path, leaf.value)) continue;
    const ancestor = definition === undefined ? findAncestorKey(leaf.path) : undefined;
    collect(problems, () => {
      if (definition !== undefined) {
        layer.set(definition.key, { value: readValue(definition, leaf.value, place, project), where });
      } else if (ancestor?.type === 'renamed') {
        const target = requireKeyDefinition(ancestor.to);
        const result = target.schema.safeParse(leaf.value);
        const effect = result.success
          ? `is read as ${ancestor.to}`
          : `has no effect: ${ancestor.to} takes ${target.type}`;
        // The key's own name wins over its old one.
        if (result.success && !layer.has(target.key)) layer.set(target.key, { value: result.data, where });
        warnings.push(`${leaf.key} (${where}) is a key of the Python gemma_cli and ${effect}. ${rewrite(project)}`);
      } else if (ancestor?.type === 'ignored') {
        warnings.push(
          `${leaf.key} (${where}) is a key of the Python gemma_cli and has no effect: ${ancestor.reason}. ${rewrite(project)}`,
        );
      } else throw unknownKey(leaf.key, place);
    });
  }
  return { layer, problems, warnings };
}

function rewrite(project: boolean): string {
  return project ? '`gemma config migrate --project` rewrites the file.' : '`gemma config migrate` rewrites the file.';
}

function readFlags(flags: Readonly<Record<string, unknown>>): FileFindings {
  const layer = new Map<string, { value: unknown }>();
  const problems: GemmaError[] = [];
  for (const [key, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    const place = { words: 'given as a flag', facts: {} };
    collect(problems, () => {
      const definition = requireKeyDefinition(key, place);
      const typed = typeof value === 'string' ? valueOfText(definition, value) : value;
      layer.set(key, { value: readValue(definition, typed, place) });
    });
  }
  return { layer, problems, warnings: [] };
}

function readEnvironment(env: Readonly<Record<string, string | undefined>>): FileFindings {
  const layer = new Map<string, { value: unknown; where: string }>();
  const problems: GemmaError[] = [];
  const names = new Set(otherVariables);
  for (const definition of keyDefinitions) {
    for (const name of [definition.environment, ...definition.environmentAliases]) {
      names.add(name);
      const text = env[name];
      // Empty is how a shell or a container unsets a variable.
      if (text === undefined || text === '' || layer.has(definition.key)) continue;
      const place = { words: `from the variable ${name}`, facts: { variable: name } };
      collect(problems, () => {
        const value = readValue(definition, valueOfText(definition, text), place);
        layer.set(definition.key, { value, where: name });
      });
    }
  }
  const warnings = Object.keys(env)
    .filter((name) => /^GEMMA_(?!TEST_)/.test(name) && !names.has(name) && env[name] !== undefined && env[name] !== '')
    .toSorted()
    .map((name) => unknownVariable(name, [...names]));
  return { layer, problems, warnings };
}

/** A warning, no error: other programs have variables of this prefix, and one in a profile must not stop every command. */
function unknownVariable(name: string, names: readonly string[]): string {
  const ancestor = ancestorVariables.get(name);
  if (ancestor !== undefined) return `The variable ${name} of the Python gemma_cli has no effect: ${ancestor}.`;
  const section = name.slice('GEMMA_'.length).toLowerCase();
  const sections = new Set([...ancestorSectionNames, ...configKeys.map((row) => row.key.split('.')[0])]);
  if (sections.has(section)) {
    return `The variable ${name}, a whole section as JSON for the Python gemma_cli, has no effect: set one variable for each key, ${name}_<KEY>.`;
  }
  const [nearest] = nearestNames(name, names, 1);
  return `The variable ${name} is not one that gemma knows and has no effect.${nearest === undefined ? '' : ` Did you mean ${nearest}?`}`;
}

/** The project file that counts in a folder. */
export interface FoundProjectFile {
  /** Absolute path, or `null` when there is none. */
  readonly file: string | null;
  /** A sentence about a file that was passed over. `null` = none was. */
  readonly warning: string | null;
}

/**
 * The nearest `.gemma.toml` from `cwd` upwards. One that belongs to another user is passed over with a warning: in a
 * shared folder anybody could leave one.
 *
 * @throws GemmaError `CONFIG_UNREADABLE`.
 */
export async function findProjectFile(cwd: string): Promise<FoundProjectFile> {
  const owner = process.getuid?.();
  let warning: string | null = null;
  for (let folder = cwd; ; folder = dirname(folder)) {
    const file = join(folder, projectFileName);
    const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
      // A folder that may not be searched cannot hold a file for us.
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'EACCES') return null;
      throw new GemmaError({
        code: 'CONFIG_UNREADABLE',
        message: `Expected to look for ${file}: ${error.message}.`,
        facts: { file },
        cause: error,
      });
    });
    if (found !== null) {
      if (owner === undefined || found.uid === owner) return { file, warning };
      warning ??= `The project file ${file} belongs to another user (${found.uid}) and has no effect. Copy it to use it.`;
    }
    if (dirname(folder) === folder) return { file: null, warning };
  }
}

function strongest(
  definition: KeyDefinition,
  layers: readonly [ConfigSource, Layer][],
): { value: unknown; origin: ConfigOrigin } {
  for (const [source, layer] of layers) {
    const found = layer.get(definition.key);
    if (found === undefined) continue;
    return { value: found.value, origin: found.where === undefined ? { source } : { source, where: found.where } };
  }
  const builtIn = readValue(definition, definition.default, { words: 'built in', facts: {} });
  return { value: builtIn, origin: { source: 'default' } };
}

function isEmptySection(path: readonly string[], value: unknown): boolean {
  const isSection = keyDefinitions.some((definition) => definition.section === path[0]);
  return isSection && typeof value === 'object' && value !== null && !Array.isArray(value);
}

function withCount(first: GemmaError, problems: number): GemmaError {
  return new GemmaError({
    code: first.code,
    message: `${first.message} (1 of ${problems} problems; \`gemma config validate\` lists all.)`,
    facts: { ...first.facts, problems },
    cause: first,
  });
}

/** Runs a check and keeps its typed error for the list. */
function collect(problems: GemmaError[], check: () => void): void {
  try {
    check();
  } catch (error) {
    if (!isGemmaError(error)) throw error;
    problems.push(error);
  }
}
