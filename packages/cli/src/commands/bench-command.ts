import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { GemmaError } from '@gemma-cli/contracts';
import type { CommandContext, CommandDefinition } from '../command.ts';
import type { CommandServices } from '../command-services.ts';

const benchPackage = '@gemma-cli/bench';

/** `gemma bench`: starts the executable of the bench package, and imports nothing of it. */
export function benchCommand(_services: CommandServices): CommandDefinition {
  return {
    name: 'bench',
    summary: 'Run the benchmarks.',
    arguments: [{ name: 'ARGUMENT', summary: `Handed to the executable of ${benchPackage} as it is.`, variadic: true }],
    examples: [
      { command: 'gemma bench --help', effect: 'shows what can be measured' },
      { command: 'gemma bench', effect: 'runs every benchmark' },
    ],
    async run(context, input) {
      const executable = await findExecutable(context.cwd);
      if (executable === undefined) {
        throw new GemmaError({
          code: 'UNSUPPORTED',
          message: `The benchmarks are a package of their own, which is not installed. Install it with \`npm install -g ${benchPackage}\`.`,
          facts: { package: benchPackage },
        });
      }
      return runExecutable(executable, input.arguments, context);
    },
  };
}

/** The file that the package names as its executable: beside this package, or where Node finds it. */
async function findExecutable(cwd: string): Promise<string | undefined> {
  const manifests = [fileURLToPath(new URL('../../../bench/package.json', import.meta.url))];
  for (const from of [import.meta.url, pathToFileURL(join(cwd, 'package.json')).href]) {
    try {
      manifests.push(createRequire(from).resolve(`${benchPackage}/package.json`));
    } catch (error) {
      // Not installed there: the next place may have it. Anything else is a defect.
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  for (const manifest of manifests) {
    const text = await readFile(manifest, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    const { name, bin } = (text === undefined ? {} : JSON.parse(text)) as {
      name?: string;
      bin?: string | Record<string, string>;
    };
    const file = typeof bin === 'string' ? bin : Object.values(bin ?? {})[0];
    if (name === benchPackage && file !== undefined) return join(manifest, '..', file);
  }
  return undefined;
}

function runExecutable(
  executable: string,
  args: readonly string[],
  { cwd, env, signal }: CommandContext,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [executable, ...args], { cwd, env: { ...env }, stdio: 'inherit' });
    const onAbort = (): void => void child.kill('SIGINT');
    signal.addEventListener('abort', onAbort, { once: true });
    child.once('error', reject);
    child.once('exit', (code, endSignal) => {
      signal.removeEventListener('abort', onAbort);
      resolve(endSignal === null ? (code ?? 1) : signal.aborted ? 130 : 1);
    });
  });
}
