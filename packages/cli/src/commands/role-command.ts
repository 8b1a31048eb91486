import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { createRoleStore, ensureHome, formatRole, homeLayout, readRole } from '@gemma-cli/config';
import type { Role, RoleOption, RoleStore } from '@gemma-cli/config';
import { GemmaError } from '@gemma-cli/contracts';
import { applySetting } from '../chat/settings.ts';
import { readCheckedSchema } from '../client/read-checked-schema.ts';
import { checkSystemPlaces, roleOptions } from '../client/resolve-flags.ts';
import type { CommandContext, CommandDefinition, CommandInput } from '../command.ts';
import { parseAnswerOptions } from '../thin/parse-answer-options.ts';
import { openEditor } from './open-editor.ts';
import { printJson, printLine, printNotice, printTable } from './print.ts';
import { readStdin } from './read-stdin.ts';
import { usageError } from './usage-error.ts';

const nameArgument = {
  name: 'NAME',
  summary: 'As `gemma role list` shows it.',
  required: true,
  completes: 'roles',
} as const;

const listCommand: CommandDefinition = {
  name: 'list',
  aliases: ['ls'],
  summary: 'List roles: the built-in ones and yours.',
  examples: [{ command: 'gemma role list', effect: 'shows name, origin and what each is for' }],
  async run(context) {
    const entries = await storeOf(context).list();
    if (context.options.json) {
      printJson(context.stdout, {
        roles: entries.map(({ name, source, overrides, problem, role }) => ({
          name,
          source,
          overrides,
          ...(problem === null ? { summary: role?.summary } : { problem: problem.toJSON() }),
        })),
      });
      return 0;
    }
    printTable(
      context.stdout,
      ['NAME', 'FROM', 'SUMMARY'],
      entries.map(({ name, source, overrides, problem, role }) => [
        name,
        source === 'built-in' ? 'built-in' : overrides ? 'yours, over the built-in one' : 'yours',
        problem === null ? (role?.summary ?? '') : `damaged: ${problem.message}`,
      ]),
    );
    return 0;
  },
};

const showCommand: CommandDefinition = {
  name: 'show',
  summary: 'Print a role as its file has it.',
  arguments: [nameArgument],
  examples: [
    { command: 'gemma role show commit', effect: 'prints TOML that can be changed and added under another name' },
    { command: 'gemma role show commit --json', effect: 'prints what it means' },
  ],
  async run(context, { arguments: [name = ''] }) {
    const store = storeOf(context);
    if (context.options.json) {
      printJson(context.stdout, { role: await store.find(name), file: store.file(name) });
      return 0;
    }
    // A damaged file is shown, too: how else would it be mended?
    const text = (await store.text(name))?.text;
    if (text === undefined) await store.find(name);
    printLine(context.stdout, (text ?? '').trimEnd());
    return 0;
  },
};

const addCommand: CommandDefinition = {
  name: 'add',
  summary: 'Write a role, from options or a file.',
  arguments: [{ name: 'NAME', summary: 'Lower-case letters, digits, "_" and "-".', required: true }],
  options: [
    { long: 'from', value: 'FILE', completes: 'files', summary: 'Take this TOML file; - is standard input.' },
    { long: 'summary', value: 'TEXT', summary: 'One line: what it is for.' },
    { long: 'system', short: 's', value: 'TEXT', summary: 'Instruction, with places such as {{language}}.' },
    { long: 'prompt', value: 'TEXT', summary: 'What stands around the question, which is {{input}}.' },
    { long: 'model', short: 'm', value: 'NAME', completes: 'models', summary: 'The model that answers.' },
    { long: 'schema', value: 'DSL', summary: 'Hold the answer to JSON: a JSON Schema or its short notation.' },
    {
      long: 'option',
      short: 'o',
      value: 'KEY=VALUE',
      repeatable: true,
      completes: 'option-keys',
      summary: 'Sampling and limits. Repeatable.',
    },
    {
      long: 'param',
      short: 'p',
      value: 'KEY=VALUE',
      repeatable: true,
      summary: 'Value of a place when nobody gives another. Repeatable.',
    },
    { long: 'force', summary: 'Replace the role if you have one of this name.' },
  ],
  examples: [
    {
      command: 'gemma role add translate -s "Translate into {{language}}." -p language=English',
      effect: 'adds a role; use it with gemma -r translate -p language=French',
    },
    { command: 'gemma role show commit | gemma role add mine --from -', effect: 'copies a built-in role' },
  ],
  async run(context, { arguments: [name = ''], options }) {
    const store = storeOf(context);
    const text = await roleText(context, options);
    if (options['force'] !== true && (await store.text(name))?.source === 'user') {
      throw usageError(
        `You have a role ${name} already. Replace it with --force, or change it with \`gemma role edit ${name}\`.`,
      );
    }
    await checkMeaning(readRole(text, { name, source: 'user', file: store.file(name) }));
    await ensureHome(context.options.home);
    const role = await store.write(name, text);
    if (context.options.json) printJson(context.stdout, { role, file: store.file(name) });
    else printNotice(context, `${name} is there. Try: gemma -r ${name} "…"`);
    return 0;
  },
};

