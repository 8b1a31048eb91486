import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Absolute path of a built file of an installed package. Start-up is measured on the very files that users run, which
 * is why this reaches past what a package exports.
 */
export function packageFile(packageName: string, file: string): string {
  return join(dirname(createRequire(import.meta.url).resolve(`${packageName}/package.json`)), file);
}

/** Absolute path of a module that this package starts in a process of its own, from the sources as from the build. */
export function childModule(name: string): string {
  return fileURLToPath(new URL(`../dist/children/${name}`, import.meta.url));
}
