import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  configKeys,
  ensureHome,
  findProjectFile,
  getConfigValue,
  homeLayout,
  loadConfig,
  migrateConfigFile,
  projectFileName,
  setConfigValue,
  validateConfigFile,
} from '@gemma-cli/config';
import type { ConfigFileReport, ConfigFileValue, ConfigOrigin, LoadedConfig } from '@gemma-cli/config';
import type { CommandContext, CommandDefinition, OptionDefinition } from '../command.ts';
import { openEditor } from './open-editor.ts';
import { printJson, printLine, printNotice, printTable } from './print.ts';

const projectOption: OptionDefinition = {
  long: 'project',
  summary: `The project file: the nearest ${projectFileName}, or a new one here. Default: your own file.`,
};

const listCommand: CommandDefinition = {
  name: 'list',
  aliases: ['ls'],
  summary: 'Show every key and its value.',
  options: [{ long: 'sources', summary: 'Show where each value comes from, what it takes and its variable.' }],
  examples: [
    { command: 'gemma config list', effect: 'shows every key and value' },
    { command: 'gemma config list --sources', effect: 'shows which file, line or variable set each' },
  ],
  async run(context, { options }) {
    const loaded = await load(context);
    const rows = configKeys.map((row) => ({ row, ...getConfigValue(loaded, row.key) }));
    if (context.options.json) {
      const values = rows.map(({ row, value, origin }) => ({ ...row, value, ...origin }));
      printJson(context.stdout, { values, files: loaded.files, warnings: loaded.warnings });
      return 0;
    }
    if (options['sources'] === true) {
      printTable(
        context.stdout,
        ['KEY', 'VALUE', 'FROM', 'VARIABLE', 'TAKES'],
        rows.map(({ row, value, origin }) => [row.key, shown(value), originText(origin), row.environment, row.type]),
      );
      return 0;
    }
    for (const { row, value } of rows) printLine(context.stdout, `${row.key} = ${shown(value)}`);
    return 0;
  },
};

const getCommand: CommandDefinition = {
  name: 'get',
  summary: 'Print one value.',
  arguments: [{ name: 'KEY', summary: 'Such as engine.keep_alive.', required: true, completes: 'config-keys' }],
  examples: [
    { command: 'gemma config get engine.keep_alive', effect: 'prints the value alone' },
    { command: 'gemma config get engine.threads --json', effect: 'prints it with its origin' },
  ],
  async run(context, { arguments: [key = ''] }) {
    const loaded = await load(context);
    const { value, origin } = getConfigValue(loaded, key);
    if (context.options.json) printJson(context.stdout, { key, value, ...origin });
    else printLine(context.stdout, String(value ?? ''));
    return 0;
  },
};

const setCommand: CommandDefinition = {
  name: 'set',
  summary: 'Set one value in a file. Comments, order and spacing stay.',
  arguments: [
    {
      name: 'KEY',
      summary: 'Such as sampling.temperature; `gemma config list` shows all.',
      required: true,
      completes: 'config-keys',
    },
    { name: 'VALUE', summary: 'As the file takes it: true, 0.2, 5m, gemma3:1b.', required: true },
  ],
  options: [projectOption],
  examples: [
    { command: 'gemma config set gemma.default_model gemma3:1b', effect: 'answers with another model from now on' },
    { command: 'gemma config set engine.keep_alive -- -1', effect: 'never unloads a model' },
    { command: 'gemma config set sampling.temperature 0 --project', effect: 'sets it for this folder and those below' },
  ],
  async run(context, { arguments: [key = '', value = ''], options }) {
    const project = options['project'] === true;
    const file = await targetFile(context, project);
    if (!project) await ensureHome(context.options.home);
    const result = await setConfigValue({ file, key, value, project });
    if (context.options.json) printJson(context.stdout, { ...result, file });
    else {
      const before = result.previous === undefined ? '' : ` (was ${shown(result.previous as ConfigFileValue)})`;
      printNotice(context, `${key} = ${shown(result.value)}${before} in ${file}`);
    }
    const loaded = await loadOrUndefined(context);
    const origin = loaded === undefined ? undefined : getConfigValue(loaded, key).origin;
    if (origin !== undefined && origin.source !== (project ? 'project' : 'user')) {
      printNotice(context, `gemma: something stronger sets ${key} here: ${originText(origin)}.`);
    }
    return 0;
  },
};

const pathCommand: CommandDefinition = {
  name: 'path',
  summary: 'Print the path of your file, whether or not it exists.',
  options: [projectOption],
  examples: [
    { command: 'gemma config path', effect: 'prints one path' },
    { command: 'gemma config path --project', effect: 'prints the project file that counts here' },
  ],
  async run(context, { options }) {
    const file = await targetFile(context, options['project'] === true);
    if (context.options.json) printJson(context.stdout, { file });
    else printLine(context.stdout, file);
    return 0;
  },
};

const editCommand: CommandDefinition = {
  name: 'edit',
  summary: 'Open a file in $VISUAL or $EDITOR and check it afterwards.',
  options: [projectOption],
  examples: [
    { command: 'gemma config edit', effect: 'opens your file; a new one lists every key as a comment' },
    { command: 'EDITOR="code --wait" gemma config edit', effect: 'uses this editor once' },
  ],
  async run(context, { options }) {
    const project = options['project'] === true;
    const file = await targetFile(context, project);
    if (!project) await ensureHome(context.options.home);
    await createTemplate(file, project);
    await openEditor(context, file);
    return report(context, [await validateConfigFile(file, { project })]);
  },
};

