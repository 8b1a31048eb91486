import type { CommandInput, Input, Output } from './command.ts';
import { commandTable, findCommand } from './command-table.ts';
import { askOptions, globalOptions } from './option-table.ts';
import { answerOnce } from './thin/answer-once.ts';
import type { Connect } from './thin/connection.ts';
import { nearestName } from './thin/usage-problem.ts';
import { findWords, parseArguments } from './thin/parse-arguments.ts';

/** What {@link thin} takes. */
export interface ThinOptions {
  /** Arguments after the program's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute working directory. */
  readonly cwd: string;
  readonly stdin: Input;
  /** Whether stdin is a terminal. Default: `stdin.isTTY`. With it, a terminal's stdin is not touched. */
  readonly stdinIsTerminal?: boolean | undefined;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly signal: AbortSignal;
  /** Opens a way to whoever answers. Called when the command line was understood and the prompt was read. */
  readonly connect: Connect;
}

/** What completion scripts call for names; no command that people see. */
export const completionWord = '__complete';

/**
 * The warm path: `--version`, `gemma "prompt"` and `gemma ask`. Gives the exit code, or `undefined` for what needs the
 * full program. Loads neither commander nor zod; a test follows its imports.
 *
 * @throws UsageProblem, InputUnreadable, and what `connect` throws.
 */
export async function thin(world: ThinOptions): Promise<number | undefined> {
  const { argv, stdinIsTerminal = world.stdin.isTTY === true } = world;
  if (argv.length === 0 && stdinIsTerminal) return undefined;
  if (argv[0] === completionWord) {
    const { printNames } = await import('./thin/print-names.ts');
    return printNames(argv.slice(1), world);
  }
  const route = routeCommand(argv);
  if (route.type === 'version') {
    const { readVersion } = await import('./version.ts');
    world.stdout.write(`${readVersion()}\n`);
    return 0;
  }
  if (route.type !== 'ask') return undefined;
  const { arguments: words, options } = route.input;
  const [only, ...others] = words;
  if (only !== undefined && others.length === 0 && argv[0] === only && options['quiet'] !== true) {
    const nearest = nearestName(
      only,
      commandTable.map(({ name }) => name),
    );
    if (nearest !== undefined)
      world.stderr.write(`gemma: taking this as a prompt; there is a command \`gemma ${nearest}\`\n`);
  }
  return answerOnce(world, route.input);
}

/** What a command line asks for: something that the thin entry does itself, or the full program. */
export type Route =
  | { readonly type: 'version' }
  | { readonly type: 'ask'; readonly input: CommandInput }
  | { readonly type: 'help'; readonly command: string | undefined }
  | { readonly type: 'program'; readonly command: string; readonly argv: readonly string[] };

/** Options that the thin entry knows. */
const thinOptions = [...globalOptions, ...askOptions];

/**
 * Decides what a command line asks for. A first word that is no command begins a prompt; so does everything after `--`.
 *
 * @throws UsageProblem
 */
export function routeCommand(argv: readonly string[]): Route {
  const first = findWords(argv, thinOptions)[0];
  const named = first === undefined || isAfterTerminator(argv, first.index) ? undefined : first;
  const entry = named === undefined ? undefined : findCommand(named.text);
  if (named !== undefined && entry !== undefined && entry.name !== 'ask') {
    return { type: 'program', command: entry.name, argv: argv.filter((_, index) => index !== named.index) };
  }
  if (named?.text === 'help') {
    const topic = findWords(argv, thinOptions)[1]?.text;
    return { type: 'help', command: topic };
  }
  const input = parseArguments(argv, thinOptions);
  if (input.options['version'] === true) return { type: 'version' };
  if (input.options['help'] === true) return { type: 'help', command: entry?.name };
  return { type: 'ask', input: entry === undefined ? input : { ...input, arguments: input.arguments.slice(1) } };
}

function isAfterTerminator(argv: readonly string[], index: number): boolean {
  const terminator = argv.indexOf('--');
  return terminator >= 0 && terminator < index;
}
