import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { GemmaError } from '@gemma-cli/contracts';
import type * as NodeLlamaCpp from 'node-llama-cpp';

/** The module, as far as this package uses it. */
export type LlamaModule = typeof NodeLlamaCpp;

/** A found runtime and its version. */
export interface LlamaRuntime {
  readonly module: LlamaModule;
  readonly version: string;
}

/**
 * Imports node-llama-cpp: from `runtimeFolder` (a folder with a `node_modules` in it) or, when that is `null`, from where
 * this package is installed.
 *
 * @throws GemmaError `RUNTIME_NOT_INSTALLED`.
 */
export async function importLlamaRuntime(runtimeFolder: string | null): Promise<LlamaRuntime> {
  const base = runtimeFolder === null ? import.meta.url : pathToFileURL(join(runtimeFolder, 'package.json')).href;
  let entry: string;
  try {
    entry = createRequire(base).resolve('node-llama-cpp');
  } catch (cause) {
    throw notInstalled('node-llama-cpp was not found', runtimeFolder, cause);
  }
  const module = (await import(pathToFileURL(entry).href)) as LlamaModule;
  return { module, version: packageVersion(entry) };
}

/** The error for a runtime that is missing or has no binary for this machine. */
export function notInstalled(what: string, runtimeFolder: string | null, cause: unknown): GemmaError {
  return new GemmaError({
    code: 'RUNTIME_NOT_INSTALLED',
    message: `The llama.cpp runtime is needed and ${what}${runtimeFolder === null ? '' : ` in ${runtimeFolder}`}. Run \`gemma runtime install llama\`.`,
    facts: { runtime: 'llama.cpp', runtimeFolder },
    cause,
  });
}

/** Version in the package.json above the entry file. */
function packageVersion(entry: string): string {
  for (let folder = dirname(entry); folder !== dirname(folder); folder = dirname(folder)) {
    try {
      const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
      if (manifest['name'] === 'node-llama-cpp') return String(manifest['version']);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return 'unknown';
}
