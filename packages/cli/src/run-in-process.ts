import { isatty } from 'node:tty';
import { isTerminalLent } from './lent-terminal.ts';
import { main, type MainOptions } from './main.ts';

/**
 * Runs the command in a Node process: its arguments, streams and signals. The first Ctrl-C ends the work politely, a
 * second one ends the process; while an editor has the terminal, Ctrl-C is the editor's. The streams of the process are made when they are first used: together they cost more
 * than everything else that happens before a prompt is sent.
 */
export async function runInProcess(
  host: NodeJS.Process,
  env: NodeJS.ProcessEnv,
  { worker }: Pick<MainOptions, 'worker'> = {},
): Promise<void> {
  const argv = host.argv.slice(2);
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) host.exit(130);
    controller.abort();
  };
  const onInterrupt = (): void => {
    if (!isTerminalLent()) onSignal();
  };
  host.on('SIGINT', onInterrupt).on('SIGTERM', onSignal);
  const options: MainOptions = {
    argv,
    env,
    cwd: host.cwd(),
    stdinIsTerminal: isatty(0),
    get stdin() {
      return host.stdin;
    },
    get stdout() {
      return host.stdout;
    },
    get stderr() {
      return host.stderr;
    },
    signal: controller.signal,
    worker,
  };
  const code = await main(options);
  // A pipe on standard input that nobody closes would keep the process alive; `main` has written everything.
  host.exit(code);
}
