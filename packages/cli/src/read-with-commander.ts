import { nearestNames } from '@gemma-cli/contracts';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { CommandDefinition, CommandInput, OptionDefinition } from './command.ts';
import { globalOptions } from './option-table.ts';
import { findWords } from './thin/parse-arguments.ts';
import { UsageProblem } from './thin/usage-problem.ts';

/** A command that was found, and what it was given. */
export interface ReadCommand {
  readonly leaf: CommandDefinition;
  readonly input: CommandInput;
}

/**
 * Reads the arguments of a command and its sub-commands by their definitions. Options of every command may stand
 * anywhere.
 *
 * @throws UsageProblem
 */
export async function readWithCommander(definition: CommandDefinition, argv: readonly string[]): Promise<ReadCommand> {
  let found: ReadCommand = { leaf: definition, input: { arguments: [], options: {} } };
  const program = buildCommand(definition, (read) => {
    found = read;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) throw usageProblem(error, definition, argv);
    throw error;
  }
  return found;
}

function buildCommand(definition: CommandDefinition, onRead: (read: ReadCommand) => void): Command {
  const command = new Command(definition.name)
    .exitOverride()
    .helpOption(false)
    .helpCommand(false)
    .showSuggestionAfterError(false)
    .allowExcessArguments(false)
    .configureOutput({ writeErr: () => undefined, writeOut: () => undefined });
  if (definition.aliases !== undefined) command.aliases(definition.aliases);
  const options = [...(definition.options ?? []), ...globalOptions];
  for (const option of options) command.addOption(commanderOption(option));
  for (const { name, summary, required, variadic } of definition.arguments ?? []) {
    const word = variadic === true ? `${name}...` : name;
    command.argument(required === true ? `<${word}>` : `[${word}]`, summary);
  }
  for (const sub of definition.subcommands ?? []) command.addCommand(buildCommand(sub, onRead));
  const { run, subcommands = [] } = definition;
  if (run !== undefined || subcommands.length > 0) {
    command.action(() =>
      onRead({ leaf: definition, input: { arguments: command.args, options: givenOptions(command, definition) } }),
    );
  }
  return command;
}

function commanderOption({ long, short, alias, value, repeatable, choices, summary }: OptionDefinition): Option {
  const option = new Option(
    `${short === undefined ? (alias === undefined ? '' : `--${alias}, `) : `-${short}, `}--${long}${value === undefined ? '' : ' <value>'}`,
    summary,
  );
  if (choices !== undefined) option.choices(choices);
  if (repeatable === true) {
    option.argParser((text: string, before: string[] | undefined) => {
      // What commander would check itself, were there no parser.
      if (choices?.includes(text) === false)
        throw new InvalidArgumentError(`Allowed choices are ${choices.join(', ')}.`);
      return [...(before ?? []), text];
    });
  }
  return option;
}

/** The options that were given, here or to a command above, by their long names. */
function givenOptions(command: Command, definition: CommandDefinition): CommandInput['options'] {
  const given: Record<string, string | boolean | string[]> = {};
  for (const { long } of [...globalOptions, ...(definition.options ?? [])]) {
    const name = long.startsWith('no-') ? long.slice(3) : long;
    const key = name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
    for (let owner: Command | null = command; owner !== null; owner = owner.parent) {
      if (owner.getOptionValueSource(key) !== 'cli') continue;
      given[name] = owner.getOptionValue(key) as string | boolean | string[];
      break;
    }
  }
  return given;
}

/** Commander's message in our words, with the nearest name where there is one. */
function usageProblem(error: CommanderError, definition: CommandDefinition, argv: readonly string[]): UsageProblem {
  const message = error.message.replace(/^error: /, '');
  const sentence = `${message.charAt(0).toUpperCase()}${message.slice(1)}`.replace(/\.?$/, '.');
  // Of words that are too many, commander tells the number alone.
  const isWord = error.code === 'commander.unknownCommand' || error.code === 'commander.excessArguments';
  const given = isWord ? findWords(argv, allOptions(definition))[0]?.text : /'(--[^' =]+)/.exec(message)?.[1];
  const subcommands = (definition.subcommands ?? []).flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  const candidates = isWord
    ? subcommands
    : error.code === 'commander.unknownOption'
      ? allOptions(definition).map(({ long }) => `--${long}`)
      : [];
  const [nearest] = given === undefined ? [] : nearestNames(given, candidates, 1);
  const isUnknown = isWord && given !== undefined && subcommands.length > 0 && !subcommands.includes(given);
  const what = isUnknown ? `There is no command \`gemma ${definition.name} ${given}\`.` : sentence;
  const hint = nearest === undefined ? `See \`gemma ${definition.name} --help\`.` : `Did you mean ${nearest}?`;
  return new UsageProblem(`${what} ${hint}`, {
    command: definition.name,
    ...(nearest === undefined ? {} : { nearest }),
  });
}

function allOptions(definition: CommandDefinition): readonly OptionDefinition[] {
  return [...globalOptions, ...(definition.options ?? []), ...(definition.subcommands ?? []).flatMap(allOptions)];
}
