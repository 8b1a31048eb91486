import type { CommandDefinition, OptionDefinition } from '../command.ts';
import type { CommandEntry } from '../command-table.ts';

/** What the first page of the help is made of. */
export interface HelpContent {
  readonly commands: readonly CommandEntry[];
  readonly askOptions: readonly OptionDefinition[];
  readonly globalOptions: readonly OptionDefinition[];
}

/** The first page: usage, commands, options, examples. */
export function renderProgramHelp({ commands, askOptions, globalOptions }: HelpContent): string {
  return [
    'Run Gemma models on this machine.',
    section('Usage', ['gemma "prompt"', 'gemma COMMAND [ARGUMENT …] [OPTION …]', 'command | gemma "prompt"']),
    section(
      'Commands',
      table(commands.map(({ name, aliases = [], summary }) => [[name, ...aliases].join(', '), summary])),
    ),
    section('Options of a prompt', table(askOptions.map(optionRow))),
    section('Options of every command', table(globalOptions.map(optionRow))),
    section('Examples', [
      'gemma "Why is the sky blue?"            answers with the default model',
      'git diff | gemma "What could break?"    piped text stands before the question',
      'gemma chat                              a conversation',
      'gemma pull gemma3:270m                  fetches a model',
      'gemma doctor                            says whether a prompt can be answered, and why not',
    ]),
    'gemma COMMAND --help shows the options and examples of a command.',
    section('Exit codes', [
      '0 ok, 1 failure, 2 usage, 3 model not found, 4 engine, memory or daemon unavailable, 5 busy or timeout,',
      '6 context too long, 7 integrity, 130 interrupted',
    ]),
    '',
  ].join('\n');
}

/** The page of one command, of which `path` are the names, such as `config set`. */
export function renderCommandHelp(
  path: readonly string[],
  definition: CommandDefinition,
  globalOptions: readonly OptionDefinition[],
): string {
  const {
    summary,
    arguments: args = [],
    options = [],
    examples = [],
    subcommands = [],
    aliases = [],
    topics = [],
  } = definition;
  const words = args.map(({ name, required, variadic }) => {
    const word = variadic === true ? `${name} …` : name;
    return required === true ? word : `[${word}]`;
  });
  const name = ['gemma', ...path].join(' ');
  const usage = [name, ...(subcommands.length > 0 ? ['COMMAND'] : []), ...words, '[OPTION …]'].join(' ');
  return [
    summary,
    section('Usage', [usage]),
    ...(aliases.length === 0 ? [] : [section('Also called', [aliases.join(', ')])]),
    ...(subcommands.length === 0
      ? []
      : [section('Commands', table(subcommands.map((sub) => [sub.name, sub.summary])))]),
    ...(args.length === 0
      ? []
      : [section('Arguments', table(args.map((argument) => [argument.name, argument.summary])))]),
    ...(options.length === 0 ? [] : [section('Options', table(options.map(optionRow)))]),
    section('Options of every command', table(globalOptions.map(optionRow))),
    ...(examples.length === 0
      ? []
      : [
          section(
            'Examples',
            examples.flatMap(({ command, effect }) => [command, `    ${effect}`]),
          ),
        ]),
    ...topics.map(({ title, rows }) => section(title, table(rows))),
    '',
  ].join('\n');
}

/** How an option is written: short and long form, and its value. */
function optionForms({ long, short, alias, value }: OptionDefinition): string {
  return `${short === undefined ? (alias === undefined ? '    ' : `--${alias}, `) : `-${short}, `}--${long}${value === undefined ? '' : ` ${value}`}`;
}

function optionRow(option: OptionDefinition): readonly [string, string] {
  return [optionForms(option), option.summary];
}

function section(title: string, lines: readonly string[]): string {
  return `\n${title}:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}

/** Two columns; the second is wrapped, so that a page reads the same on every terminal and in a file. */
export function table(rows: readonly (readonly [string, string])[], cells = 94): readonly string[] {
  const columnMax = 26;
  const width = Math.min(columnMax, Math.max(0, ...rows.map(([left]) => left.length)));
  return rows.flatMap(([left, right]) => {
    const [first = '', ...others] = wrap(right, cells - 2 - width);
    const indent = ' '.repeat(width + 2);
    const head = left.length > width ? [left, `${indent}${first}`] : [`${left.padEnd(width)}  ${first}`];
    return [...head, ...others.map((line) => `${indent}${line}`)];
  });
}

function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
