import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { withTemporaryFolder } from './temporary-folder.ts';

/** What a program of a README did. */
export interface ReadmeProgramRun {
  /** The program as it stands in the README. */
  readonly program: string;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program of a package's README as a user would: in a folder of its own in which the built package is installed.
 *
 * @param options.packageFolder - Absolute path of the package, which must be built.
 * @param options.place - Which JavaScript block of the README, from 0. Default 0.
 * @param options.replace - Texts of the program that stand for something of the reader's, each with what is put there.
 * @throws Error when the README has no such program or text, or when the program fails.
 */
export async function runReadmeProgram({
  packageFolder,
  place = 0,
  replace = {},
  timeoutMs = 150_000,
}: {
  readonly packageFolder: string;
  readonly place?: number;
  readonly replace?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}): Promise<ReadmeProgramRun> {
  const readme = await readFile(join(packageFolder, 'README.md'), 'utf8');
  const program = [...readme.matchAll(/```js\n([^]*?)```/g)][place]?.[1];
  if (program === undefined) throw new Error(`README.md of ${packageFolder} has no JavaScript block ${place}.`);
  let runnable = program;
  for (const [text, put] of Object.entries(replace)) {
    if (!runnable.includes(text)) throw new Error(`The program of README.md does not say ${text}.`);
    runnable = runnable.replaceAll(text, put);
  }
  const { name } = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8')) as { readonly name: string };
  return withTemporaryFolder(async (folder) => {
    const installed = join(folder, 'node_modules', name);
    await mkdir(dirname(installed), { recursive: true });
    await symlink(packageFolder, installed, 'junction');
    const file = join(folder, 'program.mjs');
    await writeFile(file, runnable);
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [file], { timeout: timeoutMs });
    return { program, stdout, stderr };
  });
}