const editCommand: CommandDefinition = {
  name: 'edit',
  summary: 'Open a role in $VISUAL or $EDITOR and check it afterwards.',
  arguments: [{ ...nameArgument, summary: 'A role of yours, a built-in one to begin with, or a new name.' }],
  examples: [
    { command: 'gemma role edit commit', effect: 'begins with the built-in one; yours wins from then on' },
    { command: 'gemma role edit mine', effect: 'begins with a file that explains its keys' },
  ],
  async run(context, { arguments: [name = ''] }) {
    const store = storeOf(context);
    const file = store.file(name);
    const before = await store.text(name);
    await ensureHome(context.options.home);
    const isNew = before?.source !== 'user';
    const start = before?.text ?? template;
    if (isNew) await store.write(name, start);
    let isUnchanged = false;
    try {
      await openEditor(context, file);
    } finally {
      // What nobody changed is no role of the user's, and must not hide a built-in one that gets better.
      const after = await store.text(name);
      isUnchanged = isNew && after?.source === 'user' && after.text === start;
      if (isUnchanged) await store.remove(name);
    }
    if (isUnchanged) {
      if (context.options.json)
        printJson(context.stdout, { role: before === undefined ? null : await store.find(name), file });
      else printNotice(context, `${name} was not changed; nothing is kept.`);
      return 0;
    }
    const role = await store.find(name);
    await checkMeaning(role);
    if (context.options.json) printJson(context.stdout, { role, file });
    else printNotice(context, `${file}: valid. Try: gemma -r ${name} "…"`);
    return 0;
  },
};

const rmCommand: CommandDefinition = {
  name: 'rm',
  summary: 'Remove roles of yours.',
  arguments: [{ ...nameArgument, variadic: true }],
  examples: [{ command: 'gemma role rm mine', effect: 'removes its file; a built-in one of that name is back' }],
  async run(context, { arguments: names }) {
    const store = storeOf(context);
    for (const name of names) {
      const { builtIn } = await store.remove(name);
      printNotice(context, `${name} is removed${builtIn ? '; the built-in one is back' : ''}.`);
    }
    if (context.options.json) printJson(context.stdout, { removed: names });
    return 0;
  },
};

/** `gemma role`: ways of answering that have a name. */
export const roleCommand: CommandDefinition = {
  name: 'role',
  summary: 'Show and write roles: instructions and prompt templates with a name.',
  subcommands: [listCommand, showCommand, addCommand, editCommand, rmCommand],
  examples: [
    { command: 'gemma role list', effect: 'shows the roles' },
    { command: 'gemma -r shell "list the five largest files"', effect: 'uses one' },
  ],
};

function storeOf({ options }: Pick<CommandContext, 'options'>): RoleStore {
  return createRoleStore({ folder: homeLayout(options.home).roles });
}

/** The text of a new role: a file as it is, or what the options say. */
async function roleText(context: CommandContext, options: CommandInput['options']): Promise<string> {
  const { from } = options;
  const given = ['summary', 'system', 'prompt', 'model', 'schema', 'option', 'param'].filter(
    (name) => options[name] !== undefined,
  );
  if (typeof from === 'string') {
    if (given[0] !== undefined) throw usageError(`Expected --from or --${given[0]}, got both.`);
    return from === '-' ? readStdin(context, 'a role') : readFileText(resolve(context.cwd, from));
  }
  if (given.length === 0) throw usageError('Expected what the role says, such as --system TEXT, or --from FILE.');
  const schema = textOf(options['schema']);
  const pairs = listOf(options['option']);
  return formatRole({
    summary: textOf(options['summary']),
    system: textOf(options['system']),
    prompt: textOf(options['prompt']),
    model: textOf(options['model']),
    schema,
    options: optionsOf(pairs),
    defaults: Object.fromEntries(listOf(options['param']).map((pair) => pairOf(pair, '-p'))),
  });
}

/** Checks what the role store leaves to whoever uses a role: what is wrong here would be wrong at every use. */
async function checkMeaning(role: Role): Promise<void> {
  if (role.schema !== null) await readCheckedSchema(role.schema, { list: role.schemaList });
  roleOptions(role, (pairs) => pairs.reduce((before, pair) => applySetting(before, ...pairOf(pair, '-o')), {}));
  checkSystemPlaces(role);
}

/** Options as a file writes them: numbers as numbers, `stop` and `logitBias` as lists. */
function optionsOf(pairs: readonly string[]): Record<string, RoleOption> {
  parseAnswerOptions(pairs);
  const options: Record<string, RoleOption> = {};
  for (const pair of pairs) {
    const [key, text] = pairOf(pair, '-o');
    if (key === 'stop' || key === 'logitBias') options[key] = [...((options[key] as string[] | undefined) ?? []), text];
    else options[key] = text === 'true' || text === 'false' ? text === 'true' : Number(text);
  }
  return options;
}

function pairOf(pair: string, option: string): readonly [string, string] {
  const equals = pair.indexOf('=');
  if (equals < 1) throw usageError(`Expected ${option} KEY=VALUE, got ${JSON.stringify(pair)}.`);
  return [pair.slice(0, equals), pair.slice(equals + 1)];
}

async function readFileText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new GemmaError({
      code: 'FILE_UNREADABLE',
      message: `Expected to read ${path}: ${(cause as Error).message}.`,
      facts: { path },
      cause,
    });
  }
}

function textOf(value: CommandInput['options'][string]): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function listOf(value: CommandInput['options'][string]): readonly string[] {
  return Array.isArray(value) ? (value as readonly string[]) : [];
}

const template = `# A role of gemma. Used with \`gemma -r NAME -p KEY=VALUE "question"\`.
summary = "What it is for, in one line"
# Instruction before the conversation; {{language}} is a place that -p or [defaults] fills.
system = "Answer in {{language}}."
# What stands around the question, which is {{input}}. Without it the question stands as it is.
# prompt = "Explain this: {{input}}"
# model = "gemma3:1b"
# Holds the answer to JSON, as --schema does; a list with schema_list = true.
# schema = "name, age int, bio: one sentence"
# Prints only the "first" or "last" code block.
# extract = "first"

[defaults]
language = "English"

# As -o takes them.
[options]
# temperature = 0.2
`;
