import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Programs of a native llama.cpp. */
export interface LlamaCppPrograms {
  /** Absolute path of `llama-server`. */
  readonly server: string | undefined;
  /** Absolute path of `llama-bench`. */
  readonly bench: string | undefined;
}

/**
 * Looks for the programs of llama.cpp: in the folder that `GEMMA_BENCH_LLAMA_CPP` names (or its `bin`), else in those of
 * `PATH`.
 */
export function findLlamaCpp(env: Readonly<Record<string, string | undefined>>): LlamaCppPrograms {
  const named = env['GEMMA_BENCH_LLAMA_CPP'];
  const folders =
    named === undefined || named === ''
      ? (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '')
      : [named, join(named, 'bin')];
  const find = (name: string): string | undefined =>
    folders.map((folder) => join(folder, process.platform === 'win32' ? `${name}.exe` : name)).find(isExecutable);
  return { server: find('llama-server'), bench: find('llama-bench') };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    // Not there, or not to be run: looked for in the next folder.
    return false;
  }
}
