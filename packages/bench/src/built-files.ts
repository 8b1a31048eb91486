import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Absolute path of a built file of the command. Start-up is measured on the very files that users run, which is why this
 * reaches past what the package exports.
 */
export function commandFile(file: string): string {
  const require = createRequire(import.meta.url);
  return join(dirname(require.resolve('@gemma-cli/cli/package.json')), file);
}

/** Absolute path of a module that this package starts in a process of its own, from the sources as from the build. */
export function childModule(name: string): string {
  return fileURLToPath(new URL(`../dist/children/${name}`, import.meta.url));
}

/** Absolute path of the folder of this package. */
export function ownFolder(): string {
  return fileURLToPath(new URL('..', import.meta.url));
}
