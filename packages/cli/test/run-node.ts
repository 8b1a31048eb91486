import { spawn } from 'node:child_process';

/** How a process ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeArgs?: readonly string[];
  readonly input?: string;
  readonly cwd?: string;
  readonly onStdout?: (text: string, child: ReturnType<typeof spawn>) => void;
}

/** Runs a program of Node to its end. */
export function runNode(
  file: string,
  argv: readonly string[],
  { env = {}, nodeArgs = [], input = '', cwd, onStdout }: RunOptions = {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const { PATH, HOME } = process.env;
    const child = spawn(process.execPath, [...nodeArgs, file, ...argv], { cwd, env: { PATH, HOME, ...env } });
    const texts = { stdout: '', stderr: '' };
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      texts.stdout += chunk;
      onStdout?.(texts.stdout, child);
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      texts.stderr += chunk;
    });
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, ...texts }));
    child.stdin.end(input);
  });
}
