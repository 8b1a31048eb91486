import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { main } from '../src/index.ts';
import type { Suite } from '../src/index.ts';

/** Absolute path of a fixture. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));
}

/** Runs `gemma-bench` in this process and gives what it said. */
export async function gemmaBench(
  argv: readonly string[],
  {
    cwd = fixture('.'),
    env = {},
    suites,
  }: { cwd?: string; env?: Record<string, string>; suites?: readonly Suite[] } = {},
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await main({
    argv,
    env,
    cwd,
    stdout,
    stderr,
    readLoad: async () => ({ load1: 0, busyShare: 0 }),
    ...(suites === undefined ? {} : { suites }),
  });
  const text = (stream: PassThrough): string => String(stream.read() ?? '');
  return { code, stdout: text(stdout), stderr: text(stderr) };
}
