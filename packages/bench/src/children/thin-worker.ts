import { writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** What one run is to do; its only argument, as JSON. */
export interface ThinOrders {
  /** Absolute path of the module that the command's entry loads before the warm path, loaded for what it costs. */
  readonly main: string;
  /** Absolute path of the module of the warm path. */
  readonly thin: string;
  /** What the user typed after `gemma`. */
  readonly argv: readonly string[];
  /** Let standard input pass for a terminal, which is not read. */
  readonly terminal: boolean;
}

/**
 * The warm path with everything but a warm process at its end: the question goes to descriptor 3, where the harness
 * notes the time of its first byte, and no answer comes.
 */
interface ThinModule {
  thin(options: {
    readonly argv: readonly string[];
    readonly env: NodeJS.ProcessEnv;
    readonly cwd: string;
    readonly stdinIsTerminal: boolean;
    readonly stdin: NodeJS.ReadStream;
    readonly stdout: NodeJS.WriteStream;
    readonly stderr: NodeJS.WriteStream;
    readonly signal: AbortSignal;
    readonly connect: () => Promise<{
      send(line: string): void;
      readonly lines: AsyncIterable<string>;
      close(): Promise<void>;
    }>;
  }): Promise<number | undefined>;
}

const orders = JSON.parse(process.argv[2] ?? '') as ThinOrders;
await import(pathToFileURL(orders.main).href);
const { thin } = (await import(pathToFileURL(orders.thin).href)) as ThinModule;
let sent = 0;
await thin({
  argv: orders.argv,
  env: process.env,
  cwd: process.cwd(),
  stdinIsTerminal: orders.terminal,
  // Made when they are first used, as the command's own entry does.
  get stdin() {
    return process.stdin;
  },
  get stdout() {
    return process.stdout;
  },
  get stderr() {
    return process.stderr;
  },
  signal: new AbortController().signal,
  connect: async () => ({
    send(line) {
      sent += writeSync(3, line);
    },
    lines: nothing(),
    close: async () => {},
  }),
});
// A path that never sent would otherwise look like one that is infinitely quick.
process.exit(sent > 0 ? 0 : 1);

async function* nothing(): AsyncGenerator<string> {}
