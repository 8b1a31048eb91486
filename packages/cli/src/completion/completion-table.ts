import type { ArgumentDefinition, CommandDefinition, Completion, OptionDefinition } from '../command.ts';

/** What may stand in a place of the command line. */
export interface Candidates {
  /** Words that are known when the script is written. */
  readonly words: readonly string[];
  /** Names that the script asks `gemma __complete` for. */
  readonly names: 'models' | 'roles' | undefined;
  readonly files: boolean;
}

/** An option as completion sees it. */
export interface CompletionOption {
  /** Every way to write it: `--model`, `-m`. */
  readonly forms: readonly string[];
  readonly summary: string;
  /** What its value may be. `undefined` = a switch. */
  readonly value: Candidates | undefined;
}

/** A command, or the whole program with path `''`. */
export interface CompletionNode {
  /** Its names behind slashes: `/role/add`. */
  readonly path: string;
  /** Commands below it, with every name that leads there. */
  readonly commands: readonly { readonly names: readonly string[]; readonly path: string; readonly summary: string }[];
  readonly options: readonly CompletionOption[];
  /** What each argument may be; of the last one all that follow, if it is variadic. */
  readonly arguments: readonly Candidates[];
  readonly variadic: boolean;
}

/** Names that are known without looking at the machine. */
export interface KnownNames {
  readonly catalog: readonly string[];
  readonly configKeys: readonly string[];
  readonly optionKeys: readonly string[];
  readonly builtInRoles: readonly string[];
}

/** The whole command line as a flat table: what the scripts of all shells are made from. */
export function completionTable(
  commands: readonly CommandDefinition[],
  {
    askOptions,
    globalOptions,
    known,
  }: {
    readonly askOptions: readonly OptionDefinition[];
    readonly globalOptions: readonly OptionDefinition[];
    readonly known: KnownNames;
  },
): readonly CompletionNode[] {
  function candidates(
    source: Pick<OptionDefinition, 'choices' | 'completes'> | Pick<ArgumentDefinition, 'choices' | 'completes'>,
  ): Candidates {
    const { choices = [], completes } = source;
    const words: Partial<Record<Completion, readonly string[]>> = {
      catalog: known.catalog,
      'config-keys': known.configKeys,
      'option-keys': known.optionKeys.map((key) => `${key}=`),
      roles: known.builtInRoles,
    };
    return {
      words: [...choices, ...(completes === undefined ? [] : (words[completes] ?? []))],
      names: completes === 'roles' ? 'roles' : completes?.startsWith('models') === true ? 'models' : undefined,
      files: completes === 'files' || completes === 'models-or-files',
    };
  }
  const option = (definition: OptionDefinition): CompletionOption => {
    const { long, short, alias, value, summary } = definition;
    return {
      forms: [
        `--${long}`,
        ...(short === undefined ? [] : [`-${short}`]),
        ...(alias === undefined ? [] : [`--${alias}`]),
      ],
      summary,
      value: value === undefined ? undefined : candidates(definition),
    };
  };
  const child =
    (parent: string) =>
    ({ name, aliases = [], summary }: CommandDefinition) => ({
      names: [name, ...aliases],
      path: `${parent}/${name}`,
      summary,
    });
  const nodes: CompletionNode[] = [];
  function add(
    path: string,
    { options = [], arguments: args = [], subcommands = [] }: Omit<CommandDefinition, 'name' | 'summary'>,
  ): void {
    nodes.push({
      path,
      commands: subcommands.map(child(path)),
      options: [...options, ...globalOptions].map(option),
      arguments: args.map(candidates),
      variadic: args.at(-1)?.variadic === true,
    });
    for (const sub of subcommands) add(`${path}/${sub.name}`, sub);
  }
  add('', { options: askOptions, subcommands: commands });
  return nodes;
}
