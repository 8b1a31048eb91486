import type { Readable, Writable } from 'node:stream';

/** An output stream that may be a terminal. */
export type Output = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** An input stream that may be a terminal. */
export type Input = Readable & { readonly isTTY?: boolean };

/** The world of one run of the command. Nothing below `bin.ts` reads `process` for any of it. */
export interface CommandContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute working directory. */
  readonly cwd: string;
  readonly stdin: Input;
  /** The answer, and nothing else. */
  readonly stdout: Output;
  /** Everything that is not the answer. */
  readonly stderr: Output;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly options: GlobalOptions;
}

/** Options that every command takes. */
export interface GlobalOptions {
  /** One JSON object on stdout; an error is `{error: {code, message, …}}`. */
  readonly json: boolean;
  /** No commentary on stderr but errors. */
  readonly quiet: boolean;
  /** Colours allowed: no `--no-color`, no `NO_COLOR`, a terminal (or `FORCE_COLOR`). */
  readonly color: boolean;
  /** Home folder of gemma, absolute. */
  readonly home: string;
}

/**
 * What a word on the command line names. `models`: those that are installed; `models-or-files`: or a file of one;
 * `catalog`: those that can be fetched.
 */
export type Completion = 'files' | 'models' | 'models-or-files' | 'catalog' | 'roles' | 'config-keys' | 'option-keys';

/** A positional argument. */
export interface ArgumentDefinition {
  readonly name: string;
  readonly summary: string;
  readonly required?: boolean;
  readonly variadic?: boolean;
  /** Allowed values, for completion; the command checks them itself. */
  readonly choices?: readonly string[];
  /** What it names, for completion. Default: nothing that is known. */
  readonly completes?: Completion;
}

/** An option. The same table feeds the thin entry, the full program, `--help` and the documentation. */
export interface OptionDefinition {
  /** Long name without dashes. `no-stream` sets `stream` to false. */
  readonly long: string;
  /** One letter without a dash. */
  readonly short?: string;
  /** Another long name. */
  readonly alias?: string;
  /** Name of its value in help. Absent: a switch. */
  readonly value?: string;
  readonly repeatable?: boolean;
  /** Allowed values. */
  readonly choices?: readonly string[];
  /** What its values name, for completion. Default: `choices`, or nothing that is known. */
  readonly completes?: Completion;
  readonly summary: string;
}

/** What the parser found. */
export interface CommandInput {
  readonly arguments: readonly string[];
  /** By long name; a repeatable option is always a list. */
  readonly options: Readonly<Record<string, string | boolean | readonly string[] | undefined>>;
}

/** A command as data: the program, the help and the documentation are made from it. */
export interface CommandDefinition {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly summary: string;
  readonly arguments?: readonly ArgumentDefinition[];
  readonly options?: readonly OptionDefinition[];
  readonly examples?: readonly { readonly command: string; readonly effect: string }[];
  /** More tables of its help page, such as the keys of a chat. */
  readonly topics?: readonly { readonly title: string; readonly rows: readonly (readonly [string, string])[] }[];
  readonly subcommands?: readonly CommandDefinition[];
  /**
   * Does the work and gives the exit code. A thrown `GemmaError` is rendered by the caller and gives its `exitCode`.
   * Absent on a pure group.
   */
  run?(context: CommandContext, input: CommandInput): Promise<number>;
}