const validateCommand: CommandDefinition = {
  name: 'validate',
  summary: 'Check the files and list every problem with its line.',
  arguments: [
    {
      name: 'FILE',
      summary: 'Check this file as a user file. Default: your file and the project file.',
      completes: 'files',
    },
  ],
  options: [
    { ...projectOption, summary: 'Check FILE, or else the project file alone, by the rules for project files.' },
  ],
  examples: [
    { command: 'gemma config validate', effect: 'exits 0 when everything is valid, 2 otherwise' },
    { command: 'gemma config validate ./config.toml', effect: 'checks a file before it is put in place' },
  ],
  async run(context, { arguments: [file], options }) {
    const project = options['project'] === true;
    const userFile = homeLayout(context.options.home).config;
    if (file !== undefined) {
      return report(context, [await validateConfigFile(resolve(context.cwd, file), { project })]);
    }
    const reports = project ? [] : [await validateConfigFile(userFile)];
    const projectFile = await findProject(context);
    if (projectFile !== null) reports.push(await validateConfigFile(projectFile, { project: true }));
    return report(context, reports);
  },
};

const migrateCommand: CommandDefinition = {
  name: 'migrate',
  summary: 'Rewrite keys of the Python gemma_cli; a copy of the file is kept.',
  options: [projectOption],
  examples: [{ command: 'gemma config migrate', effect: 'says what becomes of each old key, and where the copy is' }],
  async run(context, { options }) {
    const result = await migrateConfigFile(await targetFile(context, options['project'] === true));
    if (context.options.json) {
      printJson(context.stdout, result);
      return 0;
    }
    for (const { key, line, action, to, reason } of result.steps) {
      const fate =
        action === 'renamed' ? `is ${to ?? ''} now` : action === 'disabled' ? 'is a comment now' : 'was removed';
      printNotice(context, `line ${line}: ${key} ${fate}: ${reason}`);
    }
    printNotice(
      context,
      result.backup === null
        ? `Nothing to do in ${result.file}.`
        : `${result.file} is rewritten; the old one is ${result.backup}.`,
    );
    return 0;
  },
};

/** `gemma config`: reads and changes the configuration. */
export const configCommand: CommandDefinition = {
  name: 'config',
  summary: 'Show and change the configuration.',
  subcommands: [listCommand, getCommand, setCommand, pathCommand, editCommand, validateCommand, migrateCommand],
  examples: [
    { command: 'gemma config list --sources', effect: 'shows every value and where it comes from' },
    { command: 'gemma config set engine.keep_alive 10m', effect: 'changes one' },
  ],
};

async function load(context: CommandContext): Promise<LoadedConfig> {
  const { cwd, env, options } = context;
  const loaded = await loadConfig({ home: options.home, cwd, env });
  for (const warning of loaded.warnings) printNotice(context, `gemma: ${warning}`);
  return loaded;
}

/** After an edit the rest of the configuration may be wrong; `set` itself succeeded. */
async function loadOrUndefined(context: CommandContext): Promise<LoadedConfig | undefined> {
  try {
    return await load(context);
  } catch (error) {
    printNotice(context, `gemma: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

/** The file that a command works on. */
async function targetFile(context: CommandContext, project: boolean): Promise<string> {
  if (!project) return homeLayout(context.options.home).config;
  return (await findProject(context)) ?? join(context.cwd, projectFileName);
}

async function findProject(context: CommandContext): Promise<string | null> {
  const { file, warning } = await findProjectFile(context.cwd);
  if (warning !== null) printNotice(context, `gemma: ${warning}`);
  return file;
}

function report(context: CommandContext, reports: readonly ConfigFileReport[]): number {
  const problems = reports.flatMap(({ file, problems: found }) =>
    found.map((problem) => ({ file, ...problem.toJSON() })),
  );
  const warnings = reports.flatMap((one) => one.warnings);
  if (context.options.json) printJson(context.stdout, { valid: problems.length === 0, problems, warnings });
  else {
    for (const warning of warnings) printNotice(context, `gemma: ${warning}`);
    for (const { message, code } of problems) printLine(context.stderr, `${message} [${code}]`);
    for (const { file, exists, problems: found } of reports) {
      if (found.length === 0)
        printNotice(context, `${file}: ${exists ? 'valid' : 'there is none, so nothing is wrong'}`);
    }
  }
  return reports.flatMap((one) => one.problems)[0]?.exitCode ?? 0;
}

/** A new file lists every key as a comment, so that editing begins with something to read. */
async function createTemplate(file: string, project: boolean): Promise<void> {
  const rows = configKeys.filter((row) => !project || row.project);
  const sections = [...new Set(rows.map((row) => row.key.split('.')[0] ?? ''))];
  const text = [
    '# Configuration of gemma. Remove the # before a key to set it; `gemma config list --sources` shows what counts.',
    ...sections.flatMap((section) => [
      '',
      `[${section}]`,
      ...rows
        .filter((row) => row.key.startsWith(`${section}.`))
        .flatMap((row) => [
          `# ${row.summary} Takes ${row.type}.`,
          `# ${row.key.slice(section.length + 1)} = ${tomlText(row.default)}`,
        ]),
    ]),
    '',
  ].join('\n');
  try {
    await writeFile(file, text, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

function originText({ source, where }: ConfigOrigin): string {
  return where === undefined ? source : `${source} ${where}`;
}

function shown(value: ConfigFileValue): string {
  return value === null || value === '' ? '""' : String(value);
}

function tomlText(value: ConfigFileValue): string {
  return JSON.stringify(value ?? '');
}
