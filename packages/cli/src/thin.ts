import { readFileSync } from 'node:fs';
import type { Input, Output } from './command.ts';
import { commandTable } from './command-table.ts';
import { answerOnce } from './thin/answer-once.ts';
import type { Connect } from './thin/connection.ts';
import { nearestName } from './thin/nearest-name.ts';
import { routeCommand } from './thin/route-command.ts';

/** What {@link thin} takes. */
export interface ThinOptions {
  /** Arguments after the program's name. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute working directory. */
  readonly cwd: string;
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly signal: AbortSignal;
  /** Opens a way to whoever answers. Called when the command line was understood and the prompt was read. */
  readonly connect: Connect;
}

/**
 * The warm path: `--version`, `gemma "prompt"` and `gemma ask`. Gives the exit code, or `undefined` for what needs the
 * full program. Loads neither commander nor zod; a test follows its imports.
 *
 * @throws UsageProblem, InputUnreadable, and what `connect` throws.
 */
export async function thin({ argv, ...world }: ThinOptions): Promise<number | undefined> {
  if (argv.length === 0 && world.stdin.isTTY === true) return undefined;
  const route = routeCommand(argv);
  if (route.type === 'version') {
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
  return answerOnce({ ...world, input: route.input });
}

/** The version of this package. Read, not imported: an import assertion would cost more than the read. */
export function readVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
