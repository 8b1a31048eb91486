import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { GemmaError } from '@gemma-cli/contracts';

/** Where to look for the gemma.cpp executable. */
export interface ExecutablePlaces {
  /** The one to take, and no other. `null` = look in `searchPath`. */
  readonly gemmaExecutable: string | null;
  /** Folders as `PATH` lists them. */
  readonly searchPath: string;
}

const executableNames = process.platform === 'win32' ? ['gemma.exe'] : ['gemma'];

/**
 * Finds the gemma.cpp executable. Nothing is started.
 *
 * A program of the same name may be something else (this project's own command is called `gemma` too), so in the folders
 * of a search path every file of that name is a candidate; the caller probes them in order.
 *
 * @throws GemmaError `RUNTIME_NOT_INSTALLED`, with every place that was looked at.
 */
export async function findExecutables({ gemmaExecutable, searchPath }: ExecutablePlaces): Promise<{
  /** Every path that was looked at. */
  readonly lookedAt: readonly string[];
  /** Those where there is a program; at least one. */
  readonly candidates: readonly string[];
}> {
  if (gemmaExecutable !== null) {
    const problem = await executableProblem(gemmaExecutable);
    if (problem === undefined) return { lookedAt: [gemmaExecutable], candidates: [gemmaExecutable] };
    throw notInstalled([gemmaExecutable], `${gemmaExecutable} ${problem}`);
  }
  const lookedAt = searchPath
    .split(delimiter)
    .filter((folder) => folder !== '')
    .flatMap((folder) => executableNames.map((name) => join(folder, name)));
  const problems = await Promise.all(lookedAt.map((path) => executableProblem(path)));
  const candidates = lookedAt.filter((_, index) => problems[index] === undefined);
  if (candidates.length > 0) return { lookedAt, candidates };
  throw notInstalled(lookedAt, lookedAt.length === 0 ? 'there is no search path' : 'none of these is there');
}

/** The error of a machine without a usable gemma.cpp. */
export function notInstalled(lookedAt: readonly string[], reason: string): GemmaError {
  const places = lookedAt.length === 0 ? '' : ` Looked at: ${lookedAt.join(', ')}.`;
  return new GemmaError({
    code: 'RUNTIME_NOT_INSTALLED',
    message: `Weights in .sbs format need the gemma.cpp executable, and ${reason}.${places} Build gemma.cpp and set gemma.executable_path, or use a .gguf model.`,
    facts: { runtime: 'gemma.cpp', lookedAt, reason },
  });
}

/** What keeps a path from being run, as the end of a sentence; nothing when it can be. */
async function executableProblem(path: string): Promise<string | undefined> {
  try {
    if (!(await stat(path)).isFile()) return 'is not a file';
    await access(path, constants.X_OK);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'is not there';
    return code === 'EACCES' ? 'may not be executed' : `cannot be looked at (${code})`;
  }
}
