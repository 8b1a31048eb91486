import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Version of a package that is installed beside this one; `undefined` where it is not. */
export function versionOfPackage(name: string): string | undefined {
  const require = createRequire(import.meta.url);
  let folder: string;
  try {
    folder = dirname(require.resolve(name));
  } catch {
    // Not installed: measured without it, and said so.
    return undefined;
  }
  // The entry may lie folders below the manifest, beside manifests that only say what kind of modules they hold.
  for (; folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    if (!existsSync(file)) continue;
    const manifest = JSON.parse(readFileSync(file, 'utf8')) as { readonly name?: string; readonly version?: string };
    if (manifest.name === name) return manifest.version;
  }
  return undefined;
}

/** A Python and what it can import. */
export interface PythonPeers {
  /** The interpreter. */
  readonly python: string;
  /** Versions of the modules that it has. */
  readonly versions: Readonly<Record<string, string>>;
}

/**
 * Asks the Python that `GEMMA_BENCH_PYTHON` names, else `python3` of `PATH`, which of the modules it has. `undefined`
 * where there is no Python.
 */
export function findPythonPeers(
  modules: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): PythonPeers | undefined {
  const named = env['GEMMA_BENCH_PYTHON'];
  const python = named === undefined || named === '' ? 'python3' : named;
  const { status, stdout } = spawnSync(python, ['-c', askVersions, ...modules], {
    encoding: 'utf8',
    env: { PATH: env['PATH'] ?? '' },
    timeout: 30_000,
  });
  if (status !== 0) return undefined;
  return { python, versions: JSON.parse(stdout) as Record<string, string> };
}

/** Only the metadata is read: importing would take seconds. */
const askVersions = `
import json, sys
from importlib.metadata import version, PackageNotFoundError
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = version(name)
    except PackageNotFoundError:
        pass
print(json.dumps(found))
`;
