import { spawn } from 'node:child_process';
import { GemmaError } from '@gemma-cli/contracts';
import type { CommandContext } from '../command.ts';
import { lendTerminal } from '../lent-terminal.ts';

/**
 * Runs the editor on the terminal of this process, to which Ctrl-C then means nothing. Its words are the shell's to
 * split, as git does both.
 */
export function openEditor(context: Pick<CommandContext, 'env' | 'cwd'>, file: string): Promise<void> {
  return lendTerminal(() => runEditor(context, file));
}

function runEditor({ env, cwd }: Pick<CommandContext, 'env' | 'cwd'>, file: string): Promise<void> {
  const editor = env['VISUAL'] || env['EDITOR'] || (process.platform === 'win32' ? 'notepad' : 'vi');
  const [program, args] =
    process.platform === 'win32'
      ? ([env['ComSpec'] ?? 'cmd.exe', ['/d', '/s', '/c', `"${editor} "${file}""`]] as const)
      : (['/bin/sh', ['-c', `${editor} "$1"`, 'gemma', file]] as const);
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown): void =>
      reject(
        new GemmaError({
          code: 'USAGE',
          message: `The editor ${editor} ${why}. Set VISUAL or EDITOR to one that works, or edit ${file} yourself.`,
          facts: { editor, file, why },
          cause,
        }),
      );
    const child = spawn(program, args, { cwd, env: { ...env }, stdio: 'inherit', windowsVerbatimArguments: true });
    child.once('error', (cause) => fail('could not be started', cause));
    child.once('exit', (code, signal) => {
      if (code === 0) resolve();
      else fail(`ended with ${code === null ? `signal ${signal ?? '?'}` : `exit code ${code}`}`);
    });
  });
}
