import { homedir } from 'node:os';
import type { CommandContext, CommandDefinition, CommandInput, GlobalOptions, Input, Output } from './command.ts';
import type { CommandServices } from './command-services.ts';
import { commandTable, findCommand, type CommandEntry } from './command-table.ts';
import { askOptions, globalOptions } from './option-table.ts';
import { renderCommandHelp, renderProgramHelp } from './render/render-help.ts';
import { findWords } from './thin/parse-arguments.ts';
import { routeCommand } from './thin.ts';
import { readVersion } from './version.ts';
import { UsageProblem } from './thin/usage-problem.ts';

/** What {@link runProgram} takes. */
export interface ProgramOptions extends CommandServices {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly signal: AbortSignal;
}

/**
 * Everything but the warm path: help and the other commands. Help is made from the tables alone; commander is loaded to
 * read the arguments of a command.
 *
 * @throws UsageProblem, and what the command throws.
 */
export async function runProgram(options: ProgramOptions): Promise<number> {
  const { argv, stdout } = options;
  if (argv.length === 0) {
    const { needsSetup, offerSetup } = await import('./client/offer-setup.ts');
    // The first thing that many type. Whoever leaves the questions, or is not asked, gets the help.
    if ((await needsSetup(options)) && (await offerSetup(options, options))) return 0;
    return showHelp(undefined, [], options);
  }
  const route = routeCommand(argv);
  if (route.type === 'help') return showHelp(route.command, [], options);
  if (route.type !== 'program') throw new Error(`Expected a command for the full program, got ${route.type}.`);

  const entry = findCommand(route.command);
  if (entry === undefined) throw new Error(`The command ${route.command} is not in the table.`);
  const rest = route.argv;
  if (entry.passThrough !== true) {
    const terminator = rest.indexOf('--');
    const beforeTerminator = terminator < 0 ? rest : rest.slice(0, terminator);
    if (beforeTerminator.includes('--version') || beforeTerminator.includes('-V')) {
      stdout.write(`${readVersion()}\n`);
      return 0;
    }
    if (asksForHelp(rest)) return showHelp(entry.name, rest, options);
  }
  const definition = await entry.load(options);
  const { leaf, input } =
    entry.passThrough === true
      ? { leaf: definition, input: { arguments: rest, options: {} } }
      : await readArguments(definition, rest);
  if (leaf.run === undefined) return showHelp(entry.name, rest, options);
  const context = await commandContext(options, input);
  if (input.options['verbose'] === true) await logWorld(context, input);
  return leaf.run(context, input);
}

function asksForHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  const before = end < 0 ? argv : argv.slice(0, end);
  return before.includes('--help') || before.includes('-h');
}

async function showHelp(name: string | undefined, argv: readonly string[], options: ProgramOptions): Promise<number> {
  if (name === undefined) {
    options.stdout.write(renderProgramHelp({ commands: commandTable, askOptions, globalOptions }));
    return 0;
  }
  const entry = findCommand(name);
  if (entry === undefined) throw await unknownCommand(name);
  let definition = await entry.load(options);
  const path = [entry.name];
  for (const { text } of findWords(argv, globalOptions)) {
    const sub = definition.subcommands?.find(
      (candidate) => candidate.name === text || candidate.aliases?.includes(text) === true,
    );
    if (sub === undefined) break;
    definition = sub;
    path.push(sub.name);
  }
  options.stdout.write(renderCommandHelp(path, definition, globalOptions));
  return 0;
}

async function unknownCommand(name: string): Promise<UsageProblem> {
  const { nearestNames } = await import('@gemma-cli/contracts');
  const [nearest] = nearestNames(
    name,
    commandTable.map((entry: CommandEntry) => entry.name),
  );
  return new UsageProblem(
    `There is no command ${JSON.stringify(name)}. ${nearest === undefined ? 'See `gemma --help`.' : `Did you mean ${nearest}?`}`,
    {
      command: name,
      ...(nearest === undefined ? {} : { nearest }),
    },
  );
}

/** Reads the arguments of a command with commander. */
export async function readArguments(
  definition: CommandDefinition,
  argv: readonly string[],
): Promise<{ leaf: CommandDefinition; input: CommandInput }> {
  const { readWithCommander } = await import('./read-with-commander.ts');
  return readWithCommander(definition, argv);
}

async function commandContext(
  { env, cwd, stdin, stdout, stderr, signal }: ProgramOptions,
  { options }: CommandInput,
): Promise<CommandContext> {
  const { resolveHome } = await import('@gemma-cli/config');
  const home = resolveHome(env, homedir());
  const json = options['json'] === true;
  const globals: GlobalOptions = {
    json,
    quiet: options['quiet'] === true,
    color: await allowsColor({ env, cwd, home, stdout, options }),
    home,
  };
  return { env, cwd, stdin, stdout, stderr, signal, options: globals };
}

/** What every command stands on, for who asks with `--verbose`: where most questions about it begin. */
async function logWorld({ options, cwd, env, stderr }: CommandContext, input: CommandInput): Promise<void> {
  const { loadConfig } = await import('@gemma-cli/config');
  const { createLogPrinter } = await import('./render/log-printer.ts');
  const log = createLogPrinter(input, stderr);
  log({ level: 'info', message: `gemma ${readVersion()}, Node ${process.version}, home ${options.home}` });
  const message = await loadConfig({ home: options.home, cwd, env }).then(
    ({ files }) => `configuration ${files.user}${files.project === null ? '' : ` and ${files.project}`}`,
    // The command says what is wrong with it, or mends it.
    (error: Error) => `configuration cannot be used: ${error.message}`,
  );
  log({ level: 'info', message });
}

interface ColorQuestion extends Pick<ProgramOptions, 'env' | 'cwd' | 'stdout'> {
  readonly home: string;
  readonly options: CommandInput['options'];
}

/** `--no-color` and `NO_COLOR` say no, `FORCE_COLOR` says yes, then the configuration, then whether there is a terminal. */
async function allowsColor({ env, cwd, home, stdout, options }: ColorQuestion): Promise<boolean> {
  if (options['color'] === false || (env['NO_COLOR'] ?? '') !== '') return false;
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined && forced !== '') return forced !== '0';
  const { loadConfig } = await import('@gemma-cli/config');
  // A command such as `gemma config edit` must run with a broken file, to mend it: then colours are the least worry.
  const choice = await loadConfig({ home, cwd, env }).then(
    ({ config }) => config.ui.color,
    () => 'auto',
  );
  if (choice !== 'auto') return choice === 'always';
  return stdout.isTTY === true && env['TERM'] !== 'dumb';
}
