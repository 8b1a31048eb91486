import { parseArgs } from 'node:util';
import type { CommandInput, OptionDefinition } from '../command.ts';
import { nearestName, UsageProblem } from './usage-problem.ts';

/** Where the words of a command line are: what decides which command is meant. */
export interface Word {
  readonly text: string;
  /** Index in `argv`. */
  readonly index: number;
}

/** The arguments that are no options, as far as the known options tell. Never fails. */
export function findWords(argv: readonly string[], definitions: readonly OptionDefinition[]): readonly Word[] {
  return tokenize(argv, definitions).flatMap((token) =>
    token.kind === 'positional' ? [{ text: token.value, index: token.index }] : [],
  );
}

/**
 * Reads a command line by a table of options. `--no-x` sets `x` to false; of an option given twice, the last counts; a
 * repeatable one is a list.
 *
 * @throws UsageProblem for an unknown option (with the nearest one), a missing or superfluous value, a value that is
 *   not among the choices.
 */
export function parseArguments(argv: readonly string[], definitions: readonly OptionDefinition[]): CommandInput {
  const byName = new Map(definitions.flatMap((definition) => longNames(definition).map((name) => [name, definition])));
  const words: string[] = [];
  const options: Record<string, string | boolean | string[]> = {};
  for (const token of tokenize(argv, definitions)) {
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option') continue;
    const definition = byName.get(token.name);
    if (definition === undefined) throw unknownOption(token.rawName, definitions);
    const { long, value: valueName, repeatable, choices } = definition;
    if (valueName === undefined) {
      if (token.value !== undefined) {
        throw new UsageProblem(`--${long} is a switch and takes no value, got ${JSON.stringify(token.value)}.`, {
          option: long,
        });
      }
      if (long.startsWith('no-')) options[long.slice(3)] = false;
      else options[long] = true;
      continue;
    }
    const value = token.value;
    if (value === undefined || (!token.inlineValue && value.length > 1 && value.startsWith('-'))) {
      throw new UsageProblem(
        `Expected ${valueName} after ${token.rawName}${value === undefined ? '' : `, got ${value}; write --${long}=${value} if that is meant`}.`,
        { option: long },
      );
    }
    if (choices !== undefined && !choices.includes(value)) {
      throw new UsageProblem(`Expected --${long} to be ${choices.join(' or ')}, got ${JSON.stringify(value)}.`, {
        option: long,
        value,
      });
    }
    if (repeatable === true) {
      const values = options[long];
      options[long] = [...(Array.isArray(values) ? values : []), value];
    } else options[long] = value;
  }
  return { arguments: words, options };
}

type Token = NonNullable<ReturnType<typeof parseArgs>['tokens']>[number];

function tokenize(argv: readonly string[], definitions: readonly OptionDefinition[]): readonly Token[] {
  const options = Object.fromEntries(
    definitions.flatMap((definition) => {
      const { short, value } = definition;
      const type = value === undefined ? ('boolean' as const) : ('string' as const);
      return longNames(definition).map((name, index) => [
        name,
        { type, ...(short === undefined || index > 0 ? {} : { short }) },
      ]);
    }),
  );
  // Not strict: its messages name no neighbours, and it would refuse the options of other commands.
  return parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true }).tokens;
}

function longNames({ long, alias }: OptionDefinition): readonly string[] {
  return alias === undefined ? [long] : [long, alias];
}

function unknownOption(given: string, definitions: readonly OptionDefinition[]): UsageProblem {
  const nearest = nearestName(given.replace(/^-+/, ''), definitions.flatMap(longNames));
  const hint = nearest === undefined ? 'See `gemma --help`.' : `Did you mean --${nearest}?`;
  return new UsageProblem(`There is no option ${given}. ${hint}`, {
    option: given,
    ...(nearest === undefined ? {} : { nearest: `--${nearest}` }),
  });
}
