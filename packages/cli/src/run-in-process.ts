import { main } from './main.ts';

/**
 * Runs the command in a Node process: its arguments, streams and signals. The first Ctrl-C ends the work politely, a
 * second one ends the process.
 */
export async function runInProcess(
  host: NodeJS.Process,
  env: NodeJS.ProcessEnv,
  overrides: Partial<Parameters<typeof main>[0]> = {},
): Promise<void> {
  const controller = new AbortController();
  const onSignal = (): void => {
    if (controller.signal.aborted) host.exit(130);
    controller.abort();
  };
  host.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  const { stdin, stdout, stderr } = host;
  const code = await main({
    argv: host.argv.slice(2),
    env,
    cwd: host.cwd(),
    stdin,
    stdout,
    stderr,
    signal: controller.signal,
    ...overrides,
  });
  host.exitCode = code;
  // A pipe on standard input that nobody closes would keep the process alive; output is written out before it ends.
  await Promise.all([stdout, stderr].map(flush));
  host.exit(code);
}

function flush(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.destroyed || stream.writableLength === 0) return Promise.resolve();
  return new Promise((resolve) => {
    stream.write('', () => resolve());
  });
}
