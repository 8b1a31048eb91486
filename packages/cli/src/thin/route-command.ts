import type { CommandInput } from '../command.ts';
import { findCommand } from '../command-table.ts';
import { askOptions, globalOptions } from '../option-table.ts';
import { findWords, parseArguments } from './parse-arguments.ts';

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
